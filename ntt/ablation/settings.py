"""The settings of an ablation: each a few options of the groups that only matching reads, over the same proposals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from ntt.errors import InputError

if TYPE_CHECKING:
    from ntt.config import RunConfig

BASELINE = "baseline"
GROUPS = ("matcher", "memory", "scoring", "refine")
CLEAN = "ntt.stages.clean.Clean"


@dataclass(frozen=True)
class Setting:
    """One row of the table: a name and the options that make it differ from the baseline."""

    name: str
    options: tuple[str, ...] = ()


def listed(settings: Sequence[str], grid: Sequence[str]) -> list[Setting]:
    """The baseline, the settings given, and all combinations of a grid.

    Args:
        settings: options in a text each, such as ``scoring=quality +refine=clean``.
        grid: an axis each, such as ``matcher=soft,diffusion``; ``-`` among the values leaves the option out.

    Raises:
        InputError: an option of another group: it would make other proposals or another memory's encodings.
    """
    wanted = [tuple(text.split()) for text in settings]
    axes = []
    for axis in grid:
        key, equals, values = axis.partition("=")
        if not equals or not values:
            raise InputError(f"--grid {axis} is no axis: give key=value,value, such as matcher=soft,diffusion.")
        axes.append([() if value == "-" else (f"{key}={value}",) for value in values.split(",")])
    if axes:
        wanted += [tuple(option for part in parts for option in part) for parts in product(*axes)]
    for option in (option for options in wanted for option in options):
        if option.lstrip("+").partition("=")[0].partition(".")[0] not in GROUPS:
            raise InputError(
                f"{option} cannot be a setting of an ablation: only {', '.join(GROUPS)} leave the stored proposals as "
                "they are. Give it before all settings, as an option of the experiment."
            )
    found = {BASELINE: Setting(BASELINE)}
    for options in wanted:
        name = " ".join(options)
        if name:
            found.setdefault(name, Setting(name, options))
    return list(found.values())


def cleaning_of(config: RunConfig, name: str) -> dict[str, Any] | None:
    """The options of the ``clean`` stage that a setting lists, None without one.

    Raises:
        InputError: it lists a stage of somebody else's, which would have to see all predictions.
    """
    own = [stage for stage in config.stages if isinstance(stage, dict)]
    if any(stage["_target_"] != CLEAN for stage in own) or len(own) > 1:
        raise InputError(f"{name}: of refine stages only one clean can be measured here; run it as a sweep instead.")
    return {key: value for key, value in own[0].items() if key != "_target_"} if own else None


def require_same_encodings(config: RunConfig, baseline: RunConfig, name: str) -> None:
    """Raises InputError where a setting asks for references encoded otherwise than the baseline's."""
    ours, theirs = ({k: v for k, v in vars(one.memory).items() if k != "kind"} for one in (config, baseline))
    if different := [key for key in ours if ours[key] != theirs[key]]:
        raise InputError(
            f"{name} changes memory.{different[0]}, and with it the references' encodings: give it before all settings."
        )
    if asdict(config.proposals) != asdict(baseline.proposals):
        raise InputError(f"{name} changes the proposals, which all settings of an ablation share.")
