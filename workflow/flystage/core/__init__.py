"""Helpers for every room: the exception for users, atomic writes, and tables, records and tensors on disk, validated if untrusted."""
