"""Functions of the elements of several arrays that stand together. Arguments are arrays, or Python numbers, whose type is weak; they
broadcast."""

from __future__ import annotations

from typing import Any

from gradframe._array.core import Array, as_array, call, wrap

__all__ = [
    "add", "atan2", "bitwise_and", "bitwise_left_shift", "bitwise_or", "bitwise_right_shift", "bitwise_xor", "clip",
    "copysign", "divide", "equal", "floor_divide", "greater", "greater_equal", "hypot", "less", "less_equal", "logaddexp",
    "logical_and", "logical_or", "logical_xor", "maximum", "minimum", "multiply", "nextafter", "not_equal", "pow",
    "remainder", "subtract", "where",
]


def add(x1: Any, x2: Any, /) -> Array:
    """`x1 + x2`."""
    return call("add", (x1, x2))


def atan2(x1: Any, x2: Any, /) -> Array:
    """The angle of the point (x2, x1)."""
    return call("atan2", (x1, x2))


def bitwise_and(x1: Any, x2: Any, /) -> Array:
    """And, bit by bit."""
    return call("bitwise_and", (x1, x2))


def bitwise_left_shift(x1: Any, x2: Any, /) -> Array:
    """Bits shifted up by x2 places."""
    return call("bitwise_left_shift", (x1, x2))


def bitwise_or(x1: Any, x2: Any, /) -> Array:
    """Or, bit by bit."""
    return call("bitwise_or", (x1, x2))


def bitwise_right_shift(x1: Any, x2: Any, /) -> Array:
    """Bits shifted down by x2 places."""
    return call("bitwise_right_shift", (x1, x2))


def bitwise_xor(x1: Any, x2: Any, /) -> Array:
    """Exclusive or, bit by bit."""
    return call("bitwise_xor", (x1, x2))


def copysign(x1: Any, x2: Any, /) -> Array:
    """The size of x1 with the sign of x2."""
    return call("copysign", (x1, x2))


def divide(x1: Any, x2: Any, /) -> Array:
    """`x1 / x2`; integers become floats."""
    return call("divide", (x1, x2))


def equal(x1: Any, x2: Any, /) -> Array:
    """Where both are equal."""
    return call("equal", (x1, x2))


def floor_divide(x1: Any, x2: Any, /) -> Array:
    """`x1 // x2`; 0 for integers where x2 is 0."""
    return call("floor_divide", (x1, x2))


def greater(x1: Any, x2: Any, /) -> Array:
    """Where x1 is larger."""
    return call("greater", (x1, x2))


def greater_equal(x1: Any, x2: Any, /) -> Array:
    """Where x1 is not smaller."""
    return call("greater_equal", (x1, x2))


def hypot(x1: Any, x2: Any, /) -> Array:
    """`sqrt(x1**2 + x2**2)`, without overflow."""
    return call("hypot", (x1, x2))


def less(x1: Any, x2: Any, /) -> Array:
    """Where x1 is smaller."""
    return call("less", (x1, x2))


def less_equal(x1: Any, x2: Any, /) -> Array:
    """Where x1 is not larger."""
    return call("less_equal", (x1, x2))


def logaddexp(x1: Any, x2: Any, /) -> Array:
    """`log(exp(x1) + exp(x2))`, without overflow."""
    return call("logaddexp", (x1, x2))


def logical_and(x1: Any, x2: Any, /) -> Array:
    """Where both are true or not zero."""
    return call("logical_and", (x1, x2))


def logical_or(x1: Any, x2: Any, /) -> Array:
    """Where either is true or not zero."""
    return call("logical_or", (x1, x2))


def logical_xor(x1: Any, x2: Any, /) -> Array:
    """Where exactly one is true or not zero."""
    return call("logical_xor", (x1, x2))


def maximum(x1: Any, x2: Any, /) -> Array:
    """The larger; NaN if either is."""
    return call("maximum", (x1, x2))


def minimum(x1: Any, x2: Any, /) -> Array:
    """The smaller; NaN if either is."""
    return call("minimum", (x1, x2))


def multiply(x1: Any, x2: Any, /) -> Array:
    """`x1 * x2`."""
    return call("multiply", (x1, x2))


def nextafter(x1: Any, x2: Any, /) -> Array:
    """The next float after x1 towards x2."""
    return call("nextafter", (x1, x2))


def not_equal(x1: Any, x2: Any, /) -> Array:
    """Where they differ."""
    return call("not_equal", (x1, x2))


def remainder(x1: Any, x2: Any, /) -> Array:
    """`x1 % x2`, with the sign of x2; 0 for integers where x2 is 0."""
    return call("remainder", (x1, x2))


def subtract(x1: Any, x2: Any, /) -> Array:
    """`x1 - x2`."""
    return call("subtract", (x1, x2))


def pow(x1: Any, x2: Any, /) -> Array:
    """`x1 ** x2`."""
    return as_array(x1) ** x2


def clip(x: Any, /, min: Any = None, max: Any = None) -> Array:
    """Elements below `min` or above `max` replaced by those; the type of x stays."""
    x = as_array(x)
    for bound, name in ((min, "maximum"), (max, "minimum")):
        if bound is not None:
            bounded = call(name, (x, bound))
            x = bounded if bounded.dtype is x.dtype else bounded.astype(x.dtype)
    return wrap(x._array)


def where(condition: Any, x1: Any = None, x2: Any = None, /) -> Any:
    """x1 where the condition holds, else x2. Without both, as in NumPy, the places where it holds: `nonzero(condition)`."""
    if x1 is None and x2 is None:
        from gradframe._array.arranging import nonzero

        return nonzero(condition)
    return call("where", (_truth(condition), x1, x2))


def _truth(condition: Any) -> Array:
    condition = as_array(condition)
    return condition if condition.dtype.name == "bool" else condition.astype("bool")
