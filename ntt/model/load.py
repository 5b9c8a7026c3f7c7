"""Load a model: by the name of a pair of networks, or from a file that was saved."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ntt.composition.presets import PRESETS
from ntt.composition.quoting import as_text
from ntt.errors import InputError

if TYPE_CHECKING:
    from ntt.config import RunConfig
    from ntt.model.model import Model


def load(
    what: str | Path = "large",
    *,
    backbone: str | None = None,
    segmenter: str | None = None,
    device: str = "auto",
    precision: str | None = None,
    checkpoints: str | Path | None = None,
    options: Sequence[str] = (),
) -> Model:
    """A model without references, or a fitted one from its file.

        model = ntt.load("demo")
        model = ntt.load("large", device="cuda")
        model = ntt.load("birds.ntt")

    The networks are loaded when they are first needed; what is missing is said here.

    Args:
        what: ``demo``, ``large`` or the file of a saved model.
        backbone: another encoder, by the name of its config: ``dinov2_vitb14_reg``.
        segmenter: another segmenter likewise: ``sam2_1_hiera_tiny``.
        device: auto, cpu, cuda, cuda:N or mps.
        precision: auto, exact, fp32, tf32, bf16 or fp16; None for what suits the networks.
        checkpoints: folder of the weights; None for NTT_WEIGHTS or ``~/.cache/ntt/weights``.
        options: further overrides, as on the command line: ``["matcher=diffusion"]``.

    Raises:
        InputError: a name is unknown, a checkpoint is not there, or a file is no fitted model.
    """
    from ntt.fitted.files import is_model, read_model
    from ntt.model.model import Model
    from ntt.model.networks import LoadedNetworks
    from ntt.stages.inputs import check_weights

    saved = read_model(what) if is_model(what) else None
    if saved is None and what not in PRESETS:
        raise InputError(f"{what} is no model: give {', '.join(PRESETS)}, or a file that model.save() wrote (.ntt).")
    chosen = list(saved.header.networks["options"] if saved else PRESETS[str(what)])
    named = {"backbone": backbone, "segmenter": segmenter, "precision": precision}
    chosen += [f"{key}={value}" for key, value in named.items() if value is not None]
    chosen += options
    places = [f"device={device}"]
    if checkpoints is not None:
        places.append(f"weights_dir={as_text(str(checkpoints))}")
    config = compose_model(chosen + places)
    check_weights(config)
    networks = LoadedNetworks(config, chosen)
    if saved is None:
        return Model(config, networks)
    networks.expect(Path(what), saved.header)
    return Model(config, networks, saved.header.categories, saved.references)


def compose_model(options: Sequence[str]) -> RunConfig:
    """The config of `+experiment=custom` with these overrides; leaves a running Hydra application alone."""
    from hydra import compose, initialize_config_dir

    from ntt.config import read_config
    from ntt.run import conf_folder

    with initialize_config_dir(str(conf_folder().resolve()), version_base="1.3"):
        overrides = ["+experiment=custom", "dataset.references=none", "dataset.targets=none", *options]
        return read_config(compose("config", overrides=overrides))
