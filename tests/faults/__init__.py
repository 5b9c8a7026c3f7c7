"""What runs survive: each case disturbs real processes; `python -m faults` plays them all and prints a table."""
