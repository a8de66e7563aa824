"""Parameters, what is kept beside them, and the step that updates both."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from gradframe._array.core import Array, as_array, watched, wrap
from gradframe._array.creation import array as copied
from gradframe._array.creation import full, zeros
from gradframe._gradframe import PyOptimizer, array_call, array_realise
from gradframe.errors import DTypeError, PlanError, ShapeError
from gradframe.nn._arguments import is_whole
from gradframe.optim.options import number, switch

if TYPE_CHECKING:
    from gradframe.optim.stepping import Steps


class _Kept(NamedTuple):
    """What is kept beside a parameter: its own number of steps, and arrays by the rule's names."""

    steps: int
    slots: dict[str, Any]

    def after(self, slots: dict[str, Any]) -> _Kept:
        """After a step that left these; what it had no use for stays, for one that has."""
        return _Kept(self.steps + 1, {**self.slots, **slots})


# Before the first step.
NOTHING_KEPT = _Kept(0, {})


class Optimizer:
    """Parameters, or groups of them with options of their own, and the rule that updates them by their gradients.

    `param_groups` holds the options, which may be changed between steps. One that means nothing is a PlanError or DTypeError that names
    it, when it is given and at the next step after it was changed; then no parameter has changed.
    """

    rule = ""
    # What is kept beside a parameter, of whatever options.
    keeps: tuple[str, ...] = ()
    # Options that only steps in Python know: a training in a plan goes down, from sums of zeros.
    beyond: tuple[str, ...] = ("maximize",)

    def __init__(self, params: Iterable[Any], **defaults: Any) -> None:
        given = [params] if isinstance(params, Array) else list(params)
        groups = given if given and isinstance(given[0], dict) else [{"params": given}]
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        self._of_each: dict[int, _Kept] = {}
        # Steps of a compiled function that are not yet in what is kept.
        self._ahead: Steps | None = None
        # Stand-ins for the numbers of steps, by group and number of the step, while a function is traced that steps.
        self._given: dict[tuple[int, int], list[Any]] | None = None
        self._engine = PyOptimizer(self.rule)
        for group in groups:
            self.add_param_group(group)

    def add_param_group(self, group: dict[str, Any]) -> None:
        """Adds parameters with options of their own."""
        name = type(self).__name__
        if not isinstance(group, Mapping) or "params" not in group:
            raise PlanError(f"{name}: expected a group as a dictionary with `params`, got {type(group).__qualname__}")
        arrays = group["params"]
        arrays = [arrays] if isinstance(arrays, Array) else list(arrays)
        if not arrays:
            raise PlanError(f"{name}: there are no parameters")
        known = {id(array) for other in self.param_groups for array in other["params"]}
        for array in arrays:
            if not isinstance(array, Array) or not array.requires_grad:
                raise PlanError(f"{name}: expected arrays with requires_grad, got {array!r}")
            if id(array) in known:
                raise PlanError(f"{name}: a parameter of shape {array.shape} is given twice; hint: tied weights belong to one group, once")
            known.add(id(array))
        unknown = set(group) - {"params"} - set(self.defaults)
        if unknown:
            raise PlanError(f"{name}: unknown options {sorted(unknown)}; hint: {sorted(self.defaults)}")
        made = {**self.defaults, **group, "params": arrays}
        self._numbers(made)
        self.param_groups.append(made)

    @property
    def _kept(self) -> dict[int, _Kept]:
        """What is kept beside each parameter."""
        if self._ahead is not None:
            self._ahead.settle(self._of_each)
            self._ahead = None
        return self._of_each

    @_kept.setter
    def _kept(self, kept: dict[int, _Kept]) -> None:
        self._of_each, self._ahead = kept, None

    def _rule_options(self, group: dict[str, Any]) -> dict[str, float]:
        """A group's options by the engine's names. Errors: PlanError, DTypeError for one that means nothing."""
        raise NotImplementedError

    def _numbers(self, group: dict[str, Any]) -> dict[str, float]:
        """All of the rule's numbers, by the engine's names, with a group's options as they are now."""
        name = type(self).__name__
        number(name, "lr", group["lr"])
        return {**self._rule_options(group), "maximize": float(switch(name, "maximize", group["maximize"]))}

    def _beginning(self, group: dict[str, Any]) -> float:
        """What is kept beside a parameter before its first step is full of this."""
        return 0.0

    def _following(self, kept: _Kept) -> int:
        """The number of a parameter's next step, as the rule counts."""
        return kept.steps + 1

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forgets the gradients that `backward` found; or, not to be None, they are zeros."""
        for group in self.param_groups:
            for array in group["params"]:
                array._grad = cleared(array, set_to_none)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Updates every parameter that has a gradient, and computes the new values. A closure is called first, to compute the loss and its
        gradients; what it gives is given back."""
        loss = None if closure is None else closure()
        updates: list[tuple[Array, Any, _Kept]] = []
        for group in self.param_groups:
            by_steps: dict[int, list[Array]] = {}
            for array in group["params"]:
                if array._grad is not None:
                    by_steps.setdefault(self._following(self._of(array)), []).append(array)
            for step, arrays in by_steps.items():
                updates += self._updated(group, step, arrays)
        if self._given is None:
            self._realise(updates)
        for array, raw, kept in updates:
            self._kept[id(array)] = kept
            if array._array.is_watched:
                array._array = raw.watched()
                watched[array._array.identity] = array
            else:
                array._array = raw
        return loss

    def _updated(self, group: dict[str, Any], step: int, arrays: list[Array]) -> list[tuple[Array, Any, _Kept]]:
        """The next values of parameters whose next step has the same number, and what is kept beside them."""
        for array in arrays:
            if array._grad.shape != array.shape:  # type: ignore[union-attr]
                told = f"a gradient has shape {array._grad.shape}, its parameter {array.shape}"  # type: ignore[union-attr]
                raise ShapeError(f"{type(self).__name__}: {told}")
        numbers = self._numbers(group)
        names = self._engine.slots(numbers)
        slots = [slot for array in arrays for slot in self._slots_of(array, names, self._beginning(group))]
        own = [array._array.detached() for array in arrays]
        gradients = [_in_type_of(raw, array._grad._array) for raw, array in zip(own, arrays, strict=True)]  # type: ignore[union-attr]
        following, state = self._engine.step(numbers, (float(group["lr"]), step), own, gradients, slots, self._numbers_given(group, step))
        parts = [state[i * len(names) : (i + 1) * len(names)] for i in range(len(arrays))]
        kept = [self._of(array).after(dict(zip(names, part, strict=True))) for array, part in zip(arrays, parts, strict=True)]
        return list(zip(arrays, following, kept, strict=True))

    def _realise(self, updates: list[tuple[Array, Any, _Kept]]) -> None:
        """Computes new values. Raises PlanError within a function that is traced, which knows nothing of this optimiser."""
        raws = [raw for _, new, kept in updates for raw in (new, *kept.slots.values())]
        if any(raw.is_traced for raw in raws):
            name = type(self).__name__
            raise PlanError(f"{name}: it steps within a function that is traced; hint: gf.jit(step, state=(model, optimizer)) compiles a step of a training")
        array_realise(raws)

    def _numbers_given(self, group: dict[str, Any], step: int) -> list[Any] | None:
        """The stand-ins of a step's numbers. Raises PlanError for a second step in a function that is traced."""
        if self._given is None:
            return None
        if (id(group), step) not in self._given:
            raise PlanError(f"{type(self).__name__}: a compiled function makes one step; hint: call it several times")
        return self._given[id(group), step]

    def _slots_of(self, array: Array, names: list[str], beginning: float) -> list[Any]:
        """What is kept beside a parameter by these names."""
        kept = self._of(array).slots
        return [kept[name] if name in kept else full(array.shape, beginning, dtype=array.dtype)._array for name in names]

    def _of(self, array: Array) -> _Kept:
        return self._kept.get(id(array), NOTHING_KEPT)

    def state_dict(self) -> dict[str, Any]:
        """The rule's name; of each group the options, and of each of its parameters the number of steps and what is kept beside it."""
        groups = []
        for group in self.param_groups:
            kept = [self._of(array) for array in group["params"]]
            state = [{"steps": one.steps, **{name: wrap(slot) for name, slot in one.slots.items()}} for one in kept]
            groups.append({"options": {name: value for name, value in group.items() if name != "params"}, "state": state})
        return {"rule": self.rule, "groups": groups}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on where another optimiser of the same parameters has stopped. Raises DTypeError for what `state_dict` did not make,
        PlanError for another rule's, groups of other sizes or unknown options, ShapeError for arrays of other shapes; then nothing has changed."""
        groups, kept = _groups_of(state), {}
        if [len(g["state"]) for g in groups] != [len(g["params"]) for g in self.param_groups]:
            raise PlanError("load_state_dict: the groups have not as many parameters")
        for group, saved in zip(self.param_groups, groups, strict=True):
            unknown = set(saved["options"]) - ({*group, "initial_lr"} - {"params"})
            if unknown:
                what = f"load_state_dict: unknown options {sorted(map(str, unknown))}"
                raise PlanError(f"{what}; hint: it is of another optimiser than {type(self).__name__}")
            self._numbers({**group, **saved["options"]})
            number("load_state_dict", "initial_lr", saved["options"].get("initial_lr", 0.0))
        if state["rule"] != self.rule:
            raise PlanError(f"load_state_dict: the state is of the rule {state['rule']!r}, {type(self).__name__} has {self.rule!r}")
        for group, saved in zip(self.param_groups, groups, strict=True):
            for array, one in zip(group["params"], saved["state"], strict=True):
                kept[id(array)] = _kept_of(array, one, self.keeps)
        for group, saved in zip(self.param_groups, groups, strict=True):
            group.update(saved["options"])
        self._kept = kept


def cleared(array: Array, set_to_none: bool) -> Array | None:
    """What becomes of an array's gradient."""
    return None if set_to_none or array._grad is None else zeros(array.shape, dtype=array.dtype)


def _groups_of(state: Any) -> list[dict[str, Any]]:
    groups = state.get("groups") if isinstance(state, Mapping) and "rule" in state else None
    if not isinstance(groups, list) or not all(map(_is_group, groups)):
        raise DTypeError(f"load_state_dict: expected what an optimiser's state_dict() gives, got {type(state).__qualname__}")
    return groups


def _is_group(saved: Any) -> bool:
    if not isinstance(saved, Mapping) or not {"options", "state"} <= set(saved):
        return False
    return isinstance(saved["options"], Mapping) and isinstance(saved["state"], list)


def _kept_of(array: Array, saved: Any, names: tuple[str, ...]) -> _Kept:
    steps = saved.get("steps") if isinstance(saved, Mapping) else None
    if isinstance(steps, bool) or not is_whole(steps) or operator.index(steps) < 0:
        raise DTypeError(f"load_state_dict: `steps` is {steps!r}, expected the number of a parameter's steps")
    given = {name: slot for name, slot in saved.items() if name != "steps"}
    if set(given) - set(names):
        raise DTypeError(f"load_state_dict: {sorted(map(str, given))} is kept beside a parameter, expected of {sorted(names)}")
    slots = {name: as_array(slot) if isinstance(slot, Array) else copied(slot) for name, slot in given.items()}
    for name, slot in slots.items():
        if slot.shape != array.shape:
            raise ShapeError(f"load_state_dict: `{name}` has shape {slot.shape}, its parameter {array.shape}")
    return _Kept(operator.index(steps), {name: slot.astype(array.dtype)._array for name, slot in slots.items()})


def _in_type_of(parameter: Any, gradient: Any) -> Any:
    return gradient if gradient.dtype == parameter.dtype else array_call("astype", (gradient,), (parameter.dtype,))
