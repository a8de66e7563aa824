"""The numbers that parameters start from: of a key and a shape, or, by PyTorch's names with `_`, in an array that there is."""

from __future__ import annotations

import math
from typing import Any

from gradframe import random
from gradframe._array.core import Array
from gradframe.nn._init_in_place import (  # noqa: F401
    calculate_gain,
    constant_,
    dirac_,
    eye_,
    kaiming_normal_,
    kaiming_uniform_,
    normal_,
    ones_,
    orthogonal_,
    sparse_,
    trunc_normal_,
    uniform_,
    xavier_normal_,
    xavier_uniform_,
    zeros_,
)


def keys(key: Array | None, count: int) -> list[Array]:
    """Keys of a module's own: from one, or from the global stream."""
    given = random.split(random._given("init", key), count)
    return [given[i] for i in range(count)]


def uniform(key: Array | None, shape: Any, low: float = 0.0, high: float = 1.0) -> Array:
    """Evenly from `low` to `high`."""
    return random.uniform(key, shape, "float32", low, high)


def normal(key: Array | None, shape: Any, mean: float = 0.0, std: float = 1.0) -> Array:
    """Normally around `mean`."""
    return random.normal(key, shape, "float32", mean, std)


def _fans(shape: Any) -> tuple[int, int]:
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


def xavier_uniform(key: Array | None, shape: Any, gain: float = 1.0) -> Array:
    """Evenly, with the variance `gain**2 * 2 / (inputs + outputs)`. Source: Glorot and Bengio 2010."""
    limit = gain * math.sqrt(6.0 / sum(_fans(shape)))
    return uniform(key, shape, -limit, limit)


def xavier_normal(key: Array | None, shape: Any, gain: float = 1.0) -> Array:
    """Normally, with the variance `gain**2 * 2 / (inputs + outputs)`."""
    return normal(key, shape, 0.0, gain * math.sqrt(2.0 / sum(_fans(shape))))


def kaiming_uniform(key: Array | None, shape: Any, gain: float = math.sqrt(2.0)) -> Array:
    """Evenly, with the variance `gain**2 / inputs`. Source: He et al. 2015."""
    limit = gain * math.sqrt(3.0 / _fans(shape)[0])
    return uniform(key, shape, -limit, limit)


def kaiming_normal(key: Array | None, shape: Any, gain: float = math.sqrt(2.0)) -> Array:
    """Normally, with the variance `gain**2 / inputs`."""
    return normal(key, shape, 0.0, gain / math.sqrt(_fans(shape)[0]))
