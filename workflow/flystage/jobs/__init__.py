"""Run the jobs of the learning phase: trainings, trials and cross-validation."""
