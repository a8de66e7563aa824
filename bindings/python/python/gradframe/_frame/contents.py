"""What a collected frame holds, as Python's own objects: rows, columns, single values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

from gradframe._zones import in_known_zones
from gradframe.errors import PlanError, ShapeError

if TYPE_CHECKING:
    import pyarrow as pa

    from gradframe._frame.series import Series
    from gradframe._gradframe import PyDataFrame

_UNITS = {"b": 1, "bytes": 1, "kb": 1 << 10, "kilobytes": 1 << 10, "mb": 1 << 20, "megabytes": 1 << 20, "gb": 1 << 30, "gigabytes": 1 << 30}


class Contents:
    """The values of a frame."""

    __slots__ = ()

    _frame: PyDataFrame

    def _table(self) -> pa.Table:
        return self._frame.to_arrow()

    def _place(self, column: int | str, method: str) -> int:
        """The place of a column. Errors: `PlanError` with the nearest name; IndexError."""
        columns = self._frame.columns
        if isinstance(column, str):
            if column not in columns:
                raise PlanError(unknown(method, column, columns))
            return columns.index(column)
        if not -len(columns) <= column < len(columns):
            raise IndexError(f"{method}: there is no column {column}; the frame has {len(columns)} columns")
        return column % len(columns)

    def to_tensor(self, columns: str | Sequence[str] | None = None, *, nulls: Any = "error", dtype: Any = None) -> Any:
        """Columns as one `gf.Array`: side by side, (rows, columns), all of them by default; of a single name its values, (rows,),
        or (rows, ..) of tensors and arrays.

        A null, of a row or within a tensor, is an error that names the column; with `nulls="mask"` a pair of the array, zeros in the
        place of nulls, and of an array that is true where there is a value; a number takes their place: one that is not whole makes
        float64 of columns of integers, whether they have nulls or not, and one that a column's type does not hold is a PlanError. The
        type is the one that holds all columns, or `dtype`. Columns of numbers without nulls share their memory until they are put side by side.
        """
        from gradframe._frame.tensors import to_tensor

        return to_tensor(self, columns, nulls, dtype)

    def rows(self, *, named: bool = False) -> list[Any]:
        """One tuple a row; with `named`, one dictionary."""
        return self.to_dicts() if named else self._frame.rows()

    def row(self, index: int | None = None, *, by_predicate: Any = None, named: bool = False) -> Any:
        """One row as a tuple, or with `named` as a dictionary: that at `index`, or the only one for which the predicate is
        true. Errors: IndexError for a row that is not there, `ShapeError` for another number of rows than one."""
        if (index is None) == (by_predicate is None):
            raise TypeError("row: expected an index or a predicate")
        if by_predicate is not None:
            found = self.filter(by_predicate)  # type: ignore[attr-defined]
            if found.height != 1:
                raise ShapeError(f"row: the predicate is true for {found.height} rows, expected one")
            return found.rows(named=named)[0]
        height = self._frame.height
        if not -height <= index < height:  # type: ignore[operator]
            raise IndexError(f"row: there is no row {index}; the frame has {height}")
        values = in_known_zones(self._frame.part(index % height, 1).to_arrow())  # type: ignore[operator]
        row = tuple(column[0].as_py() for column in values.columns)
        return dict(zip(self._frame.columns, row)) if named else row

    def item(self, row: int | None = None, column: int | str | None = None) -> Any:
        """A single value: of a frame with one row and one column, or that in a row and a column."""
        rows, columns = self._frame.shape
        if row is None and column is None:
            if (rows, columns) != (1, 1):
                raise ShapeError(f"item: expected one row and one column, got {rows} and {columns}; hint: say which row and column")
            row, column = 0, 0
        if row is None or column is None:
            raise TypeError("item: expected both a row and a column")
        if not -rows <= row < rows:
            raise IndexError(f"item: there is no row {row}; the frame has {rows}")
        return in_known_zones(self._frame.part(row % rows, 1).to_arrow().column(self._place(column, "item")))[0].as_py()

    def iter_rows(self, *, named: bool = False, buffer_size: int = 512) -> Iterator[Any]:
        """The rows one by one, as tuples or with `named` as dictionaries; `buffer_size` of them are converted at a time."""
        table, names = in_known_zones(self._table()), self._frame.columns
        step = buffer_size or max(table.num_rows, 1)
        for start in range(0, table.num_rows, step):
            columns = [column.to_pylist() for column in table.slice(start, step).columns]
            for row in zip(*columns):
                yield dict(zip(names, row)) if named else row

    def iter_columns(self) -> Iterator[Series]:
        """The columns one by one."""
        return iter(self.get_columns())

    def get_columns(self) -> list[Series]:
        """The columns."""
        return [self.to_series(index) for index in range(self._frame.width)]

    def get_column(self, name: str, *, default: Any = ...) -> Any:
        """One column by its name; `default`, if it is given, where there is none."""
        if name not in self._frame and default is not ...:
            return default
        return self.to_series(self._place(name, "get_column"))

    def get_column_index(self, name: str) -> int:
        """The place of a column."""
        return self._place(name, "get_column_index")

    def to_series(self, index: int = 0) -> Series:
        """The column at a place."""
        from gradframe._frame.series import Series

        return Series._of(self._frame.pick([self._place(index, "to_series")]))

    def to_dict(self, *, as_series: bool = False) -> dict[str, Any]:
        """`{column: [values]}`; with `as_series`, `{column: Series}`."""
        if as_series:
            return {column.name: column for column in self.get_columns()}
        return self._frame.to_dict()

    def to_dicts(self) -> list[dict[str, Any]]:
        """One dictionary a row."""
        return self._frame.to_dicts()

    def rows_by_key(self, key: str | list[str], *, named: bool = False, include_key: bool = False, unique: bool = False) -> dict[Any, Any]:
        """The rows by the value of a key, or the values of several: lists of rows, or with `unique` the last row of each."""
        keys = [key] if isinstance(key, str) else list(key)
        places = [self._place(name, "rows_by_key") for name in keys]
        kept = [at for at in range(self._frame.width) if include_key or at not in places]
        names = self._frame.columns
        found: dict[Any, Any] = {}
        for row in self._frame.rows():
            of = row[places[0]] if len(places) == 1 else tuple(row[at] for at in places)
            value: Any = {names[at]: row[at] for at in kept} if named else tuple(row[at] for at in kept)
            if unique:
                found[of] = value
            else:
                found.setdefault(of, []).append(value)
        return found

    def is_empty(self) -> bool:
        """Whether there is no row."""
        return self._frame.height == 0

    def equals(self, other: Any, *, null_equal: bool = True) -> bool:
        """Whether another frame has the same columns and the same rows in the same order. Null equals null unless not
        `null_equal`; NaN equals NaN."""
        mine, theirs = self._table(), other.to_arrow()
        if mine.schema.names != theirs.schema.names or mine.num_rows != theirs.num_rows:
            return False
        if not null_equal and any(column.null_count for column in mine.columns):
            return False
        return all(same_values(left, right) for left, right in zip(mine.columns, theirs.columns))

    def estimated_size(self, unit: Literal["b", "kb", "mb", "gb"] = "b") -> int | float:
        """Memory that the rows hold, in bytes or another unit."""
        if unit not in _UNITS:
            raise PlanError(f"estimated_size: unknown unit `{unit}`; hint: b, kb, mb or gb")
        size = self._frame.estimated_size()
        return size if _UNITS[unit] == 1 else size / _UNITS[unit]

    def n_chunks(self) -> int:
        """In how many pieces the rows lie in memory."""
        return self._frame.n_chunks()

    def glimpse(
        self,
        *,
        max_items_per_column: int = 10,
        return_type: Literal["self", "frame", "string"] | None = None,
        print_line: Callable[[str], None] = print,
    ) -> Any:
        """A line a column: its name, its type, its first values. Printed, and with "self" the frame returned; or returned as a text,
        "string", or as a frame of `column`, `dtype` and `values`."""
        head = self._table().slice(0, max_items_per_column)
        names = [*self._frame.columns]
        kinds = [f"<{field.type}>" for field in head.schema]
        columns = in_known_zones(head).columns
        wide, typed = max(map(len, names), default=0), max(map(len, kinds), default=0)
        lines = [f"Rows: {self._frame.height}", f"Columns: {self._frame.width}"]
        for name, kind, column in zip(names, kinds, columns):
            values = ", ".join("null" if value is None else repr(value) for value in column.to_pylist())
            lines.append(f"$ {name:<{wide}} {kind:<{typed}} {values}")
        text = "\n".join(lines)
        if return_type == "string":
            return text
        if return_type == "frame":
            values = [["null" if value is None else str(value) for value in column.to_pylist()] for column in columns]
            return type(self)({"column": names, "dtype": [kind[1:-1] for kind in kinds], "values": values})
        print_line(text)
        return self if return_type == "self" else None


def unknown(method: str, column: str, columns: list[str]) -> str:
    """The message for a column that is not there, with the nearest one that is."""
    import difflib

    near = difflib.get_close_matches(column, columns, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(f'`{name}`' for name in columns)}"
    return f"{method}: unknown column `{column}`; hint: {hint}"


def same_values(left: pa.ChunkedArray, right: pa.ChunkedArray) -> bool:
    """Whether two columns have equal values; how text is stored does not matter, and NaN equals NaN."""
    import pyarrow as pa

    if left.type != right.type:
        text = all(pa.types.is_string(t) or pa.types.is_large_string(t) or pa.types.is_string_view(t) for t in (left.type, right.type))
        if not text:
            return False
        left, right = left.cast(pa.large_string()), right.cast(pa.large_string())
    if left.equals(right):
        return True
    if not (pa.types.is_floating(left.type) or pa.types.is_nested(left.type)):
        return False
    return all(_same(a, b) for a, b in zip(left.to_pylist(), right.to_pylist()))


def _same(left: Any, right: Any) -> bool:
    """Whether two values are equal, NaN to NaN, within lists and structs, too."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(_same(a, b) for a, b in zip(left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[name], right[name]) for name in left)
    return bool(left == right or (left is not None and right is not None and left != left and right != right))
