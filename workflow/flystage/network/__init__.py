"""Turn pictures into vectors and vectors into scores of the stages; read and write weights and checkpoints."""
