"""Learning rates of optimisers over their steps."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from gradframe.errors import PlanError

if TYPE_CHECKING:
    from gradframe.optim import Optimizer


class LambdaLR:
    """The learning rate as it began, times what a function says for the number of steps done."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Any) -> None:
        self.optimizer, self.factor, self.done = optimizer, lr_lambda, 0
        self._set()

    def step(self) -> None:
        """One step on."""
        self.done += 1
        self._set()

    def get_last_lr(self) -> list[float]:
        """The rate of each group."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def _set(self) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"] * self.factor(self.done)


class StepLR(LambdaLR):
    """Times `gamma` after each `step_size` steps."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        super().__init__(optimizer, lambda done: gamma ** (done // step_size))


class CosineAnnealingLR(LambdaLR):
    """Down to `eta_min` over `T_max` steps, along half a cosine."""

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:  # noqa: N803
        def factor(done: int) -> float:
            start = optimizer.param_groups[0]["initial_lr"]
            low = eta_min / start if start else 0.0
            return low + (1 - low) * (1 + math.cos(math.pi * min(done, T_max) / T_max)) / 2

        super().__init__(optimizer, factor)


class LinearWarmup(LambdaLR):
    """Up from a part of the rate to all of it over some steps."""

    def __init__(self, optimizer: Optimizer, warmup_steps: int) -> None:
        super().__init__(optimizer, lambda done: min(1.0, (done + 1) / warmup_steps))


class OneCycleLR(LambdaLR):
    """Up from `max_lr / div_factor` to `max_lr` over the part `pct_start` of the steps, then down to
    `max_lr / (div_factor * final_div_factor)`, along half a cosine each time. Source: Smith and Topin 2019."""

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float,
        total_steps: int,
        pct_start: float = 0.3,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
    ) -> None:
        if total_steps < 1 or not 0 <= pct_start <= 1:
            raise PlanError(f"OneCycleLR: {total_steps} steps, a part of {pct_start}, expected 1 or more, and from 0 to 1")
        low, end, rising = max_lr / div_factor, max_lr / div_factor / final_div_factor, pct_start * total_steps - 1

        def between(a: float, b: float, part: float) -> float:
            return b + (a - b) * (1 + math.cos(math.pi * min(max(part, 0.0), 1.0))) / 2

        def rate(done: int) -> float:
            if done <= rising:
                return between(low, max_lr, done / rising if rising > 0 else 1.0)
            return between(max_lr, end, (done - rising) / max(total_steps - 1 - rising, 1e-12))

        for group in optimizer.param_groups:
            group["initial_lr"] = 1.0
        super().__init__(optimizer, rate)


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
