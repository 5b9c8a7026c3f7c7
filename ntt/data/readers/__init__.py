"""Formats of labelled images, one file each: NAME.py holds a class `Reader` (docs/extending.md, "A dataset")."""
