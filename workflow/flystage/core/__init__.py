"""What every room uses: the one exception for users, files written whole, and tables, records and tensors on disk, those of
others checked.
"""
