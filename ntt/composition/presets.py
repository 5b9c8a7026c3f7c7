"""Pairs of networks by name, as options of a run."""

from __future__ import annotations

PRESETS = {
    "demo": ["backbone=dinov2_demo", "segmenter=sam2_demo", "proposals.points_per_side=16", "precision=fp32"],
    "large": ["backbone=dinov2_vitl14", "segmenter=sam2_hiera_large"],
}
"""``demo`` ships with ntt (for drawn scenes), ``large`` is the paper's."""
