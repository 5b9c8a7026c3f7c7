"""What is asked of Hydra and of conf/ beside a run's own composition."""
