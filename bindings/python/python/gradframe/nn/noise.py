"""Layers that draw random numbers in training."""

from __future__ import annotations

from typing import Any

from gradframe._array.core import Array
from gradframe.errors import PlanError
from gradframe.nn import functional as F
from gradframe.nn._arguments import probability
from gradframe.nn.module import Module

__all__ = ["AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout", "RReLU"]


class _Drops(Module):
    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        self.p, self.inplace = probability(type(self).__name__, "p", p), bool(inplace)

    def extra_repr(self) -> str:
        return f"p={self.p}"


def _drops(name: str, function: Any, doc: str) -> type[Module]:
    def forward(self: Any, x: Any, key: Array | None = None) -> Array:
        return function(x, self.p, self.training, key=key)

    return type(name, (_Drops,), {"forward": forward, "__doc__": doc, "__module__": __name__})


Dropout = _drops("Dropout", F.dropout, "Elements set to zero with probability p in training, the others divided by 1 - p.")
Dropout1d = _drops("Dropout1d", F.dropout1d, "Channels set to zero with probability p in training: (batch, channels, n), or without the batch.")
Dropout2d = _drops("Dropout2d", F.dropout2d, "Channels set to zero with probability p in training: (batch, channels, height, width).")
Dropout3d = _drops("Dropout3d", F.dropout3d, "Channels set to zero with probability p in training: (batch, channels, depth, height, width).")
AlphaDropout = _drops("AlphaDropout", F.alpha_dropout, "Dropout that keeps mean 0 and variance 1, for networks of `SELU`.")
FeatureAlphaDropout = _drops("FeatureAlphaDropout", F.feature_alpha_dropout, "`AlphaDropout` of whole channels: (batch, channels, ..).")


class RReLU(Module):
    """x where it is positive, else x times a number between `lower` and `upper`: in training drawn anew, else the middle."""

    def __init__(self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False) -> None:
        super().__init__()
        if not lower <= upper:
            raise PlanError(f"RReLU: `lower` is {lower}, expected at most `upper`, which is {upper}")
        self.lower, self.upper, self.inplace = lower, upper, bool(inplace)

    def forward(self, x: Any, key: Array | None = None) -> Array:
        return F.rrelu(x, self.lower, self.upper, self.training, key=key)

    def extra_repr(self) -> str:
        return f"lower={self.lower}, upper={self.upper}"
