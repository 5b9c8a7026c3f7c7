"""Types and validation of the composed config; each group's dataclass lies in its room's settings.py.

The YAML files under conf/ own the values and explain each key; these classes own the types and the ranges. A wrong
type or value is an :class:`~ntt.errors.InputError` that names the key, the value and what is allowed. Nothing heavy
is imported here: a config error must answer at once.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from ntt.backbones.settings import BackboneConfig
from ntt.composition.parts import check_trust, make_part, typed
from ntt.data.settings import DatasetConfig
from ntt.errors import InputError, require, require_choice
from ntt.evaluation.settings import DEFAULT as COCO
from ntt.evaluation.settings import Protocol
from ntt.exports.settings import ExportConfig
from ntt.matching.settings import Limits, MatchSettings
from ntt.memory.settings import Encoding, MemorySettings
from ntt.networks.settings import OwnNetwork
from ntt.processes.ranks import started
from ntt.proposals.settings import ProposalSettings
from ntt.reporting.settings import ReportConfig
from ntt.segmenters.settings import SegmenterConfig
from ntt.segmenters.still_images import first_given
from ntt.store.settings import StoreConfig

N = TypeVar("N")
STAGES = ("references", "prompt", "memory", "proposals", "match", "export", "truth", "evaluate", "report")
PUBLISHED_SCORES = "ntt.matching.scoring.Cosine"
GROUPS = ("backbone", "segmenter", "matcher", "memory")  # of which one choice each makes a part of a run
PRECISIONS = ("auto", "exact", "fp32", "tf32", "bf16", "fp16")


@dataclass
class _Typed:
    """What of a run has a fixed type; the rest is named by class."""

    name: str
    shots: int
    seed: int
    split: Any  # a named split or a list of class names
    device: str
    precision: str
    workers: int | None
    channels_last: bool
    compile: bool
    stages: list[Any]  # names, and stages of one's own as mappings with a _target_
    weights_dir: str
    dataset: DatasetConfig
    proposals: ProposalSettings
    store: StoreConfig
    report: ReportConfig
    tracking: dict[str, Any] = field(default_factory=dict)
    trusted: list[str] = field(default_factory=list)
    export: ExportConfig = field(default_factory=ExportConfig)  # as the next
    images_per_batch: int | None = None  # with a value here as well: the kept configs of older sweeps have none

    def __post_init__(self) -> None:
        require(self.shots > 0, "shots", self.shots, "a number of references per class above 0")
        require_choice("precision", self.precision, PRECISIONS)
        require(self.workers is None or self.workers > 0, "workers", self.workers, "a number of processes, or null")
        positive = self.images_per_batch is None or self.images_per_batch > 0
        require(positive, "images_per_batch", self.images_per_batch, "a number of images above 0, or null")
        for key in ("channels_last", "compile"):
            strict = self.precision == "exact" and getattr(self, key)
            require(not strict, key, True, "false, or another precision than exact, which both may change by rounding")
        known = re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", self.device) is not None
        require(known, "device", self.device, "auto, cpu, cuda, cuda:N or mps")
        for stage in self.stages:
            if not (isinstance(stage, dict) and "_target_" in stage):
                require_choice("stages", stage, STAGES)
        listed = isinstance(self.split, str | list)
        require(listed, "split", self.split, "all, a named split, or a list of class names: 'split=[cat,dog]'")
        require(bool(self.stages), "stages", self.stages, f"at least one of {', '.join(STAGES)}")


@dataclass(kw_only=True)
class RunConfig(_Typed):
    """The whole run, as composed by Hydra."""

    backbone: BackboneConfig | OwnNetwork
    segmenter: SegmenterConfig | OwnNetwork
    memory: MemorySettings
    matcher: MatchSettings
    evaluation: Protocol

    def backbone_options(self) -> dict[str, Any]:
        """What the encoder is made of: its class as `_target_`, and the arguments of its constructor."""
        return _constructor_options(self.backbone)

    def segmenter_options(self) -> dict[str, Any]:
        """As :meth:`backbone_options`; how it is prompted included."""
        return {**_constructor_options(self.segmenter), **self.proposals.options()}


def _constructor_options(network: BackboneConfig | SegmenterConfig | OwnNetwork) -> dict[str, Any]:
    options = {"_target_": network._target_, **network.options} if isinstance(network, OwnNetwork) else asdict(network)
    if network.weights is not None and not network.weights.startswith("hub:"):
        options["weights"] = str(user_path(network.weights))
    return options


def _network(kind: type[N], options: dict[str, Any], key: str) -> N | OwnNetwork:
    """A network of ntt's with its types, or one of somebody else's, whose options only its class knows."""
    ours = str(options.get("_target_", "ntt.")).startswith("ntt.")
    return typed(kind, options, key) if ours else OwnNetwork.of(options, key)


# A file that ships inside the package, for the configs: ${package:folder/file}.
OmegaConf.register_new_resolver("first_given", first_given, replace=True)
OmegaConf.register_new_resolver("started", started, replace=True)
OmegaConf.register_new_resolver("package", lambda file: str(Path(__file__).resolve().parent / file), replace=True)


def read_config(composed: DictConfig) -> RunConfig:
    """Check a composed config and return it with types.

    Raises:
        InputError: a key is missing, unknown, of the wrong type, or out of range.
    """
    values = composed
    if "hydra" in composed:
        values = OmegaConf.create({k: v for k, v in composed.items_ex(resolve=False) if k != "hydra"})
    try:
        plain: Any = OmegaConf.to_container(values, resolve=True, throw_on_missing=True)
    except MissingMandatoryValue as error:
        raise InputError(f"{error.full_key} has no value: give it as {error.full_key}=...") from error
    except OmegaConfBaseException as error:
        raise InputError(f"{error.full_key} cannot be used: {str(error.msg or error).splitlines()[0]}.") from error
    check_trust(plain, plain.get("trusted") or [])
    for key in (*GROUPS, "scoring", "evaluation"):
        if not isinstance(plain.get(key, None if key in GROUPS else {}), dict):
            way = f"choose one with {key}=NAME on the command line, or `override /{key}: NAME` in a config's defaults"
            raise InputError(f"{key}={plain.get(key)} is no group of options: {way}.")
    parts = {key: plain.pop(key) for key in GROUPS}
    # With a value here as well: the kept configs of older sweeps have no such key.
    scoring = make_part(plain.pop("scoring", None) or {"_target_": PUBLISHED_SCORES}, "scoring")
    evaluation = make_part({"_target_": COCO, **plain.pop("evaluation", {})}, "evaluation")
    fixed = typed(_Typed, plain, "")
    limits, encoding = _shared(Limits, parts["matcher"], "matcher"), _shared(Encoding, parts["memory"], "memory")
    return RunConfig(
        **vars(fixed),
        backbone=_network(BackboneConfig, parts["backbone"], "backbone"),
        segmenter=_network(SegmenterConfig, parts["segmenter"], "segmenter"),
        matcher=MatchSettings(**limits, rule=make_part(parts["matcher"], "matcher"), scoring=scoring),
        memory=MemorySettings(**encoding, kind=make_part(parts["memory"], "memory")),
        evaluation=evaluation,
    )


def _shared(kind: type[Any], options: dict[str, Any], key: str) -> dict[str, Any]:
    """The values of the options that all choices of a group have; they are taken out of `options`."""
    names = [one.name for one in fields(kind)]
    shared = typed(kind, {name: options.pop(name) for name in names if name in options}, key)
    return {name: getattr(shared, name) for name in names}


def user_path(path: str) -> Path:
    """A path as the user wrote it: `~` is their home, anything relative counts from the working directory."""
    return Path(path).expanduser()
