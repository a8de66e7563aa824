"""What every namespace has: the expression it is of, and the call of a frame function by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradframe._expr.base import Base
    from gradframe._expr.expr import Expr


class Namespace:
    """Functions of an expression under a name of their own."""

    __slots__ = ("_of",)

    def __init__(self, expr: Base) -> None:
        self._of = expr

    def _call(self, name: str, /, *exprs: Any, **constants: Any) -> Expr:
        return self._of._call(name, *exprs, **constants)
