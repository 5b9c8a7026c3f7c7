"""What training code wraps around a network's weights, taken off where that leaves no doubt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ntt.errors import InputError

# Dicts around the weights, in the order in which one of several is chosen: a teacher before its student.
_DICTS = ("model", "state_dict", "teacher", "model_state_dict", "network", "net", "module", "backbone", "encoder")
# Fronts of names, put there by DistributedDataParallel, torch.compile, and by models that hold the network.
_FRONTS = ("module.", "_orig_mod.", "backbone.", "teacher.backbone.", "teacher.", "model.")
_LISTED = 5


def unwrapped(loaded: Any, name: str) -> dict[str, Tensor]:
    """The state dict in what a file holds.

    A dict under one of the usual names is opened, as often as there is one; a front that all names share is cut off,
    where none of them would be left with an empty name. What else stands beside the weights (epochs, optimisers) is
    left alone.

    Args:
        loaded: whatever was unpickled.
        name: of the file, for the message.

    Raises:
        InputError: no dict of tensors is in there; names what is.
    """
    found = loaded
    while isinstance(found, Mapping) and not _is_state(found):
        inner = next((found[key] for key in _DICTS if isinstance(found.get(key), Mapping)), None)
        if inner is None:
            break
        found = inner
    if not isinstance(found, Mapping) or not _is_state(found):
        raise InputError(
            f"{name} holds no dict of tensors but {_described(found)}; give a state dict or a .safetensors file"
        )
    return _without_fronts(dict(found))


def _is_state(found: Mapping[Any, Any]) -> bool:
    return bool(found) and all(isinstance(key, str) and isinstance(value, Tensor) for key, value in found.items())


def _without_fronts(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    while front := next((one for one in _FRONTS if all(key.startswith(one) for key in tensors)), None):
        tensors = {key.removeprefix(front): value for key, value in tensors.items()}
    return tensors


def _described(found: Any) -> str:
    if not isinstance(found, Mapping):
        return f"one {type(found).__name__}"
    if not found:
        return "an empty dict"
    listed = [f"{key} ({type(value).__name__})" for key, value in list(found.items())[:_LISTED]]
    more = f" and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
    return ", ".join(listed) + more
