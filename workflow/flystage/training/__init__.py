"""Train a head on vectors, or a whole network on pictures, and record the history."""
