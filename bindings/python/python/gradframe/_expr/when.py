"""`when(condition).then(value).otherwise(value)`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gradframe._expr.base import IntoExpr, call, column, columns
from gradframe._expr.expr import Expr


class When:
    """Conditions that wait for their value."""

    def __init__(self, before: list[Any], condition: Expr) -> None:
        self._before = before
        self._condition = condition

    def then(self, value: IntoExpr) -> Then:
        """The value where the condition holds and none before it did. Text names a column."""
        return Then([*self._before, self._condition, column(value)])


class Then(Expr):
    """Conditions with their values; as an expression, null where none holds."""

    __slots__ = ("_cases",)

    def __init__(self, cases: list[Any]) -> None:
        super().__init__(call("when", *cases)._expr)
        self._cases = cases

    def when(self, *predicates: IntoExpr | Iterable[IntoExpr], **constraints: Any) -> When:
        """One more condition."""
        return When(self._cases, _all(predicates, constraints))

    def otherwise(self, value: IntoExpr) -> Expr:
        """The value where no condition holds. Text names a column."""
        return call("when", *self._cases, column(value))


def when(*predicates: IntoExpr | Iterable[IntoExpr], **constraints: Any) -> When:
    """Starts `when(condition).then(value).otherwise(value)`. Of several conditions all must hold; `name=value` compares."""
    return When([], _all(predicates, constraints))


def _all(predicates: tuple[Any, ...], constraints: dict[str, Any]) -> Expr:
    equal = [call("col", names=name) == value for name, value in constraints.items()]
    conditions = [*columns(*predicates), *equal]
    if not conditions:
        raise TypeError("when: expected at least one condition")
    first, *others = conditions
    return first.and_(*others) if others else first
