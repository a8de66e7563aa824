"""Schedules made of others: one after the other, and all at once."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from gradframe.errors import DTypeError, PlanError
from gradframe.optim.curves import steps
from gradframe.optim.scheduler import LRScheduler
from gradframe.optim.schedules import FactorLR, MultiplicativeLR

if TYPE_CHECKING:
    from gradframe.optim.optimizer import Optimizer


class _Combined(LRScheduler):
    """What goes by other schedules, step by step where their rates are made of those before."""

    schedulers: list[LRScheduler]
    # The rate of each group after so many steps: what comes next is made of it.
    _reached: dict[int, tuple[int, float]]

    def rate(self, group: dict[str, Any], number: int) -> float:
        now, (done, rate) = self.done, self._reached.get(number, (-1, group["initial_lr"]))
        if done > now:
            done, rate = -1, group["initial_lr"]
        while done < now:
            self.done = done = done + 1
            rate = self.follow(rate, group, number)
        self._reached[number] = (now, rate)
        return rate  # type: ignore[no-any-return]


class SequentialLR(_Combined):
    """One schedule until the first milestone, a number of steps, then the next, from its own beginning; and so on. Only this one is
    stepped.

        warm_up, decay = LinearWarmup(optimizer, 100), CosineAnnealingLR(optimizer, 900)
        schedule = SequentialLR(optimizer, [warm_up, decay], milestones=[100])

    Errors: PlanError for schedules of another optimizer, for other than one milestone fewer than schedules, and for milestones that do not
    rise; DTypeError for one that does not say the rate by the number of steps alone.
    """

    def __init__(self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int]) -> None:
        self.schedulers, self._reached = _parts("SequentialLR", schedulers, optimizer), {}
        self.milestones = [steps("SequentialLR", "a milestone", at) for at in milestones]
        if len(self.schedulers) != len(self.milestones) + 1:
            raise PlanError(f"SequentialLR: {len(self.milestones)} milestones for {len(self.schedulers)} schedules, expected one fewer")
        if any(after <= before for before, after in pairwise(self.milestones)):
            raise PlanError(f"SequentialLR: milestones {self.milestones} do not rise")
        super().__init__(optimizer)

    def settings(self, group: dict[str, Any], number: int) -> dict[str, Any]:
        settings = self._present()[0].settings(group, number)
        if any(isinstance(schedule, MultiplicativeLR) for schedule in self.schedulers[1:]):
            settings["lr"] = self.rate(group, number)
        return settings

    def follow(self, rate: float, group: dict[str, Any], number: int) -> float:
        schedule, begins = self._present()
        return schedule.begin(rate, group, number) if begins else schedule.follow(rate, group, number)

    def _present(self) -> tuple[LRScheduler, bool]:
        """The schedule after `self.done` steps, brought to its own number of them, and whether it takes over from another just now."""
        place = bisect_right(self.milestones, self.done)
        schedule = self.schedulers[place]
        schedule.done = self.done - (self.milestones[place - 1] if place else 0)
        return schedule, place > 0 and not schedule.done


class ChainedScheduler(_Combined):
    """All schedules at once, each on what the one before it in the list has made of the rate. Only this one is stepped. As in PyTorch,
    schedules that scale the rate multiply, and one that sets it anew (`LambdaLR`, `OneCycleLR`, `CyclicLR`, `CosineAnnealingWarmRestarts`)
    leaves of those before it nothing but their other options.

        schedule = ChainedScheduler([ConstantLR(optimizer, 0.1, total_iters=20), ExponentialLR(optimizer, 0.9)])

    Errors: PlanError for none, and for schedules of another optimizer.
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        given = list(schedulers)
        if not given:
            raise PlanError("ChainedScheduler: there are no schedules")
        own = getattr(given[0], "optimizer", None) if optimizer is None else optimizer
        self.schedulers, self._reached = _parts("ChainedScheduler", given, own), {}
        super().__init__(own)

    def rate(self, group: dict[str, Any], number: int) -> float:
        factors = [schedule.factor() for schedule in self._at() if isinstance(schedule, FactorLR)]
        if len(factors) == len(self.schedulers):
            return group["initial_lr"] * math.prod(factors)  # type: ignore[no-any-return]
        return super().rate(group, number)

    def follow(self, rate: float, group: dict[str, Any], number: int) -> float:
        for schedule in self._at():
            rate = schedule.follow(rate, group, number)
        return rate

    def settings(self, group: dict[str, Any], number: int) -> dict[str, Any]:
        rate = self.rate(group, number)
        others = [schedule.settings(group, number) for schedule in self._at()]
        return {name: value for of in others for name, value in of.items()} | {"lr": rate}

    def _at(self) -> list[LRScheduler]:
        """The schedules after `self.done` steps."""
        for schedule in self.schedulers:
            schedule.done = self.done
        return self.schedulers


def _parts(name: str, schedulers: Sequence[Any], optimizer: Any) -> list[LRScheduler]:
    """The schedules of one optimizer that another is made of."""
    for schedule in schedulers:
        if not isinstance(schedule, LRScheduler):
            what = f"{name}: expected schedules by the number of steps, got {type(schedule).__name__}"
            raise DTypeError(f"{what}; hint: ReduceLROnPlateau goes by a metric: step it when the others are done")
        if schedule.optimizer is not optimizer:
            raise PlanError(f"{name}: {type(schedule).__name__} is of another optimizer")
    return list(schedulers)
