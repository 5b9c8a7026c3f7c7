"""Rules that say which classes a proposal stands for, and how well: `scoring=NAME` chooses conf/scoring/NAME.yaml.

The published one is the cosine with the best class alone. Importing the rules costs no torch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ntt.errors import require

if TYPE_CHECKING:
    from torch import Tensor


class Scoring(ABC):
    """Options of its own are attributes, which its constructor takes: a dataclass does both."""

    best_cosine_only: ClassVar[bool] = False
    """Whether the best class and its cosine are all it asks for: among very many classes these are found faster."""

    @abstractmethod
    def candidates(self, cosines: Tensor, predicted_iou: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The classes that each of N proposals may be of. A score of 0 or less is no detection.

        Args:
            cosines: float32 [N, C] with the classes' prototypes, the highest where a class has several.
            predicted_iou: [N] the segmenter's own estimate of each mask's quality, in [0, 1].

        Returns:
            proposals: int64 [K], rows of ``cosines``; a proposal comes at most once with a class.
            labels: int64 [K].
            scores: float32 [K].
        """


@dataclass(frozen=True)
class Cosine(Scoring):
    """The published scores (docs/method.md, section 5.1): ``s = max(0, max_c cos)``, of its best class."""

    best_cosine_only: ClassVar[bool] = True

    def candidates(self, cosines: Tensor, predicted_iou: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See the class."""
        del predicted_iou
        return _best(cosines, cosines)


@dataclass(frozen=True)
class Quality(Scoring):
    """Similarity times confidence, ``s * q ** power``: the score product that leads BOP (arXiv 2507.01463)."""

    power: float = 1.0
    """Of the predicted IoU; 0 is the published score."""

    def __post_init__(self) -> None:
        require(self.power >= 0, "scoring.power", self.power, "0 or a positive number")

    def candidates(self, cosines: Tensor, predicted_iou: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See the class."""
        return _best(cosines, cosines.clamp(min=0) * predicted_iou.float()[:, None].clamp(min=0) ** self.power)


@dataclass(frozen=True)
class Softmax(Scoring):
    """Classes compete, and with a background: ``s_c = exp(cos_c / T) / (exp(background / T) + sum exp(cos / T))``."""

    temperature: float = 0.1
    """T; small ones make a winner's score 1."""
    background: float = 0.5
    """The cosine that a proposal of no class would have."""

    def __post_init__(self) -> None:
        require(self.temperature > 0, "scoring.temperature", self.temperature, "a number above 0")
        require(-1 <= self.background <= 1, "scoring.background", self.background, "a cosine, from -1 to 1")

    def candidates(self, cosines: Tensor, predicted_iou: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See the class."""
        import torch.nn.functional as F

        del predicted_iou
        with_background = F.pad(cosines, (0, 1), value=self.background)
        return _best(cosines, (with_background / self.temperature).softmax(dim=1)[:, :-1])


@dataclass(frozen=True)
class TopClasses(Scoring):
    """The k best classes of a mask, each with its cosine, if not below a share of the best one's."""

    classes_per_mask: int = 2
    """k; 1 is the published score."""
    share: float = 0.6
    """Of the best class's cosine that another one needs."""

    def __post_init__(self) -> None:
        require(self.classes_per_mask >= 1, "scoring.classes_per_mask", self.classes_per_mask, "1 or more")
        require(0 <= self.share <= 1, "scoring.share", self.share, "a number from 0 to 1")

    def candidates(self, cosines: Tensor, predicted_iou: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See the class."""
        del predicted_iou
        scores, labels = cosines.clamp(min=0).topk(min(self.classes_per_mask, cosines.shape[1]), dim=1)
        kept = scores >= self.share * scores[:, :1]
        proposals = kept.nonzero()[:, 0]
        return proposals, labels[kept], scores[kept]


@dataclass(frozen=True)
class Negatives(Scoring):
    """The other classes as negatives (arXiv 2511.08997): ``s_c = sigmoid((S_c - b max_{other} S - offset) / T)``.

    Offset and temperature are ours: they spread over [0, 1] what the sigmoid of two cosines would leave around 0.6, and
    with one class there is nothing to subtract.
    """

    beta: float = 0.3
    """b, the weight of the best other class."""
    offset: float = 0.0
    """Where the sigmoid is 1/2."""
    temperature: float = 1.0
    """T."""

    def __post_init__(self) -> None:
        require(self.beta >= 0, "scoring.beta", self.beta, "0 or a positive number")
        require(self.temperature > 0, "scoring.temperature", self.temperature, "a number above 0")

    def candidates(self, cosines: Tensor, predicted_iou: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See the class."""
        import torch

        del predicted_iou
        other = torch.zeros_like(cosines)
        if cosines.shape[1] > 1:
            (first, second), best = cosines.topk(2, dim=1).values.T, cosines.argmax(dim=1)
            other = first[:, None].expand_as(cosines).scatter(1, best[:, None], second[:, None])
        scores = torch.sigmoid((cosines - self.beta * other - self.offset) / self.temperature)
        return _best(cosines, torch.where(cosines > 0, scores, 0))


def _best(cosines: Tensor, scores: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Each proposal once, of its best class by cosine (the first of equal ones; class 0 where the score is 0)."""
    import torch

    labels = cosines.argmax(dim=1)
    best = scores.gather(1, labels[:, None])[:, 0].clamp(min=0)
    return torch.arange(len(labels), device=labels.device), torch.where(best == 0, 0, labels), best


SCORINGS: dict[str, type[Scoring]] = {
    "cosine": Cosine,
    "quality": Quality,
    "softmax": Softmax,
    "topk": TopClasses,
    "negatives": Negatives,
}
"""The rules that come with ntt, by the names of their files in conf/scoring."""
