"""Frames divided into groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from gradframe._frame.base import flat, listed
from gradframe.errors import PlanError

if TYPE_CHECKING:
    from gradframe._frame.base import Columns, IntoColumn
    from gradframe._gradframe import PyLazyGroupBy

Frame = TypeVar("Frame")


class Groups(Generic[Frame]):
    """Groups of a frame's rows, waiting for what to compute of each."""

    __slots__ = ("_frame", "_having", "_keys", "_maintain_order")

    def __init__(self, frame: Any, keys: list[Any], named_keys: dict[str, Any], maintain_order: bool) -> None:
        from gradframe import col

        named = [(col(key) if isinstance(key, str) else key).alias(name) for name, key in named_keys.items()]
        self._frame = frame
        self._keys = [*keys, *named]
        self._maintain_order = maintain_order
        self._having: list[Any] = []

    def having(self, *predicates: Columns) -> Self:
        """Only the groups of which all of these are true: expressions of aggregates."""
        made = type(self)(self._frame, self._keys, {}, self._maintain_order)
        made._having = [*self._having, *flat(predicates)]
        return made

    def _groups(self) -> PyLazyGroupBy:
        groups = self._frame._lazy().group_by(*self._keys, maintain_order=self._maintain_order)
        return groups.having(*self._having) if self._having else groups

    def _names(self) -> list[str]:
        """The names of the keys."""
        return self._frame._lazy().select(*self._keys).columns

    def agg(self, *aggs: Columns, **named_aggs: IntoColumn) -> Frame:
        """One row a group: the keys, then the aggregates."""
        return self._frame._wrap(self._groups().agg(*aggs, **named_aggs))

    def len(self, name: str | None = None) -> Frame:
        """One row a group: the keys and the number of rows, `len` or under another name."""
        from gradframe import len

        return self.agg(len() if name is None else len().alias(name))

    def count(self, name: str | None = None) -> Frame:
        """The same as `len`, the column being named `count` if nothing is said."""
        return self.len(name or "count")

    def all(self) -> Frame:
        """One row a group: the keys, and of every other column the list of the group's values."""
        return self._every(lambda column: column)

    def first(self, *, ignore_nulls: bool = False) -> Frame:
        """One row a group: the keys and the values of its first row."""
        return self._every(lambda column: column.first(ignore_nulls=ignore_nulls))

    def last(self, *, ignore_nulls: bool = False) -> Frame:
        """One row a group: the keys and the values of its last row."""
        return self._every(lambda column: column.last(ignore_nulls=ignore_nulls))

    def sum(self) -> Frame:
        """One row a group: the keys and the sum of every other column."""
        return self._every(lambda column: column.sum())

    def mean(self) -> Frame:
        """One row a group: the keys and the mean of every other column."""
        return self._by_type("mean")

    def median(self) -> Frame:
        """One row a group: the keys and the median of every other column."""
        return self._by_type("median")

    def min(self) -> Frame:
        """One row a group: the keys and the least value of every other column."""
        return self._every(lambda column: column.min())

    def max(self) -> Frame:
        """One row a group: the keys and the greatest value of every other column."""
        return self._every(lambda column: column.max())

    def n_unique(self) -> Frame:
        """One row a group: the keys and how many different values every other column has."""
        return self._every(lambda column: column.n_unique())

    def quantile(self, quantile: float, interpolation: str = "nearest") -> Frame:
        """One row a group: the keys and a quantile of every other column, null for text."""
        return self._by_type("quantile", quantile, interpolation)

    def head(self, n: int = 5) -> Frame:
        """The first `n` rows of each group, group by group."""
        return self._cut(n, first=True)

    def tail(self, n: int = 5) -> Frame:
        """The last `n` rows of each group, group by group."""
        return self._cut(n, first=False)

    def _every(self, aggregate: Callable[[Any], Any]) -> Frame:
        """An aggregate of every column that is no key."""
        from gradframe import col

        keys = self._names()
        others = [name for name in self._frame._lazy().columns if name not in keys]
        return self.agg(*[aggregate(col(name)) for name in others])

    def _by_type(self, method: str, *arguments: Any) -> Frame:
        """An aggregate of every column that is no key, as its type has it."""
        from gradframe._frame.aggregating import aggregated

        keys = self._names()
        others = [field for field in self._frame._lazy().collect_schema() if field.name not in keys]
        return self.agg(*[aggregated(field.name, field.type, method, *arguments) for field in others])

    def _cut(self, n: int, *, first: bool) -> Frame:
        """The rows whose place in their group, counted from one end, is at most `n`; groups in the order of their first rows."""
        from gradframe import col

        if n < 0:
            raise PlanError(f"{'head' if first else 'tail'}: expected 0 rows or more, got {n}")
        keys = self._names()
        others = [name for name in self._frame._lazy().columns if name not in keys]
        number, place, begins = (_unused(stem, [*keys, *others]) for stem in ("__row", "__place", "__first"))
        numbered = self._frame._lazy().with_columns(*self._keys).with_row_index(number, 0)
        row = col(number)
        placed = numbered.with_columns(row.cum_count(reverse=not first).over(keys).alias(place), row.min().over(keys).alias(begins))
        ordered = placed.filter(col(place) <= n).sort([begins, number])
        return self._frame._wrap(ordered.select(*keys, *others))

    def map_groups(self, function: Callable[[Any], Any], schema: Any = None) -> Frame:
        """A function of each group's rows, a DataFrame, that gives a DataFrame; what it gives is put one below the other. The
        groups are collected first. `schema` is the result's where there is no group."""
        from gradframe._frame.eager import DataFrame
        from gradframe._default import concat

        made = [function(frame) for _, frame in self]
        together = concat(made) if made else DataFrame(schema=schema if schema is not None else self._frame.collect_schema())
        return self._frame._wrap(together._lazy())

    def __iter__(self) -> Iterator[tuple[tuple[Any, ...], Any]]:
        """The groups as pairs: the tuple of the keys' values, and a DataFrame of the rows. In the order of the first rows."""
        from gradframe._frame.building import groups_of

        names = self._names()
        own = self._frame.lazy().collect()
        computed = [f"__key_{at}" for at in range(len(names))]
        keyed = own.with_columns(*[expr.alias(name) for expr, name in zip(self._as_exprs(), computed)])
        for values, rows in groups_of(keyed, computed):
            yield values, rows.drop(computed)

    def _as_exprs(self) -> list[Any]:
        from gradframe import col

        return [col(key) if isinstance(key, str) else key for part in self._keys for key in listed(part)]


class LazyGroupBy(Groups["LazyFrame"]):  # noqa: F821
    """Groups of a lazy frame: what is computed of them is lazy."""

    __slots__ = ()


class GroupBy(Groups["DataFrame"]):  # noqa: F821
    """Groups of a collected frame: what is computed of them is there at once."""

    __slots__ = ()


def _unused(stem: str, names: list[str]) -> str:
    """A name that none of these is."""
    while stem in names:
        stem += "_"
    return stem
