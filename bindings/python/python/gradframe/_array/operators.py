"""Python's operators on arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gradframe._array.held import NUMBERS, Held, as_array, call, operand, wrap
from gradframe._array.memory import is_array_like
from gradframe._gradframe import array_call
from gradframe.errors import PlanError, ShapeError

if TYPE_CHECKING:
    from gradframe._array.core import Array


def _binary(name: str) -> Any:
    def method(self: Any, other: Any) -> Array:
        if other.__class__ is Held.public:
            return wrap(array_call(name, (self._array, other._array), ()))
        if not isinstance(other, NUMBERS):
            if not is_array_like(other):
                return NotImplemented
            other = as_array(other)._array
        return wrap(array_call(name, (self._array, other), ()))

    return method


def _reflected(name: str) -> Any:
    def method(self: Any, other: Any) -> Array:
        if not isinstance(other, NUMBERS) and not is_array_like(other):
            return NotImplemented
        return wrap(array_call(name, (operand(other), self._array), ()))

    return method


def _in_place(method: Any) -> Any:
    def updated(self: Any, other: Any) -> Any:
        result = method(self, other)
        if result is NotImplemented:
            return result
        if result.shape != self.shape:
            raise ShapeError(f"in place: {self.shape} does not hold a result of shape {result.shape}")
        self._replace(result if result.dtype is self.dtype else result.astype(self.dtype))
        return self

    return updated


def _product(is_reflected: bool) -> Any:
    def method(self: Any, other: Any) -> Array:
        if other.__class__ is not Held.public and not isinstance(other, NUMBERS) and not is_array_like(other):
            return NotImplemented
        return call("matmul", (other, self) if is_reflected else (self, other))  # type: ignore[no-any-return]

    return method


def _unary(name: str) -> Any:
    def method(self: Any) -> Array:
        return wrap(array_call(name, (self._array,), ()))

    return method


class Operators(Held):
    """What stands between arrays: arithmetic, comparisons, bits."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]

    def _replace(self, other: Array) -> None:
        """Takes the values of another array."""
        raise NotImplementedError

    __add__, __radd__ = _binary("add"), _reflected("add")
    __sub__, __rsub__ = _binary("subtract"), _reflected("subtract")
    __mul__, __rmul__ = _binary("multiply"), _reflected("multiply")
    __truediv__, __rtruediv__ = _binary("divide"), _reflected("divide")
    __floordiv__, __rfloordiv__ = _binary("floor_divide"), _reflected("floor_divide")
    __mod__, __rmod__ = _binary("remainder"), _reflected("remainder")
    __matmul__, __rmatmul__ = _product(False), _product(True)
    __and__, __rand__ = _binary("bitwise_and"), _reflected("bitwise_and")
    __or__, __ror__ = _binary("bitwise_or"), _reflected("bitwise_or")
    __xor__, __rxor__ = _binary("bitwise_xor"), _reflected("bitwise_xor")
    __lshift__, __rlshift__ = _binary("bitwise_left_shift"), _reflected("bitwise_left_shift")
    __rshift__, __rrshift__ = _binary("bitwise_right_shift"), _reflected("bitwise_right_shift")
    __rpow__ = _reflected("pow")
    __lt__, __le__ = _binary("less"), _binary("less_equal")
    __gt__, __ge__ = _binary("greater"), _binary("greater_equal")
    __eq__, __ne__ = _binary("equal"), _binary("not_equal")  # type: ignore[assignment]
    __neg__, __pos__, __abs__ = _unary("negative"), _unary("positive"), _unary("abs")
    __invert__ = _unary("bitwise_invert")
    _power = _binary("pow")

    def __pow__(self, exponent: Any) -> Array:
        if exponent.__class__ is int:
            return wrap(array_call("integer_power", (self._array,), (exponent,)))
        if exponent.__class__ is float and exponent == 0.5:
            return wrap(array_call("sqrt", (self._array,), ()))
        return self._power(exponent)

    __iadd__, __isub__ = _in_place(__add__), _in_place(__sub__)
    __imul__, __itruediv__ = _in_place(__mul__), _in_place(__truediv__)
    __ifloordiv__, __imod__ = _in_place(__floordiv__), _in_place(__mod__)
    __ipow__, __imatmul__ = _in_place(__pow__), _in_place(__matmul__)
    __iand__, __ior__, __ixor__ = _in_place(__and__), _in_place(__or__), _in_place(__xor__)
    __ilshift__, __irshift__ = _in_place(__lshift__), _in_place(__rshift__)
