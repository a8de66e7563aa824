"""Arithmetic and logic: operators, and the same under their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradframe._expr.base import Base, IntoExpr, call, column

if TYPE_CHECKING:
    from gradframe._expr.expr import Expr


class Arithmetic(Base):
    """Arithmetic and logic. Text on the other side is a constant for `+`, which puts texts together, and a column's name for all else."""

    __slots__ = ()

    def add(self, other: IntoExpr) -> Expr:
        """The sum: `+`."""
        return self._call("add", other)

    def sub(self, other: IntoExpr) -> Expr:
        """The difference: `-`."""
        return self._call("sub", column(other))

    def mul(self, other: IntoExpr) -> Expr:
        """The product: `*`."""
        return self._call("mul", column(other))

    def truediv(self, other: IntoExpr) -> Expr:
        """The quotient, true also for integers: `/`."""
        return self._call("truediv", column(other))

    def floordiv(self, other: IntoExpr) -> Expr:
        """The quotient rounded down: `//`. An integer divided by 0 is null."""
        return self._call("floordiv", column(other))

    def truncdiv(self, other: IntoExpr) -> Expr:
        """The quotient rounded towards 0. An integer divided by 0 is null."""
        return self._call("truncdiv", column(other))

    def mod(self, other: IntoExpr) -> Expr:
        """What `//` leaves, of the divisor's sign: `%`."""
        return self._call("mod", column(other))

    def pow(self, exponent: IntoExpr) -> Expr:
        """The value to a power: `**`. Integers to a whole power are integers."""
        return self._call("pow", column(exponent))

    def neg(self) -> Expr:
        """The value with the other sign: `-x`."""
        return self._call("neg")

    def and_(self, *others: IntoExpr) -> Expr:
        """True where all are true; of integers, bit by bit: `&`."""
        return self._folded("and_", others)

    def or_(self, *others: IntoExpr) -> Expr:
        """True where one is true; of integers, bit by bit: `|`."""
        return self._folded("or_", others)

    def xor(self, other: IntoExpr) -> Expr:
        """True where one of both is true; of integers, bit by bit: `^`."""
        return self._call("xor", column(other))

    def not_(self) -> Expr:
        """True where it is false; of integers, every bit turned: `~`."""
        return self._call("not_")

    def abs(self) -> Expr:
        """Absolute value."""
        return self._call("abs")

    def sqrt(self) -> Expr:
        """Square root; NaN for negative numbers."""
        return self._call("sqrt")

    def exp(self) -> Expr:
        """e to the power of the value."""
        return self._call("exp")

    def floor(self) -> Expr:
        """Largest whole number that is not above the value."""
        return self._call("floor")

    def ceil(self) -> Expr:
        """Least whole number that is not below the value."""
        return self._call("ceil")

    def _folded(self, name: str, others: tuple[IntoExpr, ...]) -> Expr:
        folded = self
        for other in others:
            folded = folded._call(name, column(other))
        return folded  # type: ignore[return-value]

    def __add__(self, other: IntoExpr) -> Expr:
        return self.add(other)

    def __radd__(self, other: IntoExpr) -> Expr:
        return call("add", other, self)

    def __sub__(self, other: IntoExpr) -> Expr:
        return self.sub(other)

    def __rsub__(self, other: IntoExpr) -> Expr:
        return call("sub", column(other), self)

    def __mul__(self, other: IntoExpr) -> Expr:
        return self.mul(other)

    def __rmul__(self, other: IntoExpr) -> Expr:
        return call("mul", column(other), self)

    def __truediv__(self, other: IntoExpr) -> Expr:
        return self.truediv(other)

    def __rtruediv__(self, other: IntoExpr) -> Expr:
        return call("truediv", column(other), self)

    def __floordiv__(self, other: IntoExpr) -> Expr:
        return self.floordiv(other)

    def __rfloordiv__(self, other: IntoExpr) -> Expr:
        return call("floordiv", column(other), self)

    def __mod__(self, other: IntoExpr) -> Expr:
        return self.mod(other)

    def __rmod__(self, other: IntoExpr) -> Expr:
        return call("mod", column(other), self)

    def __pow__(self, exponent: IntoExpr) -> Expr:
        return self.pow(exponent)

    def __rpow__(self, base: IntoExpr) -> Expr:
        return call("pow", column(base), self)

    def __neg__(self) -> Expr:
        return self.neg()

    def __pos__(self) -> Expr:
        return self  # type: ignore[return-value]

    def __abs__(self) -> Expr:
        return self.abs()

    def __and__(self, other: IntoExpr) -> Expr:
        return self._call("and_", column(other))

    def __rand__(self, other: IntoExpr) -> Expr:
        return call("and_", column(other), self)

    def __or__(self, other: IntoExpr) -> Expr:
        return self._call("or_", column(other))

    def __ror__(self, other: IntoExpr) -> Expr:
        return call("or_", column(other), self)

    def __xor__(self, other: IntoExpr) -> Expr:
        return self.xor(other)

    def __rxor__(self, other: IntoExpr) -> Expr:
        return call("xor", column(other), self)

    def __invert__(self) -> Expr:
        return self.not_()
