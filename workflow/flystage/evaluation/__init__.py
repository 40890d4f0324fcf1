"""Compute figures with chance and interval from probabilities and true stages, for a run and for its variants."""
