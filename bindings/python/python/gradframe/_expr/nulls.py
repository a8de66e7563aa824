"""Nulls, NaN and types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from gradframe._dtypes import Enum, parse_dtype
from gradframe._expr.base import Base, IntoExpr

if TYPE_CHECKING:
    from gradframe._expr.expr import Expr

FillNullStrategy = Literal["forward", "backward", "min", "max", "mean", "zero", "one"]


class Nulls(Base):
    """Nulls, NaN and types. A NaN is a value, never a null."""

    __slots__ = ()

    def is_null(self) -> Expr:
        """Whether the value is null."""
        return self._call("is_null")

    def is_not_null(self) -> Expr:
        """Whether the value is not null."""
        return self._call("is_not_null")

    def is_nan(self) -> Expr:
        """Whether a float is NaN; null for null."""
        return self._call("is_nan")

    def is_not_nan(self) -> Expr:
        """Whether a float is not NaN; null for null."""
        return self._call("is_not_nan")

    def is_finite(self) -> Expr:
        """Whether a number is neither NaN nor infinite; null for null."""
        return self._call("is_finite")

    def is_infinite(self) -> Expr:
        """Whether a float is infinite; null for null."""
        return self._call("is_infinite")

    def fill_null(
        self, value: IntoExpr | None = None, strategy: FillNullStrategy | None = None, limit: int | None = None
    ) -> Expr:
        """The value; where it is null another, or what a strategy says: the value before ("forward") or after it
        ("backward"), at most `limit` in a row, the column's "min", "max" or "mean", "zero" or "one".
        """
        if (value is None) == (strategy is None):
            raise ValueError("fill_null: expected a value or a strategy")
        return self._call("fill_null", *([] if value is None else [value]), strategy=strategy, limit=limit)

    def fill_nan(self, value: IntoExpr) -> Expr:
        """The value, or another where it is NaN."""
        return self._call("fill_nan", value)

    def drop_nulls(self) -> Expr:
        """Only the rows that are not null."""
        return self._call("drop_nulls")

    def drop_nans(self) -> Expr:
        """Only the rows that are not NaN; nulls stay."""
        return self._call("drop_nans")

    def cast(self, dtype: Any, *, strict: bool = True) -> Expr:
        """The value as another type; one that does not fit is an error if `strict`, else null."""
        parsed = parse_dtype(dtype)
        if isinstance(parsed, Enum):
            return self._call("cast_enum", categories=list(parsed.categories), strict=strict)
        return self._call("cast", dtype=parsed, strict=strict)
