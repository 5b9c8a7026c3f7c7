"""The library's face: load the networks, fit a few references, predict; without a run folder and without a store."""
