"""The plain path and ours on the same random full-size networks and the same images: ``python -m ntt.bench``."""
