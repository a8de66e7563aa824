"""Activations as modules: functions of elements, or along an axis."""

from __future__ import annotations

from typing import Any

from gradframe._array.core import Array, as_array
from gradframe._array.creation import full
from gradframe.errors import PlanError, ShapeError
from gradframe.nn import functional as F
from gradframe.nn._arguments import count
from gradframe.nn.module import Module, Parameter

__all__ = [
    "CELU", "CosineSimilarity", "ELU", "GELU", "GLU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU", "LogSigmoid",
    "LogSoftmax", "Mish", "PReLU", "ReLU", "ReLU6", "SELU", "SiLU", "Sigmoid", "Softmax", "Softmax2d", "Softmin", "Softplus", "Softshrink",
    "Softsign", "Tanh", "Tanhshrink", "Threshold",
]


class _InPlace(Module):
    """Takes PyTorch's `inplace`, which means the same: what it gives is a new array."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = bool(inplace)


def _activation(name: str, function: Any, doc: str, base: type[Module] = Module) -> type[Module]:
    def forward(self: Module, x: Any) -> Array:
        return function(x)

    return type(name, (base,), {"forward": forward, "__doc__": doc, "__module__": __name__})


ReLU = _activation("ReLU", F.relu, "x where it is positive, else 0.", _InPlace)
ReLU6 = _activation("ReLU6", F.relu6, "x where it is positive, else 0; 6 at most.", _InPlace)
SiLU = _activation("SiLU", F.silu, "`x * sigmoid(x)`.", _InPlace)
Mish = _activation("Mish", F.mish, "`x * tanh(softplus(x))`.", _InPlace)
Sigmoid = _activation("Sigmoid", F.sigmoid, "`1 / (1 + exp(-x))`.")
LogSigmoid = _activation("LogSigmoid", F.logsigmoid, "The logarithm of the sigmoid.")
Hardsigmoid = _activation("Hardsigmoid", F.hardsigmoid, "`x / 6 + 1 / 2` between 0 and 1.", _InPlace)
Hardswish = _activation("Hardswish", F.hardswish, "`x * hardsigmoid(x)`.", _InPlace)
Tanh = _activation("Tanh", F.tanh, "The hyperbolic tangent.")


SELU = _activation("SELU", F.selu, "An `ELU` that keeps mean 0 and variance 1 of what is such.", _InPlace)
Softsign = _activation("Softsign", F.softsign, "`x / (1 + |x|)`.")


class CELU(_InPlace):
    """x where it is positive, else `alpha * (exp(x / alpha) - 1)`."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        F.celu(0.0, alpha)
        self.alpha = alpha

    def forward(self, x: Any) -> Array:
        return F.celu(x, self.alpha)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}"


class PReLU(Module):
    """x where it is positive, else x times a weight that is learned: one for all, or one for each of `num_parameters` channels."""

    def __init__(self, num_parameters: int = 1, init: float = 0.25) -> None:
        super().__init__()
        self.num_parameters = count("PReLU", "num_parameters", num_parameters, 1)
        self.weight = Parameter(full((self.num_parameters,), init, dtype="float32"))

    def forward(self, x: Any) -> Array:
        return F.prelu(x, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class Softplus(Module):
    """`log(1 + exp(beta x)) / beta`; x itself where `beta x` is above `threshold`."""

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        F.softplus(0.0, beta, threshold)
        self.beta, self.threshold = beta, threshold

    def forward(self, x: Any) -> Array:
        return F.softplus(x, self.beta, self.threshold)

    def extra_repr(self) -> str:
        return f"beta={self.beta}, threshold={self.threshold}"


class GELU(Module):
    """`x * P(X <= x)` for X normal; with `approximate="tanh"` an approximation."""

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = F._approximation(approximate)

    def forward(self, x: Any) -> Array:
        return F.gelu(x, self.approximate)


class Hardtanh(_InPlace):
    """x, but `min_val` at least and `max_val` at most."""

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        F.hardtanh(0.0, min_val, max_val)
        self.min_val, self.max_val = min_val, max_val

    def forward(self, x: Any) -> Array:
        return F.hardtanh(x, self.min_val, self.max_val)

    def extra_repr(self) -> str:
        return f"min_val={self.min_val}, max_val={self.max_val}"


class LeakyReLU(_InPlace):
    """x where it is positive, else `negative_slope * x`."""

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.negative_slope = negative_slope

    def forward(self, x: Any) -> Array:
        return F.leaky_relu(x, self.negative_slope)

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}"


class ELU(_InPlace):
    """x where it is positive, else `alpha * (exp(x) - 1)`."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.alpha = alpha

    def forward(self, x: Any) -> Array:
        return F.elu(x, self.alpha)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}"


class _AlongAxis(Module):
    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Softmax(_AlongAxis):
    """Numbers above 0 whose sum along an axis, the last if none is given, is 1: `exp(x) / sum(exp(x))`."""

    def forward(self, x: Any) -> Array:
        return F.softmax(x, self.dim)


class LogSoftmax(_AlongAxis):
    """The logarithm of `Softmax`."""

    def forward(self, x: Any) -> Array:
        return F.log_softmax(x, self.dim)


class Softmin(_AlongAxis):
    """`Softmax` of what has the other sign."""

    def forward(self, x: Any) -> Array:
        return F.softmax(-as_array(x), self.dim)


class GLU(_AlongAxis):
    """The first half along an axis, times the sigmoid of the second."""

    def forward(self, x: Any) -> Array:
        return F.glu(x, self.dim)


class CosineSimilarity(Module):
    """The cosine of the angle between vectors along an axis."""

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim, self.eps = dim, eps

    def forward(self, x1: Any, x2: Any) -> Array:
        return F.cosine_similarity(x1, x2, self.dim, self.eps)


class Softmax2d(Module):
    """`Softmax` over channels: (batch, channels, height, width), or without the batch."""

    def forward(self, x: Any) -> Array:
        x = as_array(x)
        if x.ndim not in (3, 4):
            raise ShapeError(f"Softmax2d: expected (batch, channels, height, width), or without the batch, got shape {x.shape}")
        return F.softmax(x, -3)


class Threshold(_InPlace):
    """x where it is above `threshold`, else `value`."""

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.threshold, self.value = threshold, value

    def forward(self, x: Any) -> Array:
        return F.threshold(x, self.threshold, self.value)

    def extra_repr(self) -> str:
        return f"threshold={self.threshold}, value={self.value}"


class _Shrink(Module):
    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        if not lambd >= 0:
            raise PlanError(f"{type(self).__name__}: `lambd` is {lambd}, expected a number from 0")
        self.lambd = lambd

    def extra_repr(self) -> str:
        return f"{self.lambd}"


class Hardshrink(_Shrink):
    """x, but 0 from `-lambd` to `lambd`."""

    def forward(self, x: Any) -> Array:
        return F.hardshrink(x, self.lambd)


class Softshrink(_Shrink):
    """x drawn to 0 by `lambd`: 0 from `-lambd` to `lambd`."""

    def forward(self, x: Any) -> Array:
        return F.softshrink(x, self.lambd)


Tanhshrink = _activation("Tanhshrink", F.tanhshrink, "`x - tanh(x)`.")
