"""Tensors in safetensors files."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

from ntt.errors import InputError
from ntt.foreign.parsing import parsing


def read_safetensors(path: Path, name: str, way_out: str) -> dict[str, Tensor]:
    """All tensors of a safetensors file, on the CPU.

    Args:
        path: of the file.
        name: of the file, for the message: with the option that names it.
        way_out: ends the message: what to do about a file that is none.

    Raises:
        InputError: the file cannot be read, is truncated, or its header promises what the bytes do not hold.
    """

    def refusal(reason: str) -> InputError:
        return InputError(f"{name} is truncated or no safetensors file ({reason}); {way_out}")

    try:
        with parsing(refusal):
            return load_file(path)
    except InputError as error:
        if isinstance(error.__cause__, PermissionError):
            raise InputError(f"{name} cannot be read: {error.__cause__.strerror}") from error.__cause__
        raise
