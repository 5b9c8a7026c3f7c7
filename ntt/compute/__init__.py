"""The machine: which device, which arithmetic, how many cores."""
