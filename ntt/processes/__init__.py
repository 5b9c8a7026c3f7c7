"""Which of a run's processes this is, and what each of them did."""
