"""What the stages of one run share: config, store, inputs, and the two networks once somebody needs them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ntt.backbones.settings import BackboneConfig
from ntt.composition.parts import build, named_class
from ntt.config import RunConfig, user_path
from ntt.errors import InputError
from ntt.networks.settings import ABOUT, OwnNetwork
from ntt.processes.own import OWN
from ntt.processes.ranks import Rank
from ntt.segmenters.settings import SegmenterConfig
from ntt.stages.inputs import Inputs, open_inputs
from ntt.stages.stage import PREDICTIONS, PredictionStage, Stage, Stages
from ntt.store.artifacts import Artifact, fingerprint
from ntt.store.code import SourceDigests
from ntt.store.digests import FileDigests
from ntt.store.store import Store

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)
T = TypeVar("T")

NO_STAGES = Stages()


class Workspace:
    """One run's view of the store and of its inputs.

    Args:
        config: the validated run.
        directory: the run's own output folder.
        rank: of this process among those of the run.
        stages: of the run.
    """

    def __init__(self, config: RunConfig, directory: Path, rank: Rank, stages: Stages = NO_STAGES) -> None:
        self.config = config
        self.directory = directory
        self.rank = rank
        self.derived: dict[Callable[[Workspace], Any], Any] = {}  # of once_per_run
        self.stages = stages
        self._releases_checked = False
        self.predictions: dict[str, list[dict[str, Any]]] = {}  # by their artifact's key, once made or read
        self.store = Store(user_path(config.store.root), config.store.lease_seconds, code=config.store.code)
        self.digests = FileDigests(self.store.root / "digests", config.dataset.verify)
        self.sources = SourceDigests(self.store.root / "digests" / "sources.json")

    def predictions_stage(self, before: Stage | None = None) -> PredictionStage:
        """The stage whose predictions count: the last one listed, else the method's.

        Args:
            before: only the stages before this one.
        """
        found = self.stages.maker(PREDICTIONS, before)
        assert isinstance(found, PredictionStage)
        return found

    @cached_property
    def inputs(self) -> Inputs:
        return open_inputs(self.config)

    @cached_property
    def backbone_identity(self) -> dict[str, Any]:
        """What determines the encoder's output, for fingerprints."""
        return self._identity(self.config.backbone)

    @cached_property
    def segmenter_identity(self) -> dict[str, Any]:
        """What determines the segmenter's output, for fingerprints."""
        identity = self._identity(self.config.segmenter)
        if identity.get("no_mem_embed"):  # as it was without the key
            del identity["no_mem_embed"]
        return identity

    def _identity(self, network: BackboneConfig | SegmenterConfig | OwnNetwork) -> dict[str, Any]:
        given = network.options if isinstance(network, OwnNetwork) else asdict(network)
        options = {k: v for k, v in given.items() if k not in (*ABOUT, "prompt_batch")}
        kind = named_class(network._target_, "network")
        # Of ntt's own classes the name that they declare: a module may be renamed, and stored proposals stay.
        ours = kind.__module__.split(".")[0] == "ntt"
        named = {"class": kind.KIND} if ours else {"class": network._target_, "code": self.sources.own(kind)}
        return {**options, **named, "weights": self._digest(network), "precision": self.precision}

    def _digest(self, network: BackboneConfig | SegmenterConfig | OwnNetwork) -> str | None:
        """Of the weights' bytes, wherever they are; None for a network that names none."""
        if network.weights is None:
            return None
        weights = user_path(network.weights)
        if network.weights.startswith("hub:") or weights.is_dir():
            from ntt.backbones.checkpoint_files import locate, weight_files

            # What the Hub calls by its name is a folder once it is fetched: the same bytes, the same identity.
            digests = [self._digest_of(file) for file in weight_files(locate(network.weights, None, network.url))]
            return digests[0] if len(digests) == 1 else fingerprint(digests)
        return self._digest_of(weights)

    def _digest_of(self, file: Path) -> str:
        digest = self.digests.of(file)
        if reason := self.digests.fault(file):
            raise InputError(f"{file} holds weights and is of no use: {reason}; see that this user may read it.")
        return digest

    def identity_of(self, part: object) -> dict[str, Any]:
        """What determines what a part does that the config names by class, such as a merge rule, for fingerprints."""
        kind = type(part)
        if kind.__module__.split(".")[0] == "ntt":  # its source is that of a stage
            return {"class": kind.__qualname__, "options": vars(part)}
        return {
            "class": f"{kind.__module__}.{kind.__qualname__}",
            "options": vars(part),
            "code": self.sources.own(kind),
        }

    @cached_property
    def device(self) -> torch.device:
        """Where the networks run: `auto` is resolved, what is not there is an InputError."""
        # Imported here, as below: torch takes seconds that a missing file should not cost.
        from ntt.compute.devices import resolve_device

        return resolve_device(self.rank.device(self.config.device))

    @cached_property
    def precision(self) -> str:
        """The networks' arithmetic: what `auto` and `tf32` come to on the device."""
        from ntt.compute.precision import resolve_precision

        return resolve_precision(self.config.precision, self.device)

    @cached_property
    def backbone(self) -> Any:
        """The encoder, loaded at first use."""
        return self._load(self.config.backbone, self.config.backbone_options(), compile=self.config.compile)

    @cached_property
    def segmenter(self) -> Any:
        """The segmenter, loaded at first use."""
        config = self.config
        speed = {"compile": config.compile, "channels_last": config.channels_last}
        return self._load(config.segmenter, config.segmenter_options(), **speed)

    def _load(
        self, network: BackboneConfig | SegmenterConfig | OwnNetwork, options: dict[str, Any], **speed: bool
    ) -> Any:
        identity = fingerprint([options, self._digest(network), str(self.device), self.precision, speed])

        def load() -> Any:
            self._check_releases()
            log.info("loading %s on %s, %s", network.name, self.device, self.precision)
            return build(options, device=self.device, precision=self.precision, **speed)

        return OWN.networks.get(identity, load)

    def _check_releases(self) -> None:
        """Refuse a checkpoint of another network before any is loaded: not after the work of the one before it."""
        from ntt.networks.packages import check_packages
        from ntt.networks.releases import check_release

        if self._releases_checked:
            return
        self._releases_checked = True
        if self.config.segmenter._target_.startswith("ntt."):
            check_packages()
        needed: list[tuple[str, BackboneConfig | SegmenterConfig | OwnNetwork]] = [("backbone", self.config.backbone)]
        if any(stage.makes == "proposals" for stage in self.stages.listed):
            needed.append(("segmenter", self.config.segmenter))
        for key, network in needed:
            if network.weights and user_path(network.weights).is_file():
                check_release(user_path(network.weights), key, network.name)

    def require(self, artifact: Artifact, of: str | None = None) -> Artifact:
        """The artifact, which an earlier stage must have made.

        Args:
            artifact: what is needed.
            of: the stage that makes it; None where it is called as the artifact is.

        Raises:
            InputError: it is not in the store, and its stage is not part of this run.
        """
        if not artifact.exists():
            raise InputError(
                f"stages={self.config.stages} needs the result of {of or artifact.stage}, which is not in "
                f"{self.store.root}: add {of or artifact.stage} to stages."
            )
        return artifact


def once_per_run(derive: Callable[[Workspace], T]) -> Callable[[Workspace], T]:
    """Keeps what a function derives from a run: an artifact's key takes those of all artifacts before it."""

    @wraps(derive)
    def kept(work: Workspace) -> T:
        if derive not in work.derived:
            work.derived[derive] = derive(work)
        value: T = work.derived[derive]
        return value

    return kept
