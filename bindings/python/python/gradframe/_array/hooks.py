"""Functions that are called with the gradient in an array, on its way back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradframe._array.held import Held, as_array, wrap
from gradframe._gradframe import PyTracing, array_call, array_from_number
from gradframe.errors import ShapeError

# What `backward` stops at, by what tells arrays apart, while somebody holds them: an array on the way, and the group that it is of.
_on_the_way: dict[int, tuple[Any, Group]] = {}
# So many that nobody holds any more are looked for.
_look_at = 64


class Handle:
    """A hook that may be taken away again; leaving a `with` block takes it away."""

    def __init__(self, hooks: list[Any], hook: Any) -> None:
        self._hooks, self._hook = hooks, (hook,)
        hooks.append(self._hook)

    def remove(self) -> None:
        """Takes the hook away; once is enough."""
        self._hooks[:] = [hook for hook in self._hooks if hook is not self._hook]

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *args: Any) -> None:
        self.remove()


class Group:
    """Arrays whose gradients are handed on together."""

    def __init__(self, raws: Sequence[Any], handed_on: Callable[[list[Any]], list[Any]]) -> None:
        self.members = [raw.identity for raw in raws]
        self.handed_on = handed_on
        for raw in raws:
            _add(raw, self)


def _add(raw: Any, group: Group) -> None:
    global _look_at
    if len(_on_the_way) >= _look_at:
        _live()
        _look_at = max(64, 2 * len(_on_the_way))
    _on_the_way[raw.identity] = (raw.weak(), group)


def _live() -> list[tuple[Any, Group]]:
    """What somebody still holds; the rest is forgotten."""
    found = []
    for identity, (weak, group) in tuple(_on_the_way.items()):
        own = weak.get()
        if own is not None:
            found.append((own, group))
        elif _on_the_way.get(identity, (None,))[0] is weak:
            del _on_the_way[identity]
    return found


def register_hook(array: Any, hook: Callable[[Any], Any]) -> Handle:
    """Adds a hook of an array; the handle that takes it away."""
    if array._array.is_watched:
        array._hooks = getattr(array, "_hooks", None) or []
        return Handle(array._hooks, hook)
    known = _on_the_way.get(array._array.identity)
    hooks = getattr(known[1], "hooks", None) if known and known[0].get() is not None else None
    if hooks is None:
        hooks = []
        group = Group([array._array], lambda gradients: [hooked(hooks, gradients[0])])
        group.hooks = hooks  # type: ignore[attr-defined]
    return Handle(hooks, hook)


def hooked(hooks: Sequence[Any], gradient: Any) -> Any:
    """What hooks make of a gradient, one after the other. Raises ShapeError for another shape."""
    for (hook,) in tuple(hooks):
        gradient = replaced("register_hook", gradient, hook(wrap(gradient)))
    return gradient


def replaced(name: str, gradient: Any, given: Any) -> Any:
    """What takes the place of a gradient: None leaves it. Raises ShapeError for another shape."""
    if given is None:
        return gradient
    other = as_array(given)
    if other.shape != gradient.shape:
        raise ShapeError(f"{name}: the hook gives shape {other.shape} in place of a gradient of shape {gradient.shape}")
    return other.astype(gradient.dtype)._array


def gradients(raw: Any, cotangent: Any) -> list[tuple[Any, Any]]:
    """The watched arrays that an array is computed from, each once, and its gradient in each, hooks on the way called."""
    live = _live() if _on_the_way else []
    order = raw.made_of([own for own, _ in live]) if live and raw.is_tracked and not raw.is_watched else []
    if not order:
        return raw.backward(cotangent)  # type: ignore[no-any-return]
    return _Way([live[i] for i in order]).all(raw, cotangent)


class _Way:
    """A backward pass in parts: to arrays on the way, and on from them."""

    def __init__(self, ends: list[tuple[Any, Group]]) -> None:
        self.ends = ends
        self.raws = [own for own, _ in ends]
        self.found: dict[int, tuple[Any, Any]] = {}

    def all(self, raw: Any, cotangent: Any) -> list[tuple[Any, Any]]:
        """The gradients of an array in all that it is computed from."""
        if raw.identity == self.raws[0].identity and (cotangent is not None or raw.shape == ()):
            self._add(raw, array_from_number(1, raw.dtype) if cotangent is None else cotangent)
        else:
            self._spread(raw, cotangent)
        by_identity = {own.identity: own for own in self.raws}
        done: set[int] = set()
        for own, group in self.ends:
            if own.identity in done:
                continue
            members = [by_identity.get(identity) for identity in group.members]
            done.update(group.members)
            before = [self.found.pop(identity, (None, None))[1] for identity in group.members]
            if all(one is None for one in before):
                continue
            for member, gradient in zip(members, group.handed_on(before), strict=True):
                if member is not None and gradient is not None:
                    self._spread(member, gradient)
        return list(self.found.values())

    def _spread(self, raw: Any, cotangent: Any) -> None:
        for of, gradient in raw.backward(cotangent, self.raws):
            self._add(of, gradient)

    def _add(self, of: Any, gradient: Any) -> None:
        known = self.found.get(of.identity)
        self.found[of.identity] = (of, gradient if known is None else array_call("add", (known[1], gradient), ()))


def apart(raws: list[Any]) -> list[Any]:
    """The same values as arrays of their own: gradients in them are those of what is made of these alone."""
    tracing = PyTracing("hook", raws, None)
    return tracing.close(tracing.arguments(), False).apply(raws)  # type: ignore[no-any-return]


def is_array(value: Any) -> bool:
    """Whether a gradient may flow through it."""
    return value.__class__ is Held.public and value._array.is_tracked
