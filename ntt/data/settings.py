"""The settings of a dataset; importing them costs nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ntt.errors import InputError, require, require_choice

VERIFY = ("stat", "bytes")


@dataclass
class DatasetConfig:
    """Where references and targets come from; see conf/dataset/."""

    name: str
    root: str
    references: str
    reference_images: str | None
    targets: str
    target_images: str | None
    reference_ids: Any = None  # null, "all" or a list of annotation ids
    # With values here as well: the kept configs of older sweeps have no such keys.
    repeat_first: bool = False
    limit: int | None = None
    sample: int | None = None
    sample_seed: int = 0
    format: Any = "auto"  # a name of ntt.data.readers, or a class of one's own as _target_ with its options
    reference_format: Any = None  # as format, of the references alone; null: the same
    invalid: str = "error"
    boxes: str = "prompt"
    pseudo_truth: bool = False
    chosen_by: list[str] = field(default_factory=list)  # of shots and seed, those that choose the fixed set
    download: str | None = None
    verify: str = "stat"

    @property
    def prompted(self) -> bool:
        """Whether the segmenter makes masks of references that have none."""
        return self.boxes == "prompt"

    def format_of(self, role: str) -> Any:
        """The format of one of the two: "references" or "targets"."""
        return self.format if role == "targets" or self.reference_format is None else self.reference_format

    def __post_init__(self) -> None:
        require_choice("dataset.verify", self.verify, VERIFY)
        ids = self.reference_ids
        listed = isinstance(ids, list) and all(isinstance(i, int) for i in ids)
        require(
            ids in (None, "all") or listed,
            "dataset.reference_ids",
            ids,
            "null, all, or a list of annotation ids",
        )
        require_choice("dataset.invalid", self.invalid, ("error", "skip"))
        require_choice("dataset.boxes", self.boxes, ("prompt", "refuse"))
        for key in ("limit", "sample"):
            number = getattr(self, key)
            require(number is None or number > 0, f"dataset.{key}", number, "a number of images above 0, or null")
        if self.limit is not None and self.sample is not None:
            raise InputError(
                f"dataset.limit={self.limit} and dataset.sample={self.sample} exclude each other: give limit for the "
                "first target images by id, or sample for some at random."
            )
