"""An optimiser between two calls of a compiled function, and while one is traced."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

from gradframe._array.core import Array
from gradframe.errors import PlanError
from gradframe.optim.optimizer import Optimizer


class Steps:
    """An optimiser: its parameters by group, what is kept beside them, and the numbers that its next steps have."""

    def __init__(self, optimizer: Optimizer, place: Callable[[Array], int]) -> None:
        self.optimizer = optimizer
        self.options = [_options(group) for group in optimizer.param_groups]
        self.of_groups = [optimizer._numbers(group) for group in optimizer.param_groups]
        self.arrays = [(array, number) for number, group in enumerate(optimizer.param_groups) for array in group["params"]]
        self.places = [place(array) for array, _ in self.arrays]
        self.names = [optimizer._engine.slots(numbers) for numbers in self.of_groups]
        self.forms = [tuple(optimizer._engine.form(numbers)) for numbers in self.of_groups]
        self.first = list(itertools.accumulate((len(self.names[number]) for _, number in self.arrays), initial=0))
        self.slots = [slot for array, number in self.arrays for slot in self._slots_of(array, number)]
        self.kept = [optimizer._kept.get(id(array)) for array, _ in self.arrays]
        self._set_moments()

    def _slots_of(self, array: Array, number: int) -> list[Any]:
        """What is kept beside a parameter, or would be before its first step."""
        beginning = self.optimizer._beginning(self.optimizer.param_groups[number])
        return self.optimizer._slots_of(array, self.names[number], beginning)

    def _set_moments(self) -> None:
        """Steps of one group that have the same number, in the order of the parameters."""
        self.moments: dict[tuple[int, int], int] = {}
        following = (self.optimizer._following(kept or self.optimizer._of(array)) for (array, _), kept in zip(self.arrays, self.kept, strict=True))
        self.of_moment = [
            self.moments.setdefault((number, step), len(self.moments)) for (_, number), step in zip(self.arrays, following, strict=True)
        ]

    def is_current(self) -> bool:
        """Whether nobody has stepped it, or changed more than its numbers, since: other numbers are taken."""
        groups, kept = self.optimizer.param_groups, self.optimizer._kept
        now = [array for group in groups for array in group["params"]]
        if len(groups) != len(self.options) or len(now) != len(self.arrays):
            return False
        if any(one is not array or kept.get(id(one)) is not own for one, (array, _), own in zip(now, self.arrays, self.kept, strict=True)):
            return False
        for number, (group, options) in enumerate(zip(groups, self.options, strict=True)):
            if len(group["params"]) != sum(own == number for _, own in self.arrays):
                return False
            if any(_is_other(group.get(name), value) for name, value in options.items()):
                self.of_groups[number], self.options[number] = self.optimizer._numbers(group), _options(group)
                if tuple(self.optimizer._engine.form(self.of_groups[number])) != self.forms[number]:
                    return False
        return True

    def form(self) -> Any:
        """Equal for optimisers that one function serves."""
        of_arrays = tuple(number for _, number in self.arrays), tuple(self.places), tuple(self.of_moment)
        return self.optimizer.rule, tuple(self.forms), of_arrays

    def numbers(self) -> list[Any]:
        """The numbers of each moment: the rate, the number of the step, those of the rule."""
        return [raw for moment in self.moments for raw in self._numbers_of(*moment)]

    def _numbers_of(self, number: int, step: int) -> list[Any]:
        rate = float(self.optimizer.param_groups[number]["lr"])
        return self.optimizer._engine.numbers(self.of_groups[number], (rate, step))  # type: ignore[no-any-return]

    def enter(self, stand_ins: Iterator[Any]) -> None:
        """From here on the optimiser has stand-ins."""
        self.optimizer._kept, self.before = dict(self.optimizer._kept), self.optimizer._kept
        for array, number in self.arrays:
            kept, slots = self.optimizer._of(array), {name: next(stand_ins) for name in self.names[number]}
            # The rule counts from what is kept, and some have nothing yet: the next step has the number that it has without stand-ins.
            steps = self.optimizer._following(kept) - 1
            self.optimizer._kept[id(array)] = kept._replace(steps=steps, slots={**kept.slots, **slots})
        self.entered = dict(self.optimizer._kept)
        self.optimizer._given = {
            (id(self.optimizer.param_groups[number]), step): [next(stand_ins) for _ in self._numbers_of(number, step)]
            for number, step in self.moments
        }

    def check_options(self) -> None:
        """Raises PlanError if the function has changed an option."""
        groups, name = self.optimizer.param_groups, type(self.optimizer).__name__
        if len(groups) != len(self.options):
            raise PlanError(f"jit: the function adds a group to {name}, which would be done once for all calls; hint: add it outside of it")
        for group, options in zip(groups, self.options, strict=True):
            for option, value in options.items():
                if _is_other(group[option], value):
                    what = f"jit: the function changes `{option}` of {name}, which would be done once for all calls"
                    raise PlanError(f"{what}; hint: step schedules outside of it")

    def leave(self) -> None:
        """The optimiser is as it was."""
        self.optimizer._given = None
        self.optimizer._kept = getattr(self, "before", self.optimizer._kept)
        del self.optimizer.param_groups[len(self.options) :]
        for group, options in zip(self.optimizer.param_groups, self.options, strict=False):
            group.update({name: value for name, value in options.items() if _is_other(group.get(name), value)})

    def updated(self) -> Iterator[tuple[int, int, list[Any]]]:
        """Places of the parameters that have made steps, how many, and what is kept beside them."""
        for place, (array, number) in enumerate(self.arrays):
            kept = self.optimizer._of(array)
            count = kept.steps - self.entered[id(array)].steps
            if count:
                yield place, count, [kept.slots[name] for name in self.names[number]]

    def after(self, place: int, count: int, slots: list[Any]) -> Any:
        """What is kept beside a parameter after so many steps."""
        array, number = self.arrays[place]
        before = self.optimizer._of(array)
        return before._replace(steps=before.steps + count, slots={**before.slots, **dict(zip(self.names[number], slots, strict=True))})

    def put(self, place: int, kept: Any) -> None:
        """From now on this is kept beside a parameter."""
        array, number = self.arrays[place]
        self.slots[self.first[place] : self.first[place + 1]] = [kept.slots[name] for name in self.names[number]]
        self.kept[place] = self.optimizer._kept[id(array)] = kept

    def moved(self) -> bool:
        """Numbers the next steps. Whether those that had one number still do."""
        before = self.of_moment
        self._set_moments()
        return before == self.of_moment


def _options(group: dict[str, Any]) -> dict[str, Any]:
    """The options of a group as they are now: lists may be changed in place."""
    return {name: tuple(value) if type(value) is list and name != "params" else value for name, value in group.items()}


def _is_other(now: Any, before: Any) -> bool:
    return now is not before and not (type(now) is list and tuple(now) == before)
