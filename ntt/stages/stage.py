"""What a stage is: a step of a run that makes one kind of result, from those of the stages before it.

A stage of one's own is a class like these, named in the list `stages` of the config (docs/extending.md, "A stage").
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ntt.evaluation.files import read_predictions, write_predictions
from ntt.store.artifacts import Artifact
from ntt.store.files import share

if TYPE_CHECKING:
    from ntt.config import RunConfig
    from ntt.stages.workspace import Workspace

Outcome = dict[str, Any]
"""What a stage did, in a few words and figures: for the log and timings.json."""

PREDICTIONS = "predictions"
METRICS = "metrics"
_FILE = "predictions.json"


class Stage(ABC):
    """One step. Options of its own are arguments of the constructor."""

    makes: ClassVar[str]
    """The kind of its result: what later stages ask for. Of several stages that make the same, the last one counts."""

    shared: ClassVar[bool] = False
    """Whether all processes of a run divide its work; of other stages only what such a stage needs is done by all."""

    @property
    def name(self) -> str:
        """How it is called in the log, in the store and in timings.json."""
        return type(self).__name__.lower()

    def needs(self, config: RunConfig) -> tuple[str, ...]:
        """The kinds of results that it asks for."""
        del config
        return ()

    def skipped(self, work: Workspace) -> str:
        """Why this run has nothing to do for it; empty: it has."""
        del work
        return ""

    @abstractmethod
    def run(self, work: Workspace) -> Outcome:
        """Find the result in the store, or make it."""

    def publish(self, work: Workspace) -> None:
        """Show the result in the run's folder and on the screen; called by the first process only."""
        del work

    def metrics(self, work: Workspace) -> dict[str, Any] | None:
        """Figures for the tracker and the sweeper; None where the stage measures nothing."""
        del work
        return None

    def pictures(self, work: Workspace) -> list[Path]:
        """For the tracker."""
        del work
        return []


class ArtifactStage(Stage):
    """A stage with one artifact: found whole, or computed."""

    @abstractmethod
    def artifact(self, work: Workspace) -> Artifact:
        """Where the result is or will be: its key holds everything that determines it."""

    @abstractmethod
    def make(self, work: Workspace, folder: Path) -> Outcome:
        """Compute the result and write it to the folder, which becomes the artifact."""

    def run(self, work: Workspace) -> Outcome:
        """See :meth:`Stage.run`."""
        outcome: Outcome = {}

        def make(artifact: Artifact) -> None:
            nonlocal outcome
            with artifact.writing() as folder:
                outcome = {"made": artifact.key, **self.make(work, folder)}

        while True:
            artifact = self.artifact(work)
            missing, _ = work.store.missing([artifact])
            outcome = {"found": artifact.key}
            work.store.obtain(missing, make)
            if artifact.exists():
                return outcome
            work.derived.clear()  # its input was lost on the way, and this run's keys have changed


class PredictionStage(ArtifactStage):
    """A stage whose artifact is a COCO results file."""

    makes = PREDICTIONS

    def load(self, work: Workspace) -> list[dict[str, Any]]:
        """The predictions of this run, read from the store unless they were made just now."""
        key = self.artifact(work).key
        if key not in work.predictions:
            work.predictions[key] = read_predictions(self._file(work))
        return work.predictions[key]

    def keep(self, work: Workspace, folder: Path, predictions: list[dict[str, Any]]) -> None:
        """Write them to the artifact's folder, and spare :meth:`load` the reading."""
        write_predictions(folder / _FILE, predictions)
        work.predictions[self.artifact(work).key] = predictions

    def publish(self, work: Workspace) -> None:
        """Show the file in the run's folder, in place of an earlier stage's."""
        share(self._file(work), work.directory / _FILE)

    def _file(self, work: Workspace) -> Path:
        return work.require(self.artifact(work)).path / _FILE


class RefineStage(PredictionStage):
    """Predictions in, predictions out, between match and evaluate.

    A subclass has :meth:`refine` and, for its options, a constructor that keeps them as attributes. Options and source
    are in the key: a changed class makes other predictions.
    """

    @abstractmethod
    def refine(self, predictions: list[dict[str, Any]], work: Workspace) -> list[dict[str, Any]]:
        """Other predictions made of those of the stage before; may not change what it is given.

        Args:
            predictions: COCO results: image_id, category_id, bbox (x, y, width, height), segmentation (RLE), score.
            work: the run, for its config and inputs.
        """

    def artifact(self, work: Workspace) -> Artifact:
        """Determined by the predictions before, the options and the class's source."""
        before = work.predictions_stage(before=self).artifact(work).key
        return work.store.artifact(
            self.name, {"predictions": before, "options": vars(self), "code": work.sources.own(type(self))}
        )

    def make(self, work: Workspace, folder: Path) -> Outcome:
        """See :meth:`ArtifactStage.make`."""
        before = work.predictions_stage(before=self).load(work)
        refined = self.refine(before, work)
        self.keep(work, folder, refined)
        return {"before": len(before), "after": len(refined)}


@dataclass(frozen=True)
class Stages:
    """The stages of a run in their order.

    Attributes:
        listed: those that it runs.
        method: those of the method, whether or not they run: their results may be in the store.
    """

    listed: Sequence[Stage] = ()
    method: Sequence[Stage] = ()

    def maker(self, makes: str, before: Stage | None = None) -> Stage:
        """The last listed stage that makes such a result, else the method's.

        Args:
            makes: the kind of result.
            before: only the stages before this one.
        """
        earlier = list(self.listed)
        if before is not None:
            earlier = earlier[: earlier.index(before)]
        return next(stage for stage in [*reversed(earlier), *self.method] if stage.makes == makes)

    def helped(self, config: RunConfig) -> list[Stage]:
        """What every process of a run takes part in: shared stages, and what these need."""
        wanted = [stage for stage in self.listed if stage.shared]
        for stage in wanted:  # grows on the way
            makers = (self.maker(kind) for kind in stage.needs(config))
            wanted += [maker for maker in makers if maker in self.listed and maker not in wanted]
        return [stage for stage in self.listed if stage in wanted]
