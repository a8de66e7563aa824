"""A rate that goes up once and down again."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gradframe.errors import PlanError
from gradframe.optim.curves import between, steps, straight
from gradframe.optim.options import number, positive, switch
from gradframe.optim.scheduler import LRScheduler, groups_of

if TYPE_CHECKING:
    from gradframe.optim.optimizer import Optimizer


class OneCycleLR(LRScheduler):
    """Up from `max_lr / div_factor` to `max_lr`, one for all groups or one for each, over the part `pct_start` of the steps, then down to
    `max_lr / (div_factor * final_div_factor)`, along half a cosine each time, or along lines with `anneal_strategy="linear"`. With
    `three_phase` it falls as it rose, and to the least in what is left. The momentum, or the first of the betas, goes the
    other way, from `max_momentum` down to `base_momentum` and up again, unless `cycle_momentum` is false. Source: Smith and Topin 2019.

    There are `total_steps`, or `epochs` times `steps_per_epoch`. Raises PlanError for neither, and for an optimizer that has no momentum and
    no betas, where they are to be cycled."""

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float = 0.85,
        max_momentum: float = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
    ) -> None:
        groups = len(groups_of("OneCycleLR", optimizer))
        rates = list(max_lr) if isinstance(max_lr, Sequence) and not isinstance(max_lr, str) else [max_lr] * groups
        self.highest = [number("OneCycleLR", "max_lr", rate) for rate in rates]
        if len(self.highest) != groups:
            raise PlanError(f"OneCycleLR: {len(self.highest)} rates for {groups} groups")
        self.total_steps = _total(total_steps, epochs, steps_per_epoch)
        rising = number("OneCycleLR", "pct_start", pct_start, most=1.0) * self.total_steps - 1
        self.three_phase = switch("OneCycleLR", "three_phase", three_phase)
        self.ends = [rising, 2 * rising] if self.three_phase else [rising]
        if anneal_strategy not in ("cos", "linear"):
            raise PlanError(f"OneCycleLR: `anneal_strategy` is {anneal_strategy!r}, expected 'cos' or 'linear'")
        self.curve = between if anneal_strategy == "cos" else straight
        self.div_factor = positive("OneCycleLR", "div_factor", div_factor)
        self.final_div_factor = positive("OneCycleLR", "final_div_factor", final_div_factor)
        self.momenta = momenta("OneCycleLR", optimizer, max_momentum, base_momentum) if cycle_momentum else None
        super().__init__(optimizer)

    def rate(self, group: dict[str, Any], number: int) -> float:
        highest = self.highest[min(number, len(self.highest) - 1)]
        low = highest / self.div_factor
        return self._cycled(low, highest, low, low / self.final_div_factor)

    def settings(self, group: dict[str, Any], number: int) -> dict[str, Any]:
        rate = super().settings(group, number)
        if self.momenta is None:
            return rate
        most, least = self.momenta
        momentum = self._cycled(most, least, most, most)
        return rate | ({"betas": (momentum, group["betas"][1])} if "betas" in group else {"momentum": momentum})

    def _cycled(self, first: float, middle: float, back: float, last: float) -> float:
        """Where a number is that goes from the first to the middle, of three phases back, and to the last."""
        corners = [first, middle, back, last] if self.three_phase else [first, middle, last]
        place = bisect_left(self.ends, self.done)
        begin, end = [0.0, *self.ends][place], [*self.ends, self.total_steps - 1.0][place]
        part = (self.done - begin) / (end - begin) if end > begin else 1.0
        return self.curve(corners[place], corners[place + 1], min(part, 1.0))


def _total(total_steps: Any, epochs: Any, steps_per_epoch: Any) -> int:
    """How many steps there are."""
    if total_steps is not None:
        return steps("OneCycleLR", "total_steps", total_steps)
    if epochs is None or steps_per_epoch is None:
        raise PlanError("OneCycleLR: expected `total_steps`, or `epochs` and `steps_per_epoch`")
    return steps("OneCycleLR", "epochs", epochs) * steps("OneCycleLR", "steps_per_epoch", steps_per_epoch)


def momenta(schedule: str, optimizer: Optimizer, most: float, least: float) -> tuple[float, float]:
    """The most and the least of a momentum that is cycled. Raises PlanError where there is none."""
    if not {"momentum", "betas"} & set(optimizer.defaults):
        what = f"{schedule}: {type(optimizer).__name__} has neither momentum nor betas to cycle"
        raise PlanError(f"{what}; hint: cycle_momentum=False")
    kinds = (("max_momentum", most), ("base_momentum", least))
    found = [number(schedule, name, value, most=1.0, is_below=True) for name, value in kinds]
    return found[0], found[1]
