"""Running heavy steps on Amazon SageMaker. Nothing here is imported by a rule that runs locally."""
