"""What is in a module, by its name in the tree, and put there by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gradframe._array.core import Array
from gradframe.errors import DTypeError, PlanError

if TYPE_CHECKING:
    from gradframe.nn.module import Module


class Lookups:
    """Parts by name."""

    _parameters: list[str]
    _buffers: list[str]
    _modules: list[str]

    def get_submodule(self, target: str) -> Module:
        """The module of this name, such as "layers.0.norm"; of no name this one. Raises PlanError for a name that there is not."""
        found: Any = self
        for name in target.split(".") if target else ():
            if name not in found._modules:
                what = f"{type(self).__name__}: there is no module {target!r}"
                raise PlanError(f"{what}; hint: {type(found).__name__} has {', '.join(found._modules) or 'none'}")
            found = getattr(found, name)
        return found  # type: ignore[no-any-return]

    def get_parameter(self, target: str) -> Array:
        """The parameter of this name, such as "layers.0.weight". Raises PlanError for a name that there is not."""
        return self._array_called(target, "_parameters", "parameter")

    def get_buffer(self, target: str) -> Array:
        """The buffer of this name, such as "norm.running_mean". Raises PlanError for a name that there is not."""
        return self._array_called(target, "_buffers", "buffer")

    def _array_called(self, target: str, names: str, kind: str) -> Array:
        path, _, name = target.rpartition(".")
        of = self.get_submodule(path)
        if name not in getattr(of, names):
            what = f"{type(self).__name__}: there is no {kind} {target!r}"
            raise PlanError(f"{what}; hint: {type(of).__name__} has {', '.join(getattr(of, names)) or 'none'}")
        return getattr(of, name)  # type: ignore[no-any-return]

    def register_parameter(self, name: str, param: Array | None) -> None:
        """An array as a parameter of this name; None keeps the name for none. Raises PlanError for a name that is empty, has a dot or is another
        attribute's, DTypeError for what is no array."""
        if param is not None and not isinstance(param, Array):
            raise DTypeError(f"{type(self).__name__}: `{name}` is a {type(param).__qualname__}, expected an array; hint: gf.nn.Parameter")
        self._check_name(name, "parameter", self._parameters)
        if param is not None and not param.requires_grad:
            param.requires_grad_()
        setattr(self, name, param)

    def register_module(self, name: str, module: Module | None) -> None:
        """See `add_module`."""
        self.add_module(name, module)  # type: ignore[attr-defined]

    def _check_name(self, name: Any, kind: str, known: list[str]) -> None:
        if not isinstance(name, str) or not name or "." in name or (hasattr(self, name) and name not in known and getattr(self, name) is not None):
            what = f"{type(self).__name__}: no {kind} is called {name!r} here"
            raise PlanError(f"{what}; hint: a name without dots that is no other attribute's")
