"""Verbs of rows: choosing, ordering, cutting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

from gradframe import _gradframe
from gradframe._frame.base import Verb, flat, listed, private_lazy

if TYPE_CHECKING:
    from gradframe._frame.base import Columns, IntoColumn


class RowVerbs(Verb):
    """Verbs that change which rows a frame has, or their order."""

    __slots__ = ()

    def filter(self, *predicates: Columns, **constraints: Any) -> Self:
        """The rows for which all predicates are true: expressions, or names of boolean columns; `name=value` for equality."""
        return self._wrap(self._lazy().filter(*predicates, *_equalities(constraints)))

    def remove(self, *predicates: Columns, **constraints: Any) -> Self:
        """The rows for which not all predicates are true: one of them false or null."""
        return self._wrap(self._lazy().remove([*flat(predicates), *_equalities(constraints)]))

    def sort(
        self,
        by: Columns,
        *more_by: IntoColumn,
        descending: bool | Sequence[bool] | None = None,
        nulls_last: bool | Sequence[bool] | None = None,
        maintain_order: bool = False,
    ) -> Self:
        """The rows in order. Nulls come first unless `nulls_last`. With `maintain_order`, rows of equal keys stay in theirs."""
        keys = [*listed(by), *more_by]
        sorted_rows = self._lazy().sort(keys, descending=descending, nulls_last=nulls_last, maintain_order=maintain_order)
        return self._wrap(sorted_rows)

    def head(self, n: int = 5) -> Self:
        """At most the first `n` rows."""
        return self._wrap(self._lazy().head(n))

    def limit(self, n: int = 5) -> Self:
        """At most the first `n` rows."""
        return self.head(n)

    def tail(self, n: int = 5) -> Self:
        """At most the last `n` rows."""
        return self._wrap(self._lazy().tail(n))

    def first(self) -> Self:
        """The first row."""
        return self.head(1)

    def last(self) -> Self:
        """The last row."""
        return self.tail(1)

    def slice(self, offset: int, length: int | None = None) -> Self:
        """The rows after the first `offset`, at most `length` of them. A negative offset counts from the end."""
        return self._wrap(self._lazy().slice(offset, length))

    def reverse(self) -> Self:
        """The rows from the last to the first."""
        return self._wrap(self._lazy().reverse())

    def gather_every(self, n: int, offset: int = 0) -> Self:
        """Every `n`-th row, from the row `offset` on."""
        return self._wrap(self._lazy().gather_every(n, offset))

    def with_row_index(self, name: str = "index", offset: int = 0) -> Self:
        """All columns behind a new one: the row's number, from `offset` on."""
        return self._wrap(self._lazy().with_row_index(name, offset))

    def top_k(self, k: int, *, by: Columns, reverse: bool | Sequence[bool] = False) -> Self:
        """The `k` rows that are largest by the keys, the largest first. A key marked by `reverse` counts the other way."""
        return self._wrap(self._lazy().top_k(k, listed(by), listed(reverse), False))

    def bottom_k(self, k: int, *, by: Columns, reverse: bool | Sequence[bool] = False) -> Self:
        """The `k` rows that are smallest by the keys, the smallest first. A key marked by `reverse` counts the other way."""
        return self._wrap(self._lazy().top_k(k, listed(by), listed(reverse), True))

    def unique(
        self,
        subset: Columns | None = None,
        *,
        keep: Literal["any", "first", "last", "none"] = "any",
        maintain_order: bool = False,
    ) -> Self:
        """Each different row once, or one row for each different value of the named columns: any, the first, the last; or
        with "none" only rows that are there once. The order is open unless `maintain_order`."""
        return self._wrap(self._lazy().unique(listed(subset), keep, maintain_order))

    def drop_nulls(self, subset: Columns | None = None) -> Self:
        """The rows in which none of these columns is null; none named: no column at all."""
        return self._wrap(self._lazy().drop_nulls(listed(subset)))

    def drop_nans(self, subset: Columns | None = None) -> Self:
        """The rows in which none of these columns is NaN; none named: no column at all."""
        return self._wrap(self._lazy().drop_nans(listed(subset)))

    def merge_sorted(self, other: Any, key: str | Sequence[str], *, maintain_order: bool = False) -> Self:
        """The rows of two frames that are sorted by the key, sorted by it. With `maintain_order`, of equal keys those of
        this frame come first."""
        other = private_lazy(other, "merge_sorted")
        return self._wrap(_gradframe.merge_sorted(self._lazy(), other, listed(key), maintain_order))


def _equalities(constraints: dict[str, Any]) -> list[Any]:
    from gradframe import col

    return [col(name) == value for name, value in constraints.items()]
