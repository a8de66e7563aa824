"""Losses of distances, margins and likelihoods, and the distance between vectors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from gradframe._array.arranging import take_along_axis
from gradframe._array.core import Array, as_array, call
from gradframe._array.linear import vector_norm
from gradframe._array.pairs import maximum, minimum, where
from gradframe._array.reducing import cumulative_prod
from gradframe.errors import PlanError, ShapeError
from gradframe.nn._losses import _pair, _reduced, _weighed, picked_weights

# What cosines of embeddings are kept from dividing by.
_COSINE_LEAST = 1e-12


def _above_zero(x: Array) -> Array:
    """x where it is 0 or more, else 0: at 0 with the derivative 1, as a margin has it."""
    return where(x >= 0.0, x, x * 0.0)


def pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Array:
    """The norm of `x1 - x2 + eps` along the last axis."""
    x1, x2 = as_array(x1), as_array(x2)
    return vector_norm(x1 - x2 + eps, axis=-1, keepdims=keepdim, ord=p)


def cosine_embedding_loss(input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: str = "mean") -> Array:
    """Of the cosine of two vectors along the last axis: `1 - cosine` where the target is 1, what it is above `margin` where it is -1."""
    first, second, target = as_array(input1), as_array(input2), as_array(target)
    if first.shape != second.shape or target.shape != first.shape[:-1]:
        told = f"got {first.shape}, {second.shape} and a target {target.shape}"
        raise ShapeError(f"cosine_embedding_loss: expected two inputs (.., n) and a target (..), {told}")
    sizes = [(x * x).sum(-1) + _COSINE_LEAST for x in (first, second)]
    cosine = (first * second).sum(-1) / (sizes[0] * sizes[1]) ** 0.5
    near, far = where(target == 1, 1.0 - cosine, cosine * 0.0), where(target == -1, _above_zero(cosine - margin), cosine * 0.0)
    return _reduced(near + far, reduction)


def margin_ranking_loss(input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: str = "mean") -> Array:
    """How far the inputs are from the order that the target tells, 1 for the first one above, -1 for the second, by `margin`."""
    first, second = _pair("margin_ranking_loss", input1, input2)
    _, target = _pair("margin_ranking_loss", first, target)
    return _reduced(_above_zero(-target * (first - second) + margin), reduction)


def hinge_embedding_loss(input: Any, target: Any, margin: float = 1.0, reduction: str = "mean") -> Array:
    """A distance where the target is 1, what it is below `margin` where it is -1."""
    input, target = _pair("hinge_embedding_loss", input, target)
    far, near = where(target != 1, _above_zero(margin - input), input * 0.0), where(target != -1, input, input * 0.0)
    return _reduced(far + near, reduction)


def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
) -> Array:
    """How far the distance from the anchor to the positive is above that to the negative less `margin`: (batch, n) each. With `swap` the
    negative's distance is the lesser one of those to the anchor and the positive. Source: Balntas et al. 2016."""

    def distance(a: Array, b: Array) -> Array:
        return pairwise_distance(a, b, p, eps)

    return triplet_margin_with_distance_loss(
        anchor, positive, negative, distance_function=distance, margin=margin, swap=swap, reduction=reduction
    )


def triplet_margin_with_distance_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    *,
    distance_function: Callable[[Array, Array], Array] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Array:
    """`triplet_margin_loss` by a distance of the user's own; `pairwise_distance` if there is none."""
    if not margin > 0:
        raise PlanError(f"triplet_margin_loss: `margin` is {margin}, expected a number above 0")
    anchor, positive = _pair("triplet_margin_loss", anchor, positive)
    _, negative = _pair("triplet_margin_loss", anchor, negative)
    distance = distance_function or pairwise_distance
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = minimum(far, distance(positive, negative))
    return _reduced(_above_zero(near - far + margin), reduction)


def gaussian_nll_loss(input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> Array:
    """`(log var + (input - target)**2 / var) / 2`, with `full` and the constant: the variance is `eps` at least, of a shape that spreads over
    the input's, or one a row. Raises PlanError for a variance below 0."""
    from gradframe import stop_gradient

    input, target = _pair("gaussian_nll_loss", input, target)
    var = as_array(var, input.dtype) if isinstance(var, (int, float)) else as_array(var)
    if not var.ndim:
        var = var + input * 0.0
    if var.shape == input.shape[:-1] and var.shape != input.shape:
        var = var[..., None]
    if var.ndim != input.ndim or any(one not in (1, size) for one, size in zip(var.shape, input.shape, strict=True)):
        raise ShapeError(f"gaussian_nll_loss: a variance of shape {var.shape} for an input of shape {input.shape}")
    if not var._array.is_traced and bool((var < 0.0).any()):
        raise PlanError("gaussian_nll_loss: `var` has a number below 0")
    var = var + stop_gradient(maximum(var, eps) - var)
    losses = 0.5 * (call("log", (var,)) + (input - target) ** 2 / var)
    return _reduced(losses + (0.5 * math.log(2 * math.pi) if full else 0.0), reduction)


def poisson_nll_loss(
    input: Any, target: Any, log_input: bool = True, full: bool = False, *, eps: float = 1e-8, reduction: str = "mean"
) -> Array:
    """`exp(input) - target * input` for logarithms of rates, without `log_input` `input - target * log(input + eps)` for rates; with `full` and
    Stirling's term where the target is above 1."""
    input, target = _pair("poisson_nll_loss", input, target)
    losses = call("exp", (input,)) - target * input if log_input else input - target * call("log", (input + eps,))
    if full:
        inside = target > 1
        t = where(inside, target.astype(input.dtype), 2.0)
        losses = losses + where(inside, t * call("log", (t,)) - t + 0.5 * call("log", (2 * math.pi * t,)), 0.0)
    return _reduced(losses, reduction)


def soft_margin_loss(input: Any, target: Any, reduction: str = "mean") -> Array:
    """`log(1 + exp(-target * input))` for a target of 1 or -1."""
    input, target = _pair("soft_margin_loss", input, target)
    return _reduced(call("softplus", (-target * input,)), reduction)


def multilabel_soft_margin_loss(input: Any, target: Any, weight: Any = None, reduction: str = "mean") -> Array:
    """The mean over classes of the cross entropy of logits (.., classes) and targets of 0 and 1, each class with a weight."""
    input, target = _pair("multilabel_soft_margin_loss", input, target)
    losses = -(target * call("log_sigmoid", (input,)) + (1.0 - target) * call("log_sigmoid", (-input,)))
    return _reduced(_weighed("multilabel_soft_margin_loss", losses, weight).mean(-1), reduction)


def multi_margin_loss(
    input: Any, target: Any, p: int = 1, margin: float = 1.0, weight: Any = None, reduction: str = "mean"
) -> Array:
    """How far the scores of the other classes are above the target's less `margin`, to the power p, over all classes: scores (.., classes),
    labels (..)."""
    if p not in (1, 2):
        raise PlanError(f"multi_margin_loss: `p` is {p!r}, expected 1 or 2")
    input, target = as_array(input), as_array(target)
    own = -call("nll_loss", (input, target), None)
    others = 1.0 - call("one_hot", (target,), input.shape[-1], input.dtype.name)
    above = _above_zero(margin - own[..., None] + input) ** p * others
    if weight is not None:
        above = above * picked_weights("multi_margin_loss", weight, target, None, input)[..., None]
    return _reduced(above.mean(-1), reduction)


def multilabel_margin_loss(input: Any, target: Any, reduction: str = "mean") -> Array:
    """How far the scores of other classes are above those of the target's classes less 1, over all classes: scores (.., classes), and as many
    labels, of which those from the first -1 on are none."""
    input, target = _pair("multilabel_margin_loss", input, target)
    classes = input.shape[-1]
    wide = target.astype("int64")
    is_label = cumulative_prod((wide >= 0).astype("int64"), axis=-1) > 0
    labels = where(is_label, wide, 0)
    weights = is_label.astype(input.dtype)
    among = call("one_hot", (labels,), classes, input.dtype.name) * weights[..., None]
    others = 1.0 - among.max(-2)
    own = take_along_axis(input, labels, axis=-1)
    above = _above_zero(1.0 - own[..., None] + input[..., None, :]) * weights[..., None] * others[..., None, :]
    return _reduced(above.sum((-2, -1)) / classes, reduction)
