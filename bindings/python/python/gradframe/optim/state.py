"""What a compiled function changes beside what it gives: modules and optimisers, which become arguments and results of it."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from gradframe import random
from gradframe._array.core import Array, as_array, watched, wrap
from gradframe._array.tree import arrays, flatten, unflatten
from gradframe._gradframe import PyTracing, array_realise
from gradframe.errors import PlanError
from gradframe.nn.module import Module
from gradframe.optim.optimizer import Optimizer

# Functions that are kept for one state, at most.
_KEPT_MAX = 256


class State:
    """Modules and optimisers that a function changes, and the functions that it was compiled to: one for each form of them and of its
    arguments. Raises PlanError for anything else."""

    def __init__(self, given: Any) -> None:
        parts = given if isinstance(given, (list, tuple)) else [given]
        self.modules = [part for part in parts if isinstance(part, Module)]
        self.optimizers = [part for part in parts if isinstance(part, Optimizer)]
        for part in parts:
            if not isinstance(part, (Module, Optimizer)):
                what = f"jit: expected modules and optimisers as `state`, got {type(part).__qualname__}"
                raise PlanError(f"{what}; hint: arrays are arguments and results; LBFGS decides by values, and is not compiled")
        self.compiled: dict[Any, _Compiled] = {}
        self._last: _Held | None = None

    def call(self, function: Callable[..., Any], leaves: list[Array], structure: Any, key: Any) -> Any:
        """What the function gives for these arguments; the state is as the function leaves it. If it raises, nothing has changed."""
        if any(leaf._array.is_traced for leaf in leaves):
            raise PlanError("jit: a function with `state` is called within another one that is traced; hint: leave `jit` away inside")
        held = self._last
        if held is None or not held.is_current():
            held = self._last = _Held(self)
        compiled = held.compiled.get(key)
        if compiled is None:
            whole = (key, held.form())
            compiled = self.compiled.get(whole)
            if compiled is None:
                if len(self.compiled) >= _KEPT_MAX:
                    self.compiled.clear()
                compiled = self.compiled[whole] = held.traced(function, leaves, structure)
            held.compiled[key] = compiled
        results, keeps_form = compiled.call(held, leaves)
        if not keeps_form:
            self._last = None
        return results

    def clear(self) -> None:
        """Forgets what was compiled."""
        self.compiled.clear()
        self._last = None


class _Change(NamedTuple):
    """What a function leaves: the arrays that have new values or gradients, by their places, those whose gradients are gone, and the
    parameters that were updated, with how many steps they made and what is kept beside them."""

    values: list[int]
    gradients: list[int]
    cleared: list[int]
    updated: list[tuple[int, int, int, int]]


class _Compiled:
    """A function as it was traced."""

    def __init__(self, traced: Any, structure: Any, change: _Change, draws: bool) -> None:
        self.traced, self.structure, self.change, self.draws = traced, structure, change, draws

    def call(self, held: _Held, leaves: list[Array]) -> tuple[Any, bool]:
        """What the function gives, and whether the state has the form that it had."""
        key = random._stream.next() if self.draws else _NO_KEY
        results = self.traced.apply([*held.given(), key._array, *(leaf._array for leaf in leaves)])
        array_realise(results)
        rest, keeps_form = held.take(self.change, iter(results))
        return unflatten(self.structure, [wrap(raw) for raw in rest]), keeps_form


class _Held:
    """A state as it is between two calls: its arrays, each once, what they hold, and its optimisers."""

    def __init__(self, state: State) -> None:
        self.arrays: list[Array] = []
        self.compiled: dict[Any, _Compiled] = {}
        self._places: dict[int, int] = {}
        self.modules = [(module, *flatten(module)) for module in state.modules]
        self.ties = [[self._place(leaf) for leaf in leaves if isinstance(leaf, Array)] for _, leaves, _ in self.modules]
        self.optimizers = [_Steps(optimizer, self._place) for optimizer in state.optimizers]
        for array in self.arrays:
            if array._grad is not None and array._grad._array.is_traced:
                array._grad = None  # left by a function whose tracing has failed: it will never have a value
        self.raws = [array._array for array in self.arrays]
        self.gradients = [array._grad for array in self.arrays]
        self.values = [raw.detached() for raw in self.raws]

    def _place(self, array: Array) -> int:
        place = self._places.setdefault(id(array), len(self.arrays))
        if place == len(self.arrays):
            self.arrays.append(array)
        return place

    def is_current(self) -> bool:
        """Whether nobody has changed anything since."""
        for array, raw, gradient in zip(self.arrays, self.raws, self.gradients, strict=True):
            if array._array is not raw or array._grad is not gradient:
                return False
        for module, leaves, structure in self.modules:
            found, own = flatten(module)
            if len(found) != len(leaves) or any(map(operator.is_not, found, leaves)) or own != structure:
                return False
        return all(steps.is_current() for steps in self.optimizers)

    def form(self) -> Any:
        """Equal for states that one function serves."""
        of_arrays = tuple((raw.dtype, raw.shape, raw.is_watched, _form(gradient)) for raw, gradient in zip(self.raws, self.gradients, strict=True))
        of_modules = tuple((structure, tuple(ties)) for (_, _, structure), ties in zip(self.modules, self.ties, strict=True))
        return of_arrays, of_modules, tuple(steps.form() for steps in self.optimizers)

    def given(self) -> list[Any]:
        """All that a function is given of it: values, gradients, what optimisers keep, their numbers."""
        found = [*self.values, *(gradient._array for gradient in self.gradients if gradient is not None)]
        for steps in self.optimizers:
            found += [*steps.slots, *steps.numbers()]
        return found

    def traced(self, function: Callable[..., Any], leaves: list[Array], structure: Any) -> _Compiled:
        """The function, traced with stand-ins in place of all of it."""
        tracing = PyTracing("jit", [*self.given(), _NO_KEY._array, *(leaf._array for leaf in leaves)], None)
        stand_ins = iter(tracing.arguments())
        with self._standing(stand_ins), _stream(next(stand_ins)) as stream:
            before = [(array._array, array._grad) for array in self.arrays]
            args, kwargs = unflatten(structure, [wrap(raw) for raw in stand_ins])
            found, result = flatten(function(*args, **kwargs))
            change, raws = self._changed(before)
            results = [*raws, *(array._array.detached() for array in arrays("jit", found))]
            draws = stream.taken > 0
        return _Compiled(tracing.close(results, True), result, change, draws)

    @contextmanager
    def _standing(self, stand_ins: Iterator[Any]) -> Iterator[None]:
        """All of it stands for other values meanwhile: whoever holds an array of it sees the stand-in."""
        try:
            for array in self.arrays:
                _put(array, next(stand_ins))
            for array in self.arrays:
                if array._grad is not None:
                    array._grad = wrap(next(stand_ins))
            for steps in self.optimizers:
                steps.enter(stand_ins)
            yield
            for steps in self.optimizers:
                steps.check_options()
        finally:
            for steps in self.optimizers:
                steps.leave()
            for array, raw, gradient in zip(self.arrays, self.raws, self.gradients, strict=True):
                array._array, array._grad = raw, gradient
                if raw.is_watched:
                    watched[raw.identity] = array

    def _changed(self, before: list[tuple[Any, Array | None]]) -> tuple[_Change, list[Any]]:
        """What is other than before, and its new values."""
        pairs = list(zip(self.arrays, before, strict=True))
        values = [i for i, (array, (raw, _)) in enumerate(pairs) if array._array is not raw]
        gradients = [i for i, (array, (_, own)) in enumerate(pairs) if array._grad is not None and array._grad is not own]
        cleared = [i for i, (array, (_, own)) in enumerate(pairs) if array._grad is None and own is not None]
        raws = [self.arrays[i]._array.detached() for i in values]
        raws += [self.arrays[i]._grad._array for i in gradients]  # type: ignore[union-attr]
        updated = []
        for number, steps in enumerate(self.optimizers):
            for place, count, slots in steps.updated():
                updated.append((number, place, count, len(slots)))
                raws += slots
        return _Change(values, gradients, cleared, updated), raws

    def take(self, change: _Change, results: Iterator[Any]) -> tuple[Iterator[Any], bool]:
        """Takes the new values of what has changed. What is left are the function's own results; and whether the form is the same."""
        forms = [_form(gradient) for gradient in self.gradients]
        for i in change.values:
            self.values[i] = next(results)
            self.raws[i] = _put(self.arrays[i], self.values[i])
        for i in change.gradients:
            self.gradients[i] = self.arrays[i]._grad = wrap(next(results))
        for i in change.cleared:
            self.gradients[i] = self.arrays[i]._grad = None
        keeps_moments = True
        for number, place, count, slots in change.updated:
            self.optimizers[number].take(place, count, list(itertools.islice(results, slots)))
        for steps in self.optimizers:
            keeps_moments &= steps.moved()
        return results, keeps_moments and forms == [_form(gradient) for gradient in self.gradients]


def _form(gradient: Array | None) -> Any:
    return None if gradient is None else (gradient._array.dtype, gradient._array.shape)


class _Steps:
    """An optimiser between two calls: its parameters by group, what is kept beside them, and the numbers that its next steps have."""

    def __init__(self, optimizer: Optimizer, place: Callable[[Array], int]) -> None:
        self.optimizer = optimizer
        self.options = [dict(group) for group in optimizer.param_groups]
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
        if len(groups) != len(self.options) or any(kept.get(id(array)) is not own for (array, _), own in zip(self.arrays, self.kept, strict=True)):
            return False
        for number, (group, options) in enumerate(zip(groups, self.options, strict=True)):
            if len(group["params"]) != sum(own == number for _, own in self.arrays):
                return False
            if any(group.get(name) is not value for name, value in options.items()):
                self.of_groups[number], self.options[number] = self.optimizer._numbers(group), dict(group)
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
            kept = self.optimizer._of(array)
            self.optimizer._kept[id(array)] = kept._replace(slots={**kept.slots, **{name: next(stand_ins) for name in self.names[number]}})
        self.optimizer._given = {
            (id(self.optimizer.param_groups[number]), step): [next(stand_ins) for _ in self._numbers_of(number, step)]
            for number, step in self.moments
        }

    def check_options(self) -> None:
        """Raises PlanError if the function has changed an option."""
        for group, options in zip(self.optimizer.param_groups, self.options, strict=True):
            for name, value in options.items():
                if group[name] is not value:
                    what = f"jit: the function changes `{name}` of {type(self.optimizer).__name__}, which would be done once for all calls"
                    raise PlanError(f"{what}; hint: step schedules outside of it")

    def leave(self) -> None:
        """The optimiser is as it was."""
        self.optimizer._given = None
        self.optimizer._kept = getattr(self, "before", self.optimizer._kept)
        for group, options in zip(self.optimizer.param_groups, self.options, strict=True):
            group.update(options)

    def updated(self) -> Iterator[tuple[int, int, list[Any]]]:
        """Places of the parameters that have made steps, how many, and what is kept beside them."""
        for place, (array, number) in enumerate(self.arrays):
            kept, before = self.optimizer._of(array), self.before.get(id(array))
            count = kept.steps - (before.steps if before else 0)
            if count:
                yield place, count, [kept.slots[name] for name in self.names[number]]

    def take(self, place: int, count: int, slots: list[Any]) -> None:
        """What is kept beside a parameter after so many steps."""
        array, number = self.arrays[place]
        self.slots[self.first[place] : self.first[place + 1]] = slots
        before = self.optimizer._of(array)
        kept = before._replace(steps=before.steps + count, slots={**before.slots, **dict(zip(self.names[number], slots, strict=True))})
        self.kept[place] = self.optimizer._kept[id(array)] = kept

    def moved(self) -> bool:
        """Numbers the next steps. Whether those that had one number still do."""
        before = self.of_moment
        self._set_moments()
        return before == self.of_moment


def _put(array: Array, raw: Any) -> Any:
    """Another value; a parameter stays one. Gives what the array holds."""
    if array._array.is_watched:
        array._array = raw.watched()
        watched[array._array.identity] = array
    else:
        array._array = raw
    return array._array


_NO_KEY = as_array(0, "uint64")


@contextmanager
def _stream(key: Any) -> Iterator[random._Stream]:
    """The global stream begins at this key meanwhile, so that every call draws anew."""
    before, random._stream = random._stream, random._Stream()
    random._stream.key = wrap(key)
    try:
        yield random._stream
    finally:
        random._stream = before
