"""What an image holds before any reference is known: masks, boxes, vectors, overlaps (docs/method.md, section 4)."""
