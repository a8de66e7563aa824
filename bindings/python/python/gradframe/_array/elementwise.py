"""Functions of each element by itself. Arguments are arrays, or Python numbers, whose type is weak; they broadcast."""

from __future__ import annotations

from typing import Any

from gradframe._array.core import Array, as_array, call, wrap

__all__ = [
    "abs", "acos", "acosh", "add", "angle", "asin", "asinh", "atan", "atan2", "atanh", "bitwise_and", "bitwise_invert",
    "bitwise_left_shift", "bitwise_or", "bitwise_right_shift", "bitwise_xor", "ceil", "clip", "conj", "copysign", "cos",
    "cosh", "digamma", "divide", "equal", "erf", "erfc", "erfinv", "exp", "exp2", "expm1", "floor", "floor_divide", "greater",
    "greater_equal", "hypot", "imag", "isfinite", "isinf", "isnan", "less", "less_equal", "lgamma", "log", "log10", "log1p",
    "log2", "logaddexp", "logical_and", "logical_not", "logical_or", "logical_xor", "maximum", "minimum", "multiply",
    "negative", "nextafter", "not_equal", "positive", "pow", "real", "reciprocal", "remainder", "round", "rsqrt", "sign",
    "signbit", "sin", "sinc", "sinh", "sqrt", "square", "subtract", "tan", "tanh", "trunc", "where",
]


def abs(x: Any, /) -> Array:
    """The size of each element."""
    return call("abs", (x,))


def acos(x: Any, /) -> Array:
    """Arc cosine."""
    return call("acos", (x,))


def acosh(x: Any, /) -> Array:
    """Inverse hyperbolic cosine."""
    return call("acosh", (x,))


def asin(x: Any, /) -> Array:
    """Arc sine."""
    return call("asin", (x,))


def asinh(x: Any, /) -> Array:
    """Inverse hyperbolic sine."""
    return call("asinh", (x,))


def atan(x: Any, /) -> Array:
    """Arc tangent."""
    return call("atan", (x,))


def atanh(x: Any, /) -> Array:
    """Inverse hyperbolic tangent."""
    return call("atanh", (x,))


def bitwise_invert(x: Any, /) -> Array:
    """Bits inverted; truth values negated."""
    return call("bitwise_invert", (x,))


def ceil(x: Any, /) -> Array:
    """The smallest whole number not below each element."""
    return call("ceil", (x,))


def conj(x: Any, /) -> Array:
    """The complex conjugate."""
    return call("conj", (x,))


def cos(x: Any, /) -> Array:
    """Cosine of radians."""
    return call("cos", (x,))


def cosh(x: Any, /) -> Array:
    """Hyperbolic cosine."""
    return call("cosh", (x,))


def digamma(x: Any, /) -> Array:
    """The derivative of `lgamma`."""
    return call("digamma", (x,))


def erf(x: Any, /) -> Array:
    """The error function."""
    return call("erf", (x,))


def erfc(x: Any, /) -> Array:
    """`1 - erf(x)`, exact for large x."""
    return call("erfc", (x,))


def erfinv(x: Any, /) -> Array:
    """The inverse of `erf`."""
    return call("erfinv", (x,))


def exp(x: Any, /) -> Array:
    """`e ** x`."""
    return call("exp", (x,))


def exp2(x: Any, /) -> Array:
    """`2 ** x`."""
    return call("exp2", (x,))


def expm1(x: Any, /) -> Array:
    """`e ** x - 1`, exact near 0."""
    return call("expm1", (x,))


def floor(x: Any, /) -> Array:
    """The largest whole number not above each element."""
    return call("floor", (x,))


def imag(x: Any, /) -> Array:
    """The imaginary part; 0 for real numbers."""
    return call("imag", (x,))


def isfinite(x: Any, /) -> Array:
    """Where elements are neither NaN nor infinite."""
    return call("isfinite", (x,))


def isinf(x: Any, /) -> Array:
    """Where elements are infinite."""
    return call("isinf", (x,))


def isnan(x: Any, /) -> Array:
    """Where elements are NaN."""
    return call("isnan", (x,))


def lgamma(x: Any, /) -> Array:
    """The logarithm of the size of the gamma function."""
    return call("lgamma", (x,))


def log(x: Any, /) -> Array:
    """The natural logarithm."""
    return call("log", (x,))


def log1p(x: Any, /) -> Array:
    """`log(1 + x)`, exact near 0."""
    return call("log1p", (x,))


def log2(x: Any, /) -> Array:
    """The logarithm to base 2."""
    return call("log2", (x,))


def log10(x: Any, /) -> Array:
    """The logarithm to base 10."""
    return call("log10", (x,))


def logical_not(x: Any, /) -> Array:
    """Where elements are zero or false."""
    return call("logical_not", (x,))


def negative(x: Any, /) -> Array:
    """`-x`."""
    return call("negative", (x,))


def positive(x: Any, /) -> Array:
    """`+x`."""
    return call("positive", (x,))


def real(x: Any, /) -> Array:
    """The real part."""
    return call("real", (x,))


def reciprocal(x: Any, /) -> Array:
    """`1 / x`."""
    return call("reciprocal", (x,))


def round(x: Any, /) -> Array:
    """The nearest whole number, halves to even."""
    return call("round", (x,))


def rsqrt(x: Any, /) -> Array:
    """`1 / sqrt(x)`."""
    return call("rsqrt", (x,))


def sign(x: Any, /) -> Array:
    """-1, 0 or 1; of a complex number its direction."""
    return call("sign", (x,))


def signbit(x: Any, /) -> Array:
    """Where the sign is set, also of -0.0."""
    return call("signbit", (x,))


def sin(x: Any, /) -> Array:
    """Sine of radians."""
    return call("sin", (x,))


def sinc(x: Any, /) -> Array:
    """`sin(pi x) / (pi x)`, 1 at 0."""
    return call("sinc", (x,))


def sinh(x: Any, /) -> Array:
    """Hyperbolic sine."""
    return call("sinh", (x,))


def square(x: Any, /) -> Array:
    """`x * x`."""
    return call("square", (x,))


def sqrt(x: Any, /) -> Array:
    """The square root."""
    return call("sqrt", (x,))


def tan(x: Any, /) -> Array:
    """Tangent of radians."""
    return call("tan", (x,))


def tanh(x: Any, /) -> Array:
    """Hyperbolic tangent."""
    return call("tanh", (x,))


def trunc(x: Any, /) -> Array:
    """The whole part."""
    return call("trunc", (x,))


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


def angle(x: Any, /) -> Array:
    """The angle of a complex number."""
    return call("angle", (x,))


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
