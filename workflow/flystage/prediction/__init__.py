"""Suggest stages for unlabelled images with a checkpoint, for a folder or one request."""
