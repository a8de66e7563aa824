"""A rate that goes up once and down again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gradframe.errors import PlanError
from gradframe.optim.curves import between, steps
from gradframe.optim.options import number, positive
from gradframe.optim.scheduler import LRScheduler, groups_of

if TYPE_CHECKING:
    from gradframe.optim.optimizer import Optimizer


class OneCycleLR(LRScheduler):
    """Up from `max_lr / div_factor` to `max_lr`, one for all groups or one for each, over the part `pct_start` of the steps, then down to
    `max_lr / (div_factor * final_div_factor)`, along half a cosine each time. The momentum, or the first of the betas, goes the
    other way, from `max_momentum` down to `base_momentum` and up again, unless `cycle_momentum` is false. Source: Smith and Topin 2019.

    Raises PlanError for an optimizer that has neither, where it is to be cycled."""

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int,
        pct_start: float = 0.3,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        cycle_momentum: bool = True,
        base_momentum: float = 0.85,
        max_momentum: float = 0.95,
    ) -> None:
        groups = len(groups_of("OneCycleLR", optimizer))
        rates = list(max_lr) if isinstance(max_lr, Sequence) and not isinstance(max_lr, str) else [max_lr] * groups
        self.highest = [number("OneCycleLR", "max_lr", rate) for rate in rates]
        if len(self.highest) != groups:
            raise PlanError(f"OneCycleLR: {len(self.highest)} rates for {groups} groups")
        self.total_steps = steps("OneCycleLR", "total_steps", total_steps)
        self.rising = number("OneCycleLR", "pct_start", pct_start, most=1.0) * total_steps - 1
        self.div_factor = positive("OneCycleLR", "div_factor", div_factor)
        self.final_div_factor = positive("OneCycleLR", "final_div_factor", final_div_factor)
        self.momenta = None if not cycle_momentum else _momenta(optimizer, max_momentum, base_momentum)
        super().__init__(optimizer)

    def rate(self, group: dict[str, Any], number: int) -> float:
        highest = self.highest[min(number, len(self.highest) - 1)]
        low = highest / self.div_factor
        return self._cycled(low, highest, low / self.final_div_factor)

    def settings(self, group: dict[str, Any], number: int) -> dict[str, Any]:
        rate = super().settings(group, number)
        if self.momenta is None:
            return rate
        most, least = self.momenta
        momentum = self._cycled(most, least, most)
        return rate | ({"betas": (momentum, group["betas"][1])} if "betas" in group else {"momentum": momentum})

    def _cycled(self, first: float, middle: float, last: float) -> float:
        """Where a number is that goes from the first to the middle over the rising part, then to the last."""
        if self.done <= self.rising:
            return between(first, middle, self.done / self.rising if self.rising > 0 else 1.0)
        part = (self.done - self.rising) / max(self.total_steps - 1 - self.rising, 1e-12)
        return between(middle, last, min(max(part, 0.0), 1.0))


def _momenta(optimizer: Optimizer, most: float, least: float) -> tuple[float, float]:
    """The most and the least of a momentum that is cycled. Raises PlanError where there is none."""
    if not {"momentum", "betas"} & set(optimizer.defaults):
        what = f"OneCycleLR: {type(optimizer).__name__} has neither momentum nor betas to cycle"
        raise PlanError(f"{what}; hint: cycle_momentum=False")
    kinds = (("max_momentum", most), ("base_momentum", least))
    found = [number("OneCycleLR", name, value, most=1.0, is_below=True) for name, value in kinds]
    return found[0], found[1]
