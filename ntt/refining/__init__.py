"""Detections made better after matching: masks without stray pixels, boxes that such pixels do not stretch."""
