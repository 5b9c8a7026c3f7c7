"""What a person should know of a run beside its files: networks made for other images, options without effect."""

from __future__ import annotations

from collections.abc import Iterable

from ntt.config import RunConfig
from ntt.drawn.scenes import SCENE_SIZE
from ntt.stages.inputs import Inputs

_OF_A_DRAW = ("shots", "seed", "memory.shortage")


def remarks(config: RunConfig, inputs: Inputs, overrides: Iterable[str]) -> list[str]:
    """Sentences for the start of a run.

    Args:
        config: the run.
        inputs: its files.
        overrides: the command line's, such as "shots=3".
    """
    told = []
    demo = [network.name for network in (config.backbone, config.segmenter) if network.name.endswith("_demo")]
    sizes = {(record.height, record.width) for record in inputs.target_records}
    if demo and sizes != {(SCENE_SIZE, SCENE_SIZE)}:
        told.append(
            f"{' and '.join(demo)} are for drawn scenes: on photographs expect little of what they find; "
            "backbone=dinov2_vitl14 segmenter=sam2_hiera_large are for those (ntt weights fetch)"
        )
    given = {override.lstrip("+").partition("=")[0] for override in overrides}
    idle = [key for key in _OF_A_DRAW if key in given and key not in config.dataset.chosen_by]
    if config.dataset.reference_ids is not None and idle:
        told.append(
            f"{', '.join(idle)} {'has' if len(idle) == 1 else 'have'} no effect: dataset.reference_ids names the "
            "references, and nothing is drawn (dataset.reference_ids=null draws them)"
        )
    return told
