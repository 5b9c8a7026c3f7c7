"""Whose vectors a fitted model holds; a run with another encoder is refused, for it could compare them with nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ntt.composition.parts import named_class
from ntt.errors import InputError
from ntt.fitted.files import Header

_OF_LABELS = (("reference_ids", "all"), ("repeat_first", False), ("reference_images", None))
_SHOWN = 12  # of a digest's 64 digits


def encoder_identity(network: Any, weights: str | None, precision: str) -> dict[str, Any]:
    """What a fitted model says of its encoder.

    Args:
        network: the config's group `backbone`.
        weights: sha256 of its weights; None where it names none, or nobody looked yet.
        precision: its arithmetic, resolved.
    """
    kind = named_class(network._target_, "backbone")
    ours = kind.__module__.split(".")[0] == "ntt"
    return {
        "name": network.name,
        "class": kind.KIND if ours else network._target_,
        "image_size": _image_size(network),
        "weights": weights,
        "precision": precision,
    }


def _image_size(network: Any) -> Any:
    options: Any = getattr(network, "options", network)
    return options.get("image_size") if isinstance(options, dict) else options.image_size


def refuse_another_encoder(path: Path, header: Header, present: dict[str, Any], context: float) -> None:
    """See that vectors of this run can be compared with the model's.

    Args:
        path: the model's file.
        header: what it says.
        present: the run's own encoder; what is None is not compared, as is what an older file does not say.
        context: `memory.context` of the run.

    Raises:
        InputError: the encoder, its weights, its image size or the crop around a reference is another.
    """
    fitted = header.networks.get("backbone", {})
    for key, what in (("weights", "weights"), ("class", "kind"), ("image_size", "image size")):
        theirs, ours = fitted.get(key), present.get(key)
        if theirs is None or ours is None or theirs == ours:
            continue
        theirs, ours = (str(one)[:_SHOWN] if key == "weights" else one for one in (theirs, ours))
        name = fitted.get("name")
        other = " of the same name" if name == present["name"] else f" {present['name']}"
        way = ", ".join(header.networks["options"])
        raise InputError(
            f"{path} was fitted with the encoder {name} ({what} {theirs}), and this run has another{other} ({ours}): "
            f"its vectors cannot be compared; run it with {way}, or give the labels again."
        )
    theirs = header.networks.get("context", context)
    if theirs != context:
        raise InputError(
            f"{path} was fitted with memory.context={theirs}, which cannot be changed afterwards to {context}: leave "
            "the option out, or give the labels again."
        )


def refuse_settings(path: Path, dataset: Any) -> None:
    """
    Raises:
        InputError: an option is about labels, which a fitted model does not have.
    """
    for key, value in _OF_LABELS:
        if (given := getattr(dataset, key)) != value:
            raise InputError(
                f"dataset.{key}={given} needs labels, and {path} is a fitted model, which holds vectors only: leave "
                "the option out, or give the labels again."
            )
