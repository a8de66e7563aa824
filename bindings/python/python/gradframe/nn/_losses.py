"""Losses: of each element or row, then their mean or their sum."""

from __future__ import annotations

from typing import Any

from gradframe._array.arranging import moveaxis, take
from gradframe._array.core import Array, as_array, call
from gradframe._array.pairs import where
from gradframe.errors import PlanError, ShapeError

# As PyTorch's: a logarithm of 0 would make the loss infinite, and its gradient no number.
LOG_LEAST = -100.0
REDUCTIONS = ("mean", "sum", "none")


def known(reduction: Any, more: tuple[str, ...] = ()) -> str:
    """A reduction. Raises PlanError for what is none."""
    if reduction not in (*REDUCTIONS, *more):
        expected = "'mean', 'sum' or 'none'" + "".join(f" or {one!r}" for one in more)
        raise PlanError(f"loss: expected reduction {expected}, got {reduction!r}")
    return reduction  # type: ignore[no-any-return]


def smoothing(label_smoothing: float) -> float:
    """A part of the target that is spread over all classes. Raises PlanError for what is none."""
    if not 0.0 <= label_smoothing <= 1.0:
        raise PlanError(f"cross_entropy: `label_smoothing` is {label_smoothing}, expected a number from 0 to 1")
    return label_smoothing


def _reduced(losses: Array, reduction: str, kept: Array | None = None, weights: Array | None = None) -> Array:
    """The losses as they are, their sum, or the mean of those that are kept, of all of them for None; or their sum over that of weights."""
    reduction = known(reduction)
    if kept is not None:
        losses = where(kept, losses, 0.0)
    if reduction == "none":
        return losses
    if reduction == "sum":
        return losses.sum()
    if weights is not None:
        return losses.sum() / weights.sum()
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


def _log_softmax(input: Array) -> Array:
    return call("log_softmax", (input,), -1)


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
    if not delta > 0:
        raise PlanError(f"huber_loss: `delta` is {delta}, expected a number above 0")
    return _reduced(call("huber", _pair("huber_loss", input, target), float(delta)), reduction)


def cross_entropy(
    input: Any,
    target: Any,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
    ignore_index: int | None = -100,
    *,
    weight: Any = None,
) -> Array:
    """`-log softmax(input)` of the target: logits (.., classes), labels (..) of integers, or probabilities (.., classes). Logits of
    (rows, classes, ..) are those of labels (rows, ..), as in PyTorch; where the sizes fit both, that is a ShapeError.

    A label that is `ignore_index` has the loss 0 and does not count in the mean; None is no label. With `weight` (classes,) each class counts
    so often, also in the mean of labels. Raises OutOfBoundsError, an IndexError, for another label outside of the classes; so does
    `frame.fit` of a module (see `embedding`). In other compiled functions, where labels are not known, the loss of such a label is
    `log sum exp` of its row.
    """
    input, target = as_array(input), as_array(target)
    smoothed = smoothing(label_smoothing)
    if "floating" in target.dtype.kind:
        input, target = _pair("cross_entropy", input, target)
        if smoothed:
            target = target * (1.0 - smoothed) + smoothed / input.shape[-1]
        if weight is not None:
            target = target * _class_weights("cross_entropy", weight, input)
        return _reduced(-(_log_softmax(input) * target).sum(-1), reduction)
    input = _classes_last("cross_entropy", input, target)
    losses = call("cross_entropy", (input, target), ignore_index)
    kept = _kept(target, ignore_index)
    weights = None if weight is None else picked_weights("cross_entropy", weight, target, kept, input)
    losses = losses if weights is None else losses * weights
    if smoothed:
        logarithms = _log_softmax(input)
        spread = logarithms if weight is None else logarithms * _class_weights("cross_entropy", weight, input)
        losses = losses * (1.0 - smoothed) - spread.mean(-1) * smoothed
    return _reduced(losses, reduction, kept, weights)


def nll_loss(
    input: Any, target: Any, reduction: str = "mean", ignore_index: int | None = -100, *, weight: Any = None
) -> Array:
    """The negative of the target's entry: logarithms of probabilities (.., classes), or (rows, classes, ..) as in PyTorch, labels (..).

    A label that is `ignore_index` has the loss 0 and does not count in the mean; None is no label. With `weight` (classes,) each class counts
    so often, also in the mean. Raises OutOfBoundsError, an IndexError, for another label outside of the classes; so does `frame.fit` of a
    module (see `embedding`). In other compiled functions, where labels are not known, the loss of such a label is 0.
    """
    input, target = as_array(input), as_array(target)
    input = _classes_last("nll_loss", input, target)
    losses, kept = call("nll_loss", (input, target), ignore_index), _kept(target, ignore_index)
    weights = None if weight is None else picked_weights("nll_loss", weight, target, kept, input)
    return _reduced(losses if weights is None else losses * weights, reduction, kept, weights)


def _classes_last(op: str, input: Array, target: Array) -> Array:
    """The input with its classes along the last axis, where the labels say that they are along the second."""
    if input.ndim < 3 or target.shape != input.shape[:1] + input.shape[2:]:
        return input
    if target.shape == input.shape[:-1]:
        what = f"{op}: {input.shape} for labels {target.shape}: the classes may lie along axis 1, as in PyTorch, or along the last"
        raise ShapeError(f"{what}; hint: flatten both, input.reshape(-1, classes) and target.reshape(-1)")
    return moveaxis(input, 1, -1)


def _class_weights(op: str, weight: Any, input: Array) -> Array:
    weight = as_array(weight)
    if weight.shape != input.shape[-1:]:
        raise ShapeError(f"{op}: expected a weight for each of {input.shape[-1]} classes, got shape {weight.shape}")
    return weight.astype(input.dtype)


def picked_weights(op: str, weight: Any, target: Array, kept: Array | None, input: Array) -> Array:
    """The weight of each label's class; 0 where labels do not count."""
    weights = _class_weights(op, weight, input)
    labels = target.astype("int64")
    picked = take(weights, (labels if kept is None else where(kept, labels, 0)).reshape(-1), axis=0).reshape(target.shape)
    return picked if kept is None else where(kept, picked, 0.0)


def binary_cross_entropy_with_logits(
    input: Any, target: Any, reduction: str = "mean", *, weight: Any = None, pos_weight: Any = None
) -> Array:
    """`log(1 + exp(x)) - x * y` for a logit x and a probability y. With `weight` each loss counts so often, with `pos_weight` its part where y
    is 1: both spread over the losses."""
    input, target = _pair("binary_cross_entropy_with_logits", input, target)
    if pos_weight is None:
        losses = call("binary_cross_entropy", (input, target))
    else:
        positive = _spread("binary_cross_entropy_with_logits", "pos_weight", pos_weight, input)
        losses = (1.0 - target) * input + ((positive - 1.0) * target + 1.0) * call("softplus", (-input,))
    return _reduced(_weighed("binary_cross_entropy_with_logits", losses, weight), reduction)


def _weighed(op: str, losses: Array, weight: Any) -> Array:
    return losses if weight is None else losses * _spread(op, "weight", weight, losses)


def _spread(op: str, name: str, weight: Any, losses: Array) -> Array:
    """A weight as an array. Raises ShapeError unless it spreads over the losses, whose shape stays."""
    weight = as_array(weight).astype(losses.dtype)
    sizes = losses.shape[max(losses.ndim - weight.ndim, 0) :]
    if weight.ndim > losses.ndim or any(one not in (1, size) for one, size in zip(weight.shape, sizes, strict=True)):
        raise ShapeError(f"{op}: a `{name}` of shape {weight.shape} does not spread over losses of shape {losses.shape}")
    return weight


def smooth_l1_loss(input: Any, target: Any, reduction: str = "mean", beta: float = 1.0) -> Array:
    """Half the squared difference over `beta` below it, the size of the difference less a half of `beta` beyond: `huber_loss / beta`."""
    if beta < 0:
        raise PlanError(f"smooth_l1_loss: `beta` is {beta}, expected a number from 0")
    if not beta:
        return l1_loss(input, target, reduction)
    return _reduced(call("huber", _pair("smooth_l1_loss", input, target), float(beta)) / float(beta), reduction)


def binary_cross_entropy(input: Any, target: Any, reduction: str = "mean", *, weight: Any = None) -> Array:
    """`-(y log x + (1 - y) log(1 - x))` for a probability x and a target y; no logarithm is below -100. Of numbers that may come near 0 or 1,
    `binary_cross_entropy_with_logits` of what they are made of is exact, and has a gradient there."""
    input, target = _pair("binary_cross_entropy", input, target)
    losses = -(target * _log(input) + (1.0 - target) * _log(1.0 - input))
    return _reduced(_weighed("binary_cross_entropy", losses, weight), reduction)


def _log(x: Array) -> Array:
    inside = x > 0.0
    logarithm = call("log", (where(inside, x, 1.0),))
    return where(inside & (logarithm > LOG_LEAST), logarithm, where(x >= 0.0, LOG_LEAST, float("nan")))


def kl_div(input: Any, target: Any, reduction: str = "mean", log_target: bool = False) -> Array:
    """How far the target is from the input: `y (log y - x)` for logarithms x and probabilities y, 0 where y is 0; with `log_target` both are
    logarithms. "batchmean" is the sum over the length of the first axis, which is the divergence of a row."""
    input, target = _pair("kl_div", input, target)
    if log_target:
        losses = call("exp", (target,)) * (target - input)
    else:
        inside = target > 0.0
        losses = where(inside, target * (call("log", (where(inside, target, 1.0),)) - input), 0.0)
    if known(reduction, ("batchmean",)) == "batchmean":
        return losses.sum() / losses.shape[0]
    return _reduced(losses, reduction)
