"""Functions that draw random numbers in training."""

from __future__ import annotations

import math
from typing import Any

from gradframe._array.core import Array, as_array, call
from gradframe._array.creation import zeros
from gradframe._array.pairs import where
from gradframe.errors import PlanError, ShapeError

# What SELU gives for minus infinity: alpha dropout puts it where elements are silent, and keeps mean 0 and variance 1.
_SILENT = -1.0507009873554805 * 1.6732632423543772


def dropout(x: Any, p: float = 0.5, training: bool = True, inplace: bool = False, *, key: Array | None = None) -> Array:
    """Elements set to zero with probability p, the others divided by 1 - p; from the global stream if no key is given."""
    if not training or p == 0.0:
        return as_array(x)
    if p == 1.0:
        return as_array(x) * 0.0
    from gradframe import random

    return call("dropout", (x, random._given("dropout", key)), float(p))


def _kept(name: str, shape: tuple[int, ...], p: float, key: Array | None, like: Array) -> Array:
    """1 with probability 1 - p, else 0."""
    if not 0.0 <= p < 1.0:
        raise PlanError(f"{name}: `p` is {p}, expected a probability from 0 to 1")
    return dropout(zeros(shape, dtype=like.dtype) + (1.0 - p), p, True, key=key)


def _channels(name: str, axes: int) -> Any:
    def named(x: Any, p: float = 0.5, training: bool = True, inplace: bool = False, *, key: Array | None = None) -> Array:
        x = as_array(x)
        if x.ndim not in (axes + 1, axes + 2):
            raise ShapeError(f"{name}: expected (batch, channels{', n' * axes}), or without the batch, got shape {x.shape}")
        if not training or p == 0.0:
            return x
        if p == 1.0:
            return x * 0.0
        return x * (_kept(name, (*x.shape[:-axes], *(1,) * axes), p, key, x) / (1.0 - p))

    named.__name__ = named.__qualname__ = name
    named.__doc__ = "`dropout` of whole channels: (batch, channels, ..), or without the batch."
    return named


dropout1d, dropout2d, dropout3d = (_channels(f"dropout{axes}d", axes) for axes in (1, 2, 3))


def alpha_dropout(x: Any, p: float = 0.5, training: bool = False, inplace: bool = False, *, key: Array | None = None) -> Array:
    """`dropout` that keeps mean 0 and variance 1, for networks of `selu`. Source: Klambauer et al. 2017."""
    x = as_array(x)
    return _alpha("alpha_dropout", x, x.shape, p, training, key)


def feature_alpha_dropout(x: Any, p: float = 0.5, training: bool = False, inplace: bool = False, *, key: Array | None = None) -> Array:
    """`alpha_dropout` of whole channels: (batch, channels, ..)."""
    x = as_array(x)
    if x.ndim < 2:
        raise ShapeError(f"feature_alpha_dropout: expected (batch, channels, ..), got shape {x.shape}")
    return _alpha("feature_alpha_dropout", x, (*x.shape[:2], *(1,) * (x.ndim - 2)), p, training, key)


def _alpha(name: str, x: Array, shape: tuple[int, ...], p: float, training: bool, key: Array | None) -> Array:
    if not training or p == 0.0:
        return x
    if p == 1.0:
        return x * 0.0
    kept = _kept(name, shape, p, key, x) > 0.0
    scale = 1.0 / math.sqrt((1.0 - p) * (1.0 + p * _SILENT**2))
    return where(kept, x, _SILENT) * scale - scale * p * _SILENT


def rrelu(x: Any, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False, inplace: bool = False, *, key: Array | None = None) -> Array:
    """x where it is positive, else x times a number between `lower` and `upper`: in training drawn anew, else the middle. Source: Xu et al. 2015."""
    from gradframe import random

    if not lower <= upper:
        raise PlanError(f"rrelu: `lower` is {lower}, expected at most `upper`, which is {upper}")
    x = as_array(x)
    slope: Any = (lower + upper) / 2
    if training:
        slope = random.uniform(random._given("rrelu", key), x.shape, x.dtype, lower, upper)
    return where(x >= 0.0, x, x * slope)


def gumbel_softmax(logits: Any, tau: float = 1.0, hard: bool = False, dim: int = -1, key: Array | None = None) -> Array:
    """A draw of classes that has a gradient: `softmax((logits + noise) / tau)`; with `hard` 1 for one class, by the gradient of the soft one.
    Source: Jang, Gu and Poole 2017."""
    from gradframe import random, stop_gradient

    logits = as_array(logits)
    noise = random.gumbel(random._given("gumbel_softmax", key), logits.shape, logits.dtype)
    soft = call("softmax", ((logits + noise) / tau,), dim)
    if not hard:
        return soft
    axis = dim % logits.ndim
    places = as_array(range(logits.shape[axis])).reshape(-1, *(1,) * (logits.ndim - axis - 1))
    chosen = (places == soft.argmax(axis, keepdims=True)).astype(soft.dtype)
    return stop_gradient(chosen - soft) + soft
