"""What a compiled function changes beside what it gives: modules and optimisers, which become arguments and results of it."""

from __future__ import annotations

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

    def call(self, function: Callable[..., Any], leaves: list[Array], structure: Any, key: Any) -> Any:
        """What the function gives for these arguments; the state is as the function leaves it. If it raises, nothing has changed."""
        held = _Held(self)
        if any(raw.is_traced for raw in (*held.values(), *(leaf._array for leaf in leaves))):
            raise PlanError("jit: a function with `state` is called within another one that is traced; hint: leave `jit` away inside")
        key = (key, held.form())
        compiled = self.compiled.get(key)
        if compiled is None:
            if len(self.compiled) >= _KEPT_MAX:
                self.compiled.clear()
            compiled = self.compiled[key] = held.compiled(function, leaves, structure)
        return compiled.call(held, leaves)

    def clear(self) -> None:
        """Forgets what was compiled."""
        self.compiled.clear()


class _Change(NamedTuple):
    """What a function leaves: the arrays that have new values or gradients, by their places, those whose gradients are gone, and the
    parameters that were updated, with what is kept beside them."""

    values: list[int]
    gradients: list[int]
    cleared: list[int]
    updated: list[tuple[int, int, tuple[str, ...]]]


class _Compiled:
    """A function as it was traced."""

    def __init__(self, traced: Any, structure: Any, change: _Change, draws: bool) -> None:
        self.traced, self.structure, self.change, self.draws = traced, structure, change, draws

    def call(self, held: _Held, leaves: list[Array]) -> Any:
        key = random._stream.next() if self.draws else _NO_KEY
        results = self.traced.apply([*held.values(), key._array, *(leaf._array for leaf in leaves)])
        array_realise(results)
        rest = held.take(self.change, iter(results))
        return unflatten(self.structure, [wrap(raw) for raw in rest])


class _Held:
    """A state at one call: its arrays, each once, and its optimisers."""

    def __init__(self, state: State) -> None:
        self.arrays: list[Array] = []
        self._places: dict[int, int] = {}
        parts = [flatten(module) for module in state.modules]
        self.modules = [(structure, [self._place(leaf) for leaf in leaves if isinstance(leaf, Array)]) for leaves, structure in parts]
        self.optimizers = [_Steps(optimizer, self._place) for optimizer in state.optimizers]

    def _place(self, array: Array) -> int:
        place = self._places.setdefault(id(array), len(self.arrays))
        if place == len(self.arrays):
            self.arrays.append(array)
        return place

    def form(self) -> Any:
        """Equal for states that one function serves."""
        of_arrays = tuple((a._array.dtype, a._array.shape, a.requires_grad, a._grad is None or (a._grad._array.dtype, a._grad._array.shape)) for a in self.arrays)
        of_modules = tuple((structure, tuple(places)) for structure, places in self.modules)
        return of_arrays, of_modules, tuple(steps.form() for steps in self.optimizers)

    def values(self) -> list[Any]:
        """All that a function is given of it: values, gradients, what optimisers keep, their numbers."""
        found = [array._array.detached() for array in self.arrays]
        found += [array._grad._array for array in self.arrays if array._grad is not None]
        for steps in self.optimizers:
            found += [*steps.slots(), *steps.numbers()]
        return found

    def compiled(self, function: Callable[..., Any], leaves: list[Array], structure: Any) -> _Compiled:
        """The function, traced with stand-ins in place of all of it."""
        tracing = PyTracing("jit", [*self.values(), _NO_KEY._array, *(leaf._array for leaf in leaves)], None)
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
        before = [(array, array._array, array._grad) for array in self.arrays]
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
            for array, raw, gradient in before:
                array._array, array._grad = raw, gradient
                if raw.is_watched:
                    watched[raw.identity] = array

    def _changed(self, before: list[tuple[Any, Array | None]]) -> tuple[_Change, list[Any]]:
        """What is other than before, and its new values."""
        values = [i for i, (array, (raw, _)) in enumerate(zip(self.arrays, before, strict=True)) if array._array is not raw]
        gradients = [i for i, array in enumerate(self.arrays) if array._grad is not None and array._grad is not before[i][1]]
        cleared = [i for i, array in enumerate(self.arrays) if array._grad is None and before[i][1] is not None]
        raws = [self.arrays[i]._array.detached() for i in values]
        raws += [self.arrays[i]._grad._array for i in gradients]  # type: ignore[union-attr]
        updated = []
        for number, steps in enumerate(self.optimizers):
            for place, kept in steps.updated():
                updated.append((number, place, tuple(kept)))
                raws += kept.values()
        return _Change(values, gradients, cleared, updated), raws

    def take(self, change: _Change, results: Iterator[Any]) -> Iterator[Any]:
        """Takes the new values of what has changed; what is left are the function's own results."""
        for i in change.values:
            _put(self.arrays[i], next(results))
        for i in change.gradients:
            self.arrays[i]._grad = wrap(next(results))
        for i in change.cleared:
            self.arrays[i]._grad = None
        for number, place, names in change.updated:
            self.optimizers[number].take(place, {name: next(results) for name in names})
        return results


class _Steps:
    """An optimiser at one call: its parameters by group, and the numbers that its next steps have."""

    def __init__(self, optimizer: Optimizer, place: Callable[[Array], int]) -> None:
        self.optimizer = optimizer
        self.before, self.options = optimizer._kept, [dict(group) for group in optimizer.param_groups]
        self.groups = [(group, optimizer._numbers(group)) for group in optimizer.param_groups]
        self.arrays = [(array, number) for number, (group, _) in enumerate(self.groups) for array in group["params"]]
        self.places = [place(array) for array, _ in self.arrays]
        self.names = [optimizer._engine.slots(numbers) for _, numbers in self.groups]
        # Steps of one group that have the same number, in the order of the parameters.
        self.moments: dict[tuple[int, int], int] = {}
        self.of_moment = [self.moments.setdefault((group, self._following(array)), len(self.moments)) for array, group in self.arrays]

    def _following(self, array: Array) -> int:
        return self.optimizer._following(self.optimizer._of(array))

    def form(self) -> Any:
        forms = tuple(tuple(self.optimizer._engine.form(numbers)) for _, numbers in self.groups)
        return self.optimizer.rule, forms, tuple(group for _, group in self.arrays), tuple(self.places), tuple(self.of_moment)

    def slots(self) -> list[Any]:
        """What is kept beside each parameter, or would be before its first step."""
        found = []
        for array, number in self.arrays:
            group, _ = self.groups[number]
            found += self.optimizer._slots_of(array, self.names[number], self.optimizer._beginning(group))
        return found

    def numbers(self) -> list[Any]:
        """The numbers of each moment: the rate, the number of the step, those of the rule."""
        found = []
        for number, following in self.moments:
            group, numbers = self.groups[number]
            found += self.optimizer._engine.numbers(numbers, (float(group["lr"]), following))
        return found

    def enter(self, stand_ins: Iterator[Any]) -> None:
        """From here on the optimiser has stand-ins."""
        self.optimizer._kept = dict(self.before)
        for array, number in self.arrays:
            kept = self.optimizer._of(array)
            self.optimizer._kept[id(array)] = kept._replace(slots={**kept.slots, **{name: next(stand_ins) for name in self.names[number]}})
        self.optimizer._given = given = {}
        for number, following in self.moments:
            group, numbers = self.groups[number]
            count = len(self.optimizer._engine.numbers(numbers, (float(group["lr"]), following)))
            given[id(group), following] = [next(stand_ins) for _ in range(count)]

    def check_options(self) -> None:
        """Raises PlanError if the function has changed an option."""
        for (group, _), options in zip(self.groups, self.options, strict=True):
            for name in options:
                if group[name] is not options[name]:
                    what = f"jit: the function changes `{name}` of {type(self.optimizer).__name__}, which would be done once for all calls"
                    raise PlanError(f"{what}; hint: step schedules outside of it")

    def leave(self) -> None:
        """The optimiser is as it was."""
        self.optimizer._given, self.optimizer._kept = None, self.before
        for (group, _), options in zip(self.groups, self.options, strict=True):
            group.update(options)

    def updated(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Places of the parameters that have made a step, and what is kept beside them."""
        for place, (array, number) in enumerate(self.arrays):
            kept = self.optimizer._of(array)
            if kept.steps != self.before.get(id(array), kept._replace(steps=0)).steps:
                yield place, {name: kept.slots[name] for name in self.names[number]}

    def take(self, place: int, slots: dict[str, Any]) -> None:
        array, _ = self.arrays[place]
        self.optimizer._kept[id(array)] = self.optimizer._of(array).after(slots)


def _put(array: Array, raw: Any) -> None:
    """Another value; a parameter stays one."""
    if array._array.is_watched:
        array._array = raw.watched()
        watched[array._array.identity] = array
    else:
        array._array = raw


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
