"""A job of a sweep runs with the config it was submitted with, whatever happened to conf/ since."""

from __future__ import annotations

import logging
from pathlib import Path

from hydra.conf import HydraConf
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from ntt.processes.ranks import current_rank
from ntt.store.files import write_atomically
from ntt.sweeps.points import differing, pinned, resolved

log = logging.getLogger(__name__)
_NAMED = 5  # options named in the warning


def as_submitted(composed: DictConfig, hydra: HydraConf) -> DictConfig:
    """The config to run with: what Hydra composed, or of a sweep's job, what was pinned when it was submitted.

    Where the two differ, a warning names the options, and the run's `.hydra/config.yaml` is put right.

    Args:
        composed: the run's config without Hydra's part.
        hydra: Hydra's part.
    """
    if hydra.mode != RunMode.MULTIRUN:
        return composed
    values = pinned(Path(str(hydra.sweep.dir)), int(hydra.job.num))
    if values is None:
        return composed
    changed = differing(values, resolved(composed))
    if not changed:
        return composed
    more = f" and {len(changed) - _NAMED} more" if len(changed) > _NAMED else ""
    log.warning(
        "conf/ or the environment changed since this sweep was submitted, in %s%s: the run uses what was submitted",
        ", ".join(changed[:_NAMED]),
        more,
    )
    submitted = OmegaConf.create(values)
    if current_rank().first and hydra.output_subdir:
        file = Path(hydra.runtime.output_dir) / hydra.output_subdir / "config.yaml"
        write_atomically(file, OmegaConf.to_yaml(submitted).encode())
    return submitted
