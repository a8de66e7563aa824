"""Rows by chance, and whole-frame statistics of collected frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from gradframe._frame.base import listed
from gradframe.errors import PlanError, ShapeError

if TYPE_CHECKING:
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
        import numpy as np
        import pyarrow as pa

        rows = sample_places(self._frame.height, n, fraction, with_replacement, bool(shuffle), seed)
        return self._beside(self._frame.to_arrow().take(pa.array(np.asarray(rows, dtype=np.int64))))  # type: ignore[attr-defined]

    def corr(self, **options: Any) -> Self:
        """The correlation (Pearson's) of each column with each, as a square frame."""
        import numpy as np
        import pyarrow as pa

        names = self._frame.columns
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
        ascending order, null first. `drop_first` leaves out the value of the first row."""
        import pyarrow as pa

        table = self._frame.to_arrow()
        wanted = listed(columns) or table.column_names
        for name in wanted:
            self._place(name, "to_dummies")  # type: ignore[attr-defined]
        made: dict[str, Any] = {}
        for name in table.column_names:
            if name in wanted:
                made.update(_dummies(name, table.column(name), separator, drop_first, drop_nulls))
            else:
                made[name] = table.column(name)
        return self._beside(pa.table(made))  # type: ignore[attr-defined]

    def is_duplicated(self) -> Series:
        """Whether each row is there more than once."""
        return self._times("is_duplicated", lambda times: times > 1)

    def is_unique(self) -> Series:
        """Whether each row is there once."""
        return self._times("is_unique", lambda times: times == 1)

    def _times(self, name: str, test: Any) -> Series:
        from collections import Counter

        from gradframe._frame.series import Series

        rows = [tuple(map(repr, row)) for row in self._frame.rows()]
        times = Counter(rows)
        return Series(name, [test(times[row]) for row in rows], bool)


def sample_places(
    height: int, n: int | None, fraction: float | None, with_replacement: bool, shuffle: bool, seed: int | None
) -> Any:
    """The places of the rows that are drawn. Errors: `PlanError` for both a number and a fraction, or a negative one;
    `ShapeError` for more rows than there are."""
    import numpy as np

    if n is not None and fraction is not None:
        raise PlanError("sample: got both `n` and `fraction`, expected one of them")
    if n is None:
        n = 1 if fraction is None else int(height * fraction)
    if n < 0:
        raise PlanError(f"sample: expected 0 rows or more, got {n if fraction is None else fraction}")
    if n > height and not with_replacement:
        raise ShapeError(f"sample: {n} rows of {height}; hint: draw with_replacement, or fewer")
    generator = np.random.Generator(np.random.Philox(seed))
    if with_replacement:
        return generator.integers(0, height, n) if height else np.zeros(0, dtype=np.int64)
    drawn = generator.permutation(height)[:n]
    return drawn if shuffle else np.sort(drawn)


def _dummies(name: str, column: Any, separator: str, drop_first: bool, drop_nulls: bool) -> dict[str, Any]:
    import pyarrow as pa
    import pyarrow.compute as pc

    values = column.unique().drop_null()
    values = values.take(pc.sort_indices(values)).to_pylist()
    made = {}
    if column.null_count and not drop_nulls:
        made[f"{name}{separator}null"] = column.is_null().cast(pa.uint8())
    for value in values:
        same = pc.fill_null(pc.equal(column, pa.scalar(value, column.type)), False)
        made[f"{name}{separator}{_shown(value)}"] = same.cast(pa.uint8())
    if drop_first and len(column):
        first = column[0].as_py()
        made.pop(f"{name}{separator}{'null' if first is None else _shown(first)}", None)
    return made


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
