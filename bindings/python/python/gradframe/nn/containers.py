"""Modules that hold others, in order or by name."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from gradframe.errors import DTypeError, OutOfBoundsError, PlanError
from gradframe.nn.module import Module

__all__ = ["ModuleDict", "ModuleList", "Sequential"]


class _InOrder(Module):
    """What lists of modules have in common. What is put between or taken out numbers all of them anew."""

    def append(self, module: Any) -> Any:
        """Adds a module at the end; gives the list."""
        number = len(self._modules)
        while str(number) in self._modules:  # a part of a list keeps its names
            number += 1
        setattr(self, str(number), self._as_part(module))
        return self

    def extend(self, modules: Iterable[Any]) -> Any:
        """Adds modules at the end; gives the list."""
        for part in [self._as_part(module) for module in modules]:
            self.append(part)
        return self

    def insert(self, index: int, module: Any) -> Any:
        """Puts a module before the one at a place; gives the list."""
        parts = list(self.children())
        parts.insert(index, self._as_part(module))
        return self._numbered(parts)

    def pop(self, index: int = -1) -> Module:
        """Takes a module out. Raises OutOfBoundsError, an IndexError, for a place that there is not."""
        taken = self[index]
        del self[index]
        return taken  # type: ignore[no-any-return]

    def _as_part(self, module: Any) -> Module:
        if not isinstance(module, Module):
            raise DTypeError(f"{type(self).__name__}: expected a module, got {type(module).__qualname__}")
        return module

    def _numbered(self, parts: list[Module]) -> Any:
        for name in list(self._modules):
            delattr(self, name)
        for number, part in enumerate(parts):
            setattr(self, str(number), part)
        return self

    def _name(self, index: Any) -> str:
        try:
            return self._modules[operator.index(index)]  # type: ignore[no-any-return]
        except IndexError as error:
            what = f"{type(self).__name__}: there is no place {index}"
            raise OutOfBoundsError(f"{what}, it holds {len(self)} modules") from error
        except TypeError as error:
            raise DTypeError(f"{type(self).__name__}: expected a place or a slice, got {index!r}") from error

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return self.children()

    def __getitem__(self, index: Any) -> Any:
        """The module at a place; of a slice, a plain list of the same kind that holds the same modules."""
        if not isinstance(index, slice):
            return getattr(self, self._name(index))
        part = self._empty()
        for name in self._modules[index]:
            setattr(part, self._name_in_part(part, name), getattr(self, name))
        return part

    def _empty(self) -> _InOrder:
        """A plain list: a user's subclass makes modules of its own, and needs what it is told."""
        raise NotImplementedError

    def _name_in_part(self, part: _InOrder, name: str) -> str:
        return str(len(part))

    def __setitem__(self, index: int, module: Any) -> None:
        setattr(self, self._name(index), self._as_part(module))

    def __delitem__(self, index: Any) -> None:
        gone = set(self._modules[index]) if isinstance(index, slice) else {self._name(index)}
        self._numbered([part for name, part in self.named_children() if name not in gone])


class Sequential(_InOrder):
    """Modules one after the other; plain functions may be among them. Of a dictionary its modules by name.

    Raises DTypeError for what is neither.
    """

    def __init__(self, *modules: Any) -> None:
        super().__init__()
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            for name, module in modules[0].items():
                self.add_module(name, self._as_part(module))
        else:
            self.extend(modules)

    def forward(self, x: Any) -> Any:
        for module in self.children():
            x = module(x)
        return x

    def _as_part(self, module: Any) -> Module:
        if not isinstance(module, Module) and not callable(module):
            raise DTypeError(f"Sequential: expected modules and functions, got {type(module).__qualname__}")
        return module if isinstance(module, Module) else _Function(module)

    def _empty(self) -> _InOrder:
        return Sequential()

    def _name_in_part(self, part: _InOrder, name: str) -> str:
        return name  # as in PyTorch, whose parts keep the names that a state_dict has


class _Function(Module):
    """A plain function as a module."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *args: Any) -> Any:
        return self.function(*args)

    def extra_repr(self) -> str:
        return getattr(self.function, "__name__", "")


class ModuleList(_InOrder):
    """Modules in a list. Raises DTypeError for what is no module."""

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        super().__init__()
        self.extend(modules)

    def _empty(self) -> _InOrder:
        return ModuleList()


class _NoSuchModuleError(PlanError, KeyError):
    """A name that a dictionary of modules has not."""

    __str__ = Exception.__str__


class ModuleDict(Module):
    """Modules by name, in the order in which they came. Raises DTypeError for what is no module, PlanError for a name that is none, one that
    is a KeyError too for a name that there is not."""

    def __init__(self, modules: Any = None) -> None:
        super().__init__()
        self.update({} if modules is None else modules)

    def update(self, modules: Any) -> None:
        """Puts in modules by name, from a mapping or from pairs; those of the same names go."""
        for name, module in dict(modules).items():
            self[name] = module

    def __getitem__(self, name: str) -> Module:
        if name not in self._modules:
            raise _NoSuchModuleError(f"ModuleDict: there is no {name!r}; hint: it holds {', '.join(self._modules) or 'nothing'}")
        return getattr(self, name)  # type: ignore[no-any-return]

    def __setitem__(self, name: str, module: Any) -> None:
        if module is None:
            raise DTypeError(f"ModuleDict: `{name}` is None, expected a module")
        self.add_module(name, module)

    def __delitem__(self, name: str) -> None:
        self[name]
        delattr(self, name)

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, name: object) -> bool:
        return name in self._modules

    def keys(self) -> Iterator[str]:
        """The names."""
        return iter(self)

    def values(self) -> Iterator[Module]:
        """The modules."""
        return self.children()

    def items(self) -> Iterator[tuple[str, Module]]:
        """Names and modules."""
        return self.named_children()

    def pop(self, name: str) -> Module:
        """Takes a module out."""
        taken = self[name]
        del self[name]
        return taken

    def clear(self) -> None:
        """Takes all out."""
        for name in list(self):
            del self[name]
