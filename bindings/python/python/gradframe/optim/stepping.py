"""An optimiser between two calls of a compiled function, and while one is traced."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Iterator
from typing import Any

from gradframe._array.core import Array
from gradframe._gradframe import array_from_number
from gradframe.errors import PlanError
from gradframe.optim.optimizer import NOTHING_KEPT, Optimizer


class Steps:
    """An optimiser: its parameters by group, what is kept beside them, and the numbers that its next steps have."""

    def __init__(self, optimizer: Optimizer, place: Callable[[Array], int]) -> None:
        self.optimizer = optimizer
        self.of_groups = [optimizer._numbers(group) for group in optimizer.param_groups]
        self.arrays = [(array, number) for number, group in enumerate(optimizer.param_groups) for array in group["params"]]
        self.places = [place(array) for array, _ in self.arrays]
        self.names = [optimizer._engine.slots(numbers) for numbers in self.of_groups]
        self.forms = [tuple(optimizer._engine.form(numbers)) for numbers in self.of_groups]
        self.first = list(itertools.accumulate((len(self.names[number]) for _, number in self.arrays), initial=0))
        self.kept = [optimizer._kept.get(id(array)) for array, _ in self.arrays]
        self.done = [kept.steps if kept else 0 for kept in self.kept]
        self._see()
        self._set_moments()

    def take_slots(self, given: list[Any]) -> None:
        """Adds to all that is given what is kept beside the parameters, or would be before their first step: it lies there from then on."""
        self.given, self.offset = given, len(given)
        for array, number in self.arrays:
            beginning = self.optimizer._beginning(self.optimizer.param_groups[number])
            given += self.optimizer._slots_of(array, self.names[number], beginning)

    def _see(self) -> None:
        """The groups as they are now: their options, and their parameters."""
        self.options = [_options(group) for group in self.optimizer.param_groups]
        # Their numbers as arrays; of those the step's alone is another one at each call.
        self.same: dict[int, list[Any]] = {}
        self.seen = [(list(options.values()), list(options["params"])) for options in self.options]

    def _set_moments(self) -> None:
        """Steps of one group that have the same number, in the order of the parameters."""
        self.moments: dict[tuple[int, int], int] = {}
        kept = [kept or self.optimizer._of(array) for (array, _), kept in zip(self.arrays, self.kept, strict=True)]
        following = [self.optimizer._following(one) for one in kept]
        self.of_moment = [
            self.moments.setdefault((number, step), len(self.moments)) for (_, number), step in zip(self.arrays, following, strict=True)
        ]
        # Whether each step of a parameter is the one after the last, also after further ones.
        counts_all = type(self.optimizer)._following is Optimizer._following
        self.counts = all(step == one.steps + 1 and (counts_all or one.slots) for step, one in zip(following, kept, strict=True))

    def is_current(self) -> bool:
        """Whether nobody has stepped it, or changed more than its numbers, since: other numbers are taken."""
        groups = self.optimizer.param_groups
        if len(groups) != len(self.seen) or not self._is_kept():
            return False
        for number, (group, (values, parameters)) in enumerate(zip(groups, self.seen, strict=True)):
            now = group["params"]
            if len(now) != len(parameters) or any(map(operator.is_not, now, parameters)):
                return False
            if len(group) != len(values) or any(map(operator.is_not, group.values(), values)):
                self.of_groups[number] = self.optimizer._numbers(group)
                if tuple(self.optimizer._engine.form(self.of_groups[number])) != self.forms[number]:
                    return False
                self._see()
        return True

    def _is_kept(self) -> bool:
        """Whether what is kept beside the parameters is what was left here."""
        if self.optimizer._ahead is self:
            return True
        kept = self.optimizer._kept
        return all(kept.get(id(array)) is own for (array, _), own in zip(self.arrays, self.kept, strict=True))

    def form(self) -> Any:
        """Equal for optimisers that one function serves."""
        of_arrays = tuple(number for _, number in self.arrays), tuple(self.places), tuple(self.of_moment)
        return self.optimizer.rule, tuple(self.forms), of_arrays

    def numbers(self) -> list[Any]:
        """The numbers of each moment: the rate, the number of the step, those of the rule."""
        found = []
        for number, step in self.moments:
            if number not in self.same:
                self.same[number] = self._numbers_of(number, step)
            rate, _, *others = self.same[number]
            found += [rate, array_from_number(float(step), "float64"), *others]
        return found

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

    def enter_numbers(self, stand_ins: Iterator[Any]) -> None:
        """From here on its steps have numbers that are stand-ins."""
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

    def updated(self) -> tuple[list[int], list[tuple[int, Any]]]:
        """How many steps each parameter has made, and what is kept beside those that have, by its place among all that is given."""
        counts, slots = [], []
        for place, (array, number) in enumerate(self.arrays):
            kept = self.optimizer._of(array)
            counts.append(kept.steps - self.entered[id(array)].steps)
            if counts[-1]:
                slots += [(self.offset + self.first[place] + i, kept.slots[name]) for i, name in enumerate(self.names[number])]
        return counts, slots

    def after(self, counts: list[int]) -> list[int]:
        """How many steps the parameters will have made after so many."""
        return list(map(operator.add, self.done, counts))

    def put(self, done: list[int]) -> None:
        """From now on the parameters have made so many steps, and what is kept beside them is what is given at the next call. It comes to the
        optimiser when somebody asks."""
        self.done = done
        self.optimizer._ahead = self

    def settle(self, kept: dict[int, Any]) -> None:
        """Puts what is kept beside the parameters where the optimiser keeps it."""
        for place, ((array, number), done) in enumerate(zip(self.arrays, self.done, strict=True)):
            before = self.kept[place] or NOTHING_KEPT
            if done != before.steps:
                first = self.offset + self.first[place]
                slots = dict(zip(self.names[number], self.given[first : first + len(self.names[number])], strict=True))
                self.kept[place] = kept[id(array)] = before._replace(steps=done, slots={**before.slots, **slots})

    def moved(self, counts: list[int]) -> bool:
        """Numbers the next steps, after so many. Whether those that had one number still do."""
        if not any(counts):
            return True
        if self.counts and min(counts) == max(counts):
            self.moments = {(number, step + counts[0]): i for (number, step), i in self.moments.items()}
            return True
        before, _ = self.of_moment, self.optimizer._kept  # which brings what is kept up to date
        self._set_moments()
        return before == self.of_moment


def _options(group: dict[str, Any]) -> dict[str, Any]:
    """The options of a group as they are now: lists may be changed in place."""
    return {name: tuple(value) if type(value) is list and name != "params" else value for name, value in group.items()}


def _is_other(now: Any, before: Any) -> bool:
    return now is not before and not (type(now) is list and tuple(now) == before)
