"""Functions that make expressions: columns, constants, conditions."""

from __future__ import annotations

import builtins
from collections.abc import Iterable
from typing import Any

from gradframe import _gradframe
from gradframe._dtypes import DataType, DataTypeClass, parse_dtype
from gradframe._expr.base import IntoExpr, at_once, call, columns
from gradframe._expr.expr import Expr


class Column:
    """`gf.col("fare")`, `gf.col("a", "b")`, `gf.col("^fare_.*$")` (a pattern), `gf.col(gf.Int64)` (types), `gf.col.fare`.

    A name is taken as it is spelt, case and dots included. Several columns make an expression of each.
    """

    def __call__(self, name: str | Any | Iterable[Any], *more_names: Any) -> Expr:
        if not more_names and isinstance(name, str):
            return call("col", names=name)
        first = list(name) if isinstance(name, list | tuple | set | frozenset) else [name]
        names = [*first, *more_names]
        if builtins.all(isinstance(name, str) for name in names):
            return call("col", names=names)
        return call("selector.by_dtype", dtypes=[parse_dtype(dtype) for dtype in names]) if names else call("col", names=[])

    def __getattr__(self, name: str) -> Expr:
        if name.startswith("__"):
            raise AttributeError(name)
        return call("col", names=name)


col = Column()


def lit(value: Any, dtype: Any = None) -> Expr:
    """A constant: None, bool, int, float, str, bytes, a date, time, datetime or timedelta, a Decimal, or a list of one kind."""
    if isinstance(value, Expr):
        return value
    constant = Expr(_gradframe.lit(value))
    return constant if dtype is None else constant.cast(dtype)


def element() -> Expr:
    """An element of a list, inside `list.eval`, `list.agg` and `list.filter`."""
    return call("element")


def len() -> Expr:
    """The number of rows."""
    return call("len")


def coalesce(exprs: IntoExpr | Iterable[IntoExpr], *more_exprs: IntoExpr, eager: bool = False) -> Any:
    """The first of the values that is not null. Text names a column. With `eager`, of Series, a Series at once."""
    return at_once(call("coalesce", *columns(exprs, *more_exprs)), eager, *columns(exprs, *more_exprs))


def all(*names: str) -> Expr:
    """Every column; with names, whether all values of these columns are true."""
    from gradframe.selectors import all as every_column

    return every_column() if not names else col(*names).all()


def nth(*indices: int) -> Expr:
    """Columns by their place, from the end if negative."""
    return call("nth", indices=list(indices))


def exclude(columns: Any, *more_columns: Any) -> Expr:
    """Every column but these names, patterns (`^...$`) and types."""
    return call("exclude", call("selector.all"), **excluded(columns, *more_columns))


def excluded(columns: Any, *more_columns: Any) -> dict[str, list[Any]]:
    """Names and types apart, as the engine takes them."""
    first = list(columns) if isinstance(columns, list | tuple | set | frozenset) else [columns]
    names, dtypes = [], []
    for column in [*first, *more_columns]:
        if isinstance(column, str):
            names.append(column)
        else:
            dtypes.append(parse_dtype(column))
    return {"names": names, "dtypes": dtypes}


__all__ = ["Column", "DataType", "DataTypeClass", "all", "coalesce", "col", "element", "exclude", "excluded", "len", "lit", "nth"]
