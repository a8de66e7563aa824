"""How a column lies in memory, and columns made of it value by value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from gradframe.errors import ShapeError

if TYPE_CHECKING:
    from gradframe._frame.eager import DataFrame
    from gradframe._gradframe import PyDataFrame


class Memory:
    """A column's memory, and columns with other values at some places. The values of a Series never change: each method gives a
    new one."""

    __slots__ = ()

    _frame: PyDataFrame

    def n_chunks(self) -> int:
        """In how many pieces the values lie."""
        return self._frame.n_chunks()

    def chunk_lengths(self) -> list[int]:
        """How many values each piece has."""
        return [len(chunk) for chunk in self._frame.to_arrow().column(0).chunks]

    def rechunk(self, *, in_place: bool = False) -> Self:
        """The values in one piece."""
        made = self.to_frame().rechunk()._frame  # type: ignore[attr-defined]
        if in_place:
            self._frame = made
            return self
        return self._of(made)  # type: ignore[attr-defined]

    def estimated_size(self, unit: Literal["b", "kb", "mb", "gb"] = "b") -> int | float:
        """The memory that the values take."""
        return self.to_frame().estimated_size(unit)  # type: ignore[attr-defined]

    def clone(self) -> Self:
        """The same values, shared."""
        return self._of(self._frame)  # type: ignore[attr-defined]

    def clear(self, n: int = 0) -> Self:
        """A Series of the same type with no value, or `n` nulls."""
        return self._of(self.to_frame().clear(n)._frame)  # type: ignore[attr-defined]

    def extend(self, other: Any) -> Self:
        """Adds the values of another Series after this one's own, to this Series itself."""
        self._frame = self._below(other)._frame
        return self

    def append(self, other: Any) -> Self:
        """Adds the values of another Series after this one's own, to this Series itself."""
        return self.extend(other)

    def _below(self, other: Any) -> Self:
        """A Series of these values and then those of another."""
        return self._of(self.to_frame().vstack(other.to_frame(self.name))._frame)  # type: ignore[attr-defined]

    def new_from_index(self, index: int, length: int) -> Self:
        """So many times the value at a place."""
        return self.gather([index] * length)  # type: ignore[attr-defined]

    def zip_with(self, mask: Any, other: Any) -> Self:
        """These values where a mask is true, those of another Series where it is false or null."""
        from gradframe import col, when
        from gradframe._frame.eager import DataFrame

        lengths = {len(self), len(mask), len(other)} - {1}  # type: ignore[arg-type]
        if len(lengths) > 1:
            raise ShapeError(f"zip_with: a mask of {len(mask)} values for Series of {len(self)} and {len(other)}")  # type: ignore[arg-type]
        size = lengths.pop() if lengths else 1
        parts = {"own": self, "mask": mask, "other": other}
        frame = DataFrame({name: part if len(part) == size else part.new_from_index(0, size) for name, part in parts.items()})  # type: ignore[arg-type]
        return frame.select(when(col("mask")).then(col("own")).otherwise(col("other")).alias(self.name)).to_series()  # type: ignore[attr-defined]

    def set(self, filter: Any, value: Any) -> Self:  # noqa: A002, Polars's name
        """The values, with another one where a mask is true."""
        from gradframe._frame.series import Series

        return self.zip_with(~filter, Series("value", [value], self.dtype))  # type: ignore[attr-defined, return-value]

    def scatter(self, indices: Any, values: Any) -> Self:
        """The values, with others at these places."""
        import numpy as np

        from gradframe._frame.series import Series

        size = len(self)  # type: ignore[arg-type]
        places = np.asarray(indices, dtype=np.int64).reshape(-1)
        outside = [int(at) for at in places if not -size <= at < size]
        if outside:
            raise IndexError(f"scatter: there is no value {outside[0]}; the column has {size}")
        given = values if isinstance(values, Series) else Series("values", values if isinstance(values, list | tuple | np.ndarray) else [values])
        if len(given) not in (1, len(places)):
            raise ShapeError(f"scatter: {len(places)} places and {len(given)} values")
        chosen = np.arange(size)
        chosen[places % max(size, 1)] = size + (np.arange(len(places)) if len(given) > 1 else 0)
        return self._below(given.cast(self.dtype)).gather(chosen)  # type: ignore[attr-defined]

    def to_dummies(self, *, separator: str = "_", drop_first: bool = False, drop_nulls: bool = False) -> DataFrame:
        """A column of 0 and 1 for each value; see `DataFrame.to_dummies`."""
        return self.to_frame().to_dummies(separator=separator, drop_first=drop_first, drop_nulls=drop_nulls)  # type: ignore[attr-defined]

    def describe(self, percentiles: Any = (0.25, 0.5, 0.75), interpolation: str = "nearest") -> DataFrame:
        """Count, nulls, mean, deviation, extremes and percentiles: the columns `statistic` and `value`."""
        table = self.to_frame("value").describe(percentiles, interpolation=interpolation)  # type: ignore[attr-defined]
        return table

    def hist(
        self, bins: Any = None, *, bin_count: int | None = None, include_category: bool = True, include_breakpoint: bool = True
    ) -> DataFrame:
        """How many values lie in each bin: the columns `breakpoint`, `category` and `count`; see `Expr.hist`."""
        from gradframe import col

        wanted = {"include_category": include_category, "include_breakpoint": include_breakpoint}
        counts = col("values").hist(bins, bin_count=bin_count, **wanted).alias("count")
        made = self.to_frame("values").select(counts)  # type: ignore[attr-defined]
        return made.unnest("count") if include_category or include_breakpoint else made

    def sql(self, query: str, *, params: Any = None, table_name: str = "self") -> DataFrame:
        """SQL over a table of this one column; `params` as in `DataFrame.sql`."""
        return self.to_frame().sql(query, params=params, table_name=table_name)  # type: ignore[attr-defined]

    def shrink_to_fit(self, *, in_place: bool = False) -> Self:
        """The Series itself: its memory has no room to spare."""
        return self  # type: ignore[return-value]
