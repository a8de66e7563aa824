"""Functions of several columns, row by row, and ranges."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

from gradframe._expr.base import IntoExpr, at_once, call, column, columns
from gradframe._expr.expr import Expr
from gradframe._expr.functions import lit

__all__ = ["all_horizontal", "any_horizontal", "arange", "arctan2", "arg_sort_by", "arg_where", "concat_arr", "concat_list", "concat_str", "corr",
           "cov", "cum_fold", "cum_reduce", "cum_sum_horizontal", "field", "fold", "format", "int_range", "int_ranges", "max_horizontal", "mean_horizontal", "min_horizontal", "ones",
           "reduce", "repeat", "rolling_corr", "rolling_cov", "row_index", "struct", "sum_horizontal", "zeros"]


def sum_horizontal(*exprs: IntoExpr | Iterable[IntoExpr], ignore_nulls: bool = True) -> Expr:
    """The sum of several columns in each row."""
    return call("sum_horizontal", *columns(*exprs), ignore_nulls=ignore_nulls)


def mean_horizontal(*exprs: IntoExpr | Iterable[IntoExpr], ignore_nulls: bool = True) -> Expr:
    """The mean of several columns in each row."""
    return call("mean_horizontal", *columns(*exprs), ignore_nulls=ignore_nulls)


def min_horizontal(*exprs: IntoExpr | Iterable[IntoExpr]) -> Expr:
    """The least of several columns in each row."""
    return call("min_horizontal", *columns(*exprs))


def max_horizontal(*exprs: IntoExpr | Iterable[IntoExpr]) -> Expr:
    """The greatest of several columns in each row."""
    return call("max_horizontal", *columns(*exprs))


def any_horizontal(*exprs: IntoExpr | Iterable[IntoExpr]) -> Expr:
    """Whether one of several columns is true in each row."""
    return call("any_horizontal", *columns(*exprs))


def all_horizontal(*exprs: IntoExpr | Iterable[IntoExpr]) -> Expr:
    """Whether all of several columns are true in each row."""
    return call("all_horizontal", *columns(*exprs))


def concat_str(exprs: IntoExpr | Iterable[IntoExpr], *more_exprs: IntoExpr, separator: str = "", ignore_nulls: bool = False) -> Expr:
    """The texts of several columns as one; null where one is, unless nulls are ignored."""
    return call("concat_str", *columns(exprs, *more_exprs), separator=separator, ignore_nulls=ignore_nulls)


def concat_list(exprs: IntoExpr | Iterable[IntoExpr], *more_exprs: IntoExpr) -> Expr:
    """The values and lists of several columns as one list."""
    return call("concat_list", *columns(exprs, *more_exprs))


def concat_arr(exprs: IntoExpr | Iterable[IntoExpr], *more_exprs: IntoExpr) -> Expr:
    """The values and arrays of several columns, all of one type, as one array; null where an array is."""
    return call("concat_arr", *columns(exprs, *more_exprs))


def field(name: str) -> Expr:
    """A field of the struct that `struct.with_fields` and `struct.eval` are of."""
    return call("field", name=name)


def struct(*exprs: IntoExpr | Iterable[IntoExpr], eager: bool = False, **named_exprs: IntoExpr) -> Any:
    """Several columns as one of structs, its fields named as the columns. With `eager`, of Series, a Series at once."""
    named = [_expr(column(value)).alias(name) for name, value in named_exprs.items()]
    return at_once(call("struct", *columns(*exprs), *named), eager, *columns(*exprs), *named_exprs.values())


def format(f_string: str, *args: IntoExpr) -> Expr:
    """A text with columns in the place of `{}`."""
    parts = f_string.split("{}")
    if len(parts) != len(args) + 1:
        raise ValueError(f"format: {len(parts) - 1} places for {len(args)} columns")
    texts: list[Any] = []
    for part, arg in zip(parts, [*columns(*args), None], strict=True):
        texts += [lit(part)] if part else []
        texts += [] if arg is None else [arg]
    return call("concat_str", *texts, separator="")


def fold(acc: IntoExpr, function: Callable[[Expr, Expr], Expr], exprs: IntoExpr | Iterable[IntoExpr]) -> Expr:
    """`function(function(acc, first), second) ...` over several columns, selectors among them. The function is called once, with
    expressions, and gives one."""
    return call("fold", column(acc), *columns(exprs), function=_traced("fold", function))


def reduce(function: Callable[[Expr, Expr], Expr], exprs: IntoExpr | Iterable[IntoExpr]) -> Expr:
    """`function(function(first, second), third) ...` over several columns; see `fold`."""
    return call("reduce", *columns(exprs), function=_traced("reduce", function))


def cum_fold(
    acc: IntoExpr, function: Callable[[Expr, Expr], Expr], exprs: IntoExpr | Iterable[IntoExpr], *, include_init: bool = False
) -> Expr:
    """The steps of a `fold`, as a struct of a field for each column; with `include_init` the start before them."""
    traced = _traced("cum_fold", function)
    return call("cum_fold", column(acc), *columns(exprs), function=traced, include_init=include_init).alias("cum_fold")


def cum_reduce(function: Callable[[Expr, Expr], Expr], exprs: IntoExpr | Iterable[IntoExpr]) -> Expr:
    """The steps of a `reduce`, as a struct of a field for each column."""
    return call("cum_reduce", *columns(exprs), function=_traced("cum_reduce", function)).alias("cum_reduce")


def _traced(name: str, function: Callable[[Expr, Expr], Expr]) -> Expr:
    """The function as an expression over two columns that stand for its arguments."""
    made = function(call("col", names="__so_far"), call("col", names="__next"))
    if not isinstance(made, Expr):
        raise TypeError(f"{name}: the function gives a {type(made).__name__}, expected an expression of its two arguments")
    return made


def cum_sum_horizontal(*exprs: IntoExpr | Iterable[IntoExpr]) -> Expr:
    """The sums of several columns so far, as a struct of a field for each."""
    return cum_fold(lit(0), lambda sum_so_far, expr: sum_so_far + expr, columns(*exprs)).alias("cum_sum")


def rolling_corr(a: IntoExpr, b: IntoExpr, *, window_size: int, min_samples: int | None = None) -> Expr:
    """The correlation of two columns in each moving window of rows."""
    return call("rolling_corr", column(a), column(b), window_size=window_size, min_samples=min_samples)


def rolling_cov(a: IntoExpr, b: IntoExpr, *, window_size: int, min_samples: int | None = None, ddof: int = 1) -> Expr:
    """The covariance of two columns in each moving window of rows, with divisor n - `ddof`."""
    return call("rolling_cov", column(a), column(b), window_size=window_size, min_samples=min_samples, ddof=ddof)


def int_range(start: int | IntoExpr = 0, end: int | IntoExpr | None = None, step: int = 1, *, dtype: Any = None, eager: bool = False) -> Any:
    """Whole numbers from `start` up to `end`, which is left out; of one argument, from 0 up to it. Of type Int64, or another.
    With `eager` a Series, at once."""
    if end is None:
        start, end = 0, start
    return at_once(_of_type(call("int_range", column(start), column(end), step=step), dtype), eager)


arange = int_range


def int_ranges(start: int | IntoExpr = 0, end: int | IntoExpr | None = None, step: int = 1, *, dtype: Any = None) -> Expr:
    """In each row a list of the whole numbers from `start` up to `end`, which is left out. Of type Int64, or another."""
    from gradframe._dtypes import List

    if end is None:
        start, end = 0, start
    return _of_type(call("int_ranges", column(start), column(end), step=step), None if dtype is None else List(dtype))


def row_index(name: str = "index") -> Expr:
    """The number of the row, from 0."""
    return call("row_index").alias(name)


def repeat(value: Any, n: int | IntoExpr, *, dtype: Any = None, eager: bool = False) -> Any:
    """A constant `n` times, of its own type or another. With `eager` a Series, at once."""
    return at_once(_of_type(call("repeat", lit(value), column(n)), dtype), eager)


def ones(n: int | IntoExpr, dtype: Any = None, *, eager: bool = False) -> Any:
    """1 `n` times, of type Float64 or another. With `eager` a Series, at once."""
    return at_once(_of_type(call("repeat", lit(1.0), column(n)), dtype).alias("ones"), eager)


def zeros(n: int | IntoExpr, dtype: Any = None, *, eager: bool = False) -> Any:
    """0 `n` times, of type Float64 or another. With `eager` a Series, at once."""
    return at_once(_of_type(call("repeat", lit(0.0), column(n)), dtype).alias("zeros"), eager)


def _of_type(expr: Expr, dtype: Any) -> Expr:
    return expr if dtype is None else expr.cast(dtype)


def arctan2(y: IntoExpr, x: IntoExpr) -> Expr:
    """The angle of a point, from its ordinate and its abscissa."""
    return call("arctan2", column(y), column(x))


def arg_sort_by(
    exprs: IntoExpr | Iterable[IntoExpr],
    *more_exprs: IntoExpr,
    descending: bool | Sequence[bool] = False,
    nulls_last: bool | Sequence[bool] = False,
) -> Expr:
    """The rows, by number, in the order of several columns."""
    return call("arg_sort_by", *columns(exprs, *more_exprs), descending=descending, nulls_last=nulls_last)


def arg_where(condition: Any) -> Expr:
    """The rows for which a condition is true, by number."""
    return call("arg_true", column(condition))


def corr(a: IntoExpr, b: IntoExpr, *, method: Literal["pearson", "spearman"] = "pearson", eager: bool = False) -> Any:
    """The correlation of two columns; of their ranks, if it is Spearman's. With `eager`, of Series, a Series at once."""
    return at_once(call("corr", column(a), column(b), method=method), eager, a, b)


def cov(a: IntoExpr, b: IntoExpr, ddof: int = 1) -> Expr:
    """The covariance of two columns, with divisor n - `ddof`."""
    return call("cov", column(a), column(b), ddof=ddof)


def _expr(value: Any) -> Expr:
    return value if isinstance(value, Expr) else lit(value)
