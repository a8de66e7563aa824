"""Rows in another order, some of the rows, and where values stand."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from gradframe._expr.base import Base, IntoExpr, column, columns

if TYPE_CHECKING:
    from gradframe._expr.expr import Expr


class Ordering(Base):
    """Rows in another order, some of the rows, and where values stand."""

    __slots__ = ()

    def sort(self, *, descending: bool = False, nulls_last: bool = False) -> Expr:
        """The values sorted."""
        return self._call("sort", descending=descending, nulls_last=nulls_last)

    def arg_sort(self, *, descending: bool = False, nulls_last: bool = False) -> Expr:
        """The rows, by number, in the order of their values."""
        return self._call("arg_sort", descending=descending, nulls_last=nulls_last)

    def sort_by(
        self,
        by: IntoExpr | Iterable[IntoExpr],
        *more_by: IntoExpr,
        descending: bool | Sequence[bool] = False,
        nulls_last: bool | Sequence[bool] = False,
        multithreaded: bool = True,
        maintain_order: bool = False,
    ) -> Expr:
        """The values in the order of others. Rows of equal keys keep their order."""
        return self._call("sort_by", *columns(by, *more_by), descending=descending, nulls_last=nulls_last)

    def reverse(self) -> Expr:
        """The values from the last to the first."""
        return self._call("reverse")

    def shuffle(self, seed: int | None = None) -> Expr:
        """The values in an order that the seed determines, other than Polars's."""
        return self._call("shuffle", seed=seed)

    def sample(
        self,
        n: int | None = None,
        *,
        fraction: float | None = None,
        with_replacement: bool = False,
        shuffle: bool | None = None,
        seed: int | None = None,
    ) -> Expr:
        """`n` of the values, or a fraction of them, which the seed determines; other ones than Polars's."""
        options = {"n": n, "fraction": fraction, "with_replacement": with_replacement, "shuffle": shuffle, "seed": seed}
        return self._call("sample", **options)

    def gather_every(self, n: int, offset: int = 0) -> Expr:
        """Every `n`th value."""
        return self._call("gather_every", n=n, offset=offset)

    def gather(self, indices: Any, *, null_on_oob: bool = False) -> Expr:
        """The values at these places, from the end if negative: numbers, or an expression that gives them. Of a null: null."""
        if isinstance(indices, Base | str):
            return self._call("gather", column(indices), null_on_oob=null_on_oob)
        places = [indices] if isinstance(indices, int) else [None if index is None else int(index) for index in indices]
        return self._call("gather", indices=places, null_on_oob=null_on_oob)

    def get(self, index: int | IntoExpr, *, null_on_oob: bool = False) -> Expr:
        """The value at a place, from the end if negative; a place that is computed is that of the first row."""
        if isinstance(index, int):
            return self._call("get", index=index, null_on_oob=null_on_oob)
        return self._call("get", column(index), null_on_oob=null_on_oob)

    def item(self, *, allow_empty: bool = False) -> Expr:
        """The only value; an error if there are more."""
        return self._call("item", allow_empty=allow_empty)

    def top_k(self, k: int = 5) -> Expr:
        """The `k` greatest values."""
        return self._call("top_k", k=k)

    def bottom_k(self, k: int = 5) -> Expr:
        """The `k` least values."""
        return self._call("bottom_k", k=k)

    def top_k_by(
        self, by: IntoExpr | Iterable[IntoExpr], k: int = 5, *, reverse: bool | Sequence[bool] = False
    ) -> Expr:
        """The values of the `k` rows whose keys are greatest."""
        return self._call("top_k", *columns(by), k=k, reverse=reverse)

    def bottom_k_by(
        self, by: IntoExpr | Iterable[IntoExpr], k: int = 5, *, reverse: bool | Sequence[bool] = False
    ) -> Expr:
        """The values of the `k` rows whose keys are least."""
        return self._call("bottom_k", *columns(by), k=k, reverse=reverse)

    def arg_min(self) -> Expr:
        """The row of the least value, by number."""
        return self._call("arg_min")

    def arg_max(self) -> Expr:
        """The row of the greatest value, by number."""
        return self._call("arg_max")

    def min_by(self, by: IntoExpr) -> Expr:
        """The value where another is least."""
        return self._call("min_by", column(by))

    def max_by(self, by: IntoExpr) -> Expr:
        """The value where another is greatest."""
        return self._call("max_by", column(by))

    def arg_true(self) -> Expr:
        """The rows that are true, by number."""
        return self._call("arg_true")

    def arg_unique(self) -> Expr:
        """The first row of each different value, by number."""
        return self._call("arg_unique")

    def index_of(self, element: IntoExpr) -> Expr:
        """The first row with this value, by number; null if there is none."""
        return self._call("index_of", element)

    def search_sorted(
        self, element: IntoExpr, side: Literal["any", "left", "right"] = "any", *, descending: bool = False
    ) -> Expr:
        """Where a value would stand in a sorted column."""
        return self._call("search_sorted", element, side=side, descending=descending)

    def is_sorted(self, *, descending: bool = False, nulls_last: bool = False) -> Expr:
        """Whether the values are sorted."""
        return self._call("is_sorted", descending=descending, nulls_last=nulls_last)

    def set_sorted(self, *, descending: bool = False, nulls_last: bool = False) -> Expr:
        """The same column: the engine finds out by itself what it can use of an order."""
        return self  # type: ignore[return-value]

    def append(self, other: IntoExpr, *, upcast: bool = True) -> Expr:
        """The values, then those of another column."""
        return self._call("append", column(other))

    def explode(self, *, empty_as_null: bool = False, keep_nulls: bool = True) -> Expr:
        """The items of lists as rows; an empty list is none unless `empty_as_null`, a null list is a null unless not
        `keep_nulls`."""
        return self._call("explode", empty_as_null=empty_as_null, keep_nulls=keep_nulls)

    def reshape(self, dimensions: tuple[int, ...]) -> Expr:
        """The values as arrays: `(-1, 3)` as many of three as there are, `(2, 3)` two of them; `(-1,)` the elements of lists."""
        if builtins.len(dimensions) == 1:
            return self.explode() if dimensions[0] == -1 else self._call("reshape", arrays=1, width=dimensions[0]).explode()
        if builtins.len(dimensions) != 2 or dimensions[1] < 1:
            raise ValueError(f"reshape: expected (rows, width), the rows perhaps -1, got {dimensions}")
        return self._call("reshape", arrays=dimensions[0], width=dimensions[1])

    def extend_constant(self, value: Any, n: int) -> Expr:
        """The values, then a constant `n` times."""
        return self._call("extend_constant", value=value, n=n)

    def repeat_by(self, by: IntoExpr) -> Expr:
        """Each value as often as another says, as a list."""
        return self._call("repeat_by", column(by))
