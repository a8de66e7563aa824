"""Functions that are called before and after a module's forward pass, and on the way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradframe._array import hooks as on_the_way
from gradframe._array.core import Array, wrap
from gradframe.errors import PlanError


class Handle:
    """A hook that may be taken away again; leaving a `with` block takes it away."""

    def __init__(self, module: Any, hook: tuple[Any, ...]) -> None:
        self._module, self._hook = module, hook

    def remove(self) -> None:
        """Takes the hook away; once is enough."""
        left = tuple(hook for hook in self._module._hooks if hook is not self._hook)
        self._module.__dict__["_hooks"] = left

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *args: Any) -> None:
        self.remove()


class Hooked:
    """What modules have of hooks. A hook is part of what `jit` traces: another one is another trace."""

    # (when it comes, whether it takes named arguments, the function); none in most modules.
    _hooks: tuple[tuple[str, bool, Callable[..., Any]], ...] = ()

    def register_forward_pre_hook(self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False) -> Handle:
        """Calls `hook(module, args)` before each forward pass, or with `with_kwargs` `hook(module, args, kwargs)`: what it gives, unless None,
        takes the arguments' place. Gives a handle, whose `remove()` takes it away."""
        return self._hooked_by(("before", with_kwargs, hook), prepend)

    def register_forward_hook(self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False) -> Handle:
        """Calls `hook(module, args, output)` after each forward pass, or with `with_kwargs` `hook(module, args, kwargs, output)`: what it gives,
        unless None, takes the output's place. Gives a handle, whose `remove()` takes it away."""
        return self._hooked_by(("after", with_kwargs, hook), prepend)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> Handle:
        """Calls `hook(module, grad_output)` when `backward` has the gradients in all that the module gave, a tuple with None where there is none:
        what it gives, unless None, takes their place. Gives a handle, whose `remove()` takes it away."""
        return self._hooked_by(("before_back", False, hook), prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> Handle:
        """Calls `hook(module, grad_input, grad_output)` when `backward` has the gradients in the positional arguments of the module: tuples, with
        None where no gradient flows. What it gives, unless None, takes the place of `grad_input`. Gives a handle, whose `remove()` takes it away.

        The hook sees gradients of `backward`, not those of transforms as `gf.grad`. In a function that is traced it is called with stand-ins.
        Raises PlanError, when it is called, for another number of gradients than the module has arguments.
        """
        return self._hooked_by(("back", False, hook), prepend)

    def _hooked_by(self, hook: tuple[str, bool, Callable[..., Any]], prepend: bool) -> Handle:
        self.__dict__["_hooks"] = (hook, *self._hooks) if prepend else (*self._hooks, hook)
        return Handle(self, hook)

    def _between_hooks(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The forward pass, with what hooks make of arguments and output."""
        hooks = self._hooks
        for when, named, hook in hooks:
            if when == "before":
                args, kwargs = _replaced(args, kwargs, hook(self, args, kwargs) if named else hook(self, args), named)
        way = _WayBack(self, hooks)
        output = way.left(self.forward(*way.entered(args), **kwargs))  # type: ignore[attr-defined]
        for when, named, hook in hooks:
            if when == "after":
                given = hook(self, args, kwargs, output) if named else hook(self, args, output)
                output = output if given is None else given
        return output


def _replaced(args: tuple[Any, ...], kwargs: dict[str, Any], given: Any, named: bool) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if given is None:
        return args, kwargs
    if named:
        return given  # type: ignore[no-any-return]
    return (given if isinstance(given, tuple) else (given,)), kwargs


class _WayBack:
    """One call of a module, whose arguments and results are arrays of their own, so that gradients in them are its own."""

    def __init__(self, module: Any, hooks: tuple[tuple[str, bool, Callable[..., Any]], ...]) -> None:
        self.module = module
        self.first = [hook for when, _, hook in hooks if when == "before_back"]
        self.last = [hook for when, _, hook in hooks if when == "back"]
        self.given, self.inputs, self.outputs = 0, [], []  # type: ignore[var-annotated]
        self.grad_output: tuple[Any, ...] = ()

    def entered(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments, apart from what else is made of them."""
        if not self.last:
            return args
        self.given = len(args)
        self.inputs = [i for i, one in enumerate(args) if on_the_way.is_array(one)]
        return self._apart(args, self.inputs, self._back_at_inputs)

    def left(self, output: Any) -> Any:
        """What the module gives, an array or several, apart from what else is made of it."""
        if not self.first and not self.last:
            return output
        several = output if isinstance(output, tuple) else (output,)
        self.outputs = [i for i, one in enumerate(several) if on_the_way.is_array(one)]
        self.results = len(several)
        made = self._apart(several, self.outputs, self._back_at_outputs)
        return made if isinstance(output, tuple) else made[0]

    @staticmethod
    def _apart(values: tuple[Any, ...], places: list[int], handed_on: Callable[[list[Any]], list[Any]]) -> tuple[Any, ...]:
        if not places:
            return values
        raws = on_the_way.apart([values[i]._array for i in places])
        on_the_way.Group(raws, handed_on)
        made = dict(zip(places, map(wrap, raws), strict=True))
        return tuple(made.get(i, value) for i, value in enumerate(values))

    def _back_at_outputs(self, gradients: list[Any]) -> list[Any]:
        for hook in self.first:
            given = hook(self.module, _all(gradients, self.outputs, self.results))
            gradients = self._taken("register_full_backward_pre_hook", gradients, self.outputs, self.results, given)
        self.grad_output = _all(gradients, self.outputs, self.results)
        if not self.inputs:
            self._back_at_inputs([])
        return gradients

    def _back_at_inputs(self, gradients: list[Any]) -> list[Any]:
        for hook in self.last:
            given = hook(self.module, _all(gradients, self.inputs, self.given), self.grad_output)
            gradients = self._taken("register_full_backward_hook", gradients, self.inputs, self.given, given)
        self.grad_output = ()  # nobody needs it any more
        return gradients

    def _taken(self, name: str, gradients: list[Any], places: list[int], count: int, given: Any) -> list[Any]:
        """The gradients, or those that a hook gave in their place."""
        if given is None:
            return gradients
        given = given if isinstance(given, tuple) else (given,)
        if len(given) != count:
            what = f"{name}: the hook of {type(self.module).__name__} gives {len(given)} gradients, expected {count}"
            raise PlanError(f"{what}; hint: a tuple with one for each, None for those without")
        return [one if one is None else on_the_way.replaced(name, one, given[i]) for one, i in zip(gradients, places, strict=True)]


def _all(gradients: list[Any], places: list[int], count: int) -> tuple[Array | None, ...]:
    found = dict(zip(places, gradients, strict=True))
    return tuple(None if found.get(i) is None else wrap(found[i]) for i in range(count))
