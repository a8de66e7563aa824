"""A rate that goes up and down again and again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from gradframe.errors import DTypeError, PlanError
from gradframe.optim.curves import steps
from gradframe.optim.one_cycle import momenta
from gradframe.optim.options import number
from gradframe.optim.scheduler import LRScheduler, groups_of

if TYPE_CHECKING:
    from gradframe.optim.optimizer import Optimizer

#: What the height of a cycle is multiplied by: of a number of the cycle, from 1, or of the steps done.
SHAPES: dict[str, tuple[str, Callable[[float, float], float]]] = {
    "triangular": ("cycle", lambda x, gamma: 1.0),
    "triangular2": ("cycle", lambda x, gamma: 1.0 / 2.0 ** (x - 1.0)),
    "exp_range": ("iterations", lambda x, gamma: gamma**x),
}


class CyclicLR(LRScheduler):
    """Up from `base_lr` to `max_lr` along a line over `step_size_up` steps, down again over `step_size_down` (as many, if it is not said),
    again and again; each for all groups or one for each. The height is multiplied by 1 (`mode="triangular"`), by a half after each
    cycle (`"triangular2"`), by `gamma` to the power of the steps done (`"exp_range"`), or by what `scale_fn` says of the number of the cycle, from 1,
    with `scale_mode="iterations"` of the steps done. The momentum, or the first of the betas, goes the other way, from
    `max_momentum` to `base_momentum`, unless `cycle_momentum` is false. Source: Smith 2017; the arguments are PyTorch's.

    Raises PlanError for an optimizer that has no momentum and no betas, where they are to be cycled."""

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | Sequence[float],
        max_lr: float | Sequence[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float = 0.8,
        max_momentum: float = 0.9,
    ) -> None:
        self.lowest, self.highest = (_of_groups(optimizer, name, given) for name, given in (("base_lr", base_lr), ("max_lr", max_lr)))
        self.step_size_up = steps("CyclicLR", "step_size_up", step_size_up)
        self.step_size_down = self.step_size_up if step_size_down is None else steps("CyclicLR", "step_size_down", step_size_down)
        if scale_fn is None and mode not in SHAPES:
            raise PlanError(f"CyclicLR: `mode` is {mode!r}, expected one of {', '.join(map(repr, SHAPES))}")
        if scale_fn is not None and not callable(scale_fn):
            raise DTypeError(f"CyclicLR: `scale_fn` is {scale_fn!r}, expected a function")
        if scale_mode not in ("cycle", "iterations"):
            raise PlanError(f"CyclicLR: `scale_mode` is {scale_mode!r}, expected 'cycle' or 'iterations'")
        self.gamma = number("CyclicLR", "gamma", gamma)
        self.scale_mode, self.scale = (scale_mode, lambda x, _: scale_fn(x)) if scale_fn else SHAPES[mode]
        self.momenta = momenta("CyclicLR", optimizer, max_momentum, base_momentum) if cycle_momentum else None
        super().__init__(optimizer)

    def rate(self, group: dict[str, Any], number: int) -> float:
        low, high = (of[min(number, len(of) - 1)] for of in (self.lowest, self.highest))
        return low + (high - low) * self._height()

    def settings(self, group: dict[str, Any], number: int) -> dict[str, Any]:
        rate = super().settings(group, number)
        if self.momenta is None:
            return rate
        most, least = self.momenta
        momentum = most - (most - least) * self._height()
        return rate | ({"betas": (momentum, group["betas"][1])} if "betas" in group else {"momentum": momentum})

    def _height(self) -> float:
        """How far up it is, as a part of all the way."""
        whole = self.step_size_up + self.step_size_down
        cycle, at = divmod(self.done, whole)
        part = at / self.step_size_up if at <= self.step_size_up else (whole - at) / self.step_size_down
        return part * self.scale(cycle + 1.0 if self.scale_mode == "cycle" else float(self.done), self.gamma)


def _of_groups(optimizer: Optimizer, name: str, given: Any) -> list[float]:
    """A rate for each group."""
    groups = len(groups_of("CyclicLR", optimizer))
    rates = list(given) if isinstance(given, Sequence) and not isinstance(given, str) else [given] * groups
    if len(rates) != groups:
        raise PlanError(f"CyclicLR: {len(rates)} rates as `{name}` for {groups} groups")
    return [number("CyclicLR", name, rate) for rate in rates]
