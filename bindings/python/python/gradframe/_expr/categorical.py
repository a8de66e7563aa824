"""Functions of categoricals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gradframe._dtypes import parse_dtype
from gradframe._expr.namespace import Namespace

if TYPE_CHECKING:
    from gradframe._expr.expr import Expr


class CatNamespace(Namespace):
    """Functions of categoricals: those of text, worked out once for each category."""

    __slots__ = ()

    def ends_with(self, suffix: str) -> Expr:
        """Whether the category ends with a text."""
        return self._call("cat.ends_with", suffix=suffix)

    def len_bytes(self) -> Expr:
        """How many bytes the category has."""
        return self._call("cat.len_bytes")

    def len_chars(self) -> Expr:
        """How many characters the category has."""
        return self._call("cat.len_chars")

    def physical(self) -> Expr:
        """The code of the category."""
        return self._call("cat.physical")

    def slice(self, offset: int, length: int | None = None) -> Expr:
        """So many characters of the category from an offset; all that follow if None."""
        return self._call("cat.slice", offset=offset, length=length)

    def starts_with(self, prefix: str) -> Expr:
        """Whether the category begins with a text."""
        return self._call("cat.starts_with", prefix=prefix)

    def to(self, dtype: Any, *, strict: bool = True) -> Expr:
        """The category as another type."""
        return self._call("cast", dtype=parse_dtype(dtype), strict=strict)
