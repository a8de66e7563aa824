"""Schedules one after the other."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from gradframe.errors import DTypeError, PlanError
from gradframe.optim.curves import steps
from gradframe.optim.scheduler import LRScheduler

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
        self.schedulers, self.milestones = list(schedulers), [steps("SequentialLR", "a milestone", at) for at in milestones]
        for schedule in self.schedulers:
            if not isinstance(schedule, LRScheduler):
                what = f"SequentialLR: expected schedules by the number of steps, got {type(schedule).__name__}"
                raise DTypeError(f"{what}; hint: ReduceLROnPlateau goes by a metric: step it when the others are done")
            if schedule.optimizer is not optimizer:
                raise PlanError(f"SequentialLR: {type(schedule).__name__} is of another optimizer")
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
