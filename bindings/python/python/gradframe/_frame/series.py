"""One column of a collected frame."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

from gradframe._frame.kept import Kept
from gradframe._frame.series_memory import Memory
from gradframe._zones import in_known_zones
from gradframe.errors import ShapeError

if TYPE_CHECKING:
    import numpy as np
    import pandas
    import polars
    import pyarrow as pa

    from gradframe._frame.eager import DataFrame
    from gradframe._gradframe import PyDataFrame, PySeries


class Series(Kept, Memory):
    """One column: a name and values of one type. A frame of one column, which shares its memory."""

    __slots__ = ("_frame",)

    _frame: PyDataFrame

    def __init__(
        self, name: Any = None, values: Any = None, dtype: Any = None, *, strict: bool = True, nan_to_null: bool = False
    ) -> None:
        """Values, a list or whatever has an array's or Arrow's interface, under a name: `Series("a", [1, 2])`. A value that
        does not fit the type is an error if `strict`, else null."""
        from gradframe._default import session
        from gradframe._frame.construct import column_of

        if not isinstance(name, str) and name is not None:
            name, values = getattr(name, "name", None), name
        table = column_of(name or "", [] if values is None else values, dtype, strict=strict, nan_to_null=nan_to_null)
        self._frame = session()._session.from_arrow(table)

    @classmethod
    def _of(cls, frame: PyDataFrame) -> Self:
        """The public column of a private frame of one column."""
        made = cls.__new__(cls)
        made._frame = frame
        return made

    @property
    def _series(self) -> PySeries:
        """The values in one piece."""
        return self._frame[self.name]

    @property
    def name(self) -> str:
        """The column's name."""
        return self._frame.columns[0]

    @property
    def dtype(self) -> Any:
        """The type."""
        from gradframe._frame.schema import Schema

        return Schema(self._frame.schema)[self.name]

    @property
    def shape(self) -> tuple[int]:
        """`(values,)`."""
        return (self._frame.height,)

    def __bool__(self) -> bool:
        raise TypeError("the truth value of a Series is ambiguous; ask any(), all() or is_empty()")

    def __len__(self) -> int:
        return self._frame.height

    def len(self) -> int:
        """How many values there are, nulls included."""
        return self._frame.height

    def null_count(self) -> int:
        """How many values are null."""
        return self._series.null_count()

    def is_empty(self) -> bool:
        """Whether there is no value."""
        return self._frame.height == 0

    def alias(self, name: str) -> Self:
        """The same values under another name."""
        import pyarrow as pa

        table = self._frame.to_arrow()
        return self._of(self._frame.beside(pa.table([table.column(0)], schema=pa.schema([table.schema.field(0).with_name(name)]))))

    def rename(self, name: str) -> Self:
        """The same values under another name."""
        return self.alias(name)

    def to_frame(self, name: str | None = None) -> DataFrame:
        """A frame of this column."""
        from gradframe._frame.eager import DataFrame

        return DataFrame._of((self if name is None else self.alias(name))._frame)

    def to_list(self) -> list[Any]:
        """The values as Python objects; a null is None."""
        return self._series.to_list()

    def to_numpy(self, *, writable: bool = False, allow_copy: bool = True, zero_copy_only: bool = False) -> np.ndarray:
        """The values as a NumPy array: the same memory, read only, for numbers without nulls; else a copy.

        With `zero_copy_only` (or Polars's `allow_copy=False`) a copy is a ValueError that says why it would be needed. With
        `writable` the array may be written to, and is a copy.
        """
        return self._series.to_numpy(zero_copy_only=zero_copy_only or not allow_copy, writable=writable)

    def to_arrow(self) -> pa.Array:
        """The values as a `pyarrow.Array` over the same memory."""
        return self._series.to_arrow()

    def to_pandas(self) -> pandas.Series:
        """A `pandas.Series`."""
        return self.to_frame().to_pandas().iloc[:, 0]

    def to_polars(self) -> polars.Series:
        """A `polars.Series`."""
        return self._frame.to_polars().to_series()

    def item(self, index: int | None = None) -> Any:
        """The value at a place; without one, the single value of a column of one."""
        if index is None and len(self) != 1:
            raise ShapeError(f"item: expected one value, got {len(self)}; hint: say which")
        return self[index or 0]

    def head(self, n: int = 10) -> Self:
        """At most the first `n` values."""
        return self._of(self._frame.head(n if n >= 0 else max(len(self) + n, 0)))

    def limit(self, n: int = 10) -> Self:
        """At most the first `n` values."""
        return self.head(n)

    def tail(self, n: int = 10) -> Self:
        """At most the last `n` values."""
        return self.slice(max(len(self) - n, 0) if n >= 0 else min(-n, len(self)))

    def slice(self, offset: int, length: int | None = None) -> Self:
        """The values after the first `offset`, at most `length` of them; a negative offset counts from the end."""
        size = len(self)
        first = offset if offset >= 0 else size + offset
        end = size if length is None else min(first + length, size)
        first = min(max(first, 0), size)
        return self._of(self._frame.part(first, max(end - first, 0)))

    def equals(self, other: Series, *, check_names: bool = False, null_equal: bool = True) -> bool:
        """Whether another column has the same values in the same order, and with `check_names` the same name."""
        if check_names and self.name != other.name:
            return False
        return self.to_frame("x").equals(other.to_frame("x"), null_equal=null_equal)

    def value_counts(self, *, sort: bool = False, name: str | None = None, normalize: bool = False) -> DataFrame:
        """How often each value is there, or with `normalize` its part of all: a frame of the values and `count` or
        `proportion`, sorted by it if wanted, the most frequent first."""
        from gradframe import col, len

        shown = name or ("proportion" if normalize else "count")
        counted = self.to_frame().lazy().group_by(self.name, maintain_order=True).agg(len().alias(shown))
        if normalize:
            counted = counted.with_columns(col(shown) / builtins.len(self))
        return (counted.sort(shown, descending=True, maintain_order=True) if sort else counted).collect()

    def filter(self, predicate: Any) -> Self:
        """The values where a boolean column, list or array is true."""
        import numpy as np

        mask = predicate if isinstance(predicate, Series) else Series("mask", predicate, bool)
        if len(mask) != len(self):
            raise ShapeError(f"filter: a mask of {len(mask)} values for {len(self)}")
        return self.gather(np.flatnonzero([bool(flag) for flag in mask.to_list()]))

    def sample(
        self,
        n: int | None = None,
        *,
        fraction: float | None = None,
        with_replacement: bool = False,
        shuffle: bool | None = None,
        seed: int | None = None,
    ) -> Self:
        """Values drawn by chance; see `DataFrame.sample`."""
        options = {"fraction": fraction, "with_replacement": with_replacement, "shuffle": shuffle, "seed": seed}
        return self.to_frame().sample(n, **options).to_series()

    def gather(self, indices: Any) -> Self:
        """The values at these places; negative ones count from the end."""
        import numpy as np

        from gradframe._frame.sampling import taken

        wanted = np.asarray(indices, dtype=np.int64).reshape(-1)
        size = len(self)
        outside = [int(at) for at in wanted if not -size <= at < size]
        if outside:
            raise IndexError(f"gather: there is no value {outside[0]}; the column has {size}")
        return self._of(taken(self._frame, wanted % max(size, 1)))

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self.gather(range(*index.indices(len(self)))) if index.step not in (None, 1) else self._cut(index)
        if isinstance(index, int):
            if not -len(self) <= index < len(self):
                raise IndexError(f"series: there is no value {index}; the column has {len(self)}")
            return in_known_zones(self._frame.part(index % len(self), 1).to_arrow().column(0))[0].as_py()
        return self.gather(index)

    def _cut(self, wanted: slice) -> Self:
        start, stop, _ = wanted.indices(len(self))
        return self.slice(start, max(stop - start, 0))

    def __iter__(self) -> Iterator[Any]:
        return iter(self.to_list())

    def __contains__(self, value: Any) -> bool:
        return value in self.to_list()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self._series.__array__(dtype, copy)

    def __arrow_c_schema__(self) -> object:
        return self._series.__arrow_c_schema__()

    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]:
        return self._series.__arrow_c_array__(requested_schema)

    def __repr__(self) -> str:
        return repr(self._series)
