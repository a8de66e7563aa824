"""`gf.sum("a", "b")` for `gf.col("a", "b").sum()`, and its kin."""

from __future__ import annotations

from gradframe._expr.expr import Expr
from gradframe._expr.functions import col
from gradframe._expr.base import call

__all__ = ["any", "approx_n_unique", "count", "cum_count", "cum_sum", "first", "head", "implode", "last", "max", "mean", "median", "min",
           "n_unique", "quantile", "std", "sum", "tail", "var"]


def any(*names: str, ignore_nulls: bool = True) -> Expr:
    """Whether a value is true."""
    return col(*names).any(ignore_nulls=ignore_nulls)


def sum(*names: str) -> Expr:
    """The sum of the values."""
    return col(*names).sum()


def mean(*names: str) -> Expr:
    """The mean of the values."""
    return col(*names).mean()


def median(*names: str) -> Expr:
    """The median of the values."""
    return col(*names).median()


def min(*names: str) -> Expr:
    """The least value."""
    return col(*names).min()


def max(*names: str) -> Expr:
    """The greatest value."""
    return col(*names).max()


def std(column: str, ddof: int = 1) -> Expr:
    """The standard deviation, with divisor n - `ddof`."""
    return col(column).std(ddof)


def var(column: str, ddof: int = 1) -> Expr:
    """The variance, with divisor n - `ddof`."""
    return col(column).var(ddof)


def quantile(column: str, quantile: float, interpolation: str = "nearest") -> Expr:
    """The value below which a part of the values lies."""
    return col(column).quantile(quantile, interpolation)


def count(*columns: str) -> Expr:
    """How many values are not null."""
    return col(*columns).count()


def n_unique(*columns: str) -> Expr:
    """How many different values there are."""
    return col(*columns).n_unique()


def approx_n_unique(*columns: str) -> Expr:
    """How many different values there are, nearly."""
    return col(*columns).approx_n_unique()


def first(*columns: str) -> Expr:
    """The first column; with names, the value of their first row."""
    return col(*columns).first() if columns else call("nth", indices=[0])


def last(*columns: str) -> Expr:
    """The last column; with names, the value of their last row."""
    return col(*columns).last() if columns else call("nth", indices=[-1])


def head(column: str, n: int = 10) -> Expr:
    """At most the first `n` values."""
    return col(column).head(n)


def tail(column: str, n: int = 10) -> Expr:
    """At most the last `n` values."""
    return col(column).tail(n)


def implode(*columns: str) -> Expr:
    """The values as one list."""
    return col(*columns).implode()


def cum_sum(*names: str) -> Expr:
    """The sum of the rows so far."""
    return col(*names).cum_sum()


def cum_count(*columns: str, reverse: bool = False) -> Expr:
    """How many values of the rows so far are not null."""
    return col(*columns).cum_count(reverse=reverse)
