"""What an expression says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gradframe._expr.base import Base

if TYPE_CHECKING:
    from gradframe._expr.expr import Expr


class MetaNamespace:
    """What an expression says of itself, without a frame."""

    def __init__(self, expr: Base) -> None:
        self._of = expr

    def output_name(self) -> str:
        """The name of the result."""
        return self._of._expr.output_name()

    def root_names(self) -> list[str]:
        """The columns that the expression reads, from left to right."""
        return self._of._expr.root_names()

    def eq(self, other: Expr) -> bool:
        """Whether both are the same expression."""
        return self._of._expr.is_same(other._expr)

    def ne(self, other: Expr) -> bool:
        """Whether both are different expressions."""
        return not self.eq(other)


class Meta(Base):
    """What an expression says of itself, and choices of columns."""

    __slots__ = ()

    @property
    def meta(self) -> MetaNamespace:
        """What the expression says of itself."""
        return MetaNamespace(self)

    def exclude(self, columns: Any, *more_columns: Any) -> Expr:
        """The chosen columns without these names, patterns and types: `gf.all().exclude("id")`."""
        from gradframe._expr.functions import excluded

        return self._call("exclude", **excluded(columns, *more_columns))
