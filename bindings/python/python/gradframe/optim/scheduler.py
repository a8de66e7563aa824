"""What schedules have in common: the options of each group by the number of steps done."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary, ref

from gradframe.errors import DTypeError, PlanError
from gradframe.nn._arguments import is_whole
from gradframe.optim.optimizer import Optimizer

# The schedule that stepped last, by its optimiser.
_stepped: WeakKeyDictionary[Any, ref[Any]] = WeakKeyDictionary()


class LRScheduler:
    """Sets the learning rate of each group by the number of steps done. `rate` says it."""

    def __init__(self, optimizer: Optimizer) -> None:
        groups_of(type(self).__name__, optimizer)
        self.optimizer, self.done = optimizer, 0
        self._set()

    def rate(self, group: dict[str, Any], number: int) -> float:
        """The rate of a group, the number-th, after `self.done` steps; `group["initial_lr"]` is what it was when the first schedule was
        made."""
        raise NotImplementedError

    def follow(self, rate: float, group: dict[str, Any], number: int) -> float:
        """The rate after `self.done` steps of a group that has been brought to `rate` by what steps beside this schedule, and by its own last
        step. A schedule that sets the rate anew does not ask; others scale it, as in PyTorch. `ChainedScheduler` goes by it."""
        return self.rate(group, number)

    def begin(self, rate: float, group: dict[str, Any], number: int) -> float:
        """The rate where this schedule takes over from another, that has brought a group to `rate`: its own first one."""
        return self.rate(group, number)

    def settings(self, group: dict[str, Any], number: int) -> dict[str, Any]:
        """What a group's options are after `self.done` steps: its rate, and of some schedules others."""
        return {"lr": self.rate(group, number)}

    def step(self) -> None:
        """One step on. Raises PlanError where another schedule took the optimiser over: each sets the rate from what it was at first, so
        that the last one would be the only one."""
        takes(self)
        self.done += 1
        self._set()

    def get_last_lr(self) -> list[float]:
        """The rate of each group."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """How many steps are done."""
        return {"done": self.done}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on where a schedule made in the same way has stopped. Raises DTypeError for what `state_dict` did not make."""
        self.done = whole_of(state_of(state, {"done"}), "done")
        self._set()

    def _set(self) -> None:
        for number, group in enumerate(self.optimizer.param_groups):
            group.setdefault("initial_lr", group["lr"])
            group.update(self.settings(group, number))


def groups_of(schedule: str, optimizer: Any) -> list[dict[str, Any]]:
    """The groups that a schedule is for. Raises DTypeError for what is no optimiser with a rate."""
    if not isinstance(optimizer, Optimizer):
        kind = type(optimizer).__qualname__
        raise DTypeError(f"{schedule}: expected an optimizer with a learning rate, got {kind}; hint: gf.optim.SGD or another Optimizer")
    return optimizer.param_groups


def takes(schedule: Any) -> None:
    """A schedule may follow another; the one before must not step again then."""
    if getattr(schedule, "_is_over", False):
        name = type(schedule).__name__
        what = f"{name}: another schedule steps the same optimizer, and each sets the rate by itself"
        hint = "SequentialLR(optimizer, [warm_up, decay], milestones=[steps]), ChainedScheduler([warm_up, decay]), or one LambdaLR of both"
        raise PlanError(f"{what}; hint: {hint}")
    last = _stepped.get(schedule.optimizer)
    before = None if last is None else last()
    if before is not None and before is not schedule:
        before._is_over = True
    _stepped[schedule.optimizer] = ref(schedule)


def state_of(state: Any, names: set[str]) -> Mapping[str, Any]:
    """The state of a schedule. Raises DTypeError for something else."""
    if not isinstance(state, Mapping) or not names <= set(state):
        raise DTypeError(f"load_state_dict: expected what a schedule's state_dict() gives, got {type(state).__qualname__}")
    return state


def whole_of(state: Mapping[str, Any], name: str) -> int:
    """A count in the state of a schedule. Raises DTypeError for something else."""
    value = state[name]
    if isinstance(value, bool) or not is_whole(value) or operator.index(value) < 0:
        raise DTypeError(f"load_state_dict: `{name}` is {value!r}, expected a whole number from 0")
    return operator.index(value)
