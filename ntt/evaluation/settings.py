"""The settings of the evaluation; importing them costs no evaluator."""

from __future__ import annotations

from dataclasses import dataclass

from ntt.errors import require_choice


@dataclass
class EvaluationConfig:
    """Which evaluator counts; see conf/evaluation/."""

    engine: str

    def __post_init__(self) -> None:
        require_choice("evaluation.engine", self.engine, ("hotcoco", "pycocotools"))
