"""Losses as modules."""

from __future__ import annotations

from typing import Any

from gradframe._array.core import Array
from gradframe.nn import functional as F
from gradframe.nn._losses import known, smoothing
from gradframe.nn.module import Module


def _loss(name: str, function: Any, doc: str) -> type[Module]:
    def __init__(self: Module, reduction: str = "mean") -> None:
        Module.__init__(self)
        self.reduction = known(reduction)

    def forward(self: Any, input: Any, target: Any) -> Array:
        return function(input, target, reduction=self.reduction)

    return type(name, (Module,), {"__init__": __init__, "forward": forward, "__doc__": doc, "__module__": __name__})


MSELoss = _loss("MSELoss", F.mse_loss, "The squared difference.")
L1Loss = _loss("L1Loss", F.l1_loss, "The size of the difference.")
HuberLoss = _loss("HuberLoss", F.huber_loss, "Half the squared difference near 0, a line beyond.")
BCEWithLogitsLoss = _loss("BCEWithLogitsLoss", F.binary_cross_entropy_with_logits, "The cross entropy of logits and probabilities.")


BCELoss = _loss("BCELoss", F.binary_cross_entropy, "The cross entropy of two kinds of probabilities: see `functional.binary_cross_entropy`.")


class SmoothL1Loss(Module):
    """Half the squared difference over `beta` near 0, a line beyond."""

    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__()
        self.reduction, self.beta = known(reduction), beta

    def forward(self, input: Any, target: Any) -> Array:
        return F.smooth_l1_loss(input, target, self.reduction, self.beta)


class KLDivLoss(Module):
    """The divergence of Kullback and Leibler: see `functional.kl_div`."""

    def __init__(self, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__()
        self.reduction, self.log_target = known(reduction, ("batchmean",)), log_target

    def forward(self, input: Any, target: Any) -> Array:
        return F.kl_div(input, target, self.reduction, self.log_target)


class CrossEntropyLoss(Module):
    """`-log softmax` of the target: see `functional.cross_entropy`."""

    def __init__(self, reduction: str = "mean", *, ignore_index: int | None = -100, label_smoothing: float = 0.0) -> None:
        super().__init__()
        self.reduction, self.ignore_index = known(reduction), ignore_index
        self.label_smoothing = smoothing(label_smoothing)

    def forward(self, input: Any, target: Any) -> Array:
        return F.cross_entropy(input, target, self.reduction, self.label_smoothing, self.ignore_index)


class NLLLoss(Module):
    """The negative of the target's entry: see `functional.nll_loss`."""

    def __init__(self, reduction: str = "mean", *, ignore_index: int | None = -100) -> None:
        super().__init__()
        self.reduction, self.ignore_index = known(reduction), ignore_index

    def forward(self, input: Any, target: Any) -> Array:
        return F.nll_loss(input, target, self.reduction, self.ignore_index)
