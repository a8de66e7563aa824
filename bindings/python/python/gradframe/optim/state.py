"""What a compiled function changes beside what it gives: modules and optimisers, which become arguments and results of it."""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from gradframe import random
from gradframe._array.core import Array, as_array, watched, wrap
from gradframe._array.tree import arrays, flatten, unflatten
from gradframe._gradframe import PyStep, PyTracing
from gradframe.errors import PlanError
from gradframe.nn.module import Module
from gradframe.optim.attributes import Attributes
from gradframe.optim.optimizer import Optimizer
from gradframe.optim.stepping import Steps

# Functions that are kept for one state, at most.
_KEPT_MAX = 256


class State:
    """Modules and optimisers that a function changes, and the functions that it was compiled to: one for each form of them and of its
    arguments. Raises PlanError for anything else."""

    def __init__(self, given: Any) -> None:
        parts = given if isinstance(given, (list, tuple)) else [given]
        once = {id(part): part for part in parts}.values()
        self.modules = [part for part in once if isinstance(part, Module)]
        self.optimizers = [part for part in once if isinstance(part, Optimizer)]
        for part in parts:
            if not isinstance(part, (Module, Optimizer)):
                what = f"jit: expected modules and optimisers as `state`, got {type(part).__qualname__}"
                raise PlanError(f"{what}; hint: arrays are arguments and results; LBFGS decides by values, and is not compiled")
        self.compiled: dict[Any, _Compiled] = {}
        self._last: _Held | None = None
        self._lock = threading.RLock()

    def call(self, function: Callable[..., Any], leaves: list[Array], structure: Any, key: Any) -> Any:
        """What the function gives for these arguments; the state is as the function leaves it. If it raises, nothing has changed."""
        _check_known(leaf._array for leaf in leaves)
        with self._lock:
            return self._called(function, leaves, structure, key)

    def _called(self, function: Callable[..., Any], leaves: list[Array], structure: Any, key: Any) -> Any:
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
        self._last = None  # until all is taken: a call that is interrupted meanwhile leaves nothing that is half known
        raws = held.called(compiled, leaves)
        if compiled.change.keeps_form and held.moved(compiled.change):
            self._last = held
        return unflatten(compiled.structure, [wrap(raw) for raw in raws])

    def clear(self) -> None:
        """Forgets what was compiled."""
        self.compiled.clear()
        self._last = None


class _Change(NamedTuple):
    """What a function leaves: the arrays that have new values or gradients, by their places, those whose gradients are gone, those whose
    gradients are wanted or not other than before, what optimisers keep that is other, by its places among all that is given, how many
    steps each of their parameters has made, and the attributes of modules that are others. And whether the arrays keep their types,
    shapes and gradients."""

    values: list[int]
    gradients: list[int]
    cleared: list[int]
    watched: list[tuple[int, bool]]
    slots: list[int]
    counts: list[list[int]]
    attributes: list[tuple[int, str, Any]]
    keeps_form: bool


class _Compiled(NamedTuple):
    """A function as it was traced: its program, the structure of what it gives, what it changes, whether it draws."""

    step: PyStep
    structure: Any
    change: _Change
    draws: bool


class _Held:
    """A state as it is between two calls: its arrays, each once, what they hold, and its optimisers."""

    def __init__(self, state: State) -> None:
        self.arrays: list[Array] = []
        self.compiled: dict[Any, _Compiled] = {}
        self._places: dict[int, int] = {}
        self.modules = [(module, *flatten(module)) for module in state.modules]
        self.ties = [[self._place(leaf) for leaf in leaves if isinstance(leaf, Array)] for _, leaves, _ in self.modules]
        self.optimizers = [Steps(optimizer, self._place) for optimizer in state.optimizers]
        self.attributes = Attributes(state.modules)
        _check_known(array._array for array in self.arrays)
        for array in self.arrays:
            if array._grad is not None and array._grad._array.is_traced:
                array._grad = None  # left by a function whose tracing has failed: it will never have a value
        self.gradients = [array._grad for array in self.arrays]
        # All that a function is given of it, in one list: values, gradients, what optimisers keep.
        self.given = [array._array for array in self.arrays]
        self.of_gradients = {}
        for i, gradient in enumerate(self.gradients):
            if gradient is not None:
                self.of_gradients[i] = len(self.given)
                self.given.append(gradient._array)
        for steps in self.optimizers:
            steps.take_slots(self.given)

    def _place(self, array: Array) -> int:
        place = self._places.setdefault(id(array), len(self.arrays))
        if place == len(self.arrays):
            self.arrays.append(array)
        return place

    def is_current(self) -> bool:
        """Whether nobody has changed anything since."""
        for array, raw, gradient in zip(self.arrays, self.given, self.gradients, strict=False):
            if array._array is not raw or array._grad is not gradient:
                return False
        if self.attributes.are_plain:
            return self.attributes.are_same() and all(steps.is_current() for steps in self.optimizers)
        for module, leaves, structure in self.modules:
            found, own = flatten(module)
            if len(found) != len(leaves) or any(map(operator.is_not, found, leaves)) or own != structure:
                return False
        return all(steps.is_current() for steps in self.optimizers)

    def form(self) -> Any:
        """Equal for states that one function serves."""
        of_arrays = tuple(map(_form_of, zip(self.given, self.gradients, strict=False)))
        of_modules = tuple((structure, tuple(ties)) for (_, _, structure), ties in zip(self.modules, self.ties, strict=True))
        return of_arrays, of_modules, tuple(steps.form() for steps in self.optimizers)

    def called(self, compiled: _Compiled, leaves: list[Array]) -> list[Any]:
        """The function's own results, computed; all that it changes is changed, also if that is interrupted. If it raises, nothing is."""
        given, count, results = self.given, len(self.given), []
        done = [steps.after(counts) for steps, counts in zip(self.optimizers, compiled.change.counts, strict=True)]
        given += self._beside(compiled.draws, leaves)
        try:
            compiled.step.run(given, results)
            self._put(compiled.change, results, done)
        except BaseException:
            if results:
                self._put(compiled.change, results, done)
            raise
        finally:
            del given[count:]
        change = compiled.change
        return results[len(change.values) + len(change.gradients) + len(change.slots) :]

    def _beside(self, draws: bool, leaves: list[Array]) -> list[Any]:
        """What a function is given beside: the optimisers' numbers, the key of what it draws, its arguments."""
        numbers = [raw for steps in self.optimizers for raw in steps.numbers()]
        return [*numbers, (random._stream.next() if draws else _NO_KEY)._array, *(leaf._array for leaf in leaves)]

    def traced(self, function: Callable[..., Any], leaves: list[Array], structure: Any) -> _Compiled:
        """The function, traced with stand-ins in place of all of it."""
        tracing = PyTracing("jit", [*self.given, *self._beside(False, leaves)], None)
        stand_ins = iter(tracing.arguments())
        with self._standing(stand_ins), _stream(next(stand_ins)) as stream:
            before = [(array._array, array._grad) for array in self.arrays]
            args, kwargs = unflatten(structure, [wrap(raw) for raw in stand_ins])
            found, result = flatten(function(*args, **kwargs))
            change, raws = self._changed(before, *self.attributes.changes(lambda array: self._places.get(id(array))))
            results = [*raws, *(array._array.detached() for array in arrays("jit", found))]
            draws = stream.taken > 0
        first = len(change.values) + len(change.gradients)
        successors = [*enumerate(change.values), *enumerate(change.slots, first)]
        return _Compiled(PyStep(tracing.close_at_last(results), successors), result, change, draws)

    @contextmanager
    def _standing(self, stand_ins: Iterator[Any]) -> Iterator[None]:
        """All of it stands for other values meanwhile: whoever holds an array of it sees the stand-in."""
        self.attributes.remember()
        try:
            for array in self.arrays:
                _put(array, next(stand_ins))
            for array in self.arrays:
                if array._grad is not None:
                    array._grad = wrap(next(stand_ins))
            for steps in self.optimizers:
                steps.enter(stand_ins)
            for steps in self.optimizers:
                steps.enter_numbers(stand_ins)
            yield
            for steps in self.optimizers:
                steps.check_options()
        finally:
            self.attributes.put_back()
            for steps in self.optimizers:
                steps.leave()
            for array, raw, gradient in zip(self.arrays, self.given, self.gradients, strict=False):
                array._array, array._grad = raw, gradient
                if raw.is_watched:
                    watched[raw.identity] = array

    def _changed(
        self, before: list[tuple[Any, Array | None]], attributes: list[tuple[int, str, Any]], others: dict[int, Array]
    ) -> tuple[_Change, list[Any]]:
        """What is other than before, and its new values; some arrays have others in their place."""
        after = [(others.get(i, array)._array, array._grad) for i, array in enumerate(self.arrays)]
        pairs = list(zip(after, before, strict=True))
        values = [i for i, ((raw, _), (own, _)) in enumerate(pairs) if raw is not own]
        gradients = [i for i, ((_, new), (_, own)) in enumerate(pairs) if new is not None and new is not own]
        cleared = [i for i, ((_, new), (_, own)) in enumerate(pairs) if new is None and own is not None]
        wanted = [(i, raw.is_watched) for i, ((raw, _), (own, _)) in enumerate(pairs) if raw.is_watched != own.is_watched]
        raws = [after[i][0].detached() for i in values] + [after[i][1]._array for i in gradients]  # type: ignore[union-attr]
        counts, slots = [], []
        for steps in self.optimizers:
            own, kept = steps.updated()
            counts.append(own)
            slots += [place for place, _ in kept]
            raws += [raw for _, raw in kept]
        keeps_form = list(map(_form_of, after)) == list(map(_form_of, before))
        return _Change(values, gradients, cleared, wanted, slots, counts, attributes, keeps_form), raws

    def _put(self, change: _Change, results: list[Any], done: list[list[int]]) -> None:
        """Puts everything in its place; twice is as once. What is None among the results is there already."""
        raws = iter(results)
        for i, raw in zip(change.values, raws, strict=False):
            if raw is not None:
                self.given[i] = _put(self.arrays[i], raw)
        for i, raw in zip(change.gradients, raws, strict=False):
            self.gradients[i] = self.arrays[i]._grad = wrap(raw)
            if i in self.of_gradients:
                self.given[self.of_gradients[i]] = raw
        for place, raw in zip(change.slots, raws, strict=False):
            if raw is not None:
                self.given[place] = raw
        for i in change.cleared:
            self.gradients[i] = self.arrays[i]._grad = None
        for i, is_wanted in change.watched:
            self.arrays[i].requires_grad_(is_wanted)
        for steps, count in zip(self.optimizers, done, strict=True):
            steps.put(count)
        self.attributes.put(change.attributes)

    def moved(self, change: _Change) -> bool:
        """Numbers the next steps. Whether those that had one number still do."""
        return all([steps.moved(counts) for steps, counts in zip(self.optimizers, change.counts, strict=True)])


def _check_known(raws: Iterable[Any]) -> None:
    """Raises PlanError for values of a function that is traced."""
    if any(raw.is_traced for raw in raws):
        raise PlanError("jit: a function with `state` is called within another one that is traced; hint: leave `jit` away inside")


def _form_of(one: tuple[Any, Array | None]) -> Any:
    """The form of an array and of its gradient."""
    raw, gradient = one
    return raw.dtype, raw.shape, raw.is_watched, _form(gradient)


def _form(gradient: Array | None) -> Any:
    return None if gradient is None else (gradient._array.dtype, gradient._array.shape)


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
