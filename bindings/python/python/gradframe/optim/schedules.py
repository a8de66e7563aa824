"""Learning rates of optimisers over their steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from gradframe.errors import DTypeError, PlanError
from gradframe.optim.curves import between, steps
from gradframe.optim.options import number
from gradframe.optim.scheduler import LRScheduler, groups_of

if TYPE_CHECKING:
    from gradframe.optim.optimizer import Optimizer


class LambdaLR(LRScheduler):
    """The learning rate as it began, times what a function says for the number of steps done; or a function for each group."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]]) -> None:
        groups = len(groups_of("LambdaLR", optimizer))
        several = list(lr_lambda) if isinstance(lr_lambda, Iterable) else [lr_lambda]
        self.factors = [lr_lambda] * groups if callable(lr_lambda) else several
        if not all(map(callable, self.factors)):
            raise DTypeError(f"LambdaLR: `lr_lambda` is {lr_lambda!r}, expected a function, or one for each group")
        if len(self.factors) != groups:
            raise PlanError(f"LambdaLR: {len(self.factors)} functions for {groups} groups")
        super().__init__(optimizer)

    def rate(self, group: dict[str, Any], number: int) -> float:
        return group["initial_lr"] * self.factors[min(number, len(self.factors) - 1)](self.done)  # type: ignore[no-any-return]


class StepLR(LRScheduler):
    """Times `gamma` after each `step_size` steps."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        self.step_size, self.gamma = steps("StepLR", "step_size", step_size), number("StepLR", "gamma", gamma)
        super().__init__(optimizer)

    def rate(self, group: dict[str, Any], number: int) -> float:
        return group["initial_lr"] * self.gamma ** (self.done // self.step_size)  # type: ignore[no-any-return]


class CosineAnnealingLR(LRScheduler):
    """Down to `eta_min` over `T_max` steps, along half a cosine; up again over as many, as PyTorch's. Source: Loshchilov and Hutter 2017."""

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:  # noqa: N803
        self.T_max = steps("CosineAnnealingLR", "T_max", T_max)
        self.eta_min = number("CosineAnnealingLR", "eta_min", eta_min)
        super().__init__(optimizer)

    def rate(self, group: dict[str, Any], number: int) -> float:
        return between(group["initial_lr"], self.eta_min, self.done / self.T_max)


class LinearWarmup(LRScheduler):
    """Up from a part of the rate to all of it over some steps."""

    def __init__(self, optimizer: Optimizer, warmup_steps: int) -> None:
        self.warmup_steps = steps("LinearWarmup", "warmup_steps", warmup_steps)
        super().__init__(optimizer)

    def rate(self, group: dict[str, Any], number: int) -> float:
        return group["initial_lr"] * min(1.0, (self.done + 1) / self.warmup_steps)  # type: ignore[no-any-return]
