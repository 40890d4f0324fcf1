"""A checkpoint and images without stages go in; probabilities and suggestions come out, for a folder or one request."""
