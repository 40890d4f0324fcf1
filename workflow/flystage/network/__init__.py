"""Pictures go in; a vector for each, and from vectors scores of the stages, come out. Weights and checkpoints lie here."""
