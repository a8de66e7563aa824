"""Parts of a program that take no gradients."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import ContextDecorator
from typing import Any

from gradframe._gradframe import array_keep_history
from gradframe.errors import PlanError


class _History(ContextDecorator):
    kept = True

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        own = super().__new__(cls)
        own._before = []
        return own if function is None else own(function)

    def __call__(self, function: Callable[..., Any]) -> Any:
        if inspect.isgeneratorfunction(function) or inspect.iscoroutinefunction(function):
            name = type(self).__name__
            raise PlanError(f"{name}: {function.__name__} stops in between, and would leave it so for others; hint: `with gf.{name}():` inside of it")
        return super().__call__(function)

    def __enter__(self) -> _History:
        self._before.append(array_keep_history(self.kept))
        return self

    def __exit__(self, *_: object) -> None:
        array_keep_history(self._before.pop())


class no_grad(_History):  # noqa: N801
    """Inside it, what is computed has no history: no `backward` goes through it, and no memory is held for one.

        with gf.no_grad():
            scores = model(x)
            weight -= 0.1 * weight.grad  # parameters may be changed in place, and stay parameters

    Also a decorator of functions. It holds for the thread. For a function that is transformed, by `grad` or `jit`, what stands inside is a
    constant; outside of the transform it says nothing to it, as in PyTorch.
    """

    kept = False


class enable_grad(_History):  # noqa: N801
    """Inside it, what is computed has a history, also within `no_grad`."""
