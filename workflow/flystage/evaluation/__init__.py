"""Probabilities and true stages go in; figures beside chance and an interval come out, for a run and for variants of it."""
