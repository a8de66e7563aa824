"""Data types as Python objects: `gf.Int64`, `gf.List(gf.String)`, `gf.Datetime("us", "UTC")`.

Where a type is taken, one without parameters may be given as its class. A type is also anything with `__arrow_c_schema__`
(a `pyarrow.DataType`, a Polars type's Arrow form), a Python type (`int`, `float`, `str`, `bool`, `bytes`, `datetime.date` ...)
or a name (`"i64"`, `"float64"`, `"str"`).
"""

import datetime
import decimal
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar


class DataTypeClass(type):
    """What makes a type and its class one where it has no parameters: `gf.Int64 == gf.Int64()`."""

    def __repr__(cls) -> str:
        return cls.__name__

    def __eq__(cls, other: object) -> bool:
        if isinstance(other, DataTypeClass):
            return cls is other
        return isinstance(other, DataType) and (cls() if cls._plain else cls) == (other if cls._plain else type(other))

    def __hash__(cls) -> int:
        return hash(cls.__name__)


class DataType(metaclass=DataTypeClass):
    """A data type. Two are equal if they are the same type with the same parameters."""

    _plain: ClassVar[bool] = True
    _arrow: ClassVar[str] = ""

    def to_arrow(self) -> Any:
        """The type as a `pyarrow.DataType`."""
        import pyarrow

        return getattr(pyarrow, self._arrow)()

    def __arrow_c_schema__(self) -> object:
        return self.to_arrow().__arrow_c_schema__()

    def _parameters(self) -> tuple:
        return ()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, DataTypeClass):
            return type(self) is other
        return type(self) is type(other) and self._parameters() == other._parameters()

    def __hash__(self) -> int:
        return hash((type(self).__name__, self._parameters()))

    def __repr__(self) -> str:
        parameters = ", ".join(repr(parameter) for parameter in self._parameters() if parameter is not None)
        return f"{type(self).__name__}({parameters})" if parameters else type(self).__name__


def _plain(name: str, arrow: str, doc: str) -> type[DataType]:
    return DataTypeClass(name, (DataType,), {"_arrow": arrow, "__doc__": doc, "__module__": "gradframe"})


Int8 = _plain("Int8", "int8", "Integers of 8 bits.")
Int16 = _plain("Int16", "int16", "Integers of 16 bits.")
Int32 = _plain("Int32", "int32", "Integers of 32 bits.")
Int64 = _plain("Int64", "int64", "Integers of 64 bits.")
UInt8 = _plain("UInt8", "uint8", "Integers of 8 bits without sign.")
UInt16 = _plain("UInt16", "uint16", "Integers of 16 bits without sign.")
UInt32 = _plain("UInt32", "uint32", "Integers of 32 bits without sign.")
UInt64 = _plain("UInt64", "uint64", "Integers of 64 bits without sign.")
Float16 = _plain("Float16", "float16", "Floating point numbers of 16 bits.")
Float32 = _plain("Float32", "float32", "Floating point numbers of 32 bits.")
Float64 = _plain("Float64", "float64", "Floating point numbers of 64 bits.")
Boolean = _plain("Boolean", "bool_", "True and false.")
String = _plain("String", "utf8", "Text.")
Binary = _plain("Binary", "binary", "Bytes.")
Date = _plain("Date", "date32", "Days.")
Null = _plain("Null", "null", "Nothing but nulls.")
Utf8 = String


class Time(DataType):
    """Times of the day, in nanoseconds."""

    def to_arrow(self) -> Any:
        """The type as a `pyarrow.DataType`."""
        import pyarrow

        return pyarrow.time64("ns")


class Datetime(DataType):
    """Points in time: of a time zone, or readings of a clock anywhere if that is None."""

    _plain = False

    def __init__(self, time_unit: str = "us", time_zone: str | None = None) -> None:
        self.time_unit = time_unit
        self.time_zone = time_zone

    def _parameters(self) -> tuple:
        return (self.time_unit, self.time_zone)

    def to_arrow(self) -> Any:
        """The type as a `pyarrow.DataType`."""
        import pyarrow

        return pyarrow.timestamp(self.time_unit, self.time_zone)


class Duration(DataType):
    """Spans of time."""

    _plain = False

    def __init__(self, time_unit: str = "us") -> None:
        self.time_unit = time_unit

    def _parameters(self) -> tuple:
        return (self.time_unit,)

    def to_arrow(self) -> Any:
        """The type as a `pyarrow.DataType`."""
        import pyarrow

        return pyarrow.duration(self.time_unit)


class Decimal(DataType):
    """Decimal numbers of so many digits, `scale` of them after the point."""

    _plain = False

    def __init__(self, precision: int | None = None, scale: int = 0) -> None:
        self.precision = 38 if precision is None else precision
        self.scale = scale

    def _parameters(self) -> tuple:
        return (self.precision, self.scale)

    def to_arrow(self) -> Any:
        """The type as a `pyarrow.DataType`."""
        import pyarrow

        return pyarrow.decimal128(self.precision, self.scale)


class Categorical(DataType):
    """Text of few different values, each stored once."""

    def to_arrow(self) -> Any:
        """The type as a `pyarrow.DataType`."""
        import pyarrow

        return pyarrow.dictionary(pyarrow.uint32(), pyarrow.utf8())


class Enum(DataType):
    """Text of few known values, which have an order: `gf.Enum(["low", "mid", "high"])` sorts by it."""

    _plain = False

    def __init__(self, categories: Iterable[str]) -> None:
        self.categories = tuple(categories)
        wrong = next((category for category in self.categories if not isinstance(category, str)), None)
        if wrong is not None or len(set(self.categories)) != len(self.categories):
            from gradframe.errors import DTypeError

            what = f"a category is {wrong!r}" if wrong is not None else "a category is there twice"
            raise DTypeError(f"enum: {what}, expected different texts")

    def _parameters(self) -> tuple:
        return self.categories

    def to_arrow(self) -> Any:
        """The type as a `pyarrow.DataType`; the categories are in the metadata of a column's field."""
        import pyarrow

        return pyarrow.dictionary(pyarrow.uint32(), pyarrow.utf8())


class List(DataType):
    """Lists of any length."""

    _plain = False

    def __init__(self, inner: Any) -> None:
        self.inner = parse_dtype(inner)

    def _parameters(self) -> tuple:
        return (self.inner,)

    def to_arrow(self) -> Any:
        """The type as a `pyarrow.DataType`."""
        import pyarrow

        return pyarrow.list_(to_arrow(self.inner))


class Array(DataType):
    """Lists of one length."""

    _plain = False

    def __init__(self, inner: Any, shape: int) -> None:
        self.inner = parse_dtype(inner)
        self.size = shape

    def _parameters(self) -> tuple:
        return (self.inner, self.size)

    def to_arrow(self) -> Any:
        """The type as a `pyarrow.DataType`."""
        import pyarrow

        return pyarrow.list_(to_arrow(self.inner), self.size)


class Field:
    """A named part of a struct."""

    def __init__(self, name: str, dtype: Any) -> None:
        self.name = name
        self.dtype = parse_dtype(dtype)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Field) and (self.name, self.dtype) == (other.name, other.dtype)

    def __hash__(self) -> int:
        return hash((self.name, self.dtype))

    def __repr__(self) -> str:
        return f"Field({self.name!r}, {self.dtype!r})"


class Struct(DataType):
    """Several named values in one: `gf.Struct({"x": gf.Float64, "y": gf.Float64})`."""

    _plain = False

    def __init__(self, fields: Mapping[str, Any] | Iterable[Field]) -> None:
        pairs = fields.items() if isinstance(fields, Mapping) else None
        self.fields = [Field(name, dtype) for name, dtype in pairs] if pairs is not None else list(fields)

    def _parameters(self) -> tuple:
        return tuple(self.fields)

    def to_arrow(self) -> Any:
        """The type as a `pyarrow.DataType`."""
        import pyarrow

        return pyarrow.struct([(field.name, to_arrow(field.dtype)) for field in self.fields])


_OF_PYTHON = {
    bool: Boolean,
    int: Int64,
    float: Float64,
    str: String,
    bytes: Binary,
    datetime.date: Date,
    datetime.datetime: Datetime,
    datetime.timedelta: Duration,
    datetime.time: Time,
    decimal.Decimal: Decimal,
}

_NAMED = {
    "bool": Boolean,
    "i8": Int8,
    "i16": Int16,
    "i32": Int32,
    "i64": Int64,
    "int": Int64,
    "u8": UInt8,
    "u16": UInt16,
    "u32": UInt32,
    "u64": UInt64,
    "f32": Float32,
    "f64": Float64,
    "float": Float64,
    "str": String,
    "utf8": String,
    "date32": Date,
    "bytes": Binary,
}
_PLAIN = [Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64, Float16, Float32, Float64, Boolean, String, Binary, Date]
_NAMED |= {cls.__name__.lower(): cls for cls in [*_PLAIN, Null, Time, Datetime, Duration, Decimal, Categorical]}


def parse_dtype(dtype: Any) -> Any:
    """The type that is meant by a class, an object, a Python type or a name. Raises DTypeError for anything else."""
    if isinstance(dtype, DataTypeClass):
        return dtype()
    if isinstance(dtype, DataType) or hasattr(dtype, "__arrow_c_schema__"):
        return dtype
    found = _NAMED.get(dtype.lower()) if isinstance(dtype, str) else _OF_PYTHON.get(dtype) if isinstance(dtype, type) else None
    if found is None:
        from gradframe.errors import DTypeError

        name = getattr(dtype, "__name__", dtype)
        raise DTypeError(f"cast: no type `{name}`; hint: use gf.Int64, gf.Float64, gf.String, gf.Date ..., or a pyarrow type")
    return found()


def to_arrow(dtype: Any) -> Any:
    """A parsed type as a `pyarrow.DataType`."""
    if isinstance(dtype, DataType):
        return dtype.to_arrow()
    import pyarrow

    return dtype if isinstance(dtype, pyarrow.DataType) else pyarrow.field(dtype).type
