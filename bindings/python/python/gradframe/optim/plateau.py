"""A rate that falls when what is watched gets no better."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gradframe.errors import DTypeError, PlanError
from gradframe.nn._arguments import count
from gradframe.optim.options import number
from gradframe.optim.scheduler import groups_of, state_of, takes, whole_of

if TYPE_CHECKING:
    from gradframe.optim.optimizer import Optimizer


class ReduceLROnPlateau:
    """Times `factor` when what is watched has not fallen (or with "max" risen) by `threshold` for more than `patience` calls of `step`; for
    `cooldown` calls after that nothing is counted. As in PyTorch, a relative threshold is a part of the best value with its sign: below
    `best * (1 - threshold)` is better, which for a negative best is above it. With `threshold_mode="abs"`, `best - threshold`. The rate of
    each group stays at `min_lr` or more, one for all or one for each; a change of `eps` or less is left out."""

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        min_lr: float | Sequence[float] = 0.0,
        *,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        eps: float = 1e-8,
    ) -> None:
        name = "ReduceLROnPlateau"
        groups = len(groups_of(name, optimizer))
        if mode not in ("min", "max") or threshold_mode not in ("rel", "abs"):
            raise PlanError(f"{name}: mode {mode!r}, threshold_mode {threshold_mode!r}, expected min or max, and rel or abs")
        self.factor = number(name, "factor", factor, most=1.0, is_below=True)
        if not self.factor:
            raise PlanError(f"{name}: `factor` is 0, expected a number above it")
        least = list(min_lr) if isinstance(min_lr, Sequence) and not isinstance(min_lr, str) else [min_lr] * groups
        if len(least) != groups:
            raise PlanError(f"{name}: {len(least)} least rates for {groups} groups")
        self.optimizer, self.mode, self.threshold_mode = optimizer, mode, threshold_mode
        self.patience, self.cooldown = count(name, "patience", patience), count(name, "cooldown", cooldown)
        self.threshold, self.eps = number(name, "threshold", threshold), number(name, "eps", eps)
        self.least = [number(name, "min_lr", rate) for rate in least]
        self.best, self.bad, self.resting = math.inf if mode == "min" else -math.inf, 0, 0

    def step(self, metric: Any) -> None:
        """Takes note of a value. Raises DTypeError for what is no number, and PlanError as other schedules do."""
        try:
            value = float(metric)
        except (TypeError, ValueError) as error:
            raise DTypeError(f"ReduceLROnPlateau: the metric is {metric!r}, expected a number") from error
        takes(self)
        if self._is_better(value):
            self.best, self.bad = value, 0
        else:
            self.bad += 1
        if self.resting:
            self.resting, self.bad = self.resting - 1, 0
        if self.bad > self.patience:
            self._reduce()
            self.bad, self.resting = 0, self.cooldown

    def _is_better(self, value: float) -> bool:
        sign = -1.0 if self.mode == "min" else 1.0
        if math.isinf(self.best):
            return value * sign > self.best * sign
        bound = self.best * (1.0 + sign * self.threshold) if self.threshold_mode == "rel" else self.best + sign * self.threshold
        return value * sign > bound * sign

    def _reduce(self) -> None:
        for place, group in enumerate(self.optimizer.param_groups):
            rate = max(group["lr"] * self.factor, self.least[min(place, len(self.least) - 1)])
            if group["lr"] - rate > self.eps:
                group["lr"] = rate

    def get_last_lr(self) -> list[float]:
        """The rate of each group."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """The best value, for how many calls there was none better, and for how many none is counted."""
        return {"best": self.best, "bad": self.bad, "resting": self.resting}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on where a schedule made in the same way has stopped. Raises DTypeError for what `state_dict` did not make."""
        given = state_of(state, {"best", "bad", "resting"})
        best = number("load_state_dict", "best", given["best"], -math.inf, is_finite=False)
        self.best, self.bad, self.resting = best, whole_of(given, "bad"), whole_of(given, "resting")
