"""Layers that standardise."""

from __future__ import annotations

from typing import Any

from gradframe._array.core import Array, as_array
from gradframe._array.creation import ones, zeros
from gradframe._array.pairs import maximum
from gradframe.errors import ShapeError
from gradframe.nn import functional as F
from gradframe.nn._arguments import count, divides, sizes
from gradframe.nn.module import Module, Parameter, _set


class LayerNorm(Module):
    """Standardised over the last axes, then scaled and shifted."""

    def __init__(self, normalized_shape: Any, eps: float = 1e-5, bias: bool = True) -> None:
        super().__init__()
        self.normalized_shape, self.eps = sizes("LayerNorm", "normalized_shape", normalized_shape), eps
        self.weight = Parameter(ones(self.normalized_shape))
        self.bias = Parameter(zeros(self.normalized_shape)) if bias else None

    def forward(self, x: Any) -> Array:
        return F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}"


class RMSNorm(Module):
    """Divided by the root of the mean of squares over the last axes, then scaled."""

    def __init__(self, normalized_shape: Any, eps: float = 1e-6) -> None:
        super().__init__()
        self.normalized_shape, self.eps = sizes("RMSNorm", "normalized_shape", normalized_shape), eps
        self.weight = Parameter(ones(self.normalized_shape))

    def forward(self, x: Any) -> Array:
        return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}"


class GroupNorm(Module):
    """Standardised over groups of channels, then scaled and shifted: (batch, channels, ..)."""

    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.num_channels, self.eps = count("GroupNorm", "num_channels", num_channels), eps
        self.num_groups = count("GroupNorm", "num_groups", num_groups, 1)
        divides("GroupNorm", "num_groups", num_groups, num_channels=num_channels)
        self.weight, self.bias = Parameter(ones(num_channels)), Parameter(zeros(num_channels))

    def forward(self, x: Any) -> Array:
        return F.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.num_groups}, {self.num_channels}"


class BatchNorm(Module):
    """Standardised over all axes but the channels', (batch, channels, ..): by the batch's own statistics in training, of
    which running ones are kept for prediction."""

    _unused_names = ("num_batches_tracked",)

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.num_features, self.eps, self.momentum = count("BatchNorm", "num_features", num_features), eps, momentum
        self.weight, self.bias = Parameter(ones(num_features)), Parameter(zeros(num_features))
        self.register_buffer("running_mean", zeros(num_features))
        self.register_buffer("running_var", ones(num_features))

    def forward(self, x: Any) -> Array:
        x = as_array(x)
        if x.ndim < 2 or x.shape[1] != self.num_features:
            raise ShapeError(f"BatchNorm: expected (batch, {self.num_features}, ..), got shape {x.shape}")
        along = (1, -1) + (1,) * (x.ndim - 2)
        mean, var = (self._batch(x) if self.training else (self.running_mean, self.running_var))
        scale = self.weight / (var + self.eps) ** 0.5
        return (x - mean.reshape(along)) * scale.reshape(along) + self.bias.reshape(along)

    def _batch(self, x: Array) -> tuple[Array, Array]:
        axes = tuple(i for i in range(x.ndim) if i != 1)
        mean, var = x.mean(axes), x.var(axes)
        if self.running_mean._array.is_traced or not x._array.is_traced:
            unbiased = var * _unbiasing(x, axes)
            kept = 1.0 - self.momentum
            _set(self.running_mean, self.running_mean * kept + _value(mean) * self.momentum)
            _set(self.running_var, self.running_var * kept + _value(unbiased) * self.momentum)
        return mean, var

    def extra_repr(self) -> str:
        return f"{self.num_features}, eps={self.eps}, momentum={self.momentum}"


def _unbiasing(x: Array, axes: tuple[int, ...]) -> Any:
    """`n / (n - 1)` of the n elements of a channel, of which a traced function does not know how many there are; 1 of a single one."""
    n: Any = (x == x).astype(x.dtype).sum(axes) if x._array.is_traced else x.size // max(x.shape[1], 1)
    return n / maximum(n - 1, 1) if isinstance(n, Array) else n / max(n - 1, 1)


def _value(x: Array) -> Array:
    """Without its history."""
    return x if x._array.is_traced else x.detach()


BatchNorm1d = BatchNorm2d = BatchNorm
