"""Other numbers in arrays that there are, by PyTorch's names: each gives the array, which stays a parameter if it is one. Random numbers are
of a key, or of the global stream."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradframe import random
from gradframe._array.core import Array, as_array
from gradframe._array.creation import full
from gradframe._array.linear import diagonal, qr
from gradframe._array.pairs import where
from gradframe.errors import DTypeError, PlanError, ShapeError
from gradframe.nn._arguments import divides
from gradframe.nn.module import _set

_GAINS = {
    "linear": 1.0, "conv1d": 1.0, "conv2d": 1.0, "conv3d": 1.0, "conv_transpose1d": 1.0, "conv_transpose2d": 1.0,
    "conv_transpose3d": 1.0, "sigmoid": 1.0, "tanh": 5.0 / 3, "relu": math.sqrt(2.0), "selu": 0.75,
}


def _filled(name: str, array: Any, values: Any) -> Array:
    _checked(name, array)
    _set(array, as_array(values).detach().astype(array.dtype))
    return array  # type: ignore[no-any-return]


def _checked(name: str, array: Any) -> Array:
    if not isinstance(array, Array):
        raise DTypeError(f"{name}: expected an array, got {type(array).__qualname__}")
    return array


def _drawn(name: str, key: Array | None) -> Array:
    return random._given(name, key)


def _wide(array: Array) -> str:
    """The type that random numbers are drawn in."""
    return "float64" if array.dtype.name == "float64" else "float32"


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """What an activation wants the deviation of weights multiplied by. `param` is `leaky_relu`'s slope, 0.01 if none is given."""
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, (int, float)):
            raise DTypeError(f"calculate_gain: `param` is {param!r}, expected a slope")
        return math.sqrt(2.0 / (1.0 + slope**2))
    if nonlinearity not in _GAINS:
        raise PlanError(f"calculate_gain: `nonlinearity` is {nonlinearity!r}, expected one of {', '.join((*_GAINS, 'leaky_relu'))}")
    return _GAINS[nonlinearity]


def uniform_(array: Array, a: float = 0.0, b: float = 1.0, *, key: Array | None = None) -> Array:
    """Evenly from a to b."""
    return _filled("uniform_", array, random.uniform(_drawn("uniform_", key), _checked("uniform_", array).shape, _wide(array), a, b))


def normal_(array: Array, mean: float = 0.0, std: float = 1.0, *, key: Array | None = None) -> Array:
    """Normally around `mean`."""
    return _filled("normal_", array, random.normal(_drawn("normal_", key), _checked("normal_", array).shape, _wide(array), mean, std))


def trunc_normal_(
    array: Array, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0, *, key: Array | None = None
) -> Array:
    """Normally around `mean`, given that it is from a to b."""
    from gradframe._array.elementwise import erfinv

    _checked("trunc_normal_", array)
    if not a < b or not std > 0:
        raise PlanError(f"trunc_normal_: from {a} to {b} with `std` {std}, expected an interval and a deviation above 0")
    low, high = (math.erf((bound - mean) / std / math.sqrt(2.0)) for bound in (a, b))
    drawn = random.uniform(_drawn("trunc_normal_", key), array.shape, "float64", low, high)
    values = mean + std * math.sqrt(2.0) * erfinv(drawn)
    return _filled("trunc_normal_", array, where(values < a, a, where(values > b, b, values)))


def constant_(array: Array, val: float) -> Array:
    """One number everywhere."""
    return _constant("constant_", array, val)


def _constant(name: str, array: Array, value: float) -> Array:
    return _filled(name, array, full(_checked(name, array).shape, value, dtype=array.dtype))


def ones_(array: Array) -> Array:
    """1 everywhere."""
    return _constant("ones_", array, 1.0)


def zeros_(array: Array) -> Array:
    """0 everywhere."""
    return _constant("zeros_", array, 0.0)


def eye_(array: Array) -> Array:
    """1 where both places are the same, else 0: of two axes."""
    if _checked("eye_", array).ndim != 2:
        raise ShapeError(f"eye_: expected two axes, got shape {array.shape}")
    return _filled("eye_", array, np.eye(*array.shape))


def dirac_(array: Array, groups: int = 1) -> Array:
    """The weight of a convolution that gives what it is given, as many channels as fit, in each group: (outputs, channels / groups, ..)."""
    if _checked("dirac_", array).ndim not in (3, 4, 5):
        raise ShapeError(f"dirac_: expected (outputs, channels, ..) with one to three axes, got shape {array.shape}")
    divides("dirac_", "groups", groups, outputs=array.shape[0])
    values, each = np.zeros(array.shape), array.shape[0] // groups
    middle = tuple(size // 2 for size in array.shape[2:])
    for group in range(groups):
        for channel in range(min(each, array.shape[1])):
            values[(group * each + channel, channel, *middle)] = 1.0
    return _filled("dirac_", array, values)


def _fans(name: str, array: Array) -> tuple[int, int]:
    """How many inputs and outputs a weight has."""
    if _checked(name, array).ndim < 2:
        raise ShapeError(f"{name}: expected (outputs, inputs, ..), got shape {array.shape}")
    field = math.prod(array.shape[2:])
    return array.shape[1] * field, array.shape[0] * field


def xavier_uniform_(array: Array, gain: float = 1.0, *, key: Array | None = None) -> Array:
    """Evenly, with the variance `gain**2 * 2 / (inputs + outputs)`. Source: Glorot and Bengio 2010."""
    limit = gain * math.sqrt(6.0 / sum(_fans("xavier_uniform_", array)))
    return uniform_(array, -limit, limit, key=key)


def xavier_normal_(array: Array, gain: float = 1.0, *, key: Array | None = None) -> Array:
    """Normally, with the variance `gain**2 * 2 / (inputs + outputs)`."""
    return normal_(array, 0.0, gain * math.sqrt(2.0 / sum(_fans("xavier_normal_", array))), key=key)


def _kaiming(name: str, array: Array, a: float, mode: str, nonlinearity: str) -> float:
    """The deviation `gain / sqrt(inputs or outputs)`."""
    if mode not in ("fan_in", "fan_out"):
        raise PlanError(f"{name}: `mode` is {mode!r}, expected 'fan_in' or 'fan_out'")
    fan = _fans(name, array)[0 if mode == "fan_in" else 1]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan) if fan else 0.0


def kaiming_uniform_(
    array: Array, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", *, key: Array | None = None
) -> Array:
    """Evenly, with the variance `gain**2 / inputs`, or outputs: a is `leaky_relu`'s slope. Source: He et al. 2015."""
    limit = math.sqrt(3.0) * _kaiming("kaiming_uniform_", array, a, mode, nonlinearity)
    return uniform_(array, -limit, limit, key=key)


def kaiming_normal_(
    array: Array, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", *, key: Array | None = None
) -> Array:
    """Normally, with the variance `gain**2 / inputs`, or outputs: a is `leaky_relu`'s slope."""
    return normal_(array, 0.0, _kaiming("kaiming_normal_", array, a, mode, nonlinearity), key=key)


def orthogonal_(array: Array, gain: float = 1.0, *, key: Array | None = None) -> Array:
    """Rows, or columns if there are fewer, that stand at right angles, of the length `gain`: axes after the first are one.
    Source: Saxe et al. 2014."""
    inputs, outputs = _fans("orthogonal_", array)[0], array.shape[0]
    if not array.size:
        return array
    drawn = random.normal(_drawn("orthogonal_", key), (max(inputs, outputs), min(inputs, outputs)), _wide(array))
    q, r = qr(drawn)
    signs = where(diagonal(r) < 0, -1.0, 1.0)
    q = q * signs
    return _filled("orthogonal_", array, ((q if outputs >= inputs else q.T) * gain).reshape(array.shape))


def sparse_(array: Array, sparsity: float, std: float = 0.01, *, key: Array | None = None) -> Array:
    """Normally around 0, but the part `sparsity` of each column 0: of two axes. Source: Martens 2010."""
    if _checked("sparse_", array).ndim != 2:
        raise ShapeError(f"sparse_: expected two axes, got shape {array.shape}")
    keys = random.split(_drawn("sparse_", key), 2)
    places = random.uniform(keys[0], array.shape, "float64").numpy().argsort(axis=0).argsort(axis=0)
    values = random.normal(keys[1], array.shape, _wide(array), 0.0, std)
    return _filled("sparse_", array, where(as_array(places < math.ceil(sparsity * array.shape[0])), 0.0, values))
