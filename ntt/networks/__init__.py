"""What both networks need: checkpoints and the normalisation of their input."""
