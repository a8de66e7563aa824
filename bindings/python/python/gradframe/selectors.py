"""Selectors: expressions that stand for the columns of a frame that have certain names or types.

    from gradframe import selectors as cs

    frame.select(cs.numeric() - cs.by_name("id"))      # and & | ^ ~
    frame.with_columns((cs.float() * 100).round(1).name.suffix("_pct"))
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable
from typing import Any

from gradframe._dtypes import parse_dtype
from gradframe._expr.base import call
from gradframe._expr.expr import Expr
from gradframe._expr.functions import excluded

__all__ = [
    "Selector", "all", "alpha", "alphanumeric", "array", "binary", "boolean", "by_dtype", "by_index", "by_name", "categorical",
    "contains", "date", "datetime", "decimal", "digit", "duration", "empty", "ends_with", "enum", "exclude", "first", "float", "integer",
    "is_selector", "last", "list", "matches", "nested", "numeric", "object", "signed_integer", "starts_with", "string", "struct",
    "temporal", "time", "unsigned_integer",
]


class Selector(Expr):
    """A choice of columns. `&`, `|`, `-`, `^` and `~` with other selectors choose; with anything else they compute."""

    __slots__ = ()

    # It may be the key of a mapping: `frame.cast({selectors.numeric(): gf.Float32})`.
    __hash__ = object.__hash__

    def _with(self, name: str, other: Any) -> Any:
        return Selector(call(name, self, other)._expr) if isinstance(other, Selector) else None

    def __and__(self, other: Any) -> Any:
        return self._with("selector.and", other) or super().__and__(other)

    def __or__(self, other: Any) -> Any:
        return self._with("selector.or", other) or super().__or__(other)

    def __xor__(self, other: Any) -> Any:
        return self._with("selector.xor", other) or super().__xor__(other)

    def __sub__(self, other: Any) -> Any:
        return self._with("selector.sub", other) or super().__sub__(other)

    def __invert__(self) -> Selector:
        return Selector(call("selector.sub", call("selector.all"), self)._expr)

    def exclude(self, columns: Any, *more_columns: Any) -> Selector:
        """The selector without these names, patterns and types."""
        return Selector(call("exclude", self, **excluded(columns, *more_columns))._expr)

    def as_expr(self) -> Expr:
        """The columns as an ordinary expression, with which operators compute."""
        return Expr(self._expr)

    def __bool__(self) -> bool:
        return True


def _selector(name: str, /, *exprs: Any, **constants: Any) -> Selector:
    return Selector(call(name, *exprs, **constants)._expr)


def _several(first: Any, more: tuple[Any, ...]) -> builtins.list[Any]:
    start = [first] if isinstance(first, str) or not isinstance(first, Iterable) else [*first]
    return [*start, *more]


def _family(*names: str) -> Selector:
    return _selector("selector.by_class", names=[*names])


def is_selector(obj: Any) -> bool:
    """Whether this is a selector."""
    return isinstance(obj, Selector)


def all() -> Selector:
    """Every column."""
    return _selector("selector.all")


def by_name(*names: Any, require_all: bool = True) -> Selector:
    """These columns, in this order. One that is not there is an error, or left out if not `require_all`."""
    wanted = [name for given in names for name in _several(given, ())]
    return _selector("selector.by_name", names=wanted, require_all=require_all)


def by_dtype(*dtypes: Any) -> Selector:
    """Columns of these types."""
    wanted = [dtype for given in dtypes for dtype in _several(given, ())]
    return _selector("selector.by_dtype", dtypes=[parse_dtype(dtype) for dtype in wanted])


def by_index(*indices: Any) -> Selector:
    """Columns at these places, from the end if negative."""
    return _selector("nth", indices=[index for given in indices for index in _several(given, ())])


def first() -> Selector:
    """The first column."""
    return by_index(0)


def last() -> Selector:
    """The last column."""
    return by_index(-1)


def exclude(columns: Any, *more_columns: Any) -> Selector:
    """Every column but these: names, patterns, types, or a selector."""
    return ~columns if isinstance(columns, Selector) else all().exclude(columns, *more_columns)


def matches(pattern: str) -> Selector:
    """Columns whose name matches a regular expression."""
    return _selector("selector.matches", pattern=pattern)


def starts_with(*prefix: str) -> Selector:
    """Columns whose name starts with one of these."""
    return _selector("selector.starts_with", names=[*prefix])


def ends_with(*suffix: str) -> Selector:
    """Columns whose name ends with one of these."""
    return _selector("selector.ends_with", names=[*suffix])


def contains(*substring: str) -> Selector:
    """Columns whose name contains one of these."""
    return _selector("selector.contains", names=[*substring])


def alpha(ascii_only: bool = False, *, ignore_spaces: bool = False) -> Selector:
    """Columns whose name is letters only."""
    letters = "a-zA-Z" if ascii_only else r"\p{Alphabetic}"
    return matches(f"^[{letters}{' ' if ignore_spaces else ''}]+$")


def alphanumeric(ascii_only: bool = False, *, ignore_spaces: bool = False) -> Selector:
    """Columns whose name is letters and digits only."""
    letters = "a-zA-Z0-9" if ascii_only else r"\p{Alphabetic}\d"
    return matches(f"^[{letters}{' ' if ignore_spaces else ''}]+$")


def digit(ascii_only: bool = False) -> Selector:
    """Columns whose name is digits only."""
    return matches(f"^[{'0-9' if ascii_only else chr(92) + 'd'}]+$")


def numeric() -> Selector:
    """Columns of integers, floats and decimals."""
    return _family("numeric")


def integer() -> Selector:
    """Columns of integers."""
    return _family("integer")


def signed_integer() -> Selector:
    """Columns of integers with sign."""
    return _family("signed_integer")


def unsigned_integer() -> Selector:
    """Columns of integers without sign."""
    return _family("unsigned_integer")


def float() -> Selector:
    """Columns of floating point numbers."""
    return _family("float")


def decimal() -> Selector:
    """Columns of decimals."""
    return _family("decimal")


def string(*, include_categorical: bool = False) -> Selector:
    """Columns of text."""
    return _family("string", "categorical") if include_categorical else _family("string")


def categorical() -> Selector:
    """Columns of categories."""
    return _family("categorical")


def enum() -> Selector:
    """Columns of Enums: categories that are known and have an order."""
    return _family("enum")


def empty() -> Selector:
    """No column."""
    return _selector("selector.by_name", names=[])


def object() -> Selector:
    """Columns of Python objects, of which a frame has none."""
    return empty()


def binary() -> Selector:
    """Columns of bytes."""
    return _family("binary")


def boolean() -> Selector:
    """Columns of booleans."""
    return _family("boolean")


def temporal() -> Selector:
    """Columns of dates, times, datetimes and durations."""
    return _family("temporal")


def date() -> Selector:
    """Columns of dates."""
    return _family("date")


def time() -> Selector:
    """Columns of times of the day."""
    return _family("time")


def datetime(time_unit: Any = None, time_zone: Any = ("*", None)) -> Selector:
    """Columns of datetimes, of these units and time zones ("*": any; None: without one)."""
    units = [] if time_unit is None else _several(time_unit, ())
    zones = _several(time_zone, ()) if time_zone is not None else [None]
    return _selector("selector.datetime", units=units, zones=[zone or "" for zone in zones])


def duration(time_unit: Any = None) -> Selector:
    """Columns of durations, of these units."""
    return _selector("selector.datetime", units=[] if time_unit is None else _several(time_unit, ()), durations=True)


def list() -> Selector:
    """Columns of lists."""
    return _family("list")


def array() -> Selector:
    """Columns of lists of one length."""
    return _family("array")


def struct() -> Selector:
    """Columns of structs."""
    return _family("struct")


def nested() -> Selector:
    """Columns of lists and structs."""
    return _family("nested")
