"""Reading weights from disk, and refusing what does not fit in words a user can act on."""

from __future__ import annotations

import pickle
import shlex
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ntt.errors import InputError
from ntt.foreign.parsing import parsing
from ntt.foreign.tensors import read_safetensors
from ntt.networks.wrappers import unwrapped

_LISTED = 3
_FLOATING = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
_COUNTING = (torch.int64, torch.int32)  # buffers beside the weights; cut to these, weights would be zeros
_CHUNK = 1 << 20


def read_checkpoint(path: str | Path, key: str, url: str | None) -> dict[str, Tensor]:
    """Tensors of a checkpoint file on the CPU, by the names the file gives them.

    Args:
        path: a ``.safetensors`` file, or a file written by ``torch.save`` (``.pth``, ``.pt``), read with
            ``weights_only=True`` and memory-mapped where its format allows. Wrappers of training code are taken off
            (:mod:`ntt.networks.wrappers`).
        key: the option that names the file (``backbone.weights``), for the message.
        url: where the file can be downloaded, for the message; None where it cannot.

    Raises:
        InputError: the file is missing (with the download command), truncated, damaged, no checkpoint at all,
            asks to run code while it is unpickled, or holds numbers that are not finite.
    """
    path = Path(path)
    require_file(path, key, url)
    again = f"download it again with: {download_command(path, url)}" if url else "copy the file again"
    if path.suffix == ".safetensors":
        loaded: Any = read_safetensors(path, f"{path} ({key})", again)
    else:
        loaded = _unpickled(path, key, again)
    tensors = unwrapped(loaded, f"{path} ({key})")
    check_finite(tensors, f"{path} ({key})", again)
    return tensors


def check_finite(tensors: Mapping[str, Tensor], name: str, way_out: str) -> None:
    """Look for NaN and infinity among weights: a network with one of them finds nothing, and says nothing.

    Whenever a network is loaded, which is once in a process; it costs a tenth of reading the file.

    Args:
        tensors: by name.
        name: of their file, for the message.
        way_out: ends the message.

    Raises:
        InputError: names the first tensor that holds one, or whose numbers are of another kind: quantised, sparse, on
            no device, integers in the place of weights.
    """
    floating = False
    for tensor_name, tensor in tensors.items():
        plain = tensor.layout == torch.strided and tensor.device.type == "cpu" and not tensor.is_quantized
        if not plain or tensor.dtype not in _FLOATING + _COUNTING:
            kind = tensor.dtype if plain else f"{tensor.dtype}, {tensor.layout}, {tensor.device}"
            raise _of_another_kind(name, tensor_name, str(kind))
        floating |= tensor.dtype in _FLOATING
        if not tensor.is_floating_point() or tensor.numel() == 0:
            continue
        # One pass, and NaN passes on to both.
        least, most = torch.aminmax(tensor)
        if not (torch.isfinite(least) and torch.isfinite(most)):
            found = int((~torch.isfinite(tensor)).sum())
            raise InputError(
                f"{name} holds numbers that are not finite (NaN or infinity): {found} of {tensor.numel()} in "
                f"{tensor_name}; it was damaged when it was trained or saved: {way_out}"
            )

    if tensors and not floating:
        first, tensor = next(iter(tensors.items()))
        raise _of_another_kind(name, first, str(tensor.dtype))


def _of_another_kind(name: str, tensor: str, kind: str) -> InputError:
    return InputError(
        f"{name} holds numbers of another kind than a network computes with: {tensor} is {kind}; give a file of plain "
        "float32, float16 or bfloat16 tensors"
    )


def require_file(path: Path, key: str, url: str | None) -> None:
    """Raises InputError, with the way to get it, unless ``path`` is a file."""
    if path.is_file():
        return
    if path.is_dir():
        raise InputError(f"{path} ({key}) is a folder, where a checkpoint file is expected")
    download = f"download it with: {download_command(path, url)}, or with `ntt weights fetch NAME`, or " if url else ""
    raise InputError(f"{path} ({key}) does not exist; {download}set {key} to where it is")


def download_command(path: Path, url: str) -> str:
    """The shell command that puts ``url`` at ``path``, its folder included."""
    return f"curl -L -o {shlex.quote(str(path))} {url} --create-dirs"


def check_keys(
    path: str | Path,
    expected: Mapping[str, tuple[int, ...]],
    found: Mapping[str, Tensor],
    network: str = "the configured network",
) -> None:
    """Compare a checkpoint's tensors with the names and shapes a network needs.

    Args:
        path: the checkpoint, for the message.
        expected: shape by name; exactly these must be there.
        found: the checkpoint's tensors.
        network: the architecture in a few words, for the message.

    Raises:
        InputError: names are missing or left over, or shapes disagree: how many, and the first few of each.
    """
    missing = [name for name in expected if name not in found]
    extra = [name for name in found if name not in expected]
    shaped = [
        f"{name} is {list(found[name].shape)} and should be {list(shape)}"
        for name, shape in expected.items()
        if name in found and tuple(found[name].shape) != tuple(shape)
    ]
    problems = [
        f"{len(names)} {what}: {', '.join(names[:_LISTED])}{', ...' if len(names) > _LISTED else ''}"
        for names, what in ((missing, "missing"), (extra, "unexpected"), (shaped, "of another shape"))
        if names
    ]
    if problems:
        raise InputError(f"{path} does not hold the tensors of {network}: {'; '.join(problems)}")


def _unpickled(path: Path, key: str, again: str) -> Any:
    what = f"{path} ({key})"

    def refusal(reason: str) -> InputError:
        return InputError(f"{what} is truncated or no checkpoint written by torch.save ({reason}); {again}")

    try:
        with parsing(refusal):
            # torch can map only its zip format; checkpoints written before torch 1.6 are bare pickles.
            zipped = zipfile.is_zipfile(path)
            if zipped and (damaged := _damaged_entry(path)):
                raise InputError(f"{what} is damaged: {damaged} does not match its checksum; {again}")
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except InputError as error:
        if isinstance(error.__cause__, PermissionError):
            raise InputError(f"{what} cannot be read: {error.__cause__.strerror}") from error.__cause__
        if isinstance(error.__cause__, pickle.UnpicklingError) and "GLOBAL" in str(error.__cause__):
            reason = "is refused: it holds more than tensors and would run code when loaded"
            raise InputError(f"{what} {reason}; use the official file or a .safetensors file") from error.__cause__
        raise


def _damaged_entry(path: Path) -> str | None:
    # torch does not verify the checksums it writes, so a flipped bit would pass as a weight. Files saved with
    # checksums switched off carry zeros instead.
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if entry.CRC == 0:
                continue
            try:
                with archive.open(entry) as file:
                    while file.read(_CHUNK):
                        pass
            except zipfile.BadZipFile:
                return entry.filename
    return None
