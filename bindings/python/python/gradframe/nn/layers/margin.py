"""Losses of distances, margins and likelihoods as modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradframe._array.core import Array
from gradframe.errors import PlanError
from gradframe.nn import functional as F
from gradframe.nn._losses import known
from gradframe.nn.module import Module

__all__ = [
    "CosineEmbeddingLoss", "GaussianNLLLoss", "HingeEmbeddingLoss", "MarginRankingLoss", "MultiLabelSoftMarginLoss", "MultiMarginLoss",
    "PairwiseDistance", "PoissonNLLLoss", "TripletMarginLoss", "TripletMarginWithDistanceLoss",
]


class PairwiseDistance(Module):
    """The norm of the difference of two vectors along the last axis."""

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm, self.eps, self.keepdim = p, eps, keepdim

    def forward(self, x1: Any, x2: Any) -> Array:
        return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)


class _Margin(Module):
    def __init__(self, margin: float, reduction: str) -> None:
        super().__init__()
        self.margin, self.reduction = float(margin), known(reduction)

    def extra_repr(self) -> str:
        return f"margin={self.margin}"


class CosineEmbeddingLoss(_Margin):
    """See `functional.cosine_embedding_loss`."""

    def __init__(self, margin: float = 0.0, reduction: str = "mean") -> None:
        super().__init__(margin, reduction)

    def forward(self, input1: Any, input2: Any, target: Any) -> Array:
        return F.cosine_embedding_loss(input1, input2, target, self.margin, self.reduction)


class MarginRankingLoss(_Margin):
    """See `functional.margin_ranking_loss`."""

    def __init__(self, margin: float = 0.0, reduction: str = "mean") -> None:
        super().__init__(margin, reduction)

    def forward(self, input1: Any, input2: Any, target: Any) -> Array:
        return F.margin_ranking_loss(input1, input2, target, self.margin, self.reduction)


class HingeEmbeddingLoss(_Margin):
    """See `functional.hinge_embedding_loss`."""

    def __init__(self, margin: float = 1.0, reduction: str = "mean") -> None:
        super().__init__(margin, reduction)

    def forward(self, input: Any, target: Any) -> Array:
        return F.hinge_embedding_loss(input, target, self.margin, self.reduction)


class MultiMarginLoss(_Margin):
    """See `functional.multi_margin_loss`."""

    def __init__(self, p: int = 1, margin: float = 1.0, weight: Any = None, reduction: str = "mean") -> None:
        super().__init__(margin, reduction)
        if p not in (1, 2):
            raise PlanError(f"MultiMarginLoss: `p` is {p!r}, expected 1 or 2")
        self.p = p
        self.register_buffer("weight", weight)

    def forward(self, input: Any, target: Any) -> Array:
        return F.multi_margin_loss(input, target, self.p, self.margin, self.weight, self.reduction)


class MultiLabelSoftMarginLoss(Module):
    """See `functional.multilabel_soft_margin_loss`."""

    def __init__(self, weight: Any = None, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = known(reduction)
        self.register_buffer("weight", weight)

    def forward(self, input: Any, target: Any) -> Array:
        return F.multilabel_soft_margin_loss(input, target, self.weight, self.reduction)


class TripletMarginLoss(_Margin):
    """See `functional.triplet_margin_loss`."""

    def __init__(self, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6, swap: bool = False, reduction: str = "mean") -> None:
        super().__init__(_positive("TripletMarginLoss", margin), reduction)
        self.p, self.eps, self.swap = p, eps, swap

    def forward(self, anchor: Any, positive: Any, negative: Any) -> Array:
        return F.triplet_margin_loss(anchor, positive, negative, self.margin, self.p, self.eps, self.swap, self.reduction)


class TripletMarginWithDistanceLoss(_Margin):
    """See `functional.triplet_margin_with_distance_loss`."""

    def __init__(
        self,
        *,
        distance_function: Callable[[Array, Array], Array] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(_positive("TripletMarginWithDistanceLoss", margin), reduction)
        self.distance_function, self.swap = distance_function, swap

    def forward(self, anchor: Any, positive: Any, negative: Any) -> Array:
        options = {"distance_function": self.distance_function, "margin": self.margin, "swap": self.swap}
        return F.triplet_margin_with_distance_loss(anchor, positive, negative, **options, reduction=self.reduction)


def _positive(layer: str, margin: float) -> float:
    if not margin > 0:
        raise PlanError(f"{layer}: `margin` is {margin}, expected a number above 0")
    return margin


class GaussianNLLLoss(Module):
    """The likelihood of numbers around means with variances: see `functional.gaussian_nll_loss`."""

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__()
        self.full, self.eps, self.reduction = full, eps, known(reduction)

    def forward(self, input: Any, target: Any, var: Any) -> Array:
        return F.gaussian_nll_loss(input, target, var, self.full, self.eps, self.reduction)


class PoissonNLLLoss(Module):
    """The likelihood of counts: see `functional.poisson_nll_loss`."""

    def __init__(self, log_input: bool = True, full: bool = False, *, eps: float = 1e-8, reduction: str = "mean") -> None:
        super().__init__()
        self.log_input, self.full, self.eps, self.reduction = log_input, full, eps, known(reduction)

    def forward(self, input: Any, target: Any) -> Array:
        return F.poisson_nll_loss(input, target, self.log_input, self.full, eps=self.eps, reduction=self.reduction)
