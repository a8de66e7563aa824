"""Layers."""

from __future__ import annotations

import math
from typing import Any

from gradframe._array.core import Array, as_array
from gradframe._array.creation import ones, zeros
from gradframe.errors import PlanError, ShapeError
from gradframe.nn import functional as F
from gradframe.nn import init
from gradframe.nn.module import Module, Parameter, _set


class Identity(Module):
    """What it is given."""

    def forward(self, x: Any) -> Any:
        return x


class Linear(Module):
    """`x @ weight.T + bias`: (.., in_features) gives (.., out_features). Weights start as PyTorch's do."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True, *, key: Array | None = None) -> None:
        super().__init__()
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
    """Rows of a table by index: (..) gives (.., embedding_dim)."""

    def __init__(self, num_embeddings: int, embedding_dim: int, *, key: Array | None = None) -> None:
        super().__init__()
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.weight = Parameter(init.normal(init.keys(key, 1)[0], (num_embeddings, embedding_dim)))

    def forward(self, indices: Any) -> Array:
        return F.embedding(indices, self.weight)

    def extra_repr(self) -> str:
        return f"{self.num_embeddings}, {self.embedding_dim}"


class _Conv(Module):
    axes = 0

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
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise PlanError(f"{type(self).__name__}: {groups} groups do not divide {in_channels} and {out_channels} channels")
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = _sizes(kernel_size, self.axes)
        self.stride, self.dilation = _sizes(stride, self.axes), _sizes(dilation, self.axes)
        self.padding = _sizes(padding, self.axes)
        fan_in = in_channels // groups * math.prod(self.kernel_size)
        limit = 1.0 / math.sqrt(fan_in) if fan_in else 0.0
        keys = init.keys(key, 2)
        self.weight = Parameter(init.uniform(keys[0], (out_channels, in_channels // groups, *self.kernel_size), -limit, limit))
        self.bias = Parameter(init.uniform(keys[1], (out_channels,), -limit, limit)) if bias else None

    def forward(self, x: Any) -> Array:
        x = as_array(x)
        if x.ndim != self.axes + 2 or x.shape[1] != self.in_channels:
            raise ShapeError(
                f"{type(self).__name__}: expected (batch, {self.in_channels}{', n' * self.axes}), got shape {x.shape}"
            )
        return F.conv(x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)

    def extra_repr(self) -> str:
        return f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"


class Conv1d(_Conv):
    """A convolution along one axis: (batch, channels, n)."""

    axes = 1


class Conv2d(_Conv):
    """A convolution along two axes: (batch, channels, height, width)."""

    axes = 2


class _ConvTranspose(Module):
    axes = 0

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
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise PlanError(f"{type(self).__name__}: {groups} groups do not divide {in_channels} and {out_channels} channels")
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride = _sizes(kernel_size, self.axes), _sizes(stride, self.axes)
        self.padding, self.output_padding = _sizes(padding, self.axes), _sizes(output_padding, self.axes)
        self.dilation = _sizes(dilation, self.axes)
        fan_in = out_channels // groups * math.prod(self.kernel_size)
        limit = 1.0 / math.sqrt(fan_in) if fan_in else 0.0
        keys = init.keys(key, 2)
        self.weight = Parameter(init.uniform(keys[0], (in_channels, out_channels // groups, *self.kernel_size), -limit, limit))
        self.bias = Parameter(init.uniform(keys[1], (out_channels,), -limit, limit)) if bias else None

    def forward(self, x: Any) -> Array:
        x = as_array(x)
        if x.ndim != self.axes + 2 or x.shape[1] != self.in_channels:
            raise ShapeError(
                f"{type(self).__name__}: expected (batch, {self.in_channels}{', n' * self.axes}), got shape {x.shape}"
            )
        return F.conv_transpose(
            x, self.weight, self.bias, self.stride, self.padding, self.output_padding, self.groups, self.dilation
        )

    def extra_repr(self) -> str:
        return f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"


class ConvTranspose1d(_ConvTranspose):
    """What a convolution along one axis came from: (batch, channels, n)."""

    axes = 1


class ConvTranspose2d(_ConvTranspose):
    """What a convolution along two axes came from: (batch, channels, height, width)."""

    axes = 2


def _sizes(value: Any, axes: int) -> tuple[int, ...]:
    return (value,) * axes if isinstance(value, int) else tuple(value)


class LayerNorm(Module):
    """Standardised over the last axes, then scaled and shifted."""

    def __init__(self, normalized_shape: Any, eps: float = 1e-5, bias: bool = True) -> None:
        super().__init__()
        self.normalized_shape, self.eps = F._each(normalized_shape), eps
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
        self.normalized_shape, self.eps = F._each(normalized_shape), eps
        self.weight = Parameter(ones(self.normalized_shape))

    def forward(self, x: Any) -> Array:
        return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}"


class GroupNorm(Module):
    """Standardised over groups of channels, then scaled and shifted: (batch, channels, ..)."""

    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.num_groups, self.num_channels, self.eps = num_groups, num_channels, eps
        self.weight, self.bias = Parameter(ones(num_channels)), Parameter(zeros(num_channels))

    def forward(self, x: Any) -> Array:
        return F.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.num_groups}, {self.num_channels}"


class BatchNorm(Module):
    """Standardised over all axes but the channels', (batch, channels, ..): by the batch's own statistics in training, of
    which running ones are kept for prediction."""

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
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
            unbiased = x.var(axes, correction=1) if x.size > self.num_features else var
            kept = 1.0 - self.momentum
            _set(self.running_mean, self.running_mean * kept + _value(mean) * self.momentum)
            _set(self.running_var, self.running_var * kept + _value(unbiased) * self.momentum)
        return mean, var

    def extra_repr(self) -> str:
        return f"{self.num_features}, eps={self.eps}, momentum={self.momentum}"


def _value(x: Array) -> Array:
    """Without its history."""
    return x if x._array.is_traced else x.detach()


BatchNorm1d = BatchNorm2d = BatchNorm


class Dropout(Module):
    """Elements set to zero with probability p in training, the others divided by 1 - p."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        if not 0.0 <= p < 1.0:
            raise PlanError(f"Dropout: expected a probability from 0 to below 1, got {p}")
        self.p = p

    def forward(self, x: Any, key: Array | None = None) -> Array:
        return F.dropout(x, self.p, self.training, key)

    def extra_repr(self) -> str:
        return f"p={self.p}"


class _Pool(Module):
    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}"


class MaxPool2d(_Pool):
    """The largest of each window."""

    def forward(self, x: Any) -> Array:
        return F.max_pool(x, self.kernel_size, self.stride, self.padding)


class AvgPool2d(_Pool):
    """The mean of each window; padding counts as zeros."""

    def forward(self, x: Any) -> Array:
        return F.avg_pool(x, self.kernel_size, self.stride, self.padding)


class Flatten(Module):
    """Axes from `start_dim` on made one."""

    def __init__(self, start_dim: int = 1) -> None:
        super().__init__()
        self.start_dim = start_dim

    def forward(self, x: Any) -> Array:
        x = as_array(x)
        return x.reshape((*x.shape[: self.start_dim], -1))


def _activation(name: str, function: Any, doc: str) -> type[Module]:
    def forward(self: Module, x: Any) -> Array:
        return function(x)

    return type(name, (Module,), {"forward": forward, "__doc__": doc, "__module__": __name__})


ReLU = _activation("ReLU", F.relu, "x where it is positive, else 0.")
GELU = _activation("GELU", F.gelu, "`x * P(X <= x)` for X normal.")
SiLU = _activation("SiLU", F.silu, "`x * sigmoid(x)`.")
Mish = _activation("Mish", F.mish, "`x * tanh(softplus(x))`.")
Sigmoid = _activation("Sigmoid", F.sigmoid, "`1 / (1 + exp(-x))`.")
Tanh = _activation("Tanh", F.tanh, "The hyperbolic tangent.")
Softplus = _activation("Softplus", F.softplus, "`log(1 + exp(x))`.")


def _loss(name: str, function: Any, doc: str) -> type[Module]:
    def __init__(self: Module, reduction: str = "mean") -> None:
        Module.__init__(self)
        self.reduction = reduction

    def forward(self: Any, input: Any, target: Any) -> Array:
        return function(input, target, reduction=self.reduction)

    return type(name, (Module,), {"__init__": __init__, "forward": forward, "__doc__": doc, "__module__": __name__})


MSELoss = _loss("MSELoss", F.mse_loss, "The squared difference.")
L1Loss = _loss("L1Loss", F.l1_loss, "The size of the difference.")
HuberLoss = _loss("HuberLoss", F.huber_loss, "Half the squared difference near 0, a line beyond.")
CrossEntropyLoss = _loss("CrossEntropyLoss", F.cross_entropy, "`-log softmax` of the target.")
NLLLoss = _loss("NLLLoss", F.nll_loss, "The negative of the target's entry.")
BCEWithLogitsLoss = _loss("BCEWithLogitsLoss", F.binary_cross_entropy_with_logits, "The cross entropy of logits and probabilities.")
