"""Types of columns, in whatever words a user has for them. Imported when first needed: pyarrow takes a while to load."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

import pyarrow as pa

from gradframe import _dtypes as dtypes
from gradframe._dtypes import DataType, DataTypeClass
from gradframe.errors import DTypeError

_PYTHON: dict[type, pa.DataType] = {
    bool: pa.bool_(),
    int: pa.int64(),
    float: pa.float64(),
    str: pa.string(),
    bytes: pa.binary(),
    datetime.date: pa.date32(),
    datetime.datetime: pa.timestamp("us"),
    datetime.time: pa.time64("ns"),
    datetime.timedelta: pa.duration("us"),
    decimal.Decimal: pa.decimal128(38, 9),
    type(None): pa.null(),
}

_NAMES: dict[str, pa.DataType] = {
    **{f"{kind}{bits}": getattr(pa, f"{kind}{bits}")() for kind in ("int", "uint") for bits in (8, 16, 32, 64)},
    **{f"{short}{bits}": getattr(pa, f"{kind}{bits}")() for short, kind in (("i", "int"), ("u", "uint")) for bits in (8, 16, 32, 64)},
    "int": pa.int64(),
    "float16": pa.float16(),
    "float32": pa.float32(),
    "f32": pa.float32(),
    "float64": pa.float64(),
    "f64": pa.float64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "boolean": pa.bool_(),
    "str": pa.string(),
    "string": pa.string(),
    "utf8": pa.string(),
    "binary": pa.binary(),
    "date": pa.date32(),
    "date32": pa.date32(),
    "time": pa.time64("ns"),
    "datetime": pa.timestamp("us"),
    "duration": pa.duration("us"),
    "null": pa.null(),
}


def arrow_type(dtype: Any) -> pa.DataType:
    """The Arrow type meant: one already, a name ("int64", "f32", "str"), a Python type, or what exports its schema.

    Errors: `DTypeError` for anything else.
    """
    if isinstance(dtype, pa.DataType):
        return dtype
    if isinstance(dtype, DataTypeClass):
        dtype = dtype()
    if isinstance(dtype, DataType):
        return dtype.to_arrow()
    if isinstance(dtype, type) and dtype in _PYTHON:
        return _PYTHON[dtype]
    if hasattr(dtype, "__arrow_c_schema__"):
        return pa.field(dtype).type
    name = dtype if isinstance(dtype, str) else getattr(dtype, "__name__", str(dtype))
    found = _NAMES.get(name.lower())
    if found is None:
        raise DTypeError(f"schema: no type `{name}`; hint: use int64, float64, str, bool, date, datetime or a pyarrow type")
    return found


#: Where the metadata of a field list the categories of an Enum, each behind its length in bytes: Polars's form.
_CATEGORIES = b"_PL_ENUM_VALUES2"


def field_of(name: str, dtype: Any) -> pa.Field:
    """The Arrow field of a column of this type."""
    if isinstance(dtype, dtypes.Enum):
        listed = "".join(f"{len(category.encode())};{category}" for category in dtype.categories)
        return pa.field(name, dtype.to_arrow(), metadata={_CATEGORIES: listed})
    return pa.field(name, arrow_type(dtype))


def enum_of(values: Any) -> dtypes.Enum | None:
    """The Enum that a Series, of ours or of Polars, is of; None for anything else."""
    dtype = getattr(values, "dtype", None)
    if isinstance(dtype, dtypes.Enum):
        return dtype
    return dtypes.Enum(dtype.categories) if type(dtype).__name__ == "Enum" and hasattr(dtype, "categories") else None


def own_type_of(field: pa.Field) -> Any:
    """The type of a column as one of ours; with the categories of an Enum, which the field's metadata list."""
    listed = (field.metadata or {}).get(_CATEGORIES)
    if listed is None or not pa.types.is_dictionary(field.type):
        return own_type(field.type)
    categories = []
    while listed:
        length, _, rest = listed.partition(b";")
        categories.append(rest[: int(length)].decode())
        listed = rest[int(length) :]
    return dtypes.Enum(categories)


def is_arrow_schema(value: Any) -> bool:
    """Whether this is pyarrow's list of fields."""
    return isinstance(value, pa.Schema)


_PLAIN = {
    pa.int8(): dtypes.Int8,
    pa.int16(): dtypes.Int16,
    pa.int32(): dtypes.Int32,
    pa.int64(): dtypes.Int64,
    pa.uint8(): dtypes.UInt8,
    pa.uint16(): dtypes.UInt16,
    pa.uint32(): dtypes.UInt32,
    pa.uint64(): dtypes.UInt64,
    pa.float16(): dtypes.Float16,
    pa.float32(): dtypes.Float32,
    pa.float64(): dtypes.Float64,
    pa.bool_(): dtypes.Boolean,
    pa.string(): dtypes.String,
    pa.large_string(): dtypes.String,
    pa.string_view(): dtypes.String,
    pa.binary(): dtypes.Binary,
    pa.large_binary(): dtypes.Binary,
    pa.binary_view(): dtypes.Binary,
    pa.date32(): dtypes.Date,
    pa.null(): dtypes.Null,
}


def own_type(kind: pa.DataType) -> Any:
    """The type as one of ours: `gf.Int64()`. One that has no name here stays Arrow's."""
    plain = _PLAIN.get(kind)
    if plain is not None:
        return plain()
    t = pa.types
    if t.is_timestamp(kind):
        return dtypes.Datetime(kind.unit, kind.tz)
    if t.is_duration(kind):
        return dtypes.Duration(kind.unit)
    if t.is_time(kind):
        return dtypes.Time()
    if t.is_decimal(kind):
        return dtypes.Decimal(kind.precision, kind.scale)
    if t.is_dictionary(kind):
        return dtypes.Categorical()
    if t.is_list(kind) or t.is_large_list(kind):
        return dtypes.List(own_type_of(kind.value_field))
    if t.is_fixed_size_list(kind):
        return dtypes.Array(own_type_of(kind.value_field), kind.list_size)
    if t.is_struct(kind):
        return dtypes.Struct([dtypes.Field(field.name, own_type_of(field)) for field in kind])
    return kind
