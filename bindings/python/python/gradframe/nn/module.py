"""Modules: trees of parameters with a forward pass."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gradframe._array.core import Array, wrap
from gradframe._array.effects import warn
from gradframe.errors import DTypeError, NoDeviceError, PlanError, ShapeError
from gradframe.nn._hooks import Hooked
from gradframe.nn._lookups import Lookups
from gradframe.nn._state import Unmatched, arrays_of, owned
from gradframe.nn._statics import frozen

__all__ = ["Module", "Parameter"]


def Parameter(data: Any, requires_grad: bool = True) -> Array:  # noqa: N802
    """An array that a module learns: a copy of memory of others."""
    array = wrap(owned(data)._array)
    return array.requires_grad_() if requires_grad else array


class Module(Hooked, Lookups):
    """A part of a network. What it learns are attributes that are arrays with `requires_grad`; what is in it are attributes
    that are modules. `forward` says what it computes.

        class Net(gf.nn.Module):
            def __init__(self):
                super().__init__()
                self.hidden = gf.nn.Linear(4, 8)
                self.out = gf.nn.Linear(8, 1)

            def forward(self, x):
                return self.out(gf.nn.functional.relu(self.hidden(x)))

    A module is a tree of its arrays: `gf.grad(loss)(model, x)` gives a module of gradients.
    """

    training: bool
    # Names in a state_dict of PyTorch that stand for nothing here.
    _unused_names: tuple[str, ...] = ()
    # Buffers that are not saved.
    _unsaved: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.__dict__.update(training=True, _parameters=[], _buffers=[], _modules=[])

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes."""
        raise PlanError(f"{type(self).__name__}: it has no forward method")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._between_hooks(args, kwargs) if self._hooks else self.forward(*args, **kwargs)

    def __setattr__(self, name: str, value: Any) -> None:
        if "_parameters" not in self.__dict__:
            raise PlanError(f"{type(self).__name__}: call super().__init__() before setting `{name}`")
        for kind, names in (("_parameters", self._parameters), ("_modules", self._modules)):
            wanted = isinstance(value, Module) if kind == "_modules" else isinstance(value, Array) and value.requires_grad
            if wanted and name not in names:
                names.append(name)
            elif name in names and not wanted and not (kind == "_parameters" and isinstance(value, Array)):
                names.remove(name)
        if value.__class__ is Array and value._array.is_traced:
            self._check_leaves_nothing(name)
        elif name in self._parameters and isinstance(value, Array) and not value.requires_grad and self._learns(name):
            what = f"cannot assign an array that is no parameter as `{name}`, which is one: it would be learned no more"
            raise TypeError(f"{type(self).__name__}: {what}; hint: gf.nn.Parameter(value), or requires_grad_(False) to keep it as it is")
        self.__dict__[name] = value

    def _learns(self, name: str) -> bool:
        own = self.__dict__.get(name)
        return isinstance(own, Array) and own.requires_grad and not own._array.is_traced

    def _check_leaves_nothing(self, name: str) -> None:
        """Warns of a value of a function that is traced in a module that is none of its arguments."""
        own = (self.__dict__.get(one) for one in (*self._parameters, *self._buffers))
        if any(isinstance(one, Array) and not one._array.is_traced for one in own):
            what = f"{type(self).__name__}: a function that is traced sets `{name}`, which holds no value after that, and is not set at each call"
            warn(f"{what}; hint: return it, or gf.jit(step, state=(model, optimizer)) and register_buffer()")

    def __delattr__(self, name: str) -> None:
        for names in (self._parameters, self._buffers, self._modules):
            if name in names:
                names.remove(name)
        super().__delattr__(name)

    def register_buffer(self, name: str, tensor: Any, persistent: bool = True) -> None:
        """An array that is kept with the module and not learned; one that is not `persistent` is no part of `state_dict`. Raises PlanError for a
        name that is empty, has a dot or is another attribute's."""
        self._check_name(name, "buffer", self._buffers)
        self.__dict__[name] = None if tensor is None else owned(tensor)
        if name not in self._buffers:
            self._buffers.append(name)
        self.__dict__["_unsaved"] = tuple(other for other in self._unsaved if other != name) + (() if persistent else (name,))

    # What is in it.

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module and all in it, with their names."""
        yield prefix, self
        for name in self._modules:
            yield from getattr(self, name).named_modules(f"{prefix}.{name}" if prefix else name)

    def modules(self) -> Iterator[Module]:
        """This module and all in it."""
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules that are attributes of this one, with their names."""
        return ((name, getattr(self, name)) for name in self._modules)

    def children(self) -> Iterator[Module]:
        """The modules that are attributes of this one."""
        return (module for _, module in self.named_children())

    def add_module(self, name: str, module: Module | None) -> None:
        """A module as an attribute of this name. Raises PlanError for a name that is empty, has a dot or is another attribute's, DTypeError
        for what is no module."""
        if not isinstance(module, Module | None):
            raise DTypeError(f"{type(self).__name__}: `{name}` is a {type(module).__qualname__}, expected a module")
        self._check_name(name, "module", self._modules)
        setattr(self, name, module)

    def named_parameters(self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True) -> Iterator[tuple[str, Array]]:
        """What is learned, with its names after the prefix, without `recurse` by this module alone: each once, or under each of its names."""
        seen: set[int] = set()
        for path, module in self.named_modules(prefix) if recurse else [(prefix, self)]:
            for name in module._parameters:
                array = getattr(module, name)
                if not remove_duplicate or id(array) not in seen:
                    seen.add(id(array))
                    yield (f"{path}.{name}" if path else name), array

    def parameters(self, recurse: bool = True) -> Iterator[Array]:
        """What is learned, without `recurse` by this module alone; each once."""
        return (array for _, array in self.named_parameters(recurse=recurse))

    def named_buffers(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Array]]:
        """What is kept beside what is learned, with its names after the prefix, without `recurse` by this module alone."""
        return self._buffers_called(lambda module: module._buffers if recurse or module is self else (), prefix)

    def _buffers_called(self, names_of: Callable[[Module], Any], prefix: str = "") -> Iterator[tuple[str, Array]]:
        for path, module in self.named_modules(prefix):
            for name in names_of(module):
                if getattr(module, name) is not None:
                    yield (f"{path}.{name}" if path else name), getattr(module, name)

    def buffers(self, recurse: bool = True) -> Iterator[Array]:
        """What is kept beside what is learned, without `recurse` by this module alone."""
        return (array for _, array in self.named_buffers(recurse=recurse))

    # What it does.

    def train(self, mode: bool = True) -> Module:
        """Training, or not, for all modules in it: dropout and batch statistics."""
        for module in self.modules():
            module.__dict__["training"] = mode
        return self

    def eval(self) -> Module:
        """Not training."""
        return self.train(False)

    def apply(self, function: Callable[[Module], Any]) -> Module:
        """Calls a function with all modules in it, then with this one."""
        for child in self.children():
            child.apply(function)
        function(self)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forgets the gradients that `backward` found; or, not to be None, they are zeros."""
        from gradframe.optim.optimizer import cleared

        for array in self.parameters():
            array.grad = cleared(array, set_to_none)

    def requires_grad_(self, wanted: bool = True) -> Module:
        """Whether gradients in its parameters are wanted: false freezes them."""
        for array in self.parameters():
            array.requires_grad_(wanted)
        return self

    def to(self, dtype: Any = None, *, device: Any = None) -> Module:
        """All floats in another element type, in place. Modules live on "cpu": raises NoDeviceError for another device."""
        if isinstance(dtype, str) and dtype.partition(":")[0] in ("cpu", "cuda", "mps", "meta"):
            dtype, device = None, dtype
        if device not in (None, "cpu"):
            what = f"to: there is no device `{device}` for modules"
            raise NoDeviceError(f"{what}; hint: they live on 'cpu', `frame.fit` trains on a GPU where there is one")
        for array in [*self.parameters(), *self.buffers()] if dtype is not None else ():
            if "floating" in array.dtype.kind:
                _set(array, array.detach().astype(dtype))
        return self

    def float(self) -> Module:
        """All floats as float32, in place."""
        return self.to("float32")

    def double(self) -> Module:
        """All floats as float64, in place."""
        return self.to("float64")

    def half(self) -> Module:
        """All floats as float16, in place."""
        return self.to("float16")

    def bfloat16(self) -> Module:
        """All floats as bfloat16, in place."""
        return self.to("bfloat16")

    # Its state.

    def state_dict(self, *, prefix: str = "") -> OrderedDict[str, Array]:
        """All parameters and buffers, without history, under each of their names, after the prefix."""
        detached: dict[int, Array] = {}
        return OrderedDict((prefix + name, detached.setdefault(id(array), array.detach())) for name, array in self._named())

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> Unmatched:
        """Takes over parameters and buffers by name: copies of memory of others. Of an array with several names one is enough. Gives the names
        that are missing and those that are not expected: of neither there is one unless without `strict`.

        Raises ShapeError that names everything that is missing, unexpected, no array or of another shape, DTypeError for what has no
        names; then nothing has changed.
        """
        if not isinstance(state, Mapping):
            kind = type(state).__qualname__
            raise DTypeError(f"load_state_dict: expected arrays by name, got {kind}; hint: what state_dict() or load_safetensors gives")
        own = OrderedDict(self._named())
        given, wrong = arrays_of(own, state)
        known = {id(array) for name, array in own.items() if name in state}
        expected = own.keys() | set(self._names_unused())
        missing = [name for name, array in own.items() if id(array) not in known]
        unexpected = [name for name in state if name not in expected]
        if strict:
            wrong += [f"`{name}` is missing" for name in missing] + [f"`{name}` is not expected" for name in unexpected]
        if wrong:
            raise ShapeError(f"load_state_dict: {'; '.join(wrong)}")
        for name, array in own.items():
            if name in given:
                _set(array, given[name].detach().astype(array.dtype))
        return Unmatched(missing, unexpected)

    def _named(self) -> Iterator[tuple[str, Array]]:
        """Parameters and buffers under each of their names."""
        yield from self.named_parameters(remove_duplicate=False)
        yield from self._buffers_called(lambda module: [name for name in module._buffers if name not in module._unsaved])

    def _names_unused(self) -> Iterator[str]:
        for prefix, module in self.named_modules():
            yield from (f"{prefix}.{name}" if prefix else name for name in module._unused_names)

    def __tree_flatten__(self) -> tuple[list[Any], Any]:
        names = (*self._parameters, *self._buffers, *self._modules)
        return [getattr(self, name) for name in names], _Shell(self, names)

    @staticmethod
    def __tree_unflatten__(shell: _Shell, parts: list[Any]) -> Module:
        module = object.__new__(type(shell.of))
        module.__dict__.update(shell.of.__dict__)
        module.__dict__.update(zip(shell.names, parts, strict=True))
        return module

    def extra_repr(self) -> str:
        """What is shown between the brackets."""
        return ""

    def __repr__(self) -> str:
        lines = [f"({name}): {getattr(self, name)!r}".replace("\n", "\n  ") for name in self._modules]
        if not lines:
            return f"{type(self).__name__}({self.extra_repr()})"
        return f"{type(self).__name__}(\n" + "".join(f"  {line}\n" for line in lines) + ")"


class _Shell:
    """A module without its arrays: equal for one of the same kind, in the same mode, with the same attributes beside."""

    __slots__ = ("of", "names", "form", "key")

    def __init__(self, of: Module, names: tuple[str, ...]) -> None:
        self.of = of
        self.names = names
        # What trees that are mapped together have in common.
        self.form = (type(of), names)
        beside = of.__dict__.keys() - {"_parameters", "_buffers", "_modules", *names}
        self.key = (*self.form, tuple((name, frozen(of.__dict__[name])) for name in sorted(beside)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Shell) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


def _set(array: Array, values: Array) -> None:
    """New values for an array that others hold: a parameter stays one."""
    wanted = array.requires_grad
    array._array = values._array
    if wanted:
        array.requires_grad_()
