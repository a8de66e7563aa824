"""Comparison: operators, and the same under their names."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any, Literal

from gradframe._expr.base import Base, IntoExpr, column

if TYPE_CHECKING:
    from gradframe._expr.expr import Expr


class Comparison(Base):
    """Comparison. NaN equals NaN and is greater than every number; a null makes the answer null."""

    __slots__ = ()

    def eq(self, other: IntoExpr) -> Expr:
        """Equal: `==`."""
        return self._call("eq", other)

    def ne(self, other: IntoExpr) -> Expr:
        """Different: `!=`."""
        return self._call("ne", other)

    def lt(self, other: IntoExpr) -> Expr:
        """Less: `<`."""
        return self._call("lt", other)

    def le(self, other: IntoExpr) -> Expr:
        """Less or equal: `<=`."""
        return self._call("le", other)

    def gt(self, other: IntoExpr) -> Expr:
        """Greater: `>`."""
        return self._call("gt", other)

    def ge(self, other: IntoExpr) -> Expr:
        """Greater or equal: `>=`."""
        return self._call("ge", other)

    def eq_missing(self, other: IntoExpr) -> Expr:
        """Equal, or both null; never null itself."""
        return self._call("eq_missing", other)

    def ne_missing(self, other: IntoExpr) -> Expr:
        """Different, which null is from every value; never null itself."""
        return self._call("ne_missing", other)

    def is_between(
        self,
        lower_bound: IntoExpr,
        upper_bound: IntoExpr,
        closed: Literal["both", "left", "right", "none"] = "both",
    ) -> Expr:
        """Whether the value is between two others, of which `closed` says which belong to the interval."""
        return self._call("is_between", column(lower_bound), column(upper_bound), closed=closed)

    def is_in(self, other: Expr | Collection[Any], *, nulls_equal: bool = False) -> Expr:
        """Whether the value is one of these: constants, the row's list, or of a column of values any of them; text names a column. A null
        is none of them, unless `nulls_equal`."""
        other = column(other)
        if not isinstance(other, Base | Iterable):
            raise TypeError(f"is_in: expected several values or a column, got {other!r}; hint: == compares with one value")
        others = [other] if isinstance(other, Base) else other
        return self._call("is_in", *others, nulls_equal=nulls_equal)

    def __eq__(self, other: IntoExpr) -> Expr:  # type: ignore[override]
        return self.eq(other)

    def __ne__(self, other: IntoExpr) -> Expr:  # type: ignore[override]
        return self.ne(other)

    def __lt__(self, other: IntoExpr) -> Expr:
        return self.lt(other)

    def __le__(self, other: IntoExpr) -> Expr:
        return self.le(other)

    def __gt__(self, other: IntoExpr) -> Expr:
        return self.gt(other)

    def __ge__(self, other: IntoExpr) -> Expr:
        return self.ge(other)

    __hash__ = None  # type: ignore[assignment]
