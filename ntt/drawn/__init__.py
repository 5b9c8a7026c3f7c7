"""A procedurally drawn world in COCO format: the data of the demo and of the end-to-end tests."""
