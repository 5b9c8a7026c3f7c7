"""Time, memory and agreement of two ways to compute one thing."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TypeVar

import torch

Plain = TypeVar("Plain")
Ours = TypeVar("Ours")

_STATUS = Path("/proc/self/status")
_CLEAR_REFS = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"  # proc(5): sets the peak resident size to the current one


@dataclass
class Side:
    """One way of computing a stage.

    Attributes:
        seconds: one entry per round and image.
        peak_bytes: most memory held above what was held before, over all rounds; None where it cannot be measured.
    """

    seconds: list[float] = field(default_factory=list)
    peak_bytes: int | None = None

    def add(self, seconds: float, peak_bytes: int | None) -> None:
        self.seconds.append(seconds)
        if peak_bytes is not None:
            self.peak_bytes = max(self.peak_bytes or 0, peak_bytes)


@dataclass
class Stage:
    """A stage, measured.

    Attributes:
        name: for people.
        plain, ours: the two sides, with as many entries each.
        agreement: how far their outputs agree, in words; one entry per image.
    """

    name: str
    plain: Side = field(default_factory=Side)
    ours: Side = field(default_factory=Side)
    agreement: list[str] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """Median over the rounds: the two sides of a round ran right after each other, under the same load."""
        return median(p / o for p, o in zip(self.plain.seconds, self.ours.seconds, strict=True))


class Bench:
    """Collects stages; each is run for every image and several rounds, the two sides in turn.

    Args:
        device: where the work happens, to wait for it and to read its memory.
        rounds: how often each side runs per image.
    """

    def __init__(self, device: torch.device, rounds: int) -> None:
        self.device = device
        self.rounds = rounds
        self.stages: dict[str, Stage] = {}

    def compare(
        self, name: str, plain: Callable[[], Plain], ours: Callable[[], Ours], agree: Callable[[Plain, Ours], str]
    ) -> Plain:
        """Measure both sides of a stage on one image.

        Args:
            name: of the stage; figures of later images join those of earlier ones.
            plain: one way.
            ours: the other.
            agree: both results -> how far they agree.

        Returns:
            The result of the plain side, so that the next stage has the same input whatever ours does.
        """
        stage = self.stages.setdefault(name, Stage(name))
        for _ in range(self.rounds):
            # Both results are let go before the next round, so that its memory is measured from the same level.
            plain_result = self._measure(plain, stage.plain)
            our_result = self._measure(ours, stage.ours)
        stage.agreement.append(agree(plain_result, our_result))
        return plain_result

    def _measure(self, work: Callable[[], Plain], side: Side) -> Plain:
        before = self._reset_memory()
        start = time.perf_counter()
        result = work()
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        seconds = time.perf_counter() - start
        peak = self._peak_memory()
        side.add(seconds, None if before is None or peak is None else max(0, peak - before))
        return result

    def _reset_memory(self) -> int | None:
        """Bytes held now; from here on the peak is counted."""
        _return_freed_memory()
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
            torch.cuda.reset_peak_memory_stats(self.device)
            return torch.cuda.memory_allocated(self.device)
        try:
            _CLEAR_REFS.write_text(_RESET_PEAK)
        except OSError:
            return None
        return resident_bytes("VmRSS")

    def _peak_memory(self) -> int | None:
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device)
        return resident_bytes("VmHWM")


def _return_freed_memory() -> None:
    """Make the C library give freed memory back, or the next peak would hide in it."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's
    if trim is not None:
        trim(0)


def resident_bytes(key: str) -> int | None:
    """This process's resident memory now (``VmRSS``) or at most (``VmHWM``); None off Linux."""
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{key}:")), None)
