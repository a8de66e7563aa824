"""Layers that standardise."""

from __future__ import annotations

from typing import Any

from gradframe._array.core import Array, as_array
from gradframe._array.creation import ones, zeros
from gradframe.errors import ShapeError
from gradframe.nn import functional as F
from gradframe.nn._arguments import count, divides, sizes
from gradframe.nn._windows import of_items
from gradframe.nn.module import Module, Parameter, _set

__all__ = [
    "BatchNorm", "BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "GroupNorm", "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d",
    "LayerNorm", "LocalResponseNorm", "RMSNorm",
]


class LayerNorm(Module):
    """Standardised over the last axes, then scaled and shifted, unless without `elementwise_affine`."""

    def __init__(self, normalized_shape: Any, eps: float = 1e-5, elementwise_affine: bool = True, bias: bool = True) -> None:
        super().__init__()
        self.normalized_shape, self.eps = sizes("LayerNorm", "normalized_shape", normalized_shape), eps
        self.elementwise_affine = bool(elementwise_affine)
        self.weight = Parameter(ones(self.normalized_shape)) if elementwise_affine else None
        self.bias = Parameter(zeros(self.normalized_shape)) if elementwise_affine and bias else None

    def forward(self, x: Any) -> Array:
        return F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}"


class RMSNorm(Module):
    """Divided by the root of the mean of squares over the last axes, then scaled, unless without `elementwise_affine`. An `eps` of None is the
    precision of the element type."""

    def __init__(self, normalized_shape: Any, eps: float | None = None, elementwise_affine: bool = True) -> None:
        super().__init__()
        self.normalized_shape, self.eps = sizes("RMSNorm", "normalized_shape", normalized_shape), eps
        self.weight = Parameter(ones(self.normalized_shape)) if elementwise_affine else None

    def forward(self, x: Any) -> Array:
        return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}"


class GroupNorm(Module):
    """Standardised over groups of channels, then scaled and shifted, unless without `affine`: (batch, channels, ..)."""

    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True) -> None:
        super().__init__()
        self.num_channels, self.eps = count("GroupNorm", "num_channels", num_channels), eps
        self.num_groups = count("GroupNorm", "num_groups", num_groups, 1)
        divides("GroupNorm", "num_groups", num_groups, num_channels=num_channels)
        self.weight, self.bias = (Parameter(ones(num_channels)), Parameter(zeros(num_channels))) if affine else (None, None)

    def forward(self, x: Any) -> Array:
        return F.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.num_groups}, {self.num_channels}"


class _Running(Module):
    """What layers with running statistics have in common. A `momentum` of None is the mean of all batches so far."""

    _unused_names = ("num_batches_tracked",)

    def __init__(self, num_features: int, eps: float, momentum: float | None, affine: bool, track_running_stats: bool) -> None:
        super().__init__()
        self.num_features, self.eps, self.momentum = count(type(self).__name__, "num_features", num_features), eps, momentum
        self.affine, self.track_running_stats = bool(affine), bool(track_running_stats)
        self.weight, self.bias = (Parameter(ones(num_features)), Parameter(zeros(num_features))) if affine else (None, None)
        self.register_buffer("running_mean", zeros(num_features) if track_running_stats else None)
        self.register_buffer("running_var", ones(num_features) if track_running_stats else None)
        if momentum is None and track_running_stats:
            self.register_buffer("num_batches_tracked", zeros(()))  # a float: a module of integers has no gradient

    def _part(self) -> Any:
        """What the next batch weighs in the running statistics."""
        if self.momentum is not None or not self.track_running_stats:
            return self.momentum
        _set(self.num_batches_tracked, self.num_batches_tracked + 1)
        return 1.0 / self.num_batches_tracked

    def extra_repr(self) -> str:
        return f"{self.num_features}, eps={self.eps}, momentum={self.momentum}"


class BatchNorm(_Running):
    """Standardised over all axes but the channels', (batch, channels, ..): by the batch's own statistics in training, of
    which running ones are kept for prediction, unless without `track_running_stats`."""

    # The numbers of axes that there may be; None is any.
    ranks: tuple[int, ...] | None = None

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True, track_running_stats: bool = True
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats)

    def forward(self, x: Any) -> Array:
        x = as_array(x)
        wrong = x.ndim < 2 if self.ranks is None else x.ndim not in self.ranks
        if wrong or x.shape[1] != self.num_features:
            rest = ", .." if self.ranks is None else ", n" * (max(self.ranks) - 2)
            raise ShapeError(f"{type(self).__name__}: expected (batch, {self.num_features}{rest}), got shape {x.shape}")
        part = self._part() if self.training else 0.0
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, self.training, part, self.eps)


class BatchNorm1d(BatchNorm):
    """`BatchNorm` of (batch, channels) or (batch, channels, n)."""

    ranks = (2, 3)


class BatchNorm2d(BatchNorm):
    """`BatchNorm` of (batch, channels, height, width)."""

    ranks = (4,)


class BatchNorm3d(BatchNorm):
    """`BatchNorm` of (batch, channels, depth, height, width)."""

    ranks = (5,)


class _InstanceNorm(_Running):
    axes = 0

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = False, track_running_stats: bool = False
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats)

    def forward(self, x: Any) -> Array:
        x = as_array(x)
        if x.ndim not in (self.axes + 1, self.axes + 2) or x.shape[-1 - self.axes] != self.num_features:
            rest = f"{self.num_features}{', n' * self.axes}"
            raise ShapeError(f"{type(self).__name__}: expected (batch, {rest}), or ({rest}), got shape {x.shape}")
        own = self.training or not self.track_running_stats
        running = (self.running_mean, self.running_var)
        part = self._part() if self.training else 0.0
        return of_items(x, self.axes + 2, lambda x: F.instance_norm(x, *running, self.weight, self.bias, own, part, self.eps))


class InstanceNorm1d(_InstanceNorm):
    """Each item's channels standardised over their own axis: (batch, channels, n), or without the batch. Scaled and shifted with `affine`."""

    axes = 1


class InstanceNorm2d(_InstanceNorm):
    """Each item's channels standardised over their own axes: (batch, channels, height, width), or without the batch. Scaled and shifted with
    `affine`."""

    axes = 2


class InstanceNorm3d(_InstanceNorm):
    """Each item's channels standardised over their own axes: (batch, channels, depth, height, width), or without the batch. Scaled and shifted
    with `affine`."""

    axes = 3


class LocalResponseNorm(Module):
    """Divided by what the channels beside are: see `functional.local_response_norm`."""

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = count("LocalResponseNorm", "size", size, 1), alpha, beta, k

    def forward(self, x: Any) -> Array:
        return F.local_response_norm(x, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
