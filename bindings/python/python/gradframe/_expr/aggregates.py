"""Aggregates: one value for the frame or group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gradframe._expr.base import Base, IntoExpr, columns

if TYPE_CHECKING:
    from gradframe._expr.expr import Expr


class Aggregates(Base):
    """Aggregates. Alone in `select` they give one row; beside columns they are repeated on each row; in `agg` they give one
    value a group. Nulls are left out.
    """

    __slots__ = ()

    def sum(self) -> Expr:
        """The sum of the values; 0 where there are none. Booleans are counted."""
        return self._call("sum")

    def mean(self) -> Expr:
        """The mean of the values; null where there are none."""
        return self._call("mean")

    def min(self) -> Expr:
        """The least value; NaN only where there is nothing else."""
        return self._call("min")

    def max(self) -> Expr:
        """The greatest value; NaN only where there is nothing else."""
        return self._call("max")

    def median(self) -> Expr:
        """The median of the values."""
        return self._call("median")

    def std(self, ddof: int = 1) -> Expr:
        """The standard deviation, with divisor n - `ddof`."""
        return self._call("std", ddof=ddof)

    def var(self, ddof: int = 1) -> Expr:
        """The variance, with divisor n - `ddof`."""
        return self._call("var", ddof=ddof)

    def count(self) -> Expr:
        """How many values are not null."""
        return self._call("count")

    def len(self) -> Expr:
        """How many rows there are, nulls included."""
        return self._call("len")

    def n_unique(self) -> Expr:
        """How many different values there are; null is one of them."""
        return self._call("n_unique")

    def null_count(self) -> Expr:
        """How many values are null."""
        return self._call("null_count")

    def first(self, *, ignore_nulls: bool = False) -> Expr:
        """The value of the first row."""
        return self._call("first", ignore_nulls=ignore_nulls)

    def last(self, *, ignore_nulls: bool = False) -> Expr:
        """The value of the last row."""
        return self._call("last", ignore_nulls=ignore_nulls)

    def implode(self) -> Expr:
        """The values as one list, in the order of the rows."""
        return self._call("implode")

    def filter(self, *predicates: IntoExpr, **constraints: Any) -> Expr:
        """Only the rows for which all predicates are true: `gf.col("fare").filter(gf.col("late")).mean()`."""
        from gradframe._expr.functions import col

        equal = [col(name) == value for name, value in constraints.items()]
        return self._call("filter", *columns(*predicates), *equal)
