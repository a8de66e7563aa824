"""Random numbers: pure functions of a key.

    key = gf.random.key(0)
    key, own = gf.random.split(key)
    x = gf.random.normal(own, (3, 4))

The same key gives the same numbers, on every machine and whatever the threads: use one once, and split it for more. The
functions take a key first; without one they draw from a global stream, which `seed` begins anew.
"""

from __future__ import annotations

import operator
import threading
from typing import Any

from gradframe._array import dtypes
from gradframe._array.core import Array, as_array, call
from gradframe._array.creation import _shape
from gradframe._array.effects import warn_of_draws
from gradframe._array.elementwise import sign
from gradframe._array.pairs import clip, maximum, minimum
from gradframe._array.info import finfo, iinfo
from gradframe.errors import DTypeError, PlanError, ShapeError

__all__ = [
    "bernoulli", "bits", "categorical", "choice", "exponential", "fold_in", "gumbel", "integers", "key", "laplace", "normal",
    "permutation", "seed", "shuffle", "split", "uniform",
]

# The largest int64.
_INT64_MAX = 2**63 - 1


class _Stream:
    """The global stream: a key, and how many have been taken from it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.begin(0)

    def begin(self, number: int) -> None:
        with self.lock:
            self.key = key(number)
            self.taken = 0

    def next(self) -> Array:
        with self.lock:
            self.taken += 1
            return fold_in(self.key, self.taken)


def key(seed: int) -> Array:
    """The key of a seed, from 0 to 2**64 - 1."""
    return as_array(seed, "uint64")


def split(key: Array, num: int = 2) -> Array:
    """New keys, independent of each other and of the numbers of this one: (num,)."""
    return call("random_split", (key,), num)


def fold_in(key: Array, data: int) -> Array:
    """A new key from a key and a number: the step of a loop, the index of a layer."""
    return call("random_fold_in", (key, as_array(data, "uint64")))


def seed(number: int) -> None:
    """Begins the global stream anew: what is drawn without a key is the same from here on."""
    _stream.begin(number)


_stream = _Stream()


def _given(op: str, key: Any) -> Array:
    if key is None:
        drawn = _stream.next()
        if not drawn._array.is_traced:
            warn_of_draws(op)
        return drawn
    if not isinstance(key, Array):
        raise PlanError(f"{op}: expected a key, got {type(key).__qualname__}; hint: random.key({key!r}) makes one of a seed")
    return key


def bits(key: Array | None = None, shape: Any = ()) -> Array:
    """64 random bits an element, uint64."""
    return call("random_bits", (_given("bits", key),), _shape(shape))


def uniform(key: Array | None = None, shape: Any = (), dtype: Any = "float32", minval: Any = 0.0, maxval: Any = 1.0) -> Array:
    """Numbers spread evenly from `minval` to below `maxval`, both as the type holds them, which broadcast to the shape. Raises PlanError for
    a number `minval` that is not `maxval` or less, and for numbers that the type does not hold or that lie further apart than its numbers
    go; arrays are not looked at."""
    are_known = _is_real(minval) and _is_real(maxval)
    if are_known:
        _check_span(dtypes.dtype(dtype), minval, maxval)
    drawn = _drawn("random_uniform", key, shape, dtype, minval, maxval)
    is_exact = are_known and (minval, maxval) == (0, 1) and drawn.dtype.itemsize > 2
    return drawn if is_exact else _within(drawn, minval, maxval)


def _check_span(wanted: Any, minval: Any, maxval: Any) -> None:
    if not minval <= maxval:
        raise PlanError(f"uniform: `minval` is {minval}, expected at most `maxval`, which is {maxval}")
    if wanted.kind != "real floating":
        return
    most, widest = float(finfo(wanted).max), float(finfo(_wide(wanted)).max)
    if max(abs(minval), abs(maxval)) > most or maxval - minval > widest:
        raise PlanError(f"uniform: from {minval} to {maxval} is more than {wanted} holds; hint: a wider `dtype`, or bounds nearer to 0")


def _within(drawn: Array, minval: Any, maxval: Any) -> Array:
    """What was drawn without `maxval`, where rounding has made that of a number below it."""
    wide, held = _wide(drawn.dtype), finfo(drawn.dtype)
    bounds = [as_array(bound, wide) if _is_real(bound) else as_array(bound) for bound in (minval, maxval)]
    low, high = (call("stop_gradient", (bound.astype(drawn.dtype).astype(wide),)) for bound in bounds)
    # 0.6 of `eps` is between half and one and a half steps of the type, which rounds to one step.
    step = maximum(abs(high), float(held.smallest_normal)) * (0.6 * float(held.eps))
    last = high + sign(low - high) * step
    return clip(drawn, minimum(low, last).astype(drawn.dtype), maximum(low, last).astype(drawn.dtype))


def _wide(dtype: Any) -> str:
    """The type that numbers of a type are drawn in."""
    return "float64" if dtypes.dtype(dtype) is dtypes.float64 else "float32"


def normal(key: Array | None = None, shape: Any = (), dtype: Any = "float32", loc: Any = 0.0, scale: Any = 1.0) -> Array:
    """Numbers distributed normally around `loc` with the standard deviation `scale`. Raises PlanError for a number `scale` below 0."""
    if _is_real(scale) and not scale >= 0:
        raise PlanError(f"normal: `scale` is {scale}, expected a number of 0 or more")
    return _drawn("random_normal", key, shape, dtype, loc, scale)


def exponential(key: Array | None = None, shape: Any = (), dtype: Any = "float32") -> Array:
    """Exponentially distributed numbers of mean 1."""
    return _drawn("random_exponential", key, shape, dtype)


def gumbel(key: Array | None = None, shape: Any = (), dtype: Any = "float32") -> Array:
    """Numbers distributed as the largest of many: `-log(-log(u))`."""
    return _drawn("random_gumbel", key, shape, dtype)


def laplace(key: Array | None = None, shape: Any = (), dtype: Any = "float32") -> Array:
    """Numbers distributed exponentially to both sides of 0."""
    return _drawn("random_laplace", key, shape, dtype)


def _drawn(name: str, key: Array | None, shape: Any, dtype: Any, *of: Any) -> Array:
    given = tuple(as_array(v, _wide(dtype)) if isinstance(v, (int, float)) else v for v in of)
    return call(name, (_given(name.removeprefix("random_"), key), *given), _shape(shape), dtypes.name(dtype))


def integers(key: Array | None = None, shape: Any = (), minval: int = 0, maxval: int = 2, dtype: Any = "int64") -> Array:
    """Whole numbers from `minval` to below `maxval`. Raises DTypeError for bounds or a `dtype` that are not whole numbers, PlanError for
    numbers that have none between them, or that the type does not hold. Arrays of bounds, which broadcast to the shape, are not looked at
    where the type holds all of int64; for a narrower one they are, unless a function is being traced."""
    wanted, bounds = dtypes.dtype(dtype), [_bound("minval", minval), _bound("maxval", maxval)]
    if "integer" not in wanted.kind:
        raise DTypeError(f"integers: `dtype` is {wanted}, expected a type of whole numbers")
    if all(isinstance(bound, int) for bound in bounds) and bounds[0] >= bounds[1]:
        raise PlanError(f"integers: expected minval < maxval, got {minval} and {maxval}")
    _check_range(wanted, *bounds)
    lowest, below = (bound if isinstance(bound, Array) else as_array(bound, "int64") for bound in bounds)
    return call("random_integers", (_given("integers", key), lowest, below), _shape(shape), wanted.name)


def _bound(name: str, value: Any) -> int | Array:
    """A number, or an array of int64. Raises DTypeError for others."""
    if isinstance(value, Array) or getattr(value, "ndim", 0):
        array = as_array(value)
        if "integer" not in array.dtype.kind:
            raise DTypeError(f"integers: `{name}` is of {array.dtype}, expected whole numbers")
        return array.astype("int64")
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise DTypeError(f"integers: `{name}` is {value!r}, expected a whole number")
    return operator.index(value)


def _check_range(wanted: Any, minval: int | Array, maxval: int | Array) -> None:
    """Raises PlanError for bounds that the type does not hold; numbers are drawn as int64."""
    held = iinfo(wanted)
    least, most = max(int(held.min), -_INT64_MAX - 1), min(int(held.max), _INT64_MAX - 1)
    is_wide = wanted.name == "int64"
    lowest, below = _extreme(minval, "min", is_wide), _extreme(maxval, "max", is_wide)
    if (lowest is not None and lowest < least) or (below is not None and below - 1 > most):
        why = "" if most == int(held.max) else " here, as `maxval` must itself be an int64"
        what = f"integers: {wanted} holds numbers from {least} to {most}{why}, the bounds are {lowest} and {below}"
        raise PlanError(f"{what}; hint: a wider `dtype`" if wanted.name not in ("int64", "uint64") else what)


def _extreme(bound: int | Array, which: str, is_wide: bool) -> int | None:
    """The number, or the least or largest of an array; None where that is not known or does not matter."""
    if isinstance(bound, int):
        return bound
    return None if is_wide or bound._array.is_traced or not bound.size else int(getattr(bound, which)())


def bernoulli(key: Array | None = None, p: Any = 0.5, shape: Any = None) -> Array:
    """True with probability p, which broadcasts to the shape. Raises PlanError for a number p that is not from 0 to 1; arrays are not
    looked at."""
    if _is_real(p) and not 0 <= p <= 1:
        raise PlanError(f"bernoulli: `p` is {p}, expected a probability from 0 to 1")
    p = as_array(p)
    return call("random_bernoulli", (_given("bernoulli", key), p), p.shape if shape is None else _shape(shape))


def _is_real(value: Any) -> bool:
    return isinstance(value, (bool, int, float))


def permutation(key: Array | None, x: Any) -> Array:
    """The numbers below x, or the rows of x, in random order."""
    if isinstance(x, int):
        return call("random_permutation", (_given("permutation", key),), x)
    x = as_array(x)
    if not x.ndim:
        raise ShapeError("permutation: an array of shape () has no rows")
    order = call("random_permutation", (_given("permutation", key),), x.shape[0])
    return call("take", (x, order), 0, True)  # all of them are inside


shuffle = permutation


def choice(key: Array | None, a: Any, shape: Any = (), replace: bool = True) -> Array:
    """Elements of a line, or numbers below `a`: each may come again if `replace`."""
    line = None if isinstance(a, int) else as_array(a)
    count = a if line is None else line.shape[0]
    size = 1
    for n in _shape(shape):
        size *= n
    if replace:
        places = integers(key, shape, 0, count)
    elif size > count:
        raise PlanError(f"choice: {size} of {count} without replacement")
    else:
        places = permutation(key, count)[:size].reshape(_shape(shape))
    return places if line is None else call("take", (line, places), 0, True)


def categorical(key: Array | None, logits: Any) -> Array:
    """For each row of logarithms of weights, a place drawn by them: (.., classes) gives (..)."""
    return call("random_categorical", (_given("categorical", key), logits))
