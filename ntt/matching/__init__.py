"""From proposals and prototypes to detections: plain functions on tensors (method section 5)."""
