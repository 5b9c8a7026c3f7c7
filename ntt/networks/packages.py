"""The two packages that pip cannot bring in the way ntt needs them: sam2 without its dependencies, no torchvision."""

from __future__ import annotations

import importlib
import importlib.util
from importlib import metadata

from ntt.errors import InputError

INSTALL_SAM2 = "SAM2_BUILD_CUDA=0 pip install --no-deps --no-build-isolation sam2==1.1.0"
"""Its metadata asks for torchvision, and with it for another torch; it uses neither here."""


def check_packages() -> None:
    """See that what the networks are made of can be imported.

    Raises:
        InputError: sam2 is missing, or a torchvision that was built for another torch is in the way; with the cure.
    """
    if importlib.util.find_spec("sam2") is None:
        raise InputError(f"The package sam2 is not installed: {INSTALL_SAM2}")
    if importlib.util.find_spec("torchvision") is None:
        return
    try:
        importlib.import_module("torchvision")
    except Exception as error:  # whatever its compiled half raises without the torch that it was built for
        reason = " ".join(str(error).split())
        raise InputError(
            f"torchvision {_version('torchvision')} does not work with torch {_version('torch')} ({reason}), and "
            "transformers imports it wherever it is installed: pip uninstall torchvision, which ntt does not need."
        ) from error


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "of unknown version"
