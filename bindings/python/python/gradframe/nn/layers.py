"""Layers."""

from __future__ import annotations

import math
from typing import Any

from gradframe._array.core import Array, as_array
from gradframe._array.creation import ones, zeros
from gradframe._array.elementwise import maximum
from gradframe.errors import OutOfBoundsError, PlanError, ShapeError
from gradframe.nn import functional as F
from gradframe.nn import init
from gradframe.nn._arguments import along_axes, count, divides, sizes
from gradframe.nn.module import Module, Parameter, _set


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


class Embedding(Module):
    """Rows of a table by index: (..) gives (.., embedding_dim). Raises OutOfBoundsError, an IndexError, for an index outside of 0 to
    num_embeddings - 1; so do `frame.fit` and `predict` of a module (see `nn.functional.embedding`). In other compiled functions, where indices are
    not known, such an index gives zeros."""

    def __init__(self, num_embeddings: int, embedding_dim: int, *, key: Array | None = None) -> None:
        super().__init__()
        num_embeddings = count("Embedding", "num_embeddings", num_embeddings)
        embedding_dim = count("Embedding", "embedding_dim", embedding_dim)
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.weight = Parameter(init.normal(init.keys(key, 1)[0], (num_embeddings, embedding_dim)))

    def forward(self, indices: Any) -> Array:
        return F.embedding(indices, self.weight)

    def extra_repr(self) -> str:
        return f"{self.num_embeddings}, {self.embedding_dim}"


class _Windowed(Module):
    """What convolutions have in common."""

    axes = 0

    def _channels(self, in_channels: int, out_channels: int, groups: int) -> None:
        layer = type(self).__name__
        self.in_channels, self.out_channels = count(layer, "in_channels", in_channels), count(layer, "out_channels", out_channels)
        self.groups = count(layer, "groups", groups, 1)
        divides(layer, "groups", groups, in_channels=in_channels, out_channels=out_channels)

    def _windows(self, name: str, value: Any, least: int) -> tuple[int, ...]:
        return along_axes(type(self).__name__, name, value, self.axes, least)

    def _given(self, x: Any) -> Array:
        x = as_array(x)
        if x.ndim != self.axes + 2 or x.shape[1] != self.in_channels:
            raise ShapeError(
                f"{type(self).__name__}: expected (batch, {self.in_channels}{', n' * self.axes}), got shape {x.shape}"
            )
        return x

    def extra_repr(self) -> str:
        return f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"


class _Conv(_Windowed):

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        key: Array | None = None,
    ) -> None:
        super().__init__()
        self._channels(in_channels, out_channels, groups)
        self.kernel_size, self.stride = self._windows("kernel_size", kernel_size, 1), self._windows("stride", stride, 1)
        self.padding, self.dilation = self._windows("padding", padding, 0), self._windows("dilation", dilation, 1)
        fan_in = in_channels // groups * math.prod(self.kernel_size)
        limit = 1.0 / math.sqrt(fan_in) if fan_in else 0.0
        keys = init.keys(key, 2)
        self.weight = Parameter(init.uniform(keys[0], (out_channels, in_channels // groups, *self.kernel_size), -limit, limit))
        self.bias = Parameter(init.uniform(keys[1], (out_channels,), -limit, limit)) if bias else None

    def forward(self, x: Any) -> Array:
        x = self._given(x)
        return F.conv(x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


class Conv1d(_Conv):
    """A convolution along one axis: (batch, channels, n)."""

    axes = 1


class Conv2d(_Conv):
    """A convolution along two axes: (batch, channels, height, width)."""

    axes = 2


class _ConvTranspose(_Windowed):

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        *,
        key: Array | None = None,
    ) -> None:
        super().__init__()
        self._channels(in_channels, out_channels, groups)
        self.kernel_size, self.stride = self._windows("kernel_size", kernel_size, 1), self._windows("stride", stride, 1)
        self.padding, self.dilation = self._windows("padding", padding, 0), self._windows("dilation", dilation, 1)
        self.output_padding = self._windows("output_padding", output_padding, 0)
        for extra, step, spread in zip(self.output_padding, self.stride, self.dilation, strict=True):
            if extra >= max(step, spread):
                what = f"`output_padding` is {extra}, expected less than `stride` {step} or `dilation` {spread}"
                raise PlanError(f"{type(self).__name__}: {what}")
        fan_in = out_channels // groups * math.prod(self.kernel_size)
        limit = 1.0 / math.sqrt(fan_in) if fan_in else 0.0
        keys = init.keys(key, 2)
        self.weight = Parameter(init.uniform(keys[0], (in_channels, out_channels // groups, *self.kernel_size), -limit, limit))
        self.bias = Parameter(init.uniform(keys[1], (out_channels,), -limit, limit)) if bias else None

    def forward(self, x: Any) -> Array:
        x = self._given(x)
        return F.conv_transpose(
            x, self.weight, self.bias, self.stride, self.padding, self.output_padding, self.groups, self.dilation
        )


class ConvTranspose1d(_ConvTranspose):
    """What a convolution along one axis came from: (batch, channels, n)."""

    axes = 1


class ConvTranspose2d(_ConvTranspose):
    """What a convolution along two axes came from: (batch, channels, height, width)."""

    axes = 2


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


class _Pool(Module):
    axes = 0

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        layer = type(self).__name__
        window = along_axes(layer, "kernel_size", kernel_size, self.axes, 1)
        if stride is not None:
            along_axes(layer, "stride", stride, self.axes, 1)
        for size, around in zip(window, along_axes(layer, "padding", padding, self.axes), strict=True):
            if 2 * around > size:
                raise PlanError(f"{layer}: `padding` is {around}, expected at most half of `kernel_size`, which is {size}")
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}"


class _MaxPool(_Pool):
    def forward(self, x: Any) -> Array:
        return F.max_pool(x, self.kernel_size, self.stride, self.padding)


class _AvgPool(_Pool):
    def forward(self, x: Any) -> Array:
        return F.avg_pool(x, self.kernel_size, self.stride, self.padding)


class MaxPool1d(_MaxPool):
    """The largest of each window: (batch, channels, n)."""

    axes = 1


class MaxPool2d(_MaxPool):
    """The largest of each window: (batch, channels, height, width)."""

    axes = 2


class AvgPool1d(_AvgPool):
    """The mean of each window, (batch, channels, n); padding counts as zeros."""

    axes = 1


class AvgPool2d(_AvgPool):
    """The mean of each window, (batch, channels, height, width); padding counts as zeros."""

    axes = 2


class Flatten(Module):
    """Axes from `start_dim` on made one."""

    def __init__(self, start_dim: int = 1) -> None:
        super().__init__()
        self.start_dim = start_dim

    def forward(self, x: Any) -> Array:
        x = as_array(x)
        if not -x.ndim <= self.start_dim < max(x.ndim, 1):
            raise OutOfBoundsError(f"Flatten: `start_dim` is {self.start_dim}, the input of shape {x.shape} has {x.ndim} axes")
        return x.reshape((*x.shape[: self.start_dim], -1))


def _loss(name: str, function: Any, doc: str) -> type[Module]:
    def __init__(self: Module, reduction: str = "mean") -> None:
        Module.__init__(self)
        self.reduction = F._known(reduction)

    def forward(self: Any, input: Any, target: Any) -> Array:
        return function(input, target, reduction=self.reduction)

    return type(name, (Module,), {"__init__": __init__, "forward": forward, "__doc__": doc, "__module__": __name__})


MSELoss = _loss("MSELoss", F.mse_loss, "The squared difference.")
L1Loss = _loss("L1Loss", F.l1_loss, "The size of the difference.")
HuberLoss = _loss("HuberLoss", F.huber_loss, "Half the squared difference near 0, a line beyond.")
BCEWithLogitsLoss = _loss("BCEWithLogitsLoss", F.binary_cross_entropy_with_logits, "The cross entropy of logits and probabilities.")


class CrossEntropyLoss(Module):
    """`-log softmax` of the target: see `functional.cross_entropy`."""

    def __init__(self, reduction: str = "mean", *, ignore_index: int | None = -100, label_smoothing: float = 0.0) -> None:
        super().__init__()
        self.reduction, self.ignore_index = F._known(reduction), ignore_index
        self.label_smoothing = F._smoothing(label_smoothing)

    def forward(self, input: Any, target: Any) -> Array:
        return F.cross_entropy(input, target, self.reduction, self.label_smoothing, self.ignore_index)


class NLLLoss(Module):
    """The negative of the target's entry: see `functional.nll_loss`."""

    def __init__(self, reduction: str = "mean", *, ignore_index: int | None = -100) -> None:
        super().__init__()
        self.reduction, self.ignore_index = F._known(reduction), ignore_index

    def forward(self, input: Any, target: Any) -> Array:
        return F.nll_loss(input, target, self.reduction, self.ignore_index)
