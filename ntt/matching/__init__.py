"""From proposals and prototypes to detections: plain functions on tensors (docs/method.md, section 5)."""
