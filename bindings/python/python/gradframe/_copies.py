"""pandas' tables as frames, and which of their columns could not be shared, and why."""

from __future__ import annotations

from typing import Any


def from_pandas(session: Any, frame: Any, nan_to_null: bool = True) -> Any:
    """The private DataFrame of a `pandas.DataFrame`, without its index."""
    from gradframe import _gradframe

    table = table_of_pandas(frame, nan_to_null)
    return _gradframe.from_copied_arrow(session, table, _copies(frame, table))


def is_pandas(data: Any) -> bool:
    """Whether this is a frame of pandas."""
    return type(data).__module__.partition(".")[0] == "pandas" and hasattr(data, "iloc") and hasattr(data, "columns")


def with_index(frame: Any) -> Any:
    """The pandas frame with its index as columns before its own; one that only counts the rows is left out."""
    import pandas

    from gradframe.errors import PlanError

    index = frame.index
    if isinstance(index, pandas.RangeIndex) and index.start == 0 and index.step == 1 and index.name is None:
        return frame
    names = [str(name) for name in index.names]
    twice = next((name for name in names if name in map(str, frame.columns)), None)
    if twice is not None:
        raise PlanError(f"from_pandas: the index and a column are both called `{twice}`; hint: rename one of them")
    return frame.rename_axis(index=names if len(names) > 1 else names[0]).reset_index()


def table_of_pandas(frame: Any, nan_to_null: bool = True) -> Any:
    """The columns as an Arrow table. Errors: of ours, naming the column."""
    import pyarrow

    from gradframe._frame.unfit import told_apart, unfit
    from gradframe.errors import DTypeError

    if not hasattr(frame, "iloc") or not hasattr(frame, "columns"):
        raise DTypeError(f"from_pandas: got a {type(frame).__name__}, expected a pandas.DataFrame")
    told_apart("from_pandas", frame.columns)
    period = next((name for name, dtype in frame.dtypes.items() if str(dtype).startswith("period")), None)
    if period is not None:
        what = f"column `{period}` has periods, of which Arrow knows the numbers only"
        raise DTypeError(f"from_pandas: {what}; hint: give frame[{period!r}].dt.to_timestamp(), or text")
    refused = (pyarrow.ArrowException, TypeError, ValueError, OverflowError)
    try:
        return _table(frame, nan_to_null)
    except refused as error:
        for position, name in enumerate(frame.columns):
            column = frame.iloc[:, [position]]
            try:
                pyarrow.Table.from_pandas(column, preserve_index=False)
            except refused as why:
                raise unfit("from_pandas", str(name), frame.iloc[:, position]) from why
        raise DTypeError(f"from_pandas: {error}") from error


def _table(frame: Any, nan_to_null: bool) -> Any:
    """Sparse columns dense, and numbers in the machine's order of bytes."""
    import numpy
    import pyarrow

    # pandas' own types have an `isnative` too, which means nothing there.
    swapped = {
        name: dtype.newbyteorder("=") for name, dtype in frame.dtypes.items() if isinstance(dtype, numpy.dtype) and not dtype.isnative
    }
    frame = frame.astype(swapped) if swapped else frame
    sparse = {name: frame[name].sparse.to_dense() for name, dtype in frame.dtypes.items() if str(dtype).startswith("Sparse")}
    table = pyarrow.Table.from_pandas(frame.assign(**sparse) if sparse else frame, preserve_index=False)
    if nan_to_null:
        return table
    for position in range(table.num_columns):
        values = frame.iloc[:, position]
        if values.dtype.kind == "f" and not hasattr(values.array, "__arrow_array__"):
            table = table.set_column(position, table.field(position), pyarrow.array(values.to_numpy(), from_pandas=False))
    return table


def _copies(frame: Any, table: Any) -> list[tuple[str, int, str]]:
    """`(column, bytes, why)` for each column of the Arrow `table` that is not the memory of the pandas `frame`."""
    copies = []
    for position, name in enumerate(table.column_names):
        why = _why(frame.iloc[:, position], table.column(position))
        if why is not None:
            copies.append((name, table.column(position).nbytes, why))
    return copies


def _why(series: Any, column: Any) -> str | None:
    values = series.array
    if hasattr(values, "__arrow_array__"):  # of pandas' own types: those over Arrow are shared
        if type(values).__name__ in {"ArrowExtensionArray", "ArrowStringArray"}:
            return None
        return f"pandas' type {series.dtype} has another layout"
    return _why_numpy(series.to_numpy(), column)


def _why_numpy(values: Any, column: Any) -> str | None:
    if values.dtype == object:
        return "Python objects become Arrow values"
    if values.dtype == bool:
        return "booleans become bits"
    if len(values) == 0 or any(values.ctypes.data == address for address in _addresses(column)):
        return None
    if not values.flags.c_contiguous:
        return "the column's values are not side by side in memory"
    return f"values of type {values.dtype} have another layout"


def _addresses(column: Any) -> list[int]:
    """Where the values of the column's chunks begin."""
    values = [(chunk, chunk.buffers()[1]) for chunk in column.chunks if len(chunk.buffers()) > 1]
    return [buffer.address + chunk.offset * _width(chunk) for chunk, buffer in values if buffer is not None]


def _width(chunk: Any) -> int:
    try:
        return chunk.type.bit_width // 8
    except ValueError:
        return 0
