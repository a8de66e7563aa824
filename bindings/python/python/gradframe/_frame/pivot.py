"""From long to wide: a column for each value of a column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

from gradframe._frame.base import Verb, listed, of_expression
from gradframe.errors import PlanError

if TYPE_CHECKING:
    from gradframe._frame.base import Columns

Aggregate = Literal["min", "max", "first", "last", "sum", "mean", "median", "len", "item"]

_AGGREGATES = ("min", "max", "first", "last", "sum", "mean", "median", "len", "item")


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
        aggregate_function: Aggregate | None = None,
        maintain_order: bool = True,
        sort_columns: bool = False,
        separator: str = "_",
    ) -> Self:
        """A column for each value of the columns `on`, a row for each value of `index`, and in each place what is in `values`
        there: by `aggregate_function` if it may be several.

        `on_columns` are the values for which there are to be columns (of several columns `on`, tuples of them). A lazy frame
        must be told them; a collected one looks. Without `index` or `values` it is all other columns.
        """
        if aggregate_function is not None and aggregate_function not in _AGGREGATES:
            raise PlanError(f"pivot: unknown aggregate `{aggregate_function}`; hint: {', '.join(_AGGREGATES)}")
        own = self._lazy()
        on, index, values = _columns(own, listed(on), listed(index), listed(values))
        cases = self._cases(on, on_columns, sort_columns)
        keys = index or ["__all"]
        source = own if index else own.with_columns(_constant("__all"))
        groups = source.group_by(*keys, maintain_order=maintain_order)
        made = groups.agg(*_cells(on, cases, values, aggregate_function or "item", separator))
        return self._wrap(made if index else made.drop("__all"))

    def _cases(self, on: list[str], given: Sequence[Any] | None, sort_columns: bool) -> list[tuple[Any, ...]]:
        """The values for which there are to be columns, as tuples."""
        if given is not None:
            cases = [tuple(row) for row in given.rows()] if hasattr(given, "rows") else list(given)
        elif hasattr(self, "collect"):
            raise PlanError("pivot: a lazy frame must be told its columns; hint: give `on_columns`, or collect first")
        else:
            found = self._lazy().select(*on).unique([], "any", True).collect()
            cases = found.rows()
        tuples = [case if isinstance(case, tuple) else (case,) for case in cases]
        return sorted(tuples, key=lambda case: [(value is not None, value) for value in case]) if sort_columns else tuples


def _columns(own: Any, on: list[Any], index: list[Any], values: list[Any]) -> tuple[list[str], list[str], list[str]]:
    names = {kind: own.select(*given).columns if given else [] for kind, given in (("on", on), ("index", index), ("values", values))}
    others = [name for name in own.columns if name not in names["on"]]
    if not index and not values:
        raise PlanError("pivot: got neither `index` nor `values`, expected one of them")
    if not index:
        names["index"] = [name for name in others if name not in names["values"]]
    if not values:
        names["values"] = [name for name in others if name not in names["index"]]
    return names["on"], names["index"], names["values"]


def _constant(name: str) -> Any:
    from gradframe import lit

    return lit(1).alias(name)


def _cells(on: list[str], cases: list[tuple[Any, ...]], values: list[str], aggregate: str, separator: str) -> list[Any]:
    from gradframe import col

    cells = []
    for value in values:
        for case in cases:
            rows = col(value).filter(*[_equal(name, wanted) for name, wanted in zip(on, case)])
            item = of_expression(rows, "item") if aggregate == "item" else None
            cell = item(allow_empty=True) if item else getattr(rows, aggregate)()
            shown = _shown(case)
            cells.append(cell.alias(shown if len(values) == 1 else f"{value}{separator}{shown}"))
    return cells


def _equal(name: str, wanted: Any) -> Any:
    from gradframe import col

    return col(name).is_null() if wanted is None else col(name) == wanted


def _shown(case: tuple[Any, ...]) -> str:
    """The name of a column: the value, or of several `{"a",1}`."""
    if len(case) == 1:
        return "null" if case[0] is None else str(case[0]).lower() if isinstance(case[0], bool) else str(case[0])
    parts = [f'"{value}"' if isinstance(value, str) else _shown((value,)) for value in case]
    return "{" + ",".join(parts) + "}"
