"""From mask logits to final masks: boxes, resizing, run lengths, overlaps; one way for a CPU and one for a GPU."""
