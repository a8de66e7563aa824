"""Learning rates of optimisers over their steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gradframe.errors import DTypeError, PlanError

if TYPE_CHECKING:
    from gradframe.optim.optimizer import Optimizer


class LRScheduler:
    """Sets the learning rate of each group by the number of steps done. `rate` says it."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer, self.done = optimizer, 0
        self._set()

    def rate(self, group: dict[str, Any], number: int) -> float:
        """The rate of a group, the number-th, after `self.done` steps; `group["initial_lr"]` is what it began with."""
        raise NotImplementedError

    def step(self) -> None:
        """One step on."""
        self.done += 1
        self._set()

    def get_last_lr(self) -> list[float]:
        """The rate of each group."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """How many steps are done."""
        return {"done": self.done}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on where a schedule made in the same way has stopped. Raises DTypeError for what `state_dict` did not make."""
        self.done = _state_of(state, {"done"})["done"]
        self._set()

    def _set(self) -> None:
        for number, group in enumerate(self.optimizer.param_groups):
            group["lr"] = self.rate(group, number)


class LambdaLR(LRScheduler):
    """The learning rate as it began, times what a function says for the number of steps done; or a function for each group."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]]) -> None:
        groups = len(optimizer.param_groups)
        self.factors = [lr_lambda] * groups if callable(lr_lambda) else list(lr_lambda)
        if len(self.factors) != groups:
            raise PlanError(f"LambdaLR: {len(self.factors)} functions for {groups} groups")
        super().__init__(optimizer)

    def rate(self, group: dict[str, Any], number: int) -> float:
        return group["initial_lr"] * self.factors[min(number, len(self.factors) - 1)](self.done)  # type: ignore[no-any-return]


class StepLR(LRScheduler):
    """Times `gamma` after each `step_size` steps."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        self.step_size, self.gamma = _steps("StepLR", "step_size", step_size), gamma
        super().__init__(optimizer)

    def rate(self, group: dict[str, Any], number: int) -> float:
        return group["initial_lr"] * self.gamma ** (self.done // self.step_size)  # type: ignore[no-any-return]


class CosineAnnealingLR(LRScheduler):
    """Down to `eta_min` over `T_max` steps, along half a cosine; up again over as many, as PyTorch's. Source: Loshchilov and Hutter 2017."""

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:  # noqa: N803
        self.T_max, self.eta_min = _steps("CosineAnnealingLR", "T_max", T_max), eta_min
        super().__init__(optimizer)

    def rate(self, group: dict[str, Any], number: int) -> float:
        return _between(group["initial_lr"], self.eta_min, self.done / self.T_max)


class LinearWarmup(LRScheduler):
    """Up from a part of the rate to all of it over some steps."""

    def __init__(self, optimizer: Optimizer, warmup_steps: int) -> None:
        self.warmup_steps = _steps("LinearWarmup", "warmup_steps", warmup_steps)
        super().__init__(optimizer)

    def rate(self, group: dict[str, Any], number: int) -> float:
        return group["initial_lr"] * min(1.0, (self.done + 1) / self.warmup_steps)  # type: ignore[no-any-return]


class OneCycleLR(LRScheduler):
    """Up from `max_lr / div_factor` to `max_lr`, one for all groups or one for each, over the part `pct_start` of the steps, then down to
    `max_lr / (div_factor * final_div_factor)`, along half a cosine each time. The momentum stays as it is. Source: Smith and Topin 2019."""

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int,
        pct_start: float = 0.3,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
    ) -> None:
        groups = len(optimizer.param_groups)
        self.highest = [float(rate) for rate in max_lr] if isinstance(max_lr, Sequence) else [float(max_lr)] * groups
        if len(self.highest) != groups:
            raise PlanError(f"OneCycleLR: {len(self.highest)} rates for {groups} groups")
        if total_steps < 1 or not 0 <= pct_start <= 1:
            raise PlanError(f"OneCycleLR: {total_steps} steps, a part of {pct_start}, expected 1 or more, and from 0 to 1")
        self.total_steps, self.rising = total_steps, pct_start * total_steps - 1
        self.div_factor, self.final_div_factor = div_factor, final_div_factor
        super().__init__(optimizer)

    def rate(self, group: dict[str, Any], number: int) -> float:
        highest = self.highest[min(number, len(self.highest) - 1)]
        low = highest / self.div_factor
        if self.done <= self.rising:
            return _between(low, highest, self.done / self.rising if self.rising > 0 else 1.0)
        part = (self.done - self.rising) / max(self.total_steps - 1 - self.rising, 1e-12)
        return _between(highest, low / self.final_div_factor, min(max(part, 0.0), 1.0))


class ReduceLROnPlateau:
    """Times `factor` when what is watched has not fallen (or with "max" risen) by the part `threshold` for more than `patience`
    calls of `step`."""

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        min_lr: float = 0.0,
    ) -> None:
        if mode not in ("min", "max") or not 0 < factor < 1:
            raise PlanError(f"ReduceLROnPlateau: mode {mode!r}, factor {factor}, expected min or max, and between 0 and 1")
        self.optimizer, self.sign, self.factor = optimizer, 1.0 if mode == "min" else -1.0, factor
        self.patience, self.threshold, self.min_lr = patience, threshold, min_lr
        self.best, self.bad = math.inf, 0

    def step(self, metric: Any) -> None:
        """Takes note of a value."""
        value = float(metric) * self.sign
        margin = self.threshold * abs(self.best) if math.isfinite(self.best) else 0.0
        self.bad = 0 if value < self.best - margin else self.bad + 1
        if self.bad == 0:
            self.best = value
        if self.bad > self.patience:
            self.bad = 0
            for group in self.optimizer.param_groups:
                group["lr"] = max(group["lr"] * self.factor, self.min_lr)

    def get_last_lr(self) -> list[float]:
        """The rate of each group."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """The best value, and for how many calls there was none better."""
        return {"best": self.best, "bad": self.bad}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on where a schedule made in the same way has stopped. Raises DTypeError for what `state_dict` did not make."""
        given = _state_of(state, {"best", "bad"})
        self.best, self.bad = given["best"], given["bad"]


def _between(first: float, last: float, part: float) -> float:
    """From one number to another along half a cosine."""
    return last + (first - last) * (1 + math.cos(math.pi * part)) / 2


def _steps(schedule: str, name: str, given: int) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or given < 1:
        raise PlanError(f"{schedule}: {name} is {given!r}, expected an integer of 1 or more")
    return given


def _state_of(state: Any, names: set[str]) -> Mapping[str, Any]:
    if not isinstance(state, Mapping) or not names <= set(state):
        raise DTypeError(f"load_state_dict: expected what a schedule's state_dict() gives, got {type(state).__qualname__}")
    return state
