"""Aggregates of a column by its type: dates have means, text has none. Imported when first needed, with pyarrow."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from gradframe._frame.base import of_expression

#: Aggregates that are a point between the values, which moments and spans of time have, too.
_BETWEEN = ("mean", "median", "quantile")


def aggregated(name: str, kind: pa.DataType, method: str, *arguments: Any, **named: Any) -> Any:
    """The aggregate of a column, under its name; null where its type has no answer, as in Polars."""
    from gradframe import col, lit

    if not _has_answer(kind, method):
        return lit(None).cast(kind).alias(name)
    column = col(name)
    if method in _BETWEEN and pa.types.is_temporal(kind):
        return _of_moments(column, kind, method, arguments, named).alias(name)
    return of_expression(column, method)(*arguments, **named).alias(name)


def _has_answer(kind: pa.DataType, method: str) -> bool:
    t = pa.types
    if method in ("min", "max"):
        return not t.is_nested(kind)
    if t.is_boolean(kind):
        return method != "quantile"
    if t.is_temporal(kind):
        return method in _BETWEEN or (method == "sum" and t.is_duration(kind))
    return t.is_integer(kind) or t.is_floating(kind) or t.is_decimal(kind) or t.is_null(kind)


def _of_moments(column: Any, kind: pa.DataType, method: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """Of the numbers that moments are stored as; a date's is that of its midnight."""
    moment = pa.timestamp("us") if pa.types.is_date(kind) else kind
    number = of_expression(column.cast(moment).to_physical(), method)(*arguments, **named)
    return number.cast(pa.int64()).cast(moment)
