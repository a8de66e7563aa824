"""From long to wide: a column for each value of a column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

from gradframe import _gradframe
from gradframe._frame.base import Verb, listed
from gradframe.errors import PlanError

if TYPE_CHECKING:
    from gradframe._expr import Expr
    from gradframe._frame.base import Columns

Aggregate = Literal["min", "max", "first", "last", "sum", "mean", "median", "len", "item"]


class PivotVerbs(Verb):
    """The verb that makes columns of values."""

    __slots__ = ()

    def pivot(
        self,
        on: Columns,
        on_columns: Sequence[Any] | None = None,
        *,
        index: Columns | None = None,
        values: Columns | None = None,
        aggregate_function: Aggregate | Expr | None = None,
        maintain_order: bool = True,
        sort_columns: bool = False,
        separator: str = "_",
    ) -> Self:
        """A column for each value of the columns `on`, a row for each value of `index`, and in each place what is in `values`
        there: by `aggregate_function` if it may be several: its name, or an expression of `gf.element()`, such as
        `gf.element().max() - gf.element().min()`.

        `on_columns` are the values for which there are to be columns (of several columns `on`, tuples of them). A lazy frame
        must be told them; a collected one looks. Without `index` or `values` it is all other columns.
        """
        own = self._lazy()
        columns = own.select(*listed(on)).columns
        made = _gradframe.pivot(
            own,
            columns,
            self._cases(columns, on_columns, sort_columns),
            index=listed(index),
            values=listed(values),
            aggregate="item" if aggregate_function is None else aggregate_function,
            maintain_order=maintain_order,
            separator=separator,
        )
        return self._wrap(made)

    def _cases(self, on: list[str], given: Sequence[Any] | None, sort_columns: bool) -> list[tuple[Any, ...]]:
        """The values for which there are to be columns, as tuples."""
        if given is not None:
            cases = [tuple(row) for row in given.rows()] if hasattr(given, "rows") else list(given)
        elif hasattr(self, "collect"):
            raise PlanError("pivot: a lazy frame must be told its columns; hint: give `on_columns`, or collect first")
        else:
            different = self._lazy().select(*on).unique([], "any", True)
            # In the engine's order: categories of an Enum come by their places.
            return (different.sort(on) if sort_columns else different).collect().rows()
        tuples = [case if isinstance(case, tuple) else (case,) for case in cases]
        return sorted(tuples, key=lambda case: [(value is not None, value) for value in case]) if sort_columns else tuples
