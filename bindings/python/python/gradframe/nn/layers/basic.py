"""Layers over the last axis, tables of rows, and shapes."""

from __future__ import annotations

import math
from typing import Any

from gradframe._array.core import Array, as_array
from gradframe.errors import DTypeError, OutOfBoundsError, ShapeError
from gradframe.nn import functional as F
from gradframe.nn import init
from gradframe.nn._arguments import count
from gradframe.nn.module import Module, Parameter

__all__ = ["Bilinear", "Flatten", "Identity", "Linear", "Unflatten"]


class Identity(Module):
    """What it is given."""

    def forward(self, x: Any) -> Any:
        return x


class Linear(Module):
    """`x @ weight.T + bias`: (.., in_features) gives (.., out_features). Weights start as PyTorch's do."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True, *, key: Array | None = None) -> None:
        super().__init__()
        in_features, out_features = count("Linear", "in_features", in_features), count("Linear", "out_features", out_features)
        self.in_features, self.out_features = in_features, out_features
        limit = 1.0 / math.sqrt(in_features) if in_features else 0.0
        keys = init.keys(key, 2)
        self.weight = Parameter(init.uniform(keys[0], (out_features, in_features), -limit, limit))
        self.bias = Parameter(init.uniform(keys[1], (out_features,), -limit, limit)) if bias else None

    def forward(self, x: Any) -> Array:
        return F.linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Flatten(Module):
    """Axes from `start_dim` to `end_dim` made one."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, x: Any) -> Array:
        x = as_array(x)
        first, last = (_axis("Flatten", name, getattr(self, name), x) for name in ("start_dim", "end_dim"))
        if first > last:
            raise OutOfBoundsError(f"Flatten: `start_dim` {self.start_dim} comes after `end_dim` {self.end_dim} in shape {x.shape}")
        if not x.ndim:
            return x.reshape(1)
        if last == x.ndim - 1:
            return x.reshape((*x.shape[:first], -1))
        return x.reshape((*x.shape[:first], math.prod(x.shape[first : last + 1]), *x.shape[last + 1 :]))

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """An axis made several, of these sizes; one of them may be -1, which is what remains."""

    def __init__(self, dim: int, unflattened_size: Any) -> None:
        super().__init__()
        if not isinstance(dim, int) or isinstance(dim, bool):
            raise DTypeError(f"Unflatten: `dim` is {dim!r}, expected the place of an axis")
        if not isinstance(unflattened_size, (tuple, list)) or not all(isinstance(one, int) for one in unflattened_size):
            raise DTypeError(f"Unflatten: `unflattened_size` is {unflattened_size!r}, expected several whole numbers")
        self.dim, self.unflattened_size = dim, tuple(unflattened_size)

    def forward(self, x: Any) -> Array:
        x = as_array(x)
        axis, sizes = _axis("Unflatten", "dim", self.dim, x), self.unflattened_size
        known = math.prod(size for size in sizes if size != -1)
        fits = known == x.shape[axis] if -1 not in sizes else sizes.count(-1) == 1 and known > 0 and x.shape[axis] % known == 0
        if not fits:
            raise ShapeError(f"Unflatten: axis {self.dim} of shape {x.shape} is not {sizes}")
        whole = tuple(x.shape[axis] // known if size == -1 else size for size in sizes)
        if axis == 0:
            return x.reshape((*sizes, *x.shape[1:]))
        return x.reshape((*x.shape[:axis], *whole, *x.shape[axis + 1 :]))

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"


def _axis(layer: str, name: str, axis: int, x: Array) -> int:
    """The place of an axis, counted from the first. Raises OutOfBoundsError for one that there is not."""
    if not -max(x.ndim, 1) <= axis < max(x.ndim, 1):
        raise OutOfBoundsError(f"{layer}: `{name}` is {axis}, the input of shape {x.shape} has {x.ndim} axes")
    return axis % max(x.ndim, 1)


class Bilinear(Module):
    """`x1 @ weight @ x2 + bias`, a number for each of the outputs: (.., in1_features) and (.., in2_features) give (.., out_features)."""

    def __init__(self, in1_features: int, in2_features: int, out_features: int, bias: bool = True, *, key: Array | None = None) -> None:
        super().__init__()
        self.in1_features, self.in2_features = count("Bilinear", "in1_features", in1_features, 1), count("Bilinear", "in2_features", in2_features)
        self.out_features = count("Bilinear", "out_features", out_features)
        limit, keys = 1.0 / math.sqrt(in1_features), init.keys(key, 2)
        self.weight = Parameter(init.uniform(keys[0], (out_features, in1_features, in2_features), -limit, limit))
        self.bias = Parameter(init.uniform(keys[1], (out_features,), -limit, limit)) if bias else None

    def forward(self, x1: Any, x2: Any) -> Array:
        return F.bilinear(x1, x2, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"in1_features={self.in1_features}, in2_features={self.in2_features}, out_features={self.out_features}, bias={self.bias is not None}"
