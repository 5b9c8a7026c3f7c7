"""What an image holds before any reference is known: masks, boxes, vectors, overlaps (method section 4)."""
