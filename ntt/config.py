"""Types and validation of the composed config: one dataclass per group.

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

from ntt.composition.parts import check_trust, make_part, typed
from ntt.errors import InputError, require, require_choice
from ntt.exports.settings import ExportConfig
from ntt.matching.settings import Limits, MatchSettings
from ntt.memory.settings import Encoding, MemorySettings
from ntt.networks.settings import OwnNetwork
from ntt.processes.ranks import started
from ntt.proposals.settings import ProposalSettings
from ntt.segmenters.still_images import OVERRIDE, adds_no_mem_embed, first_given

N = TypeVar("N")
STAGES = ("references", "prompt", "memory", "proposals", "match", "export", "evaluate", "report")
PRECISIONS = ("auto", "exact", "fp32", "tf32", "bf16", "fp16")
DECODERS = ("fast", "plain")
VERIFY = ("stat", "bytes")


@dataclass
class DatasetConfig:
    """Where references and targets come from; see conf/dataset/."""

    name: str
    root: str
    references: str
    reference_images: str | None
    targets: str
    target_images: str | None
    reference_ids: Any = None  # null, "all" or a list of annotation ids
    # With values here as well: the kept configs of older sweeps have no such keys.
    repeat_first: bool = False
    limit: int | None = None
    sample: int | None = None
    sample_seed: int = 0
    format: Any = "auto"  # a name of ntt.data.readers, or a class of one's own as _target_ with its options
    invalid: str = "error"
    boxes: str = "prompt"
    download: str | None = None
    verify: str = "stat"

    @property
    def prompted(self) -> bool:
        """Whether the segmenter makes masks of references that have none."""
        return self.boxes == "prompt"

    def __post_init__(self) -> None:
        require_choice("dataset.verify", self.verify, VERIFY)
        ids = self.reference_ids
        listed = isinstance(ids, list) and all(isinstance(i, int) for i in ids)
        require(
            ids in (None, "all") or listed,
            "dataset.reference_ids",
            ids,
            "null, all, or a list of annotation ids",
        )
        require_choice("dataset.invalid", self.invalid, ("error", "skip"))
        require_choice("dataset.boxes", self.boxes, ("prompt", "refuse"))
        for key in ("limit", "sample"):
            number = getattr(self, key)
            require(number is None or number > 0, f"dataset.{key}", number, "a number of images above 0, or null")
        if self.limit is not None and self.sample is not None:
            raise InputError(
                f"dataset.limit={self.limit} and dataset.sample={self.sample} exclude each other: give limit for the "
                "first target images by id, or sample for some at random."
            )


@dataclass
class BackboneConfig:
    """The encoder; see conf/backbone/."""

    _target_: str
    name: str
    weights: str
    hub_id: str | None
    url: str | None
    image_size: int
    patch_size: int
    width: int
    depth: int
    heads: int
    ffn: str
    registers: int

    def __post_init__(self) -> None:
        require_choice("backbone.ffn", self.ffn, ("mlp", "swiglu"))
        require(
            self.image_size > 0 and self.image_size % self.patch_size == 0,
            "backbone.image_size",
            self.image_size,
            f"a multiple of the patch size {self.patch_size}",
        )


@dataclass
class SegmenterConfig:
    """The promptable segmenter; see conf/segmenter/."""

    _target_: str
    name: str
    weights: str
    url: str | None
    architecture: str
    overrides: dict[str, Any]
    image_size: int
    prompt_batch: int | None
    decoder: str
    no_mem_embed: bool | None = None

    def __post_init__(self) -> None:
        require(
            self.image_size > 0 and self.image_size % 32 == 0,
            "segmenter.image_size",
            self.image_size,
            "a multiple of 32",
        )
        require(
            self.prompt_batch is None or self.prompt_batch > 0,
            "segmenter.prompt_batch",
            self.prompt_batch,
            "null or a whole number above 0",
        )
        require_choice("segmenter.decoder", self.decoder, DECODERS)
        # One key from here on, so that both ways to give it are the same artifact.
        self.no_mem_embed = first_given(adds_no_mem_embed(self.no_mem_embed, self.overrides), True)
        self.overrides = {key: value for key, value in self.overrides.items() if key != OVERRIDE}


@dataclass
class EvaluationConfig:
    """Which evaluator counts; see conf/evaluation/."""

    engine: str

    def __post_init__(self) -> None:
        require_choice("evaluation.engine", self.engine, ("hotcoco", "pycocotools"))


@dataclass
class StoreConfig:
    """The shared artifacts."""

    root: str
    shard_size: int
    vectors: str
    lease_seconds: float
    code: str = "warn"

    def __post_init__(self) -> None:
        require(self.shard_size > 0, "store.shard_size", self.shard_size, "a number of images above 0")
        require_choice("store.vectors", self.vectors, ("float16", "float32"))
        require_choice("store.code", self.code, ("warn", "strict", "trust"))
        require(self.lease_seconds > 0, "store.lease_seconds", self.lease_seconds, "a number of seconds above 0")


@dataclass
class ReportConfig:
    """What is drawn and written at the end; `published`: shots -> bbox and segm AP, in percent."""

    pictures: int
    score: float
    published: dict[int, dict[str, float]] | None = None

    def __post_init__(self) -> None:
        require(self.pictures >= 0, "report.pictures", self.pictures, "a number of images, 0 for none")


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
    evaluation: EvaluationConfig
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
        require(bool(self.stages), "stages", self.stages, f"at least one of {', '.join(STAGES)}")


@dataclass(kw_only=True)
class RunConfig(_Typed):
    """The whole run, as composed by Hydra."""

    backbone: BackboneConfig | OwnNetwork
    segmenter: SegmenterConfig | OwnNetwork
    memory: MemorySettings
    matcher: MatchSettings

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
OmegaConf.register_new_resolver("started", started, replace=True)
OmegaConf.register_new_resolver("package", lambda file: str(Path(__file__).resolve().parent / file), replace=True)


def read_config(composed: DictConfig) -> RunConfig:
    """Check a composed config and return it with types.

    Raises:
        InputError: a key is missing, unknown, of the wrong type, or out of range.
    """
    values = OmegaConf.create({k: v for k, v in composed.items_ex(resolve=False) if k != "hydra"})
    try:
        plain: Any = OmegaConf.to_container(values, resolve=True, throw_on_missing=True)
    except MissingMandatoryValue as error:
        raise InputError(f"{error.full_key} has no value: give it as {error.full_key}=...") from error
    except OmegaConfBaseException as error:
        raise InputError(f"{error.full_key} cannot be used: {str(error.msg or error).splitlines()[0]}.") from error
    check_trust(plain, plain.get("trusted") or [])
    parts = {key: plain.pop(key) for key in ("backbone", "segmenter", "matcher", "memory")}
    fixed = typed(_Typed, plain, "")
    limits, encoding = _shared(Limits, parts["matcher"], "matcher"), _shared(Encoding, parts["memory"], "memory")
    return RunConfig(
        **vars(fixed),
        backbone=_network(BackboneConfig, parts["backbone"], "backbone"),
        segmenter=_network(SegmenterConfig, parts["segmenter"], "segmenter"),
        matcher=MatchSettings(**limits, rule=make_part(parts["matcher"], "matcher")),
        memory=MemorySettings(**encoding, kind=make_part(parts["memory"], "memory")),
    )


def _shared(kind: type[Any], options: dict[str, Any], key: str) -> dict[str, Any]:
    """The values of the options that all choices of a group have; they are taken out of `options`."""
    names = [one.name for one in fields(kind)]
    shared = typed(kind, {name: options.pop(name) for name in names if name in options}, key)
    return {name: getattr(shared, name) for name in names}


def user_path(path: str) -> Path:
    """A path as the user wrote it: `~` is their home, anything relative counts from the working directory."""
    return Path(path).expanduser()
