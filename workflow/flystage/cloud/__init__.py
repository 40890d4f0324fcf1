"""Jobs of tuning, training and scoring go in; the same files come out, computed on Amazon SageMaker. No local rule imports it."""
