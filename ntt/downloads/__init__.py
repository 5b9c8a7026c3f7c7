"""Fetching what ntt cannot ship: checkpoints and datasets, resumed, checked and unpacked with care."""
