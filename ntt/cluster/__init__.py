"""Sweeps on a cluster or on one machine: pinned points, SLURM jobs, local slots, and how far each point is."""
