"""Mathematics of single values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from gradframe._dtypes import parse_dtype
from gradframe._expr.base import Base, IntoExpr, column

if TYPE_CHECKING:
    from gradframe._expr.expr import Expr


class Mathematics(Base):
    """Mathematics of single values; null for null."""

    __slots__ = ()

    def sin(self) -> Expr:
        """Sine."""
        return self._call("sin")

    def cos(self) -> Expr:
        """Cosine."""
        return self._call("cos")

    def tan(self) -> Expr:
        """Tangent."""
        return self._call("tan")

    def cot(self) -> Expr:
        """Cotangent."""
        return self._call("cot")

    def arcsin(self) -> Expr:
        """Inverse sine."""
        return self._call("arcsin")

    def arccos(self) -> Expr:
        """Inverse cosine."""
        return self._call("arccos")

    def arctan(self) -> Expr:
        """Inverse tangent."""
        return self._call("arctan")

    def sinh(self) -> Expr:
        """Hyperbolic sine."""
        return self._call("sinh")

    def cosh(self) -> Expr:
        """Hyperbolic cosine."""
        return self._call("cosh")

    def tanh(self) -> Expr:
        """Hyperbolic tangent."""
        return self._call("tanh")

    def arcsinh(self) -> Expr:
        """Inverse hyperbolic sine."""
        return self._call("arcsinh")

    def arccosh(self) -> Expr:
        """Inverse hyperbolic cosine."""
        return self._call("arccosh")

    def arctanh(self) -> Expr:
        """Inverse hyperbolic tangent."""
        return self._call("arctanh")

    def degrees(self) -> Expr:
        """From radians to degrees."""
        return self._call("degrees")

    def radians(self) -> Expr:
        """From degrees to radians."""
        return self._call("radians")

    def cbrt(self) -> Expr:
        """Cube root."""
        return self._call("cbrt")

    def log(self, base: float | IntoExpr | None = None) -> Expr:
        """The logarithm to a base; the natural one by default."""
        return self._call("log") if base is None else self._call("log", column(base))

    def log10(self) -> Expr:
        """The logarithm to base 10."""
        return self._call("log10")

    def log1p(self) -> Expr:
        """The natural logarithm of 1 + x, exact also near 0."""
        return self._call("log1p")

    def erf(self) -> Expr:
        """The error function."""
        return self._call("erf")

    def erfc(self) -> Expr:
        """One less the error function."""
        return self._call("erfc")

    def round(self, decimals: int = 0, mode: Literal["half_to_even", "half_away_from_zero", "to_zero"] = "half_to_even") -> Expr:
        """Rounded to so many decimals. Integers stay as they are."""
        return self._call("round", decimals=decimals, mode=mode)

    def round_sig_figs(self, digits: int) -> Expr:
        """Rounded to so many significant digits."""
        return self._call("round_sig_figs", digits=digits)

    def truncate(self, decimals: int = 0) -> Expr:
        """Cut off after so many decimals."""
        return self._call("truncate", decimals=decimals)

    def clip(self, lower_bound: IntoExpr | None = None, upper_bound: IntoExpr | None = None) -> Expr:
        """Not below the one and not above the other; None is no bound."""
        return self._call("clip", column(lower_bound), column(upper_bound))

    def sign(self) -> Expr:
        """-1, 0 or 1, of the value's type."""
        return self._call("sign")

    def is_close(self, other: IntoExpr, *, abs_tol: float = 0.0, rel_tol: float = 1e-09, nans_equal: bool = False) -> Expr:
        """Whether both differ by at most `rel_tol` of the larger one, or by `abs_tol`."""
        return self._call("is_close", column(other), abs_tol=abs_tol, rel_tol=rel_tol, nans_equal=nans_equal)

    def bitwise_count_ones(self) -> Expr:
        """How many bits are 1."""
        return self._call("count_bits", of="ones")

    def bitwise_count_zeros(self) -> Expr:
        """How many bits are 0."""
        return self._call("count_bits", of="zeros")

    def bitwise_leading_ones(self) -> Expr:
        """How many of the highest bits are 1."""
        return self._call("count_bits", of="leading_ones")

    def bitwise_leading_zeros(self) -> Expr:
        """How many of the highest bits are 0."""
        return self._call("count_bits", of="leading_zeros")

    def bitwise_trailing_ones(self) -> Expr:
        """How many of the lowest bits are 1."""
        return self._call("count_bits", of="trailing_ones")

    def bitwise_trailing_zeros(self) -> Expr:
        """How many of the lowest bits are 0."""
        return self._call("count_bits", of="trailing_zeros")

    def hash(self, seed: int = 0) -> Expr:
        """A hash of the value: the same in every process and release, other than Polars's."""
        return self._call("hash", seed=seed)

    def lower_bound(self) -> Expr:
        """The least value of the type."""
        return self._call("lower_bound")

    def upper_bound(self) -> Expr:
        """The greatest value of the type."""
        return self._call("upper_bound")

    def to_physical(self) -> Expr:
        """Dates, times and durations as the integers that they are stored as, inside lists and structs too; categories as
        their codes (UInt32); decimals as whole numbers of their last digit (Decimal(38, 0))."""
        return self._call("to_physical")

    def reinterpret(self, *, signed: bool | None = None, dtype: Any = None) -> Expr:
        """The same bits as an integer with or without sign (with, if nothing is said), or as another type of as many bits. Floats stay
        themselves where no type is asked for.
        """
        if signed is not None and dtype is not None:
            from gradframe.errors import PlanError

            raise PlanError("reinterpret: got `signed` and `dtype`, expected one of them")
        wanted = None if dtype is None else parse_dtype(dtype)
        return self._call("reinterpret", signed=True if signed is None else signed, dtype=wanted)
