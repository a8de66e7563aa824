"""Numbers in bins: between breaks, between quantiles, and how many there are in each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from gradframe._expr.base import Base

if TYPE_CHECKING:
    from gradframe._expr.expr import Expr


class Bins(Base):
    """Numbers in bins."""

    __slots__ = ()

    def bin_intervals(
        self,
        intervals: Sequence[float] | int,
        *,
        labels: Sequence[str] | Literal[False],
        include_intervals: bool = False,
        right_closed: bool = False,
    ) -> Expr:
        """The bin between breaks, or of so many bins of one width: its label, an Enum; its number if there are no labels; with
        `include_intervals` a struct of `bin` and its ends `left` and `right`, null beyond the first and the last break."""
        edges = {"bins": intervals} if isinstance(intervals, int) else {"breaks": _floats(intervals)}
        return self._binned("bin_intervals", labels, right_closed, include_intervals, **edges)

    def bin_quantiles(
        self,
        quantiles: Sequence[float] | int,
        *,
        labels: Sequence[str] | Literal[False],
        include_intervals: bool = False,
        right_closed: bool = False,
    ) -> Expr:
        """The bin between quantiles of the column, otherwise as `bin_intervals`."""
        return self._binned("bin_quantiles", labels, right_closed, include_intervals, quantiles=_quantiles(quantiles))

    def cut(
        self,
        breaks: Sequence[float],
        *,
        labels: Sequence[str] | None = None,
        left_closed: bool = False,
        include_breaks: bool = False,
    ) -> Expr:
        """The bin between breaks as an Enum of labels: `(1, 2]`, or those given. With `include_breaks`, a struct of the bin's
        upper `breakpoint` and its `category`."""
        return self._cut("cut", labels, left_closed, include_breaks, breaks=_floats(breaks))

    def qcut(
        self,
        quantiles: Sequence[float] | int,
        *,
        labels: Sequence[str] | None = None,
        left_closed: bool = False,
        allow_duplicates: bool = False,
        include_breaks: bool = False,
    ) -> Expr:
        """The bin between quantiles of the column: `(1, 2]`, or one of the labels given. With `include_breaks`, a struct of the
        bin's upper `breakpoint` and its `category`. Equal quantiles, between which nothing lies, are an error, unless
        `allow_duplicates`."""
        edges = {"quantiles": _quantiles(quantiles), "allow_duplicates": allow_duplicates}
        return self._cut("qcut", labels, left_closed, include_breaks, **edges)

    def hist(
        self,
        bins: Sequence[float] | None = None,
        *,
        bin_count: int | None = None,
        include_category: bool = False,
        include_breakpoint: bool = False,
    ) -> Expr:
        """How many values lie in each bin: between the edges `bins`, or in `bin_count` bins of one width over all values (10 if
        nothing is said). A bin holds its upper end, the first one both. On request as structs, with the bin's text and its
        upper edge."""
        edges = None if bins is None else _floats(bins)
        options = {"include_category": include_category, "include_breakpoint": include_breakpoint}
        return self._call("hist", bins=edges, bin_count=bin_count, **options)

    def _binned(
        self, name: str, labels: Sequence[str] | Literal[False], right_closed: bool, include_intervals: bool, **edges: Any
    ) -> Expr:
        given = {"labelled": False} if labels is False else {"labels": list(labels)}
        return self._call(name, left_closed=not right_closed, include_intervals=include_intervals, **given, **edges)

    def _cut(self, name: str, labels: Sequence[str] | None, left_closed: bool, include_breaks: bool, **edges: Any) -> Expr:
        given = None if labels is None else list(labels)
        return self._call(name, labels=given, left_closed=left_closed, include_breaks=include_breaks, **edges)


def _floats(edges: Sequence[float]) -> list[float]:
    return [float(edge) for edge in edges]


def _quantiles(quantiles: Sequence[float] | int) -> list[float]:
    if isinstance(quantiles, int):
        return [part / quantiles for part in range(1, quantiles)]
    return _floats(quantiles)
