"""What a lower precision does to proposals and detections."""
