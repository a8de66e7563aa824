"""Learning rates of optimisers over their steps, each by itself. PyTorch's names, arguments and rates."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from gradframe.errors import DTypeError, PlanError
from gradframe.optim.curves import between, steps, straight
from gradframe.optim.options import number
from gradframe.optim.scheduler import LRScheduler, groups_of

if TYPE_CHECKING:
    from gradframe.optim.optimizer import Optimizer


def functions(schedule: str, optimizer: Optimizer, given: Any) -> list[Callable[[int], float]]:
    """A function for each group. Raises DTypeError for what is none, PlanError for another number of them."""
    groups = len(groups_of(schedule, optimizer))
    found = [given] * groups if callable(given) or not isinstance(given, Iterable) else list(given)
    if not all(map(callable, found)):
        raise DTypeError(f"{schedule}: `lr_lambda` is {given!r}, expected a function, or one for each group")
    if len(found) != groups:
        raise PlanError(f"{schedule}: {len(found)} functions for {groups} groups")
    return found


class LambdaLR(LRScheduler):
    """The learning rate as it began, times what a function says for the number of steps done; or a function for each group."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]]) -> None:
        self.factors = functions("LambdaLR", optimizer, lr_lambda)
        super().__init__(optimizer)

    def rate(self, group: dict[str, Any], number: int) -> float:
        return group["initial_lr"] * self.factors[min(number, len(self.factors) - 1)](self.done)  # type: ignore[no-any-return]


class FactorLR(LRScheduler):
    """The learning rate as it began, times a factor that goes by the number of steps done. `ChainedScheduler` multiplies several."""

    def factor(self) -> float:
        """The factor after `self.done` steps."""
        raise NotImplementedError

    def rate(self, group: dict[str, Any], number: int) -> float:
        return group["initial_lr"] * self.factor()  # type: ignore[no-any-return]

    def follow(self, rate: float, group: dict[str, Any], number: int) -> float:
        if not self.done:
            return rate * self.factor()
        now, self.done = self.factor(), self.done - 1
        before, self.done = self.factor(), self.done + 1
        return rate * now / before if before else rate


class MultiplicativeLR(LRScheduler):
    """The learning rate of the step before, times what a function says for the number of steps done; or a function for each group."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]]) -> None:
        self.factors = functions("MultiplicativeLR", optimizer, lr_lambda)
        # The products of all factors of so many steps, a group each.
        self._multiplied, self._products = 0, [1.0] * len(self.factors)
        super().__init__(optimizer)

    def rate(self, group: dict[str, Any], number: int) -> float:
        if self._multiplied > self.done:
            self._multiplied, self._products = 0, [1.0] * len(self.factors)
        while self._multiplied < self.done:
            self._multiplied += 1
            self._products = [product * factor(self._multiplied) for product, factor in zip(self._products, self.factors, strict=True)]
        return group["initial_lr"] * self._products[min(number, len(self.factors) - 1)]  # type: ignore[no-any-return]

    def follow(self, rate: float, group: dict[str, Any], number: int) -> float:
        return self.begin(rate, group, number) if self.done else rate

    def begin(self, rate: float, group: dict[str, Any], number: int) -> float:
        # PyTorch's has no rate by itself, so that it goes on from where the other one was.
        return rate * self.factors[min(number, len(self.factors) - 1)](self.done)


class StepLR(FactorLR):
    """Times `gamma` after each `step_size` steps."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        self.step_size, self.gamma = steps("StepLR", "step_size", step_size), number("StepLR", "gamma", gamma)
        super().__init__(optimizer)

    def factor(self) -> float:
        return self.gamma ** (self.done // self.step_size)


class MultiStepLR(FactorLR):
    """Times `gamma` at each of some numbers of steps; twice at one that is named twice."""

    def __init__(self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1) -> None:
        self.milestones = sorted(steps("MultiStepLR", "a milestone", at, least=0) for at in milestones)
        self.gamma = number("MultiStepLR", "gamma", gamma)
        super().__init__(optimizer)

    def factor(self) -> float:
        return self.gamma ** bisect_right(self.milestones, self.done)


class ExponentialLR(FactorLR):
    """Times `gamma` after each step."""

    def __init__(self, optimizer: Optimizer, gamma: float) -> None:
        self.gamma = number("ExponentialLR", "gamma", gamma)
        super().__init__(optimizer)

    def factor(self) -> float:
        return self.gamma**self.done


class ConstantLR(FactorLR):
    """Times `factor` for the first `total_iters` steps."""

    def __init__(self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5) -> None:
        self.first = number("ConstantLR", "factor", factor, most=1.0)
        self.total_iters = steps("ConstantLR", "total_iters", total_iters, least=0)
        super().__init__(optimizer)

    def factor(self) -> float:
        return self.first if self.done < self.total_iters else 1.0


class LinearLR(FactorLR):
    """From `start_factor` of the rate to `end_factor` of it, along a line over `total_iters` steps."""

    def __init__(self, optimizer: Optimizer, start_factor: float = 1.0 / 3, end_factor: float = 1.0, total_iters: int = 5) -> None:
        self.start_factor = number("LinearLR", "start_factor", start_factor, most=1.0)
        if not self.start_factor:
            raise PlanError("LinearLR: `start_factor` is 0, expected a number above it")
        self.end_factor = number("LinearLR", "end_factor", end_factor, most=1.0)
        self.total_iters = steps("LinearLR", "total_iters", total_iters)
        super().__init__(optimizer)

    def factor(self) -> float:
        return straight(self.start_factor, self.end_factor, min(self.done, self.total_iters) / self.total_iters)


class PolynomialLR(FactorLR):
    """Down to 0 over `total_iters` steps: times `(1 - done / total_iters) ** power`."""

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0) -> None:
        self.total_iters = steps("PolynomialLR", "total_iters", total_iters)
        self.power = number("PolynomialLR", "power", power)
        super().__init__(optimizer)

    def factor(self) -> float:
        return (1.0 - min(self.done, self.total_iters) / self.total_iters) ** self.power  # type: ignore[no-any-return]


class LinearWarmup(FactorLR):
    """Up from a part of the rate to all of it over some steps."""

    def __init__(self, optimizer: Optimizer, warmup_steps: int) -> None:
        self.warmup_steps = steps("LinearWarmup", "warmup_steps", warmup_steps)
        super().__init__(optimizer)

    def factor(self) -> float:
        return min(1.0, (self.done + 1) / self.warmup_steps)


class CosineAnnealingLR(LRScheduler):
    """Down to `eta_min` over `T_max` steps, along half a cosine; up again over as many, as PyTorch's. Source: Loshchilov and Hutter 2017."""

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:  # noqa: N803
        self.T_max = steps("CosineAnnealingLR", "T_max", T_max)
        self.eta_min = number("CosineAnnealingLR", "eta_min", eta_min)
        super().__init__(optimizer)

    def rate(self, group: dict[str, Any], number: int) -> float:
        return between(group["initial_lr"], self.eta_min, self.done / self.T_max)

    def follow(self, rate: float, group: dict[str, Any], number: int) -> float:
        if not self.done:
            return rate
        if (self.done - 1 - self.T_max) % (2 * self.T_max) == 0:
            # At the bottom there is nothing left to scale: it goes up by as much as by itself.
            return rate + (group["initial_lr"] - self.eta_min) * (1 - math.cos(math.pi / self.T_max)) / 2  # type: ignore[no-any-return]
        now, before = (between(1.0, 0.0, done / self.T_max) for done in (self.done, self.done - 1))
        return self.eta_min + (rate - self.eta_min) * now / before


class CosineAnnealingWarmRestarts(LRScheduler):
    """Down to `eta_min` along half a cosine again and again: over `T_0` steps, then each time over `T_mult` times as many. Source: Loshchilov
    and Hutter 2017."""

    def __init__(self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0) -> None:  # noqa: N803
        name = "CosineAnnealingWarmRestarts"
        self.T_0, self.T_mult = steps(name, "T_0", T_0), steps(name, "T_mult", T_mult)
        self.eta_min = number(name, "eta_min", eta_min)
        super().__init__(optimizer)

    def rate(self, group: dict[str, Any], number: int) -> float:
        begun, length = 0, self.T_0
        while self.T_mult > 1 and self.done >= begun + length:
            begun, length = begun + length, length * self.T_mult
        return between(group["initial_lr"], self.eta_min, (self.done - begun) % length / length)
