"""Jobs on SLURM and processes on this machine."""
