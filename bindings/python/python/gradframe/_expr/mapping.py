"""Functions of the user's over the values of an expression."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gradframe import _gradframe
from gradframe._expr.base import Base

if TYPE_CHECKING:
    from gradframe._expr.expr import Expr
    from gradframe._frame.series import Series


class Mapping(Base):
    """Calls of Python functions. They cost the interpreter's lock: where an expression can say the same, it is faster."""

    __slots__ = ()

    def map_batches(
        self, function: Callable[[Series], Any], return_dtype: Any = None, *, is_elementwise: bool = False
    ) -> Expr:
        """The values that a function makes of these: a Series in, as many values out (a Series, an array, a list).

        It is given all rows of the frame at once, or of a group with `.over(...)`; if it treats each value by itself,
        `is_elementwise=True` calls it for some rows after another, on all threads. `return_dtype` is the type of its values, if
        it is another than theirs. An exception in the function is the `__cause__` of the ExecutionError that is raised.
        """
        return _mapped(self, _over_series(function), return_dtype, all_rows=not is_elementwise)

    def apply_array(self, function: Callable[..., Any], *others: Any) -> Expr:
        """What a function of arrays makes of these values, traced into the plan: no Python for a row or a batch.

            frame.with_columns(gf.col("x").apply_array(lambda x: gf.nn.functional.gelu(x * 2.0)))

        The function is called with stand-ins when the plan is made, and what it records becomes a compiled kernel of the plan.
        It is given `gf.Array`s of the columns' types, (rows,), of tensor columns and arrays (rows, ..), first of this
        expression, then of `others`; it gives an array with a value, or a tensor, for each row. Where a column is null, so is
        the result. A value must not depend on other rows, nor on how many there are: `map_batches` sees all of them.
        """
        from gradframe._expr.arrays_traced import applied

        return applied(function, (self, *others))

    def inspect(self, fmt: str = "{}") -> Expr:
        """The same values, which are printed when the query runs: in `fmt`, a Series of all rows of the frame or group."""
        from gradframe._frame.series import Series

        def shown(values: Any) -> Any:
            print(fmt.format(Series("", values.to_arrow())))
            return values

        return _mapped(self, shown, None, all_rows=True)

    def map_elements(
        self, function: Callable[[Any], Any], return_dtype: Any = None, *, skip_nulls: bool = True, pass_name: bool = False
    ) -> Expr:
        """The values that a function makes of these, one by one, in Python: slow, and a last resort.

        Nulls stay null unless `skip_nulls=False`, which gives the function None. `return_dtype` is the type of the function's
        values, if it is another than these.
        """
        if pass_name:
            from gradframe.errors import UnsupportedError

            raise UnsupportedError("map_elements: pass_name is not supported; hint: give the function the name yourself")
        return _mapped(self, _over_values(function, skip_nulls), return_dtype, all_rows=False, each=True)


def _mapped(expr: Base, function: Callable[[Any], Any], return_dtype: Any, *, all_rows: bool, each: bool = False) -> Expr:
    from gradframe._frame.types import arrow_type

    dtype = None if return_dtype is None else arrow_type(return_dtype)
    return Base._public(_gradframe.map_column(expr, function, return_dtype=dtype, all_rows=all_rows, each=each))


def _named_as(function: Callable[..., Any], call: Callable[[Any], Any]) -> Callable[[Any], Any]:
    call.__qualname__ = getattr(function, "__qualname__", type(function).__name__)
    return call


def _over_series(function: Callable[[Series], Any]) -> Callable[[Any], Any]:
    if not callable(function):
        raise TypeError(f"map_batches: expected a function, got a {type(function).__name__}")

    @functools.wraps(function)
    def call(values: Any) -> Any:
        import pyarrow

        from gradframe._frame.series import Series

        given = function(Series("", values.to_arrow()))
        if hasattr(given, "__arrow_c_array__") or hasattr(given, "__arrow_c_stream__"):
            return given
        return pyarrow.array(given) if hasattr(given, "__len__") and not isinstance(given, str) else given

    return _named_as(function, call)


def _over_values(function: Callable[[Any], Any], skip_nulls: bool) -> Callable[[Any], Any]:
    if not callable(function):
        raise TypeError(f"map_elements: expected a function, got a {type(function).__name__}")

    @functools.wraps(function)
    def call(values: Any) -> Any:
        import pyarrow

        listed = values.to_list()
        if skip_nulls:
            return pyarrow.array([None if value is None else function(value) for value in listed])
        return pyarrow.array([function(value) for value in listed])

    return _named_as(function, call)
