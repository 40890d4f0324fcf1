"""Tuning, training and scoring on Amazon SageMaker. They give the same files as locally. No local rule imports this package."""
