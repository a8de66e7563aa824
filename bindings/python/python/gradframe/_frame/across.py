"""What a collected frame says of its rows and columns as wholes, and functions of Python over them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self

from gradframe._frame.base import listed
from gradframe.errors import DTypeError, PlanError

if TYPE_CHECKING:
    from gradframe._frame.series import Series


class Across:
    """Rows and columns as wholes."""

    __slots__ = ()

    def n_unique(self, subset: Any = None) -> int:
        """How many different rows there are, or how many in some columns; a null is like a null."""
        from gradframe import struct

        chosen = listed(subset) or self.columns  # type: ignore[attr-defined]
        return int(self.select(struct(*chosen).n_unique().alias("n")).item()) if chosen else 0  # type: ignore[attr-defined]

    def hash_rows(self, seed: int = 0) -> Series:
        """A hash of each row: equal rows have equal ones, on every machine."""
        from gradframe import struct

        return self.select(struct(*self.columns).hash(seed).alias("")).to_series()  # type: ignore[attr-defined]

    def iter_slices(self, n_rows: int = 10_000) -> Iterator[Self]:
        """Frames of `n_rows` rows each, the last of what is left; nothing is copied."""
        if n_rows < 1:
            raise PlanError(f"iter_slices: n_rows is {n_rows}, expected 1 or more")
        for start in range(0, self.height, n_rows):  # type: ignore[attr-defined]
            yield self._beside(self._table().slice(start, n_rows))  # type: ignore[attr-defined]

    def gather(self, indices: Any, *, null_on_oob: bool = False) -> Self:
        """The rows at these places, which count from the end if negative. One that is not there is an error, or with
        `null_on_oob` a row of nulls."""
        return self.lazy().gather(indices, null_on_oob=null_on_oob).collect()  # type: ignore[attr-defined]

    def is_sorted(self, by: Any, *more_by: str, descending: bool | Sequence[bool] = False, nulls_last: bool | Sequence[bool] = False) -> bool:
        """Whether the rows are in the order of these columns."""
        names = listed(by) + list(more_by)
        if len(names) == 1 and isinstance(descending, bool) and isinstance(nulls_last, bool):
            return self.get_column(names[0]).is_sorted(descending=descending, nulls_last=nulls_last)  # type: ignore[attr-defined]
        from gradframe import arg_sort_by

        places = self.select(arg_sort_by(*names, descending=descending, nulls_last=nulls_last).alias("at")).to_series()  # type: ignore[attr-defined]
        return bool((places.to_numpy() == range(len(places))).all())

    def product(self) -> Self:
        """The product of each column of numbers or booleans; of any other null."""
        return self._each("product", by_type=True)  # type: ignore[attr-defined]

    def sum_horizontal(self, *, ignore_nulls: bool = True) -> Series:
        """The sum of each row."""
        return self._horizontal("sum", ignore_nulls=ignore_nulls)

    def mean_horizontal(self, *, ignore_nulls: bool = True) -> Series:
        """The mean of each row."""
        return self._horizontal("mean", ignore_nulls=ignore_nulls)

    def min_horizontal(self) -> Series:
        """The least value of each row."""
        return self._horizontal("min")

    def max_horizontal(self) -> Series:
        """The greatest value of each row."""
        return self._horizontal("max")

    def _horizontal(self, what: str, **options: Any) -> Series:
        import gradframe

        computed = getattr(gradframe, f"{what}_horizontal")(*self.columns, **options)  # type: ignore[attr-defined]
        return self.select(computed.alias(what)).to_series()  # type: ignore[attr-defined]

    def fold(self, operation: Callable[[Series, Series], Series]) -> Series:
        """One column of all: the first and the second by a function, the result and the third, and so on."""
        columns = self.get_columns()  # type: ignore[attr-defined]
        if not columns:
            raise PlanError("fold: the frame has no columns")
        made = columns[0]
        for column in columns[1:]:
            made = operation(made, column)
        return made

    def map_columns(self, column_names: Any, function: Callable[..., Series], *args: Any, **kwargs: Any) -> Self:
        """The frame with some columns replaced by what a function of a Series makes of each."""
        names = self.select(*listed(column_names)).columns  # type: ignore[attr-defined]
        return self.with_columns(*(function(self.get_column(name), *args, **kwargs).alias(name) for name in names))  # type: ignore[attr-defined]

    def map_rows(self, function: Callable[[tuple[Any, ...]], Any], return_dtype: Any = None, *, inference_size: int = 256) -> Self:
        """A frame of what a Python function makes of each row, a tuple: of tuples the columns `column_0`, `column_1` and so on,
        of single values the column `map`. Slow: an expression does the same for all rows at once."""
        made = [function(row) for row in self.iter_rows()]  # type: ignore[attr-defined]
        first = next((value for value in made if value is not None), None)
        if not isinstance(first, tuple):
            return type(self)({"map": made}, schema_overrides={} if return_dtype is None else {"map": return_dtype})
        wrong = next((value for value in made if value is not None and (not isinstance(value, tuple) or len(value) != len(first))), None)
        if wrong is not None:
            raise DTypeError(f"map_rows: expected tuples of {len(first)} values like the first one, got {wrong!r}")
        return type(self)({f"column_{at}": [None if row is None else row[at] for row in made] for at in range(len(first))})

    def shrink_to_fit(self, *, in_place: bool = False) -> Self:
        """The frame itself: its memory has no room to spare."""
        return self
