"""Detections in the files of other programs, one format a module; most go straight back in as references."""
