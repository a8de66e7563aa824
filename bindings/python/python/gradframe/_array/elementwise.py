"""Functions of each element of one array by itself."""

from __future__ import annotations

from typing import Any

from gradframe._array.core import Array, call

__all__ = [
    "abs", "acos", "acosh", "angle", "asin", "asinh", "atan", "atanh", "bitwise_invert", "ceil", "conj", "cos", "cosh",
    "digamma", "erf", "erfc", "erfinv", "exp", "exp2", "expm1", "floor", "imag", "isfinite", "isinf", "isnan", "lgamma",
    "log", "log10", "log1p", "log2", "logical_not", "negative", "positive", "real", "reciprocal", "round", "rsqrt", "sign",
    "signbit", "sin", "sinc", "sinh", "sqrt", "square", "tan", "tanh", "trunc",
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


def angle(x: Any, /) -> Array:
    """The angle of a complex number."""
    return call("angle", (x,))
