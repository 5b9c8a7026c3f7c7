"""From the thread that drives the networks' device to those that pack, without making the networks wait."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import torch

from ntt.proposals.networks import Seen
from ntt.segmenters.decoding import RawProposals

Result = TypeVar("Result")

_this_thread = threading.local()


class Handover(NamedTuple):
    """What the networks saw, and the moment from which it can be read.

    Attributes:
        seen: on the device, or on the host where other threads cannot use the device.
        ready: when the work queued so far is done; None where work is not queued.
    """

    seen: Seen
    ready: torch.cuda.Event | None


def hand_over(seen: Seen) -> Handover:
    """To be called by the thread that drives the device, right after it has queued the work."""
    device = seen.vectors.device
    if device.type == "cuda":
        ready = torch.cuda.Event()
        ready.record(torch.cuda.current_stream(device))
        return Handover(seen, ready)
    raw = RawProposals(seen.raw.logits.cpu(), seen.raw.predicted_iou.cpu())
    return Handover(Seen(raw, seen.boxes_low.cpu(), seen.vectors.cpu()), None)


def take_over(handover: Handover, work: Callable[[Seen], Result]) -> Result:
    """Do something with what was seen; to be called by another thread, which alone waits for the device.

    On a GPU the work has a stream of the calling thread's own, and so passes beside the networks' kernels.
    """
    if handover.ready is None:
        return work(handover.seen)
    device = handover.seen.vectors.device
    if not hasattr(_this_thread, "stream"):  # kept: a stream's freed memory is only reused in the same stream
        _this_thread.stream = torch.cuda.Stream(device)
    stream: torch.cuda.Stream = _this_thread.stream
    with torch.cuda.stream(stream):
        stream.wait_event(handover.ready)
        try:
            return work(handover.seen)
        finally:
            stream.synchronize()  # the memory of what was seen may be used again once the caller lets go of it
