"""Predictions and ground truth -> figures, by COCO's protocol."""
