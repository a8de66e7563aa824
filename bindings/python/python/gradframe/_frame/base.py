"""What a verb needs of a frame: the query that it goes on from, and the frame that is made of the result."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, TypeAlias

if TYPE_CHECKING:
    import datetime

    from gradframe import Expr
    from gradframe._gradframe import PyLazyFrame, Then

    Constant: TypeAlias = None | bool | int | float | str | datetime.date | datetime.datetime
    IntoExpr: TypeAlias = Expr | Then | Constant
    IntoColumn: TypeAlias = Expr | Then | str
    Columns: TypeAlias = IntoColumn | Iterable[IntoColumn]
    Names: TypeAlias = str | Expr | Iterable[str | Expr]

Path: TypeAlias = str | os.PathLike[str]


class Verb:
    """The base of all verbs. A lazy frame waits; a collected one runs the verb at once."""

    __slots__ = ()

    def _lazy(self) -> PyLazyFrame:
        """The query that this frame is."""
        raise NotImplementedError

    def _wrap(self, frame: PyLazyFrame) -> Self:
        """The frame of a query: as it is, or collected."""
        raise NotImplementedError

    def __bool__(self) -> bool:
        raise TypeError(f"the truth value of a {type(self).__name__} is ambiguous; is_empty() says whether it has rows")


def private_lazy(frame: Any, method: str) -> PyLazyFrame:
    """The query that another frame is. Errors: TypeError for what is no frame."""
    if not isinstance(frame, Verb):
        raise TypeError(f"{method}: expected a DataFrame or a LazyFrame, got a {type(frame).__name__}")
    return frame._lazy()


def listed(value: Any) -> list[Any]:
    """One thing or several as a list; None is none."""
    if value is None:
        return []
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable) or is_column(value):
        return [value]
    return list(value)


def is_column(value: Any) -> bool:
    """Whether it is one column: an expression, or values that are there already (a Series, an array)."""
    return any(hasattr(value, mark) for mark in ("_expr", "__arrow_c_array__", "__arrow_c_stream__", "__array__"))


def flat(values: Sequence[Any]) -> list[Any]:
    """What `*arguments` hold, given one by one or as lists."""
    return [item for value in values for item in listed(value)]


def of_expression(expr: Any, method: str) -> Any:
    """A method of an expression. Errors: `UnsupportedError` for one that expressions do not have."""
    from gradframe.errors import UnsupportedError

    found = getattr(expr, method, None)
    if found is None:
        raise UnsupportedError(f"{method}: expressions have no `{method}`")
    return found
