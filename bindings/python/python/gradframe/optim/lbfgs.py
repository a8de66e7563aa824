"""Quasi-Newton steps over losses that are the same at each call."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gradframe._array.core import Array, as_array
from gradframe._gradframe import PyLbfgs
from gradframe.errors import PlanError
from gradframe.nn._arguments import count
from gradframe.nn.module import _set
from gradframe.optim.optimizer import cleared
from gradframe.optim.options import number


class LBFGS:
    """Quasi-Newton steps with a line search, from the last few changes of the gradient, in float64: for losses that are the same
    at each call. `step` is given a function that computes the loss and its gradients, as in PyTorch, and calls it until
    `max_iter` steps are done or the loss no longer falls. Source: Nocedal and Wright 2006, algorithms 7.4 and 7.5.

        optimizer = gf.optim.LBFGS(model.parameters())
        def closure():
            optimizer.zero_grad()
            loss = loss_of(model(x), y)
            loss.backward()
            return loss
        optimizer.step(closure)
    """

    def __init__(self, params: Iterable[Array], max_iter: int = 20, tolerance: float = 1e-9, history_size: int = 50) -> None:
        self.params = list(params)
        for array in self.params:
            if not isinstance(array, Array) or not array.requires_grad:
                raise PlanError(f"LBFGS: expected arrays with requires_grad, got {array!r}")
        if not self.params:
            raise PlanError("LBFGS: there are no parameters")
        self.max_iter, self.history_size = count("LBFGS", "max_iter", max_iter, 1), count("LBFGS", "history_size", history_size, 1)
        self.tolerance = number("LBFGS", "tolerance", tolerance)
        if not self.tolerance:
            raise PlanError("LBFGS: `tolerance` is 0, expected a number above it")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forgets the gradients that `backward` found; or, not to be None, they are zeros."""
        for array in self.params:
            array.grad = cleared(array, set_to_none)

    def step(self, closure: Any) -> float:
        """Minimises what the closure gives; the least loss. The parameters are those of the least loss also when the closure raises."""
        search = PyLbfgs(self._flat(self.params), self.max_iter, self.tolerance, self.history_size)
        try:
            while self._goes_on(search, closure):
                pass
        finally:
            values, loss = search.best()
            self._put(values)
        return loss

    def _goes_on(self, search: PyLbfgs, closure: Any) -> bool:
        """Tries one point; whether there is another."""
        self._put(search.trial())
        loss = float(closure())
        missing = [number for number, array in enumerate(self.params) if array.grad is None]
        if missing:
            raise PlanError(f"LBFGS: the closure gave no gradient for parameter {missing[0]}; hint: call loss.backward() in it")
        return bool(search.step(loss, self._flat([array.grad for array in self.params])))

    def _flat(self, arrays: list[Any]) -> list[float]:
        return [value for array in arrays for value in array.astype("float64").reshape(-1).tolist()]

    def _put(self, values: list[float]) -> None:
        start = 0
        for array in self.params:
            part = values[start : start + array.size]
            start += array.size
            _set(array, as_array(part, "float64").reshape(*array.shape).astype(array.dtype))
