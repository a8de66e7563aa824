"""Rows by chance, and whole-frame statistics of collected frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Self

from gradframe import _gradframe
from gradframe._frame.base import listed
from gradframe.errors import DTypeError, PlanError, ShapeError

if TYPE_CHECKING:
    from gradframe._expr import Expr
    from gradframe._frame.series import Series
    from gradframe._gradframe import PyDataFrame


class Sampling:
    """Samples, correlations, indicators."""

    __slots__ = ()

    _frame: PyDataFrame

    def sample(
        self,
        n: int | None = None,
        *,
        fraction: float | None = None,
        with_replacement: bool = False,
        shuffle: bool | None = None,
        seed: int | None = None,
    ) -> Self:
        """Rows drawn by chance: `n` of them (one, if nothing is said), or a fraction of all. The same seed draws the same
        rows of the same frame, on every machine. Without `shuffle` they stay in their order where none is drawn twice."""
        size = _size(self._frame.height, n, fraction, with_replacement)
        seed = _any_seed() if seed is None else seed
        options = {"with_replacement": with_replacement, "shuffle": bool(shuffle), "seed": seed}
        return self._wrap(_gradframe.sample(self._frame.lazy(), size, None, **options))  # type: ignore[attr-defined]

    def corr(self, **options: Any) -> Self:
        """The correlation (Pearson's) of each column with each, as a square frame. Errors: `DTypeError` for a column that
        holds no numbers."""
        import numpy as np
        import pyarrow as pa

        names = self._frame.columns
        for field in self._frame.schema:
            if not (pa.types.is_integer(field.type) or pa.types.is_floating(field.type) or pa.types.is_boolean(field.type)):
                raise DTypeError(f"corr: column `{field.name}` is {field.type}, expected numbers; hint: select the columns first")
        matrix = np.corrcoef(self._frame.to_numpy().astype(float).T, **options).reshape(len(names), len(names))
        return self._beside(pa.table(dict(zip(names, np.ascontiguousarray(matrix.T)))))  # type: ignore[attr-defined]

    def to_dummies(
        self,
        columns: str | Sequence[str] | None = None,
        *,
        separator: str = "_",
        drop_first: bool = False,
        drop_nulls: bool = False,
    ) -> Self:
        """A column of 0 and 1 for each value of these columns, or of all, in their place: `column`, separator, `value`, in
        the order of their names. `drop_first` leaves out the value of the first row."""
        from gradframe import col

        names = self._frame.columns
        wanted = listed(columns) or names
        for name in wanted:
            self._place(name, "to_dummies")  # type: ignore[attr-defined]
        made: list[Any] = []
        for name in names:
            made.extend(_dummies(self, name, separator, drop_first, drop_nulls) if name in wanted else [col(name)])
        return self.select(*made)  # type: ignore[attr-defined]

    def is_duplicated(self) -> Series:
        """Whether each row is there more than once. NaN equals NaN, a null a null."""
        return self._of_rows(lambda row: row.is_duplicated())

    def is_unique(self) -> Series:
        """Whether each row is there once. NaN equals NaN, a null a null."""
        return self._of_rows(lambda row: row.is_unique())

    def _of_rows(self, function: Callable[[Expr], Expr]) -> Series:
        from gradframe import all as all_columns
        from gradframe import struct
        from gradframe._frame.series import Series

        if not self._frame.columns:
            return Series("", [], bool)
        return self.select(function(struct(all_columns())).alias("")).to_series()  # type: ignore[attr-defined]


def _any_seed() -> int:
    import secrets

    return secrets.randbits(63)


def _size(height: int, n: int | None, fraction: float | None, with_replacement: bool) -> int:
    """How many rows are drawn. Errors: `PlanError` for both a number and a fraction, or a negative one; `ShapeError` for more
    rows than there are."""
    if n is not None and fraction is not None:
        raise PlanError("sample: got both `n` and `fraction`, expected one of them")
    if n is None:
        n = 1 if fraction is None else int(height * fraction)
    if n < 0:
        raise PlanError(f"sample: expected 0 rows or more, got {n if fraction is None else fraction}")
    if n > height and not with_replacement:
        raise ShapeError(f"sample: {n} rows of {height}; hint: draw with_replacement, or fewer")
    return n


def taken(frame: PyDataFrame, rows: Any) -> PyDataFrame:
    """The rows at these places, which are all in the frame."""
    import numpy as np
    import pyarrow as pa

    return frame.take(pa.array(np.asarray(rows, dtype=np.uint64)))


def _dummies(frame: Any, name: str, separator: str, drop_first: bool, drop_nulls: bool) -> list[Any]:
    """An expression for each different value of a column."""
    from gradframe import UInt8, col

    values = frame.select(col(name).unique()).to_series().to_list()
    if drop_nulls:
        values = [value for value in values if value is not None]
    if drop_first and frame.height:
        first = frame.get_column(name)[0]
        values = [value for value in values if value != first]
    column = col(name)
    dummies = {}
    for value in values:
        same = column.is_null() if value is None else (column == value).fill_null(False)
        shown = f"{name}{separator}{'null' if value is None else _shown(value)}"
        dummies[shown] = same.cast(UInt8).alias(shown)
    return [dummies[shown] for shown in sorted(dummies)]


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
