"""Parameters in order or by name."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator
from typing import Any

from gradframe._array.core import Array
from gradframe.errors import DTypeError, OutOfBoundsError
from gradframe.nn.containers import _NoSuchModuleError
from gradframe.nn.module import Module, Parameter

__all__ = ["ParameterDict", "ParameterList"]


class ParameterList(Module):
    """Parameters in a list. Raises DTypeError for what is no array."""

    def __init__(self, values: Iterable[Any] = ()) -> None:
        super().__init__()
        self.extend(values)

    def append(self, value: Any) -> ParameterList:
        """Adds a parameter at the end; gives the list."""
        setattr(self, str(len(self)), _learned("ParameterList", value))
        return self

    def extend(self, values: Iterable[Any]) -> ParameterList:
        """Adds parameters at the end; gives the list."""
        for value in [_learned("ParameterList", one) for one in values]:
            self.append(value)
        return self

    def _name(self, index: Any) -> str:
        place = operator.index(index)
        if not -len(self) <= place < len(self):
            raise OutOfBoundsError(f"ParameterList: there is no place {index}, it holds {len(self)} parameters")
        return str(place % len(self))

    def __len__(self) -> int:
        return len(self._parameters)

    def __iter__(self) -> Iterator[Array]:
        return (getattr(self, name) for name in self._parameters)

    def __getitem__(self, index: Any) -> Any:
        """The parameter at a place; of a slice, a list that holds the same ones."""
        return ParameterList(list(self)[index]) if isinstance(index, slice) else getattr(self, self._name(index))

    def __setitem__(self, index: int, value: Any) -> None:
        setattr(self, self._name(index), _learned("ParameterList", value))


class ParameterDict(Module):
    """Parameters by name, in the order in which they came. Raises DTypeError for what is no array, PlanError, a KeyError too, for a name that there
    is not."""

    def __init__(self, parameters: Any = None) -> None:
        super().__init__()
        self.update({} if parameters is None else parameters)

    def update(self, parameters: Any) -> None:
        """Puts in parameters by name, from a mapping or from pairs; those of the same names go."""
        for name, value in dict(parameters).items():
            self[name] = value

    def __getitem__(self, name: str) -> Array:
        if name not in self._parameters:
            raise _NoSuchModuleError(f"ParameterDict: there is no {name!r}; hint: it holds {', '.join(self._parameters) or 'nothing'}")
        return getattr(self, name)  # type: ignore[no-any-return]

    def __setitem__(self, name: str, value: Any) -> None:
        self.register_parameter(name, _learned("ParameterDict", value))

    def __delitem__(self, name: str) -> None:
        self[name]
        delattr(self, name)

    def __len__(self) -> int:
        return len(self._parameters)

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._parameters))

    def __contains__(self, name: object) -> bool:
        return name in self._parameters

    def keys(self) -> Iterator[str]:
        """The names."""
        return iter(self)

    def values(self) -> Iterator[Array]:
        """The parameters."""
        return (getattr(self, name) for name in self._parameters)

    def items(self) -> Iterator[tuple[str, Array]]:
        """Names and parameters."""
        return ((name, getattr(self, name)) for name in self._parameters)


def _learned(of: str, value: Any) -> Array:
    """An array as a parameter; one that is a parameter stays the same one."""
    if isinstance(value, Array):
        return value if value.requires_grad else Parameter(value)
    try:
        return Parameter(value)
    except (TypeError, ValueError) as error:
        raise DTypeError(f"{of}: expected arrays, got {type(value).__qualname__}") from error
