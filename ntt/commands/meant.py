"""The option that a mistyped or a foreign name stands for, and whether it changes what is computed."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

_MEANT = {  # names that other programs have for ours
    "batch": "images_per_batch",
    "batch_size": "images_per_batch",
    "classes": "split",
    "conf": "export.threshold",
    "confidence": "export.threshold",
    "dataset.path": "dataset.root",
    "dtype": "precision",
    "encoder": "backbone",
    "gpu": "device",
    "grid": "proposals.points_per_side",
    "images": "dataset.targets",
    "iou": "matcher.nms_iou",
    "labels": "dataset.references",
    "max_det": "matcher.max_detections",
    "memory.shots": "shots",
    "model": "backbone",
    "names": "split",
    "nms": "matcher.nms_iou",
    "out": "hydra.run.dir",
    "outdir": "hydra.run.dir",
    "output": "hydra.run.dir",
    "output_dir": "hydra.run.dir",
    "points": "proposals.points_per_side",
    "references": "dataset.references",
    "refs": "dataset.references",
    "score": "export.threshold",
    "score_thr": "export.threshold",
    "score_threshold": "export.threshold",
    "source": "dataset.targets",
    "targets": "dataset.targets",
    "thresh": "export.threshold",
    "threshold": "export.threshold",
    "top": "matcher.max_detections",
    "topk": "matcher.max_detections",
}
_TRAINING = ("epochs", "lr", "learning_rate", "weight_decay", "optimizer")
_FIRM, _CLOSE = 0.75, 0.85  # of difflib: for whole names, and for the last part of a dotted one
_LOOKED_AT = (
    "export.",
    "report.",
    "tracking",
    "store.",
    "hydra.",
    "evaluation",
    "device",
    "workers",
    "images_per_batch",
)
"""Options that decide where, how fast or what of the results is shown; any other changes the results."""


def suggestion(word: str, known: Sequence[str]) -> str:
    """`` Did you mean ...?``, and that it changes what is computed where it does; nothing where nothing is near.

    Args:
        word: the option that there is not.
        known: all that there are.
    """
    if word.rsplit(".", 1)[-1] in _TRAINING:
        return " Nothing is trained: there is no such option."
    close = _near(word, known)
    if not close:
        return ""
    said = " or ".join(sorted(close))
    # A name of another program's for something that only looks alike must not lead to other results unseen.
    own = difflib.get_close_matches(word, [*close, *(name.rsplit(".", 1)[-1] for name in close)], n=1, cutoff=_CLOSE)
    changes = not own and any(not name.startswith(_LOOKED_AT) for name in close if name not in _SAFE)
    return f" Did you mean {said}{' (which changes what is computed)' if changes else ''}?"


_SAFE = ("dataset.references", "dataset.targets", "dataset.root", "shots", "split")  # say by their names what they are


def _near(word: str, known: Sequence[str]) -> list[str]:
    if meant := _MEANT.get(word):
        return [meant]
    last = {name: name.rsplit(".", 1)[-1] for name in known}
    if same := [name for name in known if last[name] == word]:
        return same
    if whole := difflib.get_close_matches(word, known, n=1, cutoff=_FIRM):
        return whole
    meant_last = difflib.get_close_matches(word.rsplit(".", 1)[-1], sorted(last.values()), n=1, cutoff=_CLOSE)
    return [name for name in known if last[name] in meant_last]
