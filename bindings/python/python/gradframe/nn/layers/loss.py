"""Losses as modules."""

from __future__ import annotations

from typing import Any

from gradframe._array.core import Array
from gradframe.nn import functional as F
from gradframe.nn._arguments import count
from gradframe.nn._losses import known, smoothing
from gradframe.nn.module import Module

__all__ = [
    "BCELoss", "BCEWithLogitsLoss", "CTCLoss", "CrossEntropyLoss", "HuberLoss", "KLDivLoss", "L1Loss", "MSELoss", "MultiLabelMarginLoss",
    "NLLLoss", "SmoothL1Loss", "SoftMarginLoss",
]


def _loss(name: str, function: Any, doc: str) -> type[Module]:
    def __init__(self: Module, reduction: str = "mean") -> None:
        Module.__init__(self)
        self.reduction = known(reduction)

    def forward(self: Any, input: Any, target: Any) -> Array:
        return function(input, target, reduction=self.reduction)

    return type(name, (Module,), {"__init__": __init__, "forward": forward, "__doc__": doc, "__module__": __name__})


MSELoss = _loss("MSELoss", F.mse_loss, "The squared difference.")
L1Loss = _loss("L1Loss", F.l1_loss, "The size of the difference.")
SoftMarginLoss = _loss("SoftMarginLoss", F.soft_margin_loss, "`log(1 + exp(-target * input))` for a target of 1 or -1.")
MultiLabelMarginLoss = _loss("MultiLabelMarginLoss", F.multilabel_margin_loss, "See `functional.multilabel_margin_loss`.")


class _Weighed(Module):
    """A loss whose elements or classes have weights, which are kept with the module. A text in their place is the reduction."""

    def __init__(self, weight: Any = None, reduction: str = "mean") -> None:
        super().__init__()
        if isinstance(weight, str):
            weight, reduction = None, weight
        self.reduction = known(reduction)
        self.register_buffer("weight", weight)


class BCELoss(_Weighed):
    """The cross entropy of two kinds of probabilities: see `functional.binary_cross_entropy`."""

    def forward(self, input: Any, target: Any) -> Array:
        return F.binary_cross_entropy(input, target, self.reduction, weight=self.weight)


class BCEWithLogitsLoss(_Weighed):
    """The cross entropy of logits and probabilities: see `functional.binary_cross_entropy_with_logits`."""

    def __init__(self, weight: Any = None, reduction: str = "mean", pos_weight: Any = None) -> None:
        super().__init__(weight, reduction)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Any, target: Any) -> Array:
        return F.binary_cross_entropy_with_logits(input, target, self.reduction, weight=self.weight, pos_weight=self.pos_weight)


class HuberLoss(Module):
    """Half the squared difference below `delta`, a line beyond."""

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__()
        self.reduction, self.delta = known(reduction), delta

    def forward(self, input: Any, target: Any) -> Array:
        return F.huber_loss(input, target, self.delta, self.reduction)


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


class CrossEntropyLoss(_Weighed):
    """`-log softmax` of the target, each class with a weight: see `functional.cross_entropy`."""

    def __init__(
        self, weight: Any = None, reduction: str = "mean", *, ignore_index: int | None = -100, label_smoothing: float = 0.0
    ) -> None:
        super().__init__(weight, reduction)
        self.ignore_index, self.label_smoothing = ignore_index, smoothing(label_smoothing)

    def forward(self, input: Any, target: Any) -> Array:
        return F.cross_entropy(input, target, self.reduction, self.label_smoothing, self.ignore_index, weight=self.weight)


class NLLLoss(_Weighed):
    """The negative of the target's entry, each class with a weight: see `functional.nll_loss`."""

    def __init__(self, weight: Any = None, reduction: str = "mean", *, ignore_index: int | None = -100) -> None:
        super().__init__(weight, reduction)
        self.ignore_index = ignore_index

    def forward(self, input: Any, target: Any) -> Array:
        return F.nll_loss(input, target, self.reduction, self.ignore_index, weight=self.weight)


class CTCLoss(Module):
    """How probable labels are somewhere in a sequence: see `functional.ctc_loss`."""

    def __init__(self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False) -> None:
        super().__init__()
        self.blank, self.reduction, self.zero_infinity = count("CTCLoss", "blank", blank), known(reduction), bool(zero_infinity)

    def forward(self, log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any) -> Array:
        return F.ctc_loss(log_probs, targets, input_lengths, target_lengths, self.blank, self.reduction, self.zero_infinity)
