"""The exceptions a user is meant to read."""

from __future__ import annotations

from collections.abc import Collection


class InputError(Exception):
    """Something the user gave cannot be used: a file, an option, a class name.

    The message is one sentence that names the file or key, the value, and the way out. The command line prints
    it without a traceback and exits with code 2.
    """

    exit_code = 2


class NothingLabelled(InputError):
    """Label files in a known format that hold no object: as references of no use, as targets images without truth."""


class NotFinite(InputError):
    """A network gives numbers that are not finite: no fault of the image, and nothing that is stored. Exit code 1.

    Args:
        network: its name.
        image: where the image is.
    """

    exit_code = 1

    def __init__(self, network: str, image: object) -> None:
        super().__init__(
            f"{network} gives numbers that are not finite (NaN or infinity) for {image}, though its weights are: try "
            "precision=fp32; nothing of this image was stored."
        )


def require(condition: bool, key: str, value: object, allowed: str) -> None:
    """Raise an InputError that names an option, its value and what is ``allowed``, unless the condition holds."""
    if not condition:
        raise InputError(f"{key}={value} is not possible: give {allowed}.")


def require_choice(key: str, value: str, choices: Collection[str]) -> None:
    """As :func:`require`, for an option that has a few possible values."""
    require(value in choices, key, value, "one of " + ", ".join(choices))
