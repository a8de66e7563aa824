"""Rows in Python's hands as an Arrow table: dictionaries, lists, NumPy arrays, and whatever exports Arrow.

Numbers in arrays are not copied. Every error names the column. Imported when first needed: NumPy and pyarrow take a while
to load.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from gradframe._dtypes import Enum
from gradframe._copies import is_pandas, table_of_pandas
from gradframe._frame.polars_columns import is_polars, prepared
from gradframe._frame.types import arrow_type, enum_of, field_of
from gradframe._frame.unfit import told_apart, unfit
from gradframe.errors import DTypeError, ExecutionError, PlanError, ShapeError

# Names of columns that have none.
_UNNAMED = "column_{}"


def table_of(
    data: Any,
    schema: Any = None,
    schema_overrides: Mapping[str, Any] | None = None,
    *,
    strict: bool = True,
    orient: str | None = None,
    infer_schema_length: int | None = None,
    nan_to_null: bool = False,
) -> Any:
    """What `from_arrow` takes, with these names and types. `infer_schema_length` is taken for the sake of Polars: all rows
    are looked at."""
    if is_polars(data):
        data = prepared(data)
    elif is_pandas(data):
        data = table_of_pandas(data)
    names, types = _wanted(schema)
    if _is_arrow(data) and not types and not schema_overrides:
        return data if names is None else _renamed(_table(data), names)
    if isinstance(data, Mapping) and isinstance(schema, Mapping) and data:
        _same_names(data, names or [])
        data = {name: data[name] for name in names or []}
    types |= {name: _wanted_type(dtype) for name, dtype in (schema_overrides or {}).items()}
    columns = _columns(data, names, types, orient)
    if names is not None:
        columns = _with_names(columns, names)
    height = _height(columns)
    arrays = {name: _array(name, values, types.get(name), height, strict, nan_to_null) for name, values in columns.items()}
    fields = [_field(name, arrays[name], values, types.get(name)) for name, values in columns.items()]
    return pa.table(list(arrays.values()), schema=pa.schema(fields))


def _field(name: str, array: Any, values: Any, dtype: Any) -> pa.Field:
    """The field of a column; of an Enum with its categories."""
    enum = dtype if isinstance(dtype, Enum) else enum_of(values) if dtype is None else None
    return pa.field(name, array.type, metadata=None if enum is None else field_of(name, enum).metadata)


def column_of(name: str, values: Any, dtype: Any = None, *, strict: bool = True, nan_to_null: bool = False) -> pa.Table:
    """The values of one column, as a table of it."""
    wanted = None if dtype is None else _wanted_type(dtype)
    array = _array(name, values, wanted, None, strict, nan_to_null)
    return pa.table([array], schema=pa.schema([_field(name, array, values, wanted)]))


def _wanted_type(dtype: Any) -> Any:
    """An Enum as it is, for its categories; any other type as Arrow's."""
    return dtype if isinstance(dtype, Enum) else arrow_type(dtype)


def _wanted(schema: Any) -> tuple[list[str] | None, dict[str, pa.DataType]]:
    """The names of the columns, if they are given, and the types of those that have one."""
    if schema is None:
        return None, {}
    if hasattr(schema, "__arrow_c_schema__") and not isinstance(schema, Mapping):
        schema = [(field.name, field.type) for field in pa.schema(schema)]
    pairs = list(schema.items()) if isinstance(schema, Mapping) else [(s, None) if isinstance(s, str) else tuple(s) for s in schema]
    return [name for name, _ in pairs], {name: _wanted_type(dtype) for name, dtype in pairs if dtype is not None}


def _is_arrow(data: Any) -> bool:
    return hasattr(data, "__arrow_c_stream__") or (hasattr(data, "__arrow_c_array__") and not isinstance(data, pa.Array))


def _table(data: Any) -> pa.Table:
    return data if isinstance(data, pa.Table) else pa.table(data)


def _renamed(table: pa.Table, names: list[str]) -> pa.Table:
    if len(names) != table.num_columns:
        raise ShapeError(f"dataframe: the schema has {len(names)} names, the data have {table.num_columns} columns")
    return table.rename_columns(names)


def _same_names(data: Mapping[str, Any], names: list[str]) -> None:
    if set(data) != set(names):
        raise PlanError(f"dataframe: the schema names {', '.join(names)}, the data {', '.join(map(str, data))}; hint: name the same columns")


def _columns(data: Any, names: list[str] | None, types: Mapping[str, Any], orient: str | None) -> dict[str, Any]:
    """Values by column, each as it was given."""
    if data is None:
        return {name: [] for name in names or []}
    if isinstance(data, Mapping):
        return {str(name): values for name, values in data.items()} if data else {name: [] for name in names or []}
    if isinstance(data, np.ndarray):
        return _of_numpy(data, orient)
    if type(data).__module__.partition(".")[0] == "pandas":
        return {str(data.name) if data.name is not None else _UNNAMED.format(0): _exported(str(data.name), data)}
    if _is_arrow(data):
        table = _table(data)
        told_apart("dataframe", table.column_names)
        return dict(zip(table.column_names, table.columns))
    if hasattr(data, "__arrow_c_array__"):
        return {getattr(data, "name", "") or _UNNAMED.format(0): data}
    if isinstance(data, Iterable) and not isinstance(data, (str, bytes)):
        return _of_list(list(data), names, orient)
    raise DTypeError(f"dataframe: no frame can be made of a {type(data).__name__}; hint: give a dictionary of columns, or a list of rows")


def _of_numpy(data: np.ndarray, orient: str | None) -> dict[str, Any]:
    if data.dtype.names:
        return {name: np.ascontiguousarray(data[name]) for name in data.dtype.names}
    if data.ndim == 1:
        return {_UNNAMED.format(0): data}
    if data.ndim != 2:
        raise ShapeError(f"dataframe: expected an array of one or two axes, got {data.ndim}")
    columns = data if orient == "col" else data.T
    return {_UNNAMED.format(i): np.ascontiguousarray(column) for i, column in enumerate(columns)}


def _of_list(data: list[Any], names: list[str] | None, orient: str | None) -> dict[str, Any]:
    first = next((item for item in data if item is not None), None)
    if not data:
        return {name: [] for name in names or []}
    if isinstance(first, Mapping):
        return _of_dicts(data, names)
    if _is_record(first):
        return _of_dicts([None if row is None else _fields_of(row) for row in data], names)
    if hasattr(first, "__arrow_c_array__") and hasattr(first, "name"):
        named = [series.name or _UNNAMED.format(i) for i, series in enumerate(data)]
        told_apart("dataframe", named)
        return dict(zip(named, data))
    if isinstance(first, (list, tuple, np.ndarray)):
        return _of_sequences(data, names, orient)
    return {_UNNAMED.format(0): data}


def _of_dicts(rows: list[Any], names: list[str] | None) -> dict[str, Any]:
    """Keys that some rows lack are null there."""
    keys = list(names) if names is not None else list(dict.fromkeys(key for row in rows if row is not None for key in row))
    return {key: [None if row is None else row.get(key) for row in rows] for key in keys}


def _of_sequences(data: list[Sequence[Any]], names: list[str] | None, orient: str | None) -> dict[str, Any]:
    """Lists are columns unless the names say that they are rows; tuples with a name each are rows."""
    if orient is None:
        as_rows = names is not None and len(data[0]) == len(names) and len(data) != len(names)
        orient = "row" if as_rows or type(data[0]).__name__ not in ("list", "tuple", "ndarray") else "col"
    if orient not in ("row", "col"):
        raise PlanError(f'dataframe: unknown orient `{orient}`; hint: "row" or "col"')
    if orient == "col":
        return {_UNNAMED.format(i): column for i, column in enumerate(data)}
    if names is None and hasattr(data[0], "_fields"):
        names = list(data[0]._fields)
    widths = {len(row) for row in data}
    if len(widths) != 1:
        raise ShapeError(f"dataframe: rows have {min(widths)} to {max(widths)} values, expected as many in each")
    known = names if names is not None and len(names) == len(data[0]) else [_UNNAMED.format(i) for i in range(len(data[0]))]
    return {name: list(column) for name, column in zip(known, zip(*data))}


def _with_names(columns: dict[str, Any], names: list[str]) -> dict[str, Any]:
    if len(names) != len(columns):
        raise ShapeError(f"dataframe: the schema has {len(names)} names, the data have {len(columns)} columns")
    told_apart("dataframe", names)
    return dict(zip(names, columns.values()))


def _height(columns: Mapping[str, Any]) -> int | None:
    """The number of rows, as the columns that are no single value have them. Errors: `ShapeError` if they differ."""
    height: int | None = None
    for name, values in columns.items():
        if _is_single(values) or not hasattr(values, "__len__"):
            continue
        if height is not None and len(values) != height:
            raise ShapeError(f"dataframe: column `{name}` has {len(values)} values, those before it have {height}")
        height = len(values)
    return height


def _is_single(values: Any) -> bool:
    return isinstance(values, (str, bytes, Mapping)) or not (isinstance(values, Iterable) or hasattr(values, "__arrow_c_array__"))


def _array(name: str, values: Any, dtype: Any, height: int | None, strict: bool, nan_to_null: bool) -> Any:
    if isinstance(dtype, Enum):
        return _enum_array(name, _array(name, values, pa.string(), height, strict, nan_to_null), dtype, strict)
    if _is_single(values):
        values = [values] * (1 if height is None else height)
    elif hasattr(values, "__arrow_c_stream__") or hasattr(values, "__arrow_c_array__"):
        values = _exported(name, values)
        return values if dtype is None else _cast(name, values, dtype, strict)
    elif not hasattr(values, "__len__"):
        values = list(values)
    array = _converted(name, values, dtype, strict, nan_to_null)
    if height is not None and len(array) != height:
        raise ShapeError(f"dataframe: column `{name}` has {len(array)} values, others have {height}")
    return array


def _exported(name: str, values: Any) -> Any:
    """What exports Arrow, or a Series of pandas, as Arrow's own array."""
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return values
    try:
        if type(values).__module__.partition(".")[0] == "pandas":
            return pa.array(values, from_pandas=True)
        return pa.chunked_array(values) if hasattr(values, "__arrow_c_stream__") else pa.array(values)
    except (pa.ArrowException, TypeError, OverflowError, ValueError) as error:
        raise unfit("dataframe", name, values) from error


def _enum_array(name: str, texts: Any, dtype: Enum, strict: bool) -> pa.Array:
    """Texts as places among the categories. Errors: `ExecutionError` for another text, unless not `strict`."""
    places = {category: place for place, category in enumerate(dtype.categories)}
    values = texts.to_pylist()
    wrong = next((value for value in values if value is not None and value not in places), None)
    if strict and wrong is not None:
        raise ExecutionError(f"dataframe: column `{name}`: '{wrong}' is none of the Enum's categories")
    indices = pa.array([places.get(value) for value in values], pa.uint32())
    return pa.DictionaryArray.from_arrays(indices, pa.array(dtype.categories, pa.string()))


def _converted(name: str, values: Any, dtype: pa.DataType | None, strict: bool, nan_to_null: bool) -> Any:
    if isinstance(values, np.ndarray) and not values.dtype.isnative:
        values = values.astype(values.dtype.newbyteorder("="))  # Arrow has the machine's order of bytes alone
    if isinstance(values, np.ndarray) and values.dtype.kind == "c":
        raise unfit("dataframe", name, values)
    if isinstance(values, np.ndarray) and values.ndim == 2:
        array = pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), values.shape[1])
        return array if dtype is None else _cast(name, array, dtype, strict)
    if type(values).__module__.partition(".")[0] == "pandas":
        nan_to_null = True
    if not isinstance(values, (list, np.ndarray)) and not hasattr(values, "__array__"):
        values = list(values)
    if isinstance(values, list):
        values = [_plain(value) for value in values]
    try:
        if isinstance(values, list) and dtype is not None and pa.types.is_integer(dtype) and any(isinstance(value, float) for value in values):
            # As numbers first: pyarrow would cut off what is behind the point.
            return pa.array(values, from_pandas=nan_to_null).cast(dtype)
        array = pa.array(values, type=dtype, from_pandas=nan_to_null)
        return array.cast(pa.time64("ns")) if dtype is None and pa.types.is_time(array.type) else array
    except (pa.ArrowException, TypeError, OverflowError, ValueError) as error:
        if dtype is None and isinstance(values, list) and _are_unsigned(values):
            return pa.array(values, pa.uint64())
        if not strict:
            return _lenient(values, dtype)
        raise unfit("dataframe", name, values, dtype) from error


_SIMPLE = (int, float, str, bool, type(None), bytes)


def _plain(value: Any) -> Any:
    """A value as Arrow takes it: a Series inside a list is the list of its values, a record a dictionary, a moment of NumPy one of
    Python's."""
    if type(value) in _SIMPLE:
        return value
    if isinstance(value, (np.datetime64, np.timedelta64)):
        return _moment(value)
    if _is_record(value) or hasattr(value, "_fields") and isinstance(value, tuple):
        return _fields_of(value)
    if isinstance(value, list) and any(type(item) not in _SIMPLE for item in value):
        return [_plain(item) for item in value]
    return value.to_list() if hasattr(value, "__arrow_c_array__") and hasattr(value, "to_list") else value


def _moment(value: Any) -> Any:
    """In units that Arrow has: days are dates, what is coarser than a second is microseconds."""
    if np.isnat(value):
        return None
    unit = np.datetime_data(value.dtype)[0]
    if unit in ("s", "ms", "us", "ns"):
        return value
    if isinstance(value, np.timedelta64):
        return value.astype("timedelta64[us]").item()
    return value.astype("datetime64[D]" if unit in ("Y", "M", "W", "D") else "datetime64[us]").item()


def _is_record(value: Any) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def _fields_of(record: Any) -> dict[str, Any]:
    """The fields of a dataclass or a named tuple, those of fields that are such too."""
    names = record._fields if hasattr(record, "_fields") else [field.name for field in dataclasses.fields(record)]
    return {name: _plain(getattr(record, name)) for name in names}


def _are_unsigned(values: list[Any]) -> bool:
    return all(value is None or type(value) is int and 0 <= value < 2**64 for value in values)


def _lenient(values: Any, dtype: pa.DataType | None) -> pa.Array:
    """Values that do not fit as null; of no common type, as text."""
    if dtype is None:
        return pa.array([None if value is None else str(value) for value in values])
    return pa.array([_or_none(value, dtype) for value in values], type=dtype)


def _or_none(value: Any, dtype: pa.DataType) -> Any:
    try:
        return pa.scalar(value, type=dtype).as_py()
    except (pa.ArrowException, TypeError, OverflowError, ValueError):
        return None


def _cast(name: str, array: Any, dtype: pa.DataType, strict: bool) -> Any:
    try:
        return array.cast(dtype)
    except pa.ArrowException as error:
        if not strict:
            return _lenient(array.to_pylist(), dtype)
        wrong = unfit("dataframe", name, array.to_pylist(), dtype)
        raise ExecutionError(str(wrong)) from error
