"""Products of matrices, and the standard's `linalg`."""

from __future__ import annotations

from typing import Any, NamedTuple

from gradframe._array import dtypes
from gradframe._array.core import Array, as_array, call

__all__ = [
    "cholesky", "cross", "det", "diagonal", "eigh", "eigvalsh", "inv", "matmul", "matrix_norm", "matrix_power", "matrix_rank",
    "matrix_transpose", "outer", "pinv", "qr", "slogdet", "solve", "svd", "svdvals", "tensordot", "trace", "vecdot", "vector_norm",
]


class EighResult(NamedTuple):
    """Eigenvalues, ascending, and eigenvectors, a column each."""

    eigenvalues: Array
    eigenvectors: Array


class QRResult(NamedTuple):
    """Orthonormal columns, and an upper triangle."""

    Q: Array
    R: Array


class SlogdetResult(NamedTuple):
    """The sign of a determinant, and the logarithm of its size."""

    sign: Array
    logabsdet: Array


class SVDResult(NamedTuple):
    """Left vectors, singular values, right vectors transposed."""

    U: Array
    S: Array
    Vh: Array


def matmul(x1: Any, x2: Any, /) -> Array:
    """The product of matrices: (.., m, k) and (.., k, n) give (.., m, n); a line is a row on the left, a column on the right."""
    return call("matmul", (x1, x2))


def matrix_transpose(x: Any, /) -> Array:
    """The last two axes swapped."""
    return call("matrix_transpose", (x,))


def tensordot(x1: Any, x2: Any, /, *, axes: Any = 2) -> Array:
    """Products summed over axes: the last n of x1 with the first n of x2, or those named for each."""
    x1, x2 = as_array(x1), as_array(x2)
    if isinstance(axes, int):
        return call("tensordot", (x1, x2), tuple(range(x1.ndim - axes, x1.ndim)), tuple(range(axes)))
    left, right = axes
    return call("tensordot", (x1, x2), tuple(left), tuple(right))


def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Array:
    """The sum of products along an axis; x1 is conjugated."""
    return call("vecdot", (x1, x2), axis)


def outer(x1: Any, x2: Any, /) -> Array:
    """All products of an element of one line with an element of the other."""
    return call("outer", (x1, x2))


def cholesky(x: Any, /, *, upper: bool = False) -> Array:
    """The lower triangle L with L @ L.mT = x, or the upper one; NaN where x is not positive definite."""
    return call("cholesky", (x,), upper)


def cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Array:
    """The cross product along an axis of size 3."""
    return call("cross", (x1, x2), axis)


def det(x: Any, /) -> Array:
    """The determinant."""
    return call("det", (x,))


def diagonal(x: Any, /, *, offset: int = 0) -> Array:
    """The elements of a diagonal of the last two axes."""
    return call("diagonal", (x,), offset)


def eigh(x: Any, /) -> EighResult:
    """Eigenvalues and eigenvectors of a symmetric matrix."""
    return EighResult(*call("eigh", (x,)))


def eigvalsh(x: Any, /) -> Array:
    """The eigenvalues of a symmetric matrix, ascending."""
    return call("eigvalsh", (x,))


def inv(x: Any, /) -> Array:
    """The inverse; infinite or NaN where there is none."""
    return call("inv", (x,))


def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Array:
    """A norm of each matrix: "fro", "nuc", 1, -1, 2, -2, inf or -inf."""
    if isinstance(ord, str):
        return call("matrix_norm", (x,), ord, None, keepdims)
    return call("matrix_norm", (x,), None, float(ord), keepdims)


def matrix_power(x: Any, n: int, /) -> Array:
    """A square matrix multiplied with itself; its inverse if n is negative."""
    return call("matrix_power", (x,), n)


def matrix_rank(x: Any, /, *, rtol: Any = None) -> Array:
    """The number of singular values above `rtol` times the largest."""
    return call("matrix_rank", (x,), None if rtol is None else float(rtol))


def pinv(x: Any, /, *, rtol: Any = None) -> Array:
    """The pseudoinverse; singular values of at most `rtol` times the largest count as zero."""
    return call("pinv", (x,), None if rtol is None else float(rtol))


def qr(x: Any, /, *, mode: str = "reduced") -> QRResult:
    """Q with orthonormal columns, and R upper triangular, with Q @ R = x."""
    if mode not in ("reduced", "complete"):
        raise ValueError(f"qr: expected mode 'reduced' or 'complete', got {mode!r}")
    return QRResult(*call("qr", (x,), mode))


def slogdet(x: Any, /) -> SlogdetResult:
    """The sign of the determinant, and the logarithm of its size."""
    return SlogdetResult(*call("slogdet", (x,)))


def solve(x1: Any, x2: Any, /) -> Array:
    """The X with x1 @ X = x2; infinite or NaN where x1 is singular."""
    return call("solve", (x1, x2))


def svd(x: Any, /, *, full_matrices: bool = True) -> SVDResult:
    """U, S and Vh with U @ diag(S) @ Vh = x; S descending. Pass full_matrices=False for a matrix that is not square."""
    return SVDResult(*call("svd", (x,), full_matrices))


def svdvals(x: Any, /) -> Array:
    """The singular values, descending."""
    return call("svdvals", (x,))


def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Array:
    """The sum of a diagonal of the last two axes."""
    found = call("trace", (x,), offset)
    return found if dtype is None else found.astype(dtypes.dtype(dtype))


def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Array:
    """`sum(abs(x) ** ord) ** (1 / ord)` over axes, or of all elements."""
    return call("vector_norm", (x,), axis, keepdims, float(ord))
