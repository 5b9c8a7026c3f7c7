"""A fitted model as the references of a run: its vectors are the memory, and nothing is drawn or encoded."""

from __future__ import annotations

from pathlib import Path

from ntt.config import RunConfig, user_path
from ntt.fitted.files import is_model, read_header
from ntt.fitted.identity import encoder_identity, refuse_another_encoder
from ntt.stages.workspace import Workspace


def fitted_model(config: RunConfig) -> Path | None:
    """The model's file, where `dataset.references` is one."""
    path = user_path(config.dataset.references)
    return path if is_model(path) else None


def without_references(work: Workspace) -> str:
    """Why a stage that chooses or completes references has nothing to do; empty: it has."""
    path = fitted_model(work.config)
    return f"{path.name} is a fitted model" if path else ""


def foresee(work: Workspace) -> None:
    """See that the run's encoder is the model's, by its weights where they are there, before any network is loaded.

    Raises:
        InputError: it is another.
    """
    path = fitted_model(work.config)
    if path is None:
        return
    network, header = work.config.backbone, read_header(path)
    there = network.weights is not None and user_path(network.weights).is_file()
    present = encoder_identity(network, work.digests.of(user_path(network.weights or "")) if there else None, "")
    fitted = header.networks.get("backbone", {})
    if not there and fitted.get("name") != network.name:
        present["weights"] = "not there"  # so it is said whose they should be, and not where to get the others
    refuse_another_encoder(path, header, present, work.config.memory.context)


def remarks(work: Workspace) -> list[str]:
    """What differs from when the model was made, without making its vectors useless."""
    path = fitted_model(work.config)
    if path is None:
        return []
    theirs = read_header(path).networks.get("backbone", {}).get("precision", work.precision)
    if theirs == work.precision:
        return []
    return [f"{path} was fitted in {theirs} and this run computes in {work.precision}: scores differ by rounding"]
