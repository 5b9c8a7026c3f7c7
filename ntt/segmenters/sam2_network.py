"""SAM 2's network, built from the ``sam2`` package's own YAML files inside a running Hydra application."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from hydra.utils import instantiate
from hydra.version import VersionBase
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ntt.errors import InputError
from ntt.foreign.parsing import parsing
from ntt.networks.packages import INSTALL_SAM2
from ntt.segmenters.still_images import OVERRIDE

if TYPE_CHECKING:
    from sam2.modeling.sam2_base import SAM2Base

# The trunk halves the image five times: patches of 4, then three poolings; windows of 8 patches must tile it.
_STRIDE = 32


def build_network(architecture: str, overrides: Mapping[str, Any], image_size: int) -> SAM2Base:
    """A SAM 2 network with random weights, in eval mode on the CPU.

    Args:
        architecture: name of one of the package's YAML files (``configs/sam2/sam2_hiera_l.yaml``), or a path.
        overrides: merged into the file's ``model`` node, to describe another width or depth.
        image_size: side of the input in pixels, a multiple of 32.

    Raises:
        InputError: the package or the file is missing, or the description does not make a network.
    """
    if image_size < _STRIDE or image_size % _STRIDE:
        raise InputError(f"segmenter.image_size is {image_size}; give a positive multiple of {_STRIDE}")
    path = architecture_file(architecture)
    node = _model_node(path, overrides)
    node.image_size = image_size
    with hydra_state_kept():
        try:
            network = instantiate(node)
        except (HydraException, OmegaConfBaseException) as error:
            reason = " ".join(str(error).split())
            raise InputError(
                f"{path} with segmenter.overrides describes no SAM 2 network ({reason}); "
                "correct the override that this names"
            ) from error
    return network.eval()


def architecture_file(architecture: str) -> Path:
    """Where the YAML of an architecture is: in the installed ``sam2`` package, else the path itself.

    Raises:
        InputError: neither is a file (the package's own are listed), or ``sam2`` is not installed.
    """
    # The package is located, not imported: its import costs seconds and touches Hydra's global state.
    spec = importlib.util.find_spec("sam2")
    if spec is None or not spec.submodule_search_locations:
        raise InputError(f"The package sam2 is not installed: {INSTALL_SAM2}")
    package = Path(next(iter(spec.submodule_search_locations)))
    for path in (package / architecture, Path(architecture)):
        if path.is_file():
            return path
    folders = (package / "configs" / release for release in ("sam2", "sam2.1"))
    names = [file.relative_to(package).as_posix() for folder in folders for file in sorted(folder.glob("*.yaml"))]
    raise InputError(
        f"segmenter.architecture={architecture} is neither in the sam2 package nor a file; "
        f"choose one of {', '.join(names)}, or give a path"
    )


@contextmanager
def hydra_state_kept() -> Iterator[None]:
    """Undo what the first ``import sam2`` does to Hydra's global state.

    That import initialises Hydra for itself where no application has done so, and a later ``@hydra.main`` or
    ``initialize`` then fails.
    """
    application, version_base = GlobalHydra.instance().hydra, VersionBase.instance().getbase()
    try:
        yield
    finally:
        GlobalHydra.instance().hydra = application
        VersionBase.instance().version_base = version_base


def _model_node(path: Path, overrides: Mapping[str, Any]) -> DictConfig:
    name = f"{path} (segmenter.architecture)"
    with parsing(lambda reason: InputError(f"{name} cannot be read as a network ({reason})")):
        described = OmegaConf.load(path)
        node = described.get("model") if isinstance(described, DictConfig) else None
        if not isinstance(node, DictConfig):
            raise InputError(f"{name} has no `model` node; choose one of the sam2 package's")
        given = {key: value for key, value in overrides.items() if key != OVERRIDE or value is not None}
        merged = OmegaConf.merge(node, OmegaConf.create(given))
    assert isinstance(merged, DictConfig)
    return merged
