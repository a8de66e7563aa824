"""Functions of networks, without parameters of their own."""

from __future__ import annotations

from typing import Any

from gradframe._array import dtypes
from gradframe._array.core import Array, as_array, call
from gradframe._array.pairs import where
from gradframe.errors import PlanError, ShapeError
from gradframe.nn._arguments import count
from gradframe.nn._masks import attended
from gradframe.nn._windows import avg_pool, conv, conv_transpose, each, max_pool  # noqa: F401


def relu(x: Any) -> Array:
    """x where it is positive, else 0."""
    return call("relu", (x,))


def relu6(x: Any) -> Array:
    """x where it is positive, else 0; 6 at most. At both corners the derivative is 0."""
    x = as_array(x)
    return where(x >= 6.0, 6.0, relu(x))


def hardtanh(x: Any, min_val: float = -1.0, max_val: float = 1.0) -> Array:
    """x, but `min_val` at least and `max_val` at most. At both corners the derivative is 0."""
    if not min_val < max_val:
        raise PlanError(f"hardtanh: `min_val` is {min_val}, expected less than `max_val`, which is {max_val}")
    x = as_array(x)
    return where(x <= min_val, float(min_val), where(x >= max_val, float(max_val), x))


def leaky_relu(x: Any, negative_slope: float = 0.01) -> Array:
    """x where it is positive, else `negative_slope * x`."""
    return call("leaky_relu", (x,), float(negative_slope))


def elu(x: Any, alpha: float = 1.0) -> Array:
    """x where it is positive, else `alpha * (exp(x) - 1)`."""
    return call("elu", (x,), float(alpha))


def gelu(x: Any, approximate: str = "none") -> Array:
    """`x * P(X <= x)` for X normal; with "tanh" an approximation."""
    return call("gelu_tanh" if _approximation(approximate) == "tanh" else "gelu", (x,))


def _approximation(approximate: str) -> str:
    if approximate not in ("none", "tanh"):
        raise PlanError(f"gelu: `approximate` is {approximate!r}, expected 'none' or 'tanh'")
    return approximate


def silu(x: Any) -> Array:
    """`x * sigmoid(x)`."""
    return call("silu", (x,))


def mish(x: Any) -> Array:
    """`x * tanh(softplus(x))`."""
    return call("mish", (x,))


def sigmoid(x: Any) -> Array:
    """`1 / (1 + exp(-x))`."""
    return call("sigmoid", (x,))


def logsigmoid(x: Any) -> Array:
    """`log(sigmoid(x))`, without overflow."""
    return call("log_sigmoid", (x,))


def hardsigmoid(x: Any) -> Array:
    """`x / 6 + 1 / 2` between 0 and 1."""
    return relu6(as_array(x) + 3.0) / 6.0


def hardswish(x: Any) -> Array:
    """`x * hardsigmoid(x)`. Source: Howard et al. 2019."""
    x = as_array(x)
    return x * hardsigmoid(x)


def softplus(x: Any) -> Array:
    """`log(1 + exp(x))`, without overflow."""
    return call("softplus", (x,))


def tanh(x: Any) -> Array:
    """The hyperbolic tangent."""
    return call("tanh", (x,))


def softmax(x: Any, axis: int = -1) -> Array:
    """Exponentials over their sum along an axis."""
    return call("softmax", (x,), axis)


def log_softmax(x: Any, axis: int = -1) -> Array:
    """The logarithm of `softmax`, without overflow."""
    return call("log_softmax", (x,), axis)


def one_hot(indices: Any, num_classes: int, dtype: Any = "float32") -> Array:
    """1 at each index along a new last axis, else 0. Raises OutOfBoundsError, an IndexError, for an index outside of 0 to
    num_classes - 1; so do `frame.fit` and `predict` of a module (see `embedding`). In other compiled functions, where indices are not
    known, such an index gives zeros."""
    return call("one_hot", (indices,), count("one_hot", "num_classes", num_classes), dtypes.name(dtype))


def linear(x: Any, weight: Array, bias: Array | None = None) -> Array:
    """`x @ weight.T + bias`: x (.., inputs), weight (outputs, inputs)."""
    y = as_array(x) @ weight.mT
    return y if bias is None else y + bias


def embedding(indices: Any, weight: Array) -> Array:
    """Rows of a table by index. Raises OutOfBoundsError, an IndexError, for an index outside of its rows, negative ones too; so do
    `frame.fit` and `predict` of a module, for indices that are made of a row's columns. In `jit` and `apply_array`, of indices that learned
    weights, random numbers or other rows have a part in or that stand inside loops and choices, and of models that an
    earlier version stored, nobody asks: such an index gives zeros."""
    return call("embedding", (weight, indices))


def layer_norm(x: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Array:
    """Standardised over the last axes, then scaled and shifted."""
    x, shape = as_array(x), each(normalized_shape)
    if x.shape[x.ndim - len(shape) :] != shape:
        raise ShapeError(f"layer_norm: the last axes of {x.shape} are not {shape}")
    return call("layer_norm", tuple(v for v in (x, weight, bias) if v is not None), len(shape), float(eps))


def rms_norm(x: Any, normalized_shape: Any, weight: Any = None, eps: float = 1e-6) -> Array:
    """Divided by the root of the mean of squares over the last axes, then scaled."""
    return call("rms_norm", tuple(v for v in (x, weight) if v is not None), len(each(normalized_shape)), float(eps))


def group_norm(x: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Array:
    """Standardised over groups of channels: x (batch, channels, ..)."""
    return call("group_norm", tuple(v for v in (x, weight, bias) if v is not None), num_groups, float(eps))


def dropout(x: Any, p: float = 0.5, training: bool = True, key: Array | None = None) -> Array:
    """Elements set to zero with probability p, the others divided by 1 - p; from the global stream if no key is given."""
    if not training or p == 0.0:
        return as_array(x)
    from gradframe import random

    return call("dropout", (x, random._given("dropout", key)), float(p))


def scaled_dot_product_attention(
    query: Any, key: Any, value: Any, attn_mask: Any = None, is_causal: bool = False, scale: float | None = None
) -> Array:
    """`softmax(query @ key.mT * scale + mask) @ value`: (batch, heads, time, depth) each. A mask of truth values is true where a query may
    look; one of floats is added, and its weights are whole in memory unless all of it is known to be 0 or -infinity.

    A query that may look at nothing gives zeros, and takes part in no gradient. Raises ShapeError for a mask that does not spread over
    (batch, heads, time, source).
    """
    return attended(query, key, value, attn_mask, is_causal, None if scale is None else float(scale))


def _known(reduction: Any) -> str:
    if reduction not in ("mean", "sum", "none"):
        raise PlanError(f"loss: expected reduction 'mean', 'sum' or 'none', got {reduction!r}")
    return reduction


def _smoothing(label_smoothing: float) -> float:
    if not 0.0 <= label_smoothing <= 1.0:
        raise PlanError(f"cross_entropy: `label_smoothing` is {label_smoothing}, expected a number from 0 to 1")
    return label_smoothing


def _reduced(losses: Array, reduction: str, kept: Array | None = None) -> Array:
    """The losses as they are, their sum, or the mean of those that are kept: of all of them for None."""
    reduction = _known(reduction)
    if kept is not None:
        losses = where(kept, losses, 0.0)
    if reduction == "none":
        return losses
    if reduction == "sum":
        return losses.sum()
    return losses.mean() if kept is None else losses.sum() / kept.astype("int64").sum().astype(losses.dtype)


def _kept(target: Array, ignore_index: int | None) -> Array | None:
    """Where labels are not the one that is ignored; None where all count, as far as that is known."""
    if ignore_index is None or (ignore_index < 0 and "unsigned" in target.dtype.kind):
        return None
    if not target._array.is_traced and not target._array.has_integer(ignore_index):
        return None
    wide = target if target.dtype.name in ("int64", "uint64") else target.astype("int64")
    return wide != ignore_index


def _pair(op: str, a: Any, b: Any) -> tuple[Array, Array]:
    a, b = as_array(a), as_array(b)
    if a.shape != b.shape:
        raise ShapeError(f"{op}: the input has shape {a.shape}, the target {b.shape}; hint: they would broadcast: reshape one")
    return a, b


def mse_loss(input: Any, target: Any, reduction: str = "mean") -> Array:
    """The squared difference."""
    input, target = _pair("mse_loss", input, target)
    return _reduced((input - target) ** 2, reduction)


def l1_loss(input: Any, target: Any, reduction: str = "mean") -> Array:
    """The size of the difference."""
    input, target = _pair("l1_loss", input, target)
    return _reduced(abs(input - target), reduction)


def huber_loss(input: Any, target: Any, delta: float = 1.0, reduction: str = "mean") -> Array:
    """Half the squared difference below `delta`, a line beyond."""
    return _reduced(call("huber", _pair("huber_loss", input, target), float(delta)), reduction)


def cross_entropy(
    input: Any, target: Any, reduction: str = "mean", label_smoothing: float = 0.0, ignore_index: int | None = -100
) -> Array:
    """`-log softmax(input)` of the target: logits (.., classes), labels (..) of integers, or probabilities (.., classes).

    A label that is `ignore_index` has the loss 0 and does not count in the mean; None is no label. Raises OutOfBoundsError, an
    IndexError, for another label outside of the classes; so does `frame.fit` of a module (see `embedding`). In other compiled functions,
    where labels are not known, the loss of such a label is `log sum exp` of its row.
    """
    input, target = as_array(input), as_array(target)
    smoothing = _smoothing(label_smoothing)
    if "floating" in target.dtype.kind:
        input, target = _pair("cross_entropy", input, target)
        if smoothing:
            target = target * (1.0 - smoothing) + smoothing / input.shape[-1]
        return _reduced(-(log_softmax(input) * target).sum(-1), reduction)
    losses = call("cross_entropy", (input, target), ignore_index)
    if smoothing:
        even = -log_softmax(input).mean(-1)
        losses = losses * (1.0 - smoothing) + even * smoothing
    return _reduced(losses, reduction, _kept(target, ignore_index))


def nll_loss(input: Any, target: Any, reduction: str = "mean", ignore_index: int | None = -100) -> Array:
    """The negative of the target's entry: logarithms of probabilities (.., classes), labels (..).

    A label that is `ignore_index` has the loss 0 and does not count in the mean; None is no label. Raises OutOfBoundsError, an
    IndexError, for another label outside of the classes; so does `frame.fit` of a module (see `embedding`). In other compiled functions,
    where labels are not known, the loss of such a label is 0.
    """
    input, target = as_array(input), as_array(target)
    return _reduced(call("nll_loss", (input, target), ignore_index), reduction, _kept(target, ignore_index))


def binary_cross_entropy_with_logits(input: Any, target: Any, reduction: str = "mean") -> Array:
    """`log(1 + exp(x)) - x * y` for a logit x and a probability y."""
    input, target = _pair("binary_cross_entropy_with_logits", input, target)
    return _reduced(call("binary_cross_entropy", (input, target)), reduction)
