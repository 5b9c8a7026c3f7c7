"""The settings of the store."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from ntt.errors import require, require_choice


@dataclass
class StoreConfig:
    """The shared artifacts."""

    root: str
    shard_size: int
    vectors: str
    lease_seconds: float
    code: str = "warn"

    def __post_init__(self) -> None:
        require(bool(self.root.strip()), "store.root", self.root, "a folder; outputs/store is the usual one")
        require(self.shard_size > 0, "store.shard_size", self.shard_size, "a number of images above 0")
        require_choice("store.vectors", self.vectors, ("float16", "float32"))
        require_choice("store.code", self.code, ("warn", "strict", "trust"))
        require(0 < self.lease_seconds < inf, "store.lease_seconds", self.lease_seconds, "a number of seconds above 0")
