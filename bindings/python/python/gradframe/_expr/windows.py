"""Windows: over groups, and over rows in their order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from gradframe._expr.base import Base, IntoExpr, call, column, columns

if TYPE_CHECKING:
    from gradframe._expr.expr import Expr


class Windows(Base):
    """Windows over groups, and over rows in their order."""

    __slots__ = ()

    def over(
        self,
        partition_by: IntoExpr | Iterable[IntoExpr] | None = None,
        *more_exprs: IntoExpr,
        order_by: IntoExpr | Iterable[IntoExpr] | None = None,
        descending: bool = False,
        nulls_last: bool = False,
        mapping_strategy: Literal["group_to_rows", "join", "explode"] = "group_to_rows",
    ) -> Expr:
        """The value within each group of equal keys, on each row of the group.

        `order_by` is the order in which the group's rows are seen, where that matters; else it is the frame's. With the
        strategy "join" each row gets the list of the group's values; with "explode", in a select, the groups follow each other, each with
        its own number of rows.
        """
        keys, order = call("tuple", *columns(partition_by, *more_exprs)), call("tuple", *columns(order_by))
        options = {"descending": descending, "nulls_last": nulls_last, "mapping_strategy": mapping_strategy}
        return self._call("over", keys, order, **options)

    def shift(self, n: int | IntoExpr = 1, *, fill_value: IntoExpr | None = None) -> Expr:
        """The value of `n` rows before (after, if negative), which may be computed; `fill_value` where there is no such row.

        A text is a value to fill with, not a column's name.
        """
        fill = [] if fill_value is None else [fill_value]
        if isinstance(n, int):
            return self._call("shift", *fill, n=n)
        return self._call("shift", column(n), *fill)

    def slice(self, offset: int | IntoExpr, length: int | IntoExpr | None = None) -> Expr:
        """At most `length` values from `offset` on, which counts from the end if it is negative. Both may be computed: one value for all rows."""
        exprs = [column(given) for given in (offset, length) if given is not None and not isinstance(given, int)]
        numbers = {name: given for name, given in (("offset", offset), ("length", length)) if isinstance(given, int)}
        return self._call("slice", *exprs, **numbers)

    def head(self, n: int | IntoExpr = 10) -> Expr:
        """At most the first `n` values."""
        return self.slice(0, n)

    def limit(self, n: int | IntoExpr = 10) -> Expr:
        """At most the first `n` values."""
        return self.slice(0, n)

    def tail(self, n: int | IntoExpr = 10) -> Expr:
        """At most the last `n` values."""
        if not isinstance(n, int):
            return self.slice(-column(n), n)
        return self.slice(-n) if n else self.slice(0, 0)  # an offset of -0 is the beginning

    def diff(self, n: int = 1, null_behavior: Literal["ignore", "drop"] = "ignore") -> Expr:
        """The value less that of `n` rows before; rows that have none are null, or dropped."""
        return self._call("diff", n=n, null_behavior=null_behavior)

    def cumulative_eval(self, expr: Expr, *, min_samples: int = 1) -> Expr:
        """The value of an expression over `gf.element()` for the rows so far, for each row; null where fewer than `min_samples`
        are not null. Its work grows with the square of the number of rows."""
        return self._call("cumulative_eval", expr=expr, min_samples=min_samples)

    def cum_sum(self, *, reverse: bool = False) -> Expr:
        """The sum of the rows so far; in reverse, of this row and those after it."""
        return self._call("cum_sum", reverse=reverse)

    def cum_min(self, *, reverse: bool = False) -> Expr:
        """The least value of the rows so far."""
        return self._call("cum_min", reverse=reverse)

    def cum_max(self, *, reverse: bool = False) -> Expr:
        """The greatest value of the rows so far."""
        return self._call("cum_max", reverse=reverse)

    def cum_count(self, *, reverse: bool = False) -> Expr:
        """How many values of the rows so far are not null."""
        return self._call("cum_count", reverse=reverse)
