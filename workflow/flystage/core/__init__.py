"""What every room uses: the one exception for users, files written whole, tables and records on disk."""
