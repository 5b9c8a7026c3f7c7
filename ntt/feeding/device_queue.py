"""Results of a device, handed to threads that postprocess them without making the networks wait.

A GPU works through a queue: the thread that drives it goes on long before a result can be read.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch

Tensors = TypeVar("Tensors", bound="tuple[torch.Tensor, ...]")
Result = TypeVar("Result")

_this_thread = threading.local()


@dataclass(frozen=True)
class Queued(Generic[Tensors]):
    """What a device computes, and the moment from which it can be read.

    Attributes:
        tensors: on the device, or on the host where other threads cannot use the device.
        ready: when the work queued so far is done; None where nothing is queued.
    """

    tensors: Tensors
    ready: torch.cuda.Event | None


def queued(tensors: Tensors) -> Queued[Tensors]:
    """To be called by the thread that drives the device, right after it has queued the work for these tensors."""
    device = tensors[0].device
    if device.type == "cuda":
        ready = torch.cuda.Event()
        ready.record(torch.cuda.current_stream(device))
        return Queued(tensors, ready)
    if device.type == "cpu":
        return Queued(tensors, None)
    return Queued(type(tensors)(*(tensor.cpu() for tensor in tensors)), None)


def when_ready(waiting: Queued[Tensors], work: Callable[[Tensors], Result]) -> Result:
    """``work`` with what was queued; to be called by another thread, which alone waits for the device.

    On a GPU the work has a stream of the calling thread's own, and so passes beside the networks' kernels.
    """
    if waiting.ready is None:
        return work(waiting.tensors)
    device = waiting.tensors[0].device
    if not hasattr(_this_thread, "stream"):  # kept: a stream's freed memory is only reused in the same stream
        _this_thread.stream = torch.cuda.Stream(device)
    stream: torch.cuda.Stream = _this_thread.stream
    with torch.cuda.stream(stream):
        stream.wait_event(waiting.ready)
        try:
            return work(waiting.tensors)
        finally:
            stream.synchronize()  # the tensors' memory may be used again once the caller lets go of them
