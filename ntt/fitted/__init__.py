"""A fitted model as one small file: the vectors of its references, their thumbnails, and whose vectors they are."""
