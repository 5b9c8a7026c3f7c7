"""The stages. Each module has `artifact` (what its result is called) and `make` (how it is computed)."""
