"""Annotated images: reading COCO files, class splits, reference sampling, image decoding."""
