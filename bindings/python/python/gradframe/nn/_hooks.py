"""Functions that are called before and after a module's forward pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


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

    # (whether it comes before, whether it takes named arguments, the function); none in most modules.
    _hooks: tuple[tuple[bool, bool, Callable[..., Any]], ...] = ()

    def register_forward_pre_hook(self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False) -> Handle:
        """Calls `hook(module, args)` before each forward pass, or with `with_kwargs` `hook(module, args, kwargs)`: what it gives, unless None,
        takes the arguments' place. Gives a handle, whose `remove()` takes it away."""
        return self._hooked_by((True, with_kwargs, hook), prepend)

    def register_forward_hook(self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False) -> Handle:
        """Calls `hook(module, args, output)` after each forward pass, or with `with_kwargs` `hook(module, args, kwargs, output)`: what it gives,
        unless None, takes the output's place. Gives a handle, whose `remove()` takes it away."""
        return self._hooked_by((False, with_kwargs, hook), prepend)

    def _hooked_by(self, hook: tuple[bool, bool, Callable[..., Any]], prepend: bool) -> Handle:
        self.__dict__["_hooks"] = (hook, *self._hooks) if prepend else (*self._hooks, hook)
        return Handle(self, hook)

    def _between_hooks(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The forward pass, with what hooks make of arguments and output."""
        hooks = self._hooks
        for comes_before, named, hook in hooks:
            if comes_before:
                args, kwargs = _replaced(args, kwargs, hook(self, args, kwargs) if named else hook(self, args), named)
        output = self.forward(*args, **kwargs)  # type: ignore[attr-defined]
        for comes_before, named, hook in hooks:
            if not comes_before:
                given = hook(self, args, kwargs, output) if named else hook(self, args, output)
                output = output if given is None else given
        return output


def _replaced(args: tuple[Any, ...], kwargs: dict[str, Any], given: Any, named: bool) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if given is None:
        return args, kwargs
    if named:
        return given  # type: ignore[no-any-return]
    return (given if isinstance(given, tuple) else (given,)), kwargs
