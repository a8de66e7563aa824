"""Functions of binary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gradframe._dtypes import parse_dtype
from gradframe._expr.base import IntoExpr, column
from gradframe._expr.namespace import Namespace

if TYPE_CHECKING:
    from gradframe._expr.expr import Expr


class BinNamespace(Namespace):
    """Functions of binary. Null gives null."""

    __slots__ = ()

    def contains(self, literal: IntoExpr) -> Expr:
        """Whether some bytes are in it."""
        return self._call("bin.contains", literal)

    def decode(self, encoding: str, *, strict: bool = True) -> Expr:
        """The bytes that "hex" or "base64" tells; for others an error, or null if not `strict`."""
        return self._call("bin.decode", encoding=encoding, strict=strict)

    def encode(self, encoding: str) -> Expr:
        """As text, in "hex" or "base64"."""
        return self._call("bin.encode", encoding=encoding)

    def ends_with(self, suffix: IntoExpr) -> Expr:
        """Whether it ends with some bytes."""
        return self._call("bin.ends_with", suffix)

    def get(self, index: int | IntoExpr, *, null_on_oob: bool = False) -> Expr:
        """The byte at an index. Out of bounds: an error, or null."""
        return self._call("bin.get", column(index), null_on_oob=null_on_oob)

    def head(self, n: int | IntoExpr = 5) -> Expr:
        """The first n bytes; for a negative n, all but the last -n."""
        return self._call("bin.head", column(n))

    def reinterpret(self, *, dtype: Any, endianness: str = "little") -> Expr:
        """The number that the bytes are; null where there are not as many as it takes."""
        return self._call("bin.reinterpret", dtype=parse_dtype(dtype), endianness=endianness)

    def size(self, unit: str = "b") -> Expr:
        """How long it is: in bytes, or in "kb", "mb", "gb", "tb" of 1024 of the one before."""
        return self._call("bin.size", unit=unit)

    def slice(self, offset: int | IntoExpr, length: int | IntoExpr | None = None) -> Expr:
        """So many bytes from an offset, which counts from the end where it is negative; all that follow if None."""
        return self._call("bin.slice", column(offset), column(length))

    def starts_with(self, prefix: IntoExpr) -> Expr:
        """Whether it begins with some bytes."""
        return self._call("bin.starts_with", prefix)

    def tail(self, n: int | IntoExpr = 5) -> Expr:
        """The last n bytes; for a negative n, all but the first -n."""
        return self._call("bin.tail", column(n))
