"""Schedules made of others: one after the other, and all at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from gradframe.errors import DTypeError, PlanError
from gradframe.optim.curves import steps
from gradframe.optim.scheduler import LRScheduler
from gradframe.optim.schedules import FactorLR

if TYPE_CHECKING:
    from gradframe.optim.optimizer import Optimizer


class SequentialLR(LRScheduler):
    """One schedule until the first milestone, a number of steps, then the next, from its own beginning; and so on. Only this one is
    stepped.

        warm_up, decay = LinearWarmup(optimizer, 100), CosineAnnealingLR(optimizer, 900)
        schedule = SequentialLR(optimizer, [warm_up, decay], milestones=[100])

    Errors: PlanError for schedules of another optimizer, for other than one milestone fewer than schedules, and for milestones that do not
    rise; DTypeError for one that does not say the rate by the number of steps alone.
    """

    def __init__(self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int]) -> None:
        self.schedulers = _parts("SequentialLR", schedulers, optimizer)
        self.milestones = [steps("SequentialLR", "a milestone", at) for at in milestones]
        if len(self.schedulers) != len(self.milestones) + 1:
            raise PlanError(f"SequentialLR: {len(self.milestones)} milestones for {len(self.schedulers)} schedules, expected one fewer")
        if any(after <= before for before, after in pairwise(self.milestones)):
            raise PlanError(f"SequentialLR: milestones {self.milestones} do not rise")
        super().__init__(optimizer)

    def settings(self, group: dict[str, Any], number: int) -> dict[str, Any]:
        place = bisect_right(self.milestones, self.done)
        schedule = self.schedulers[place]
        schedule.done = self.done - (self.milestones[place - 1] if place else 0)
        return schedule.settings(group, number)


class ChainedScheduler(LRScheduler):
    """All schedules at once: the rate as it began, times the factor of each. Only this one is stepped. They are `StepLR`, `MultiStepLR`,
    `ExponentialLR`, `ConstantLR`, `LinearLR`, `PolynomialLR` and `LinearWarmup`.

        schedule = ChainedScheduler([ConstantLR(optimizer, 0.1, total_iters=20), ExponentialLR(optimizer, 0.9)])

    Errors: PlanError for none, for schedules of another optimizer, and for those that set the rate anew, whatever the others say (as
    `LambdaLR` and `OneCycleLR` do, and `CosineAnnealingLR` toward its `eta_min`).
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        given = list(schedulers)
        if not given:
            raise PlanError("ChainedScheduler: there are no schedules")
        own = getattr(given[0], "optimizer", None) if optimizer is None else optimizer
        self.schedulers = _parts("ChainedScheduler", given, own)
        for schedule in self.schedulers:
            if not isinstance(schedule, FactorLR):
                what = f"ChainedScheduler: {type(schedule).__name__} sets the rate by itself, whatever the others say"
                raise PlanError(f"{what}; hint: one LambdaLR of all of them")
        super().__init__(own)

    def rate(self, group: dict[str, Any], number: int) -> float:
        rate = group["initial_lr"]
        for schedule in self.schedulers:
            schedule.done = self.done
            rate *= schedule.factor()  # type: ignore[attr-defined]
        return rate  # type: ignore[no-any-return]


def _parts(name: str, schedulers: Sequence[Any], optimizer: Any) -> list[LRScheduler]:
    """The schedules of one optimizer that another is made of."""
    for schedule in schedulers:
        if not isinstance(schedule, LRScheduler):
            what = f"{name}: expected schedules by the number of steps, got {type(schedule).__name__}"
            raise DTypeError(f"{what}; hint: ReduceLROnPlateau goes by a metric: step it when the others are done")
        if schedule.optimizer is not optimizer:
            raise PlanError(f"{name}: {type(schedule).__name__} is of another optimizer")
    return list(schedulers)
