"""Functions that standardise by statistics of batches, of items or of channels beside."""

from __future__ import annotations

from math import prod
from typing import Any

from gradframe._array.core import Array, as_array, call
from gradframe._array.effects import warn
from gradframe._array.info import finfo
from gradframe._array.pairs import maximum
from gradframe.errors import PlanError, ShapeError
from gradframe.nn._arguments import count, of_shape
from gradframe.nn._pools import avg_pool
from gradframe.nn._windows import each


def batch_norm(
    x: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Array:
    """Standardised over all axes but the channels', (batch, channels, ..): in training, or where there are none, by the batch's own statistics, of
    which the running ones then take the part `momentum`, else by the running ones."""
    x = as_array(x)
    if x.ndim < 2:
        raise ShapeError(f"batch_norm: expected (batch, channels, ..), got shape {x.shape}")
    _check("batch_norm", x, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    axes = (0, *range(2, x.ndim))
    if training or running_mean is None:
        _check_several("batch_norm", x, axes)
        mean, var = x.mean(axes), x.var(axes)
        if running_mean is not None:
            keep("batch_norm", running_mean, running_var, x, axes, mean, var, momentum)
    else:
        mean, var = as_array(running_mean), as_array(running_var)
    return _standardised(x, mean.reshape(_along(x)), var.reshape(_along(x)), weight, bias, eps)


def instance_norm(
    x: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Array:
    """Standardised over the axes after the channels', (batch, channels, ..): by each item's own statistics, of whose means over the batch running
    ones take the part `momentum`; or by running ones."""
    x = as_array(x)
    if x.ndim < 3:
        raise ShapeError(f"instance_norm: expected (batch, channels, ..), got shape {x.shape}")
    _check("instance_norm", x, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    axes = tuple(range(2, x.ndim))
    if not use_input_stats:
        if running_mean is None:
            raise PlanError("instance_norm: expected running statistics, or use_input_stats=True")
        mean, var = as_array(running_mean), as_array(running_var)
        return _standardised(x, mean.reshape(_along(x)), var.reshape(_along(x)), weight, bias, eps)
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    if running_mean is not None:
        keep("instance_norm", running_mean, running_var, x, axes, mean.mean((0, *axes)), var.mean((0, *axes)), momentum)
    return _standardised(x, mean, var, weight, bias, eps)


def _check(op: str, x: Array, **of_channels: Any) -> None:
    """Raises ShapeError for what is not a number a channel."""
    for name, one in of_channels.items():
        if one is not None and as_array(one).shape != x.shape[1:2]:
            raise ShapeError(f"{op}: expected `{name}` of shape {x.shape[1:2]}, of an input of shape {x.shape}, got {as_array(one).shape}")


def _check_several(op: str, x: Array, axes: tuple[int, ...]) -> None:
    """Raises ShapeError where there is one value a channel: its variance is none."""
    if prod(x.shape[axis] for axis in axes) == 1:
        what = f"{op}: expected more than one value a channel in training, got an input of shape {x.shape}"
        raise ShapeError(f"{what}; hint: leave a last batch of one row away, or call eval() first")


def _along(x: Array) -> tuple[int, ...]:
    """Channels beside the axes of x."""
    return (1, -1) + (1,) * (x.ndim - 2)


def _standardised(x: Array, mean: Array, var: Array, weight: Any, bias: Any, eps: float) -> Array:
    scale: Any = 1.0 / (var + eps) ** 0.5 if weight is None else as_array(weight).reshape(_along(x)) / (var + eps) ** 0.5
    y = (x - mean) * scale
    return y if bias is None else y + as_array(bias).reshape(_along(x))


def keep(
    op: str, running_mean: Array, running_var: Array, x: Array, axes: tuple[int, ...], mean: Array, var: Array, part: Any
) -> None:
    """Running statistics after a batch whose statistics over some axes these are, in place."""
    from gradframe.nn.module import _set

    if x._array.is_traced and not running_mean._array.is_traced:
        what = "running statistics of a module that a function uses, and does not name, stand still while it is traced, and at each call"
        warn(f"{op}: {what}; hint: gf.jit(step, state=(model, optimizer)) with all models, or model.eval()")
        return  # of a trace that does not know them, nothing may stay
    unbiased = var * _unbiasing(x, axes)
    _set(running_mean, running_mean * (1.0 - part) + _value(mean) * part)
    _set(running_var, running_var * (1.0 - part) + _value(unbiased) * part)


def _unbiasing(x: Array, axes: tuple[int, ...]) -> Any:
    """`n / (n - 1)` of the n elements of a channel, of which a traced function does not know how many there are; 1 of a single one."""
    if not x._array.is_traced:
        n = 1
        for axis in axes:
            n *= x.shape[axis]
        return n / max(n - 1, 1)
    others = tuple(axis for axis in range(x.ndim) if axis not in axes)
    ones = (x == x).astype(x.dtype)
    counted = ones.sum(axes) if others == (1,) else ones.sum(axes).mean(0)
    return counted / maximum(counted - 1, 1)


def _value(x: Array) -> Array:
    """Without its history."""
    return x if x._array.is_traced else x.detach()


def local_response_norm(x: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Array:
    """Divided by `(k + alpha * mean)**beta` of the squares of so many channels beside: (batch, channels, ..). Source: Krizhevsky et al. 2012."""
    from gradframe._array.arranging import pad

    x, size = as_array(x), count("local_response_norm", "size", size, 1)
    if x.ndim < 3:
        raise ShapeError(f"local_response_norm: expected (batch, channels, ..), got shape {x.shape}")
    rows = (x * x).reshape(x.shape[0], 1, x.shape[1], -1)
    around = pad(rows, [(0, 0), (0, 0), (size // 2, (size - 1) // 2), (0, 0)])
    means = avg_pool(around, (size, 1), 1).reshape(x.shape)
    return x / (means * alpha + k) ** beta


def layer_norm(x: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Array:
    """Standardised over the last axes, then scaled and shifted."""
    x, shape = as_array(x), each(normalized_shape)
    if x.shape[x.ndim - len(shape) :] != shape:
        raise ShapeError(f"layer_norm: the last axes of {x.shape} are not {shape}")
    learned = [of_shape("layer_norm", name, one, shape) for name, one in (("weight", weight), ("bias", bias)) if one is not None]
    return call("layer_norm", (x, *learned), len(shape), float(eps))


def rms_norm(x: Any, normalized_shape: Any, weight: Any = None, eps: float | None = None) -> Array:
    """Divided by the root of the mean of squares over the last axes, then scaled. An `eps` of None is the precision of the element type."""
    x, shape = as_array(x), each(normalized_shape)
    if x.shape[x.ndim - len(shape) :] != shape:
        raise ShapeError(f"rms_norm: the last axes of {x.shape} are not {shape}")
    least = finfo(x.dtype).eps if eps is None else float(eps)
    learned = [] if weight is None else [of_shape("rms_norm", "weight", weight, shape)]
    return call("rms_norm", (x, *learned), len(shape), least)


def group_norm(x: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Array:
    """Standardised over groups of channels: x (batch, channels, ..)."""
    x = as_array(x)
    learned = [of_shape("group_norm", name, one, x.shape[1:2]) for name, one in (("weight", weight), ("bias", bias)) if one is not None]
    return call("group_norm", (x, *learned), num_groups, float(eps))
