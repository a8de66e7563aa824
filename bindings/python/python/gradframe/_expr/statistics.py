"""Aggregates beyond the usual ones, and counts of values."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from gradframe._dtypes import parse_dtype
from gradframe._expr.base import Base, IntoExpr, column

if TYPE_CHECKING:
    from gradframe._expr.expr import Expr

Interpolation = Literal["nearest", "higher", "lower", "midpoint", "linear", "equiprobable"]
_NOT_GIVEN = object()


class Statistics(Base):
    """Aggregates beyond the usual ones, counts of values, values replaced by others."""

    __slots__ = ()

    def quantile(self, quantile: float | Sequence[float], interpolation: Interpolation = "nearest") -> Expr:
        """The value below which a part of the values lies; of several parts, a list."""
        if isinstance(quantile, Iterable):
            return self._call("quantile", quantiles=[float(part) for part in quantile], interpolation=interpolation)
        return self._call("quantile", quantile=float(quantile), interpolation=interpolation)

    def approx_quantile(self, quantile: float, *, method: str = "auto", error: float = 0.001) -> Expr:
        """A quantile; the exact one, which is within every error."""
        return self.quantile(quantile, "nearest")

    def product(self) -> Expr:
        """The product of the values; 1 where there are none. An integer beyond 64 bits is an error."""
        return self._call("product")

    def skew(self, *, bias: bool = True) -> Expr:
        """The skewness."""
        return self._call("skew", bias=bias)

    def kurtosis(self, *, fisher: bool = True, bias: bool = True) -> Expr:
        """The kurtosis, less the 3 of a normal distribution if `fisher`."""
        return self._call("kurtosis", fisher=fisher, bias=bias)

    def entropy(self, base: float = math.e, *, normalize: bool = True) -> Expr:
        """`-sum(p log p)`, p being the values, divided by their sum if `normalize`."""
        return self._call("entropy", base=float(base), normalize=normalize)

    def mode(self, *, maintain_order: bool = False) -> Expr:
        """The most frequent values, in the order of first rows."""
        return self._call("mode")

    def value_counts(
        self, *, sort: bool = False, parallel: bool = False, name: str | None = None, normalize: bool = False
    ) -> Expr:
        """Each different value with its count, or its part of all rows, as structs; in the order of first rows."""
        return self._call("value_counts", sort=sort, name=name, normalize=normalize)

    def rle(self) -> Expr:
        """Runs of equal values, as structs of their length and value."""
        return self._call("rle")

    def any(self, *, ignore_nulls: bool = True) -> Expr:
        """Whether a value is true. If nulls are not ignored, null where one could be."""
        return self._call("any", ignore_nulls=ignore_nulls)

    def all(self, *, ignore_nulls: bool = True) -> Expr:
        """Whether no value is false. If nulls are not ignored, null where one could be."""
        return self._call("all", ignore_nulls=ignore_nulls)

    def nan_min(self) -> Expr:
        """The least value; NaN if there is a NaN."""
        return self._call("nan_min")

    def nan_max(self) -> Expr:
        """The greatest value; NaN if there is a NaN."""
        return self._call("nan_max")

    def approx_n_unique(self) -> Expr:
        """How many different values there are, nearly."""
        return self._call("approx_n_unique")

    def has_nulls(self) -> Expr:
        """Whether a value is null."""
        return self._call("has_nulls")

    def is_empty(self, *, ignore_nulls: bool = False) -> Expr:
        """Whether there is no row."""
        return self._call("is_empty", ignore_nulls=ignore_nulls)

    def bitwise_and(self) -> Expr:
        """The bits that are 1 in all values."""
        return self._call("bitwise_and")

    def bitwise_or(self) -> Expr:
        """The bits that are 1 in some value."""
        return self._call("bitwise_or")

    def bitwise_xor(self) -> Expr:
        """The bits that are 1 in an odd number of values."""
        return self._call("bitwise_xor")

    def dot(self, other: IntoExpr) -> Expr:
        """The sum of products with another column."""
        return self._call("dot", column(other))

    def replace(self, old: Any, new: Any = _NOT_GIVEN) -> Expr:
        """Some values replaced by others: `{old: new}`, or one or several of each. The type stays."""
        old, new = _mapping("replace", old, new)
        return self._call("replace", old=old, new=new)

    def replace_strict(
        self, old: Any, new: Any = _NOT_GIVEN, *, default: Any = _NOT_GIVEN, return_dtype: Any = None
    ) -> Expr:
        """All values replaced by others; one that has none becomes the default, or is an error if there is no default."""
        old, new = _mapping("replace_strict", old, new)
        others = [] if default is _NOT_GIVEN else [default]
        dtype = None if return_dtype is None else parse_dtype(return_dtype)
        return self._call("replace_strict", *others, old=old, new=new, return_dtype=dtype)

    def pipe(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """`function(self, ...)`."""
        return function(self, *args, **kwargs)


def _mapping(name: str, old: Any, new: Any) -> tuple[list, list]:
    if isinstance(old, Mapping):
        return list(old.keys()), list(old.values())
    if new is _NOT_GIVEN:
        raise TypeError(f"{name}: expected a dictionary, or old and new values")
    return _listed(old), _listed(new)


def _listed(values: Any) -> list:
    if hasattr(values, "to_list"):
        return values.to_list()
    return list(values) if isinstance(values, list | tuple) else [values]
