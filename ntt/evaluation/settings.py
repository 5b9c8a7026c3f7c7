"""How predictions are compared with the ground truth: `evaluation=NAME` chooses conf/evaluation/NAME.yaml.

A protocol is one YAML and one class. Importing the classes costs no evaluator.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from ntt.errors import require_choice

if TYPE_CHECKING:
    from ntt.evaluation.engines import Engine


class Protocol(ABC):
    """Options of its own are attributes, which its constructor takes: a dataclass does both."""

    @abstractmethod
    def evaluate(self, ground_truth: dict[str, Any], predictions: list[dict[str, Any]]) -> dict[str, Any]:
        """The figures of a run.

        Args:
            ground_truth: COCO dict of the run's classes and images (:func:`ntt.evaluation.coco.restrict_ground_truth`),
                with what the target file says beyond COCO: LVIS' lists of each image and its classes' frequency.
            predictions: COCO results of these classes and images; neither argument may be changed.

        Returns:
            ``bbox`` and ``segm``, or one of them: name of a figure -> fraction, -1.0 where there is nothing to measure.
            ``per_class``: class name -> task -> figures. More keys, of what else there is to say, go into metrics.json
            as they are.

        Raises:
            InputError: what it needs is not in the ground truth.
        """


@dataclass(frozen=True)
class Coco(Protocol):
    """COCO's twelve figures for boxes and masks."""

    engine: str = "hotcoco"
    """hotcoco, or pycocotools for the same figures more slowly."""

    def __post_init__(self) -> None:
        require_choice("evaluation.engine", self.engine, ("hotcoco", "pycocotools"))

    def evaluate(self, ground_truth: dict[str, Any], predictions: list[dict[str, Any]]) -> dict[str, Any]:
        """See the class."""
        from ntt.evaluation.coco import evaluate

        return dict(evaluate(ground_truth, predictions, cast("Engine", self.engine)))


DEFAULT = "ntt.evaluation.settings.Coco"
"""Of configs that were kept before there was another."""
