"""Collected frames made of others: columns and rows added, taken out, turned."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

from gradframe._frame.base import listed
from gradframe._frame.contents import unknown
from gradframe.errors import DTypeError, PlanError, ShapeError

if TYPE_CHECKING:
    import pyarrow as pa

    from gradframe._frame.series import Series
    from gradframe._gradframe import PyDataFrame


class Building:
    """Frames of frames. Columns are shared, not copied."""

    __slots__ = ()

    _frame: PyDataFrame

    def _table(self) -> pa.Table:
        return self._frame.to_arrow()

    def _beside(self, table: pa.Table) -> Self:
        """A frame of the same session over other rows."""
        return self._of(self._frame.beside(table))  # type: ignore[attr-defined]

    def hstack(self, columns: Any, *, in_place: bool = False) -> Self:
        """These columns, Series or another frame's, at the right of this frame's own."""
        added = columns.get_columns() if hasattr(columns, "get_columns") else list(columns)
        table = self._table()
        for column in added:
            _check_new(table, column, "hstack")
            table = table.append_column(_field(column), column.to_arrow())
        return self._changed(self._beside(table), in_place)

    def vstack(self, other: Any, *, in_place: bool = False) -> Self:
        """Another frame's rows below this frame's own; the columns must be the same."""
        from gradframe import concat

        return self._changed(concat([self, other]), in_place)

    def extend(self, other: Any) -> Self:
        """Adds another frame's rows below this frame's own, to this frame itself."""
        return self.vstack(other, in_place=True)

    def insert_column(self, index: int, column: Series) -> Self:
        """Puts a column at a place, in this frame itself."""
        table = self._table()
        _check_new(table, column, "insert_column")
        at = index if index >= 0 else index + table.num_columns
        if not 0 <= at <= table.num_columns:
            raise IndexError(f"insert_column: there is no place {index}; the frame has {table.num_columns} columns")
        return self._changed(self._beside(table.add_column(at, _field(column), column.to_arrow())), True)

    def replace_column(self, index: int, column: Series) -> Self:
        """Puts a column in the place of another, in this frame itself."""
        table = self._table()
        at = self._place(index, "replace_column")  # type: ignore[attr-defined]
        _check_length(table, column, "replace_column")
        return self._changed(self._beside(table.set_column(at, _field(column), column.to_arrow())), True)

    def drop_in_place(self, name: str) -> Series:
        """Takes a column out of this frame itself, and gives it."""
        taken = self.get_column(name)  # type: ignore[attr-defined]
        self._frame = self._frame.pick([at for at, other in enumerate(self._frame.columns) if other != name])
        return taken

    def _changed(self, made: Self, in_place: bool) -> Self:
        if not in_place:
            return made
        self._frame = made._frame
        return self

    def rechunk(self) -> Self:
        """The same rows in one piece of memory."""
        return self if self._frame.n_chunks() <= 1 else self._beside(self._table().combine_chunks())

    def clone(self) -> Self:
        """A frame over the same memory; what is put in place in one is not seen in the other."""
        return self._of(self._frame)  # type: ignore[attr-defined]

    def clear(self, n: int = 0) -> Self:
        """The same columns with no row, or `n` rows of nulls."""
        import pyarrow as pa

        if n < 0:
            raise PlanError(f"clear: n is {n}, expected a number of rows")
        table = self._table()
        return self._beside(pa.table([pa.nulls(n, field.type) for field in table.schema], schema=table.schema))

    def transpose(
        self,
        *,
        include_header: bool = False,
        header_name: str = "column",
        column_names: str | Iterable[str] | None = None,
    ) -> Self:
        """Rows as columns: `column_0`, `column_1`, ..., or named by `column_names` or by the values of the column that this
        names. With `include_header` the names of the old columns come first. Values become of one type."""
        import pyarrow as pa

        table = self._table()
        names: list[str] | None = None
        if isinstance(column_names, str):
            at = self._place(column_names, "transpose")  # type: ignore[attr-defined]
            texts = table.column(at)
            if not _is_text(texts.type):
                raise DTypeError(f"transpose: column `{column_names}` is {self.schema[column_names]}, expected the new names as text")  # type: ignore[attr-defined]
            if texts.null_count:
                raise PlanError(f"transpose: column `{column_names}` has a null, which names no column")
            names = [str(value) for value in texts.to_pylist()]
            table = table.remove_column(at)
        elif column_names is not None:
            names = [name for name, _ in zip(column_names, range(table.num_rows))]
        names = [f"column_{row}" for row in range(table.num_rows)] if names is None else names
        if len(names) != table.num_rows:
            raise ShapeError(f"transpose: {len(names)} names for {table.num_rows} rows")
        heads = [header_name, *names] if include_header else names
        twice = next((name for at, name in enumerate(heads) if name in heads[:at]), None)
        if twice is not None:
            raise PlanError(f"transpose: two columns would be named `{twice}`; hint: give other `column_names`")
        kind = _common_type([field.type for field in table.schema])
        columns = [_as_one(name, column, kind).to_pylist() for name, column in zip(table.column_names, table.columns)]
        rows = list(zip(*columns)) if columns else [() for _ in names]
        arrays = {name: pa.array(row, kind) for name, row in zip(names, rows)}
        header = {header_name: pa.array(table.column_names, pa.string())} if include_header else {}
        return self._beside(pa.table({**header, **arrays}))

    def partition_by(
        self, by: str | Sequence[str], *more_by: str, maintain_order: bool = True, include_key: bool = True, as_dict: bool = False
    ) -> Any:
        """A frame for each different value of the keys, in the order of their first rows; with `as_dict`, by the tuple of
        those values."""
        keys = [*listed(by), *more_by]
        found = {key: frame if include_key else frame.drop(keys) for key, frame in groups_of(self, keys)}
        return found if as_dict else list(found.values())

    def unstack(
        self, *, step: int, how: Literal["vertical", "horizontal"] = "vertical", columns: Any = None, fill_values: list[Any] | None = None
    ) -> Self:
        """Each column as several: of `step` rows each, one after the other, or, "horizontal", of so many columns, row by row. Places that are
        left get `fill_values`, one for all columns or one a column, else null."""
        from gradframe import col, lit

        if step < 1:
            raise PlanError(f"unstack: step is {step}, expected 1 or more")
        chosen = self if columns is None else self.select(*listed(columns))  # type: ignore[attr-defined]
        height: int = chosen.height  # type: ignore[attr-defined]
        rows, width = (step, -(-height // step)) if how == "vertical" else (-(-height // step), step)
        fills = [None] if fill_values is None else listed(fill_values)
        made = {}
        for at, name in enumerate(chosen.columns):  # type: ignore[attr-defined]
            series = chosen.get_column(name)  # type: ignore[attr-defined]
            left = rows * width - height
            if left:
                fill = self.lazy().select(lit(fills[at % len(fills)]).cast(series.dtype).repeat_by(left).explode().alias(name)).collect()  # type: ignore[attr-defined]
                series = series.clone().extend(fill.to_series())
            places = [range(i * rows, (i + 1) * rows) if how == "vertical" else range(i, rows * width, width) for i in range(width)]
            made |= {f"{name}_{i}": series.gather(list(place)) for i, place in enumerate(places)}
        return type(self)(made)

    def to_struct(self, name: str = "") -> Series:
        """All columns as one, of structs."""
        from gradframe._frame.series import Series

        table = self._table().combine_chunks()
        return Series(name, table.to_struct_array())


def groups_of(frame: Any, keys: list[str]) -> Iterable[tuple[tuple[Any, ...], Any]]:
    """The different values of the keys with the rows that have them, in the order of the first rows. NaN equals NaN."""
    from gradframe._frame.sampling import taken
    from gradframe.selectors import by_name

    if not keys:
        raise PlanError("partition_by: no keys; hint: name a column")
    for key in keys:
        if key not in frame.columns:
            raise PlanError(unknown("partition_by", key, frame.columns))
    names = [f"key_{at}" for at in range(len(keys))]
    different = frame.select(by_name(*keys)).rename(dict(zip(dict.fromkeys(keys), names)))
    groups = different.with_row_index("row").group_by(names[: different.width], maintain_order=True).agg("row")
    rows = groups._table().column("row").combine_chunks()
    places, ends = rows.values.to_numpy(), rows.offsets.to_numpy()
    values = {key: groups.get_column(name).to_list() for key, name in zip(dict.fromkeys(keys), names)}
    for group in range(groups.height):
        yield tuple(values[key][group] for key in keys), frame._of(taken(frame._frame, places[ends[group] : ends[group + 1]]))


def _field(column: Any) -> Any:
    """A column's name and type, with what its metadata say."""
    return column._frame.schema.field(0) if hasattr(column, "_frame") else column.name


def _check_new(table: pa.Table, column: Any, method: str) -> None:
    if column.name in table.column_names:
        raise PlanError(f"{method}: there is a column `{column.name}` already; hint: rename one of them, or use with_columns")
    _check_length(table, column, method)


def _check_length(table: pa.Table, column: Any, method: str) -> None:
    if table.num_columns and len(column) != table.num_rows:
        raise ShapeError(f"{method}: column `{column.name}` has {len(column)} values, the frame {table.num_rows} rows")


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _as_one(name: str, column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """The column in the common type, its texts as `cast(String)` writes them."""
    import pyarrow as pa
    from gradframe import String
    from gradframe._frame.series import Series

    if pa.types.is_string(kind) and not _is_text(column.type):
        return Series(name, column).cast(String).to_arrow().cast(kind)
    return column.cast(kind)


def _common_type(kinds: list[pa.DataType]) -> pa.DataType:
    """The type that values of all these can have; text where one of them is text."""
    import pyarrow as pa

    different = list(dict.fromkeys(kinds))
    if len(different) <= 1:
        return different[0] if different else pa.null()
    if any(pa.types.is_string(k) or pa.types.is_large_string(k) or pa.types.is_string_view(k) for k in different):
        return pa.string()
    try:
        fields = [pa.schema([pa.field("x", kind)]) for kind in different]
        return pa.unify_schemas(fields, promote_options="permissive").field(0).type
    except (pa.ArrowException, ValueError) as error:
        raise DTypeError(f"transpose: the columns have no common type: {', '.join(map(str, different))}") from error
