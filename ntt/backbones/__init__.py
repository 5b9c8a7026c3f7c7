"""Frozen image encoders: an image in, one feature per patch out."""
