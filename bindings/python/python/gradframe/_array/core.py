"""The array class."""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Iterator
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from gradframe._array import dtypes, hooks
from gradframe._array.dtypes import DType
from gradframe._array.held import Held, as_array, call, operand, shared, wrap
from gradframe._array.memory import as_numpy, capsule
from gradframe._array.methods import Methods
from gradframe._array.numpy_methods import NumPyMethods
from gradframe._array.operators import Operators
from gradframe._array.picking import picked
from gradframe._gradframe import array_call, array_keeps_history
from gradframe.errors import PlanError

__all__ = ["Array", "as_array", "call", "operand", "picked", "shared", "watched", "wrap"]

# Arrays whose gradient is wanted, by what tells their values apart.
watched: WeakValueDictionary[int, Array] = WeakValueDictionary()


class Array(Operators, Methods, NumPyMethods):
    """An array of numbers of one type.

    It feels eager: an operation that does not fit is an error on its own line. It is recorded: what it computes is computed
    when it is looked at, together with everything below it, as one program.
    """

    __slots__ = ()
    __array_priority__ = 1000.0  # NumPy's operators leave it to ours; its functions look at the values

    def __init__(self, values: Any = (), dtype: Any = None) -> None:
        self._array = as_array(values, dtype)._array
        self._grad = None

    # What it is.

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes, outermost axis first."""
        return self._array.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._array.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return self._array.size

    @property
    def dtype(self) -> DType:
        """The type of the elements."""
        return dtypes.BY_NAME[self._array.dtype]

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.size * self.dtype.itemsize

    @property
    def device(self) -> str:
        """Where it is: "cpu"."""
        return "cpu"

    def to_device(self, device: str, /, *, stream: Any = None) -> Array:
        """The array on a device; there is "cpu" alone."""
        if device != "cpu":
            from gradframe.errors import NoDeviceError

            raise NoDeviceError(f"to_device: there is no device `{device}` for arrays; hint: they live on 'cpu'")
        return self

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        """The functions of the Array API: `gradframe.numpy`."""
        import gradframe.numpy as namespace

        if api_version not in (None, "2021.12", "2022.12", "2023.12", "2024.12"):
            raise ValueError(f"__array_namespace__: version {api_version} is not known; hint: 2024.12 is")
        return namespace

    # Its values.

    def numpy(self) -> np.ndarray:
        """The values as a NumPy array over the same memory, which cannot be written; bfloat16 as float32."""
        if self._array.dtype == "bfloat16":
            return self.astype(dtypes.float32).numpy()  # NumPy has no such type
        return as_numpy(self._array)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        values = self.numpy()
        if dtype is not None and values.dtype != dtype:
            if copy is False:
                raise ValueError(f"__array__: {self.dtype} does not become {dtype} without a copy")
            return values.astype(dtype)
        return values.copy() if copy else values

    def __dlpack__(
        self,
        *,
        stream: Any = None,
        max_version: tuple[int, int] | None = None,
        dl_device: Any = None,
        copy: bool | None = None,
    ) -> Any:
        """A capsule over the same memory, for who knows of memory that cannot be written (DLPack 1.0); else, and for PyTorch, which looks
        past that, over a copy. Raises BufferError for another device than the CPU, and where a copy that is needed is not wanted."""
        if dl_device is not None and tuple(dl_device) != self.__dlpack_device__():
            raise BufferError(f"__dlpack__: the array is on the CPU, it is not moved to the device {tuple(dl_device)}")
        return capsule(self._array, max_version, copy, sys._getframe(1))

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)

    def item(self, *at: int) -> bool | int | float | complex:
        """The single element, or the one at these places, as a Python number."""
        return (self[at] if at else self)._array.item()

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers."""
        return self.numpy().tolist()

    def __bool__(self) -> bool:
        return bool(self._single("bool"))

    def __int__(self) -> int:
        return int(self._single("int"))  # type: ignore[arg-type]

    def __float__(self) -> float:
        return float(self._single("float"))  # type: ignore[arg-type]

    def __complex__(self) -> complex:
        return complex(self._single("complex"))

    def __index__(self) -> int:
        value = self._single("index")
        if not isinstance(value, int) or isinstance(value, bool):
            raise TypeError(f"index: expected an integer, got an array of {self.dtype}")
        return operator.index(value)

    def _single(self, what: str) -> bool | int | float | complex:
        if self.size != 1:
            hint = "; hint: use any() or all()" if what == "bool" else ""
            raise ValueError(f"{what}: an array of shape {self.shape} is not one number{hint}")
        return self._array.item()

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len: an array of shape () has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator[Array]:
        if not self.ndim:
            raise TypeError("iter: an array of shape () has no rows")
        return (self[i] for i in range(self.shape[0]))

    def __contains__(self, value: Any) -> bool:
        return bool((self == value).any())

    def __repr__(self) -> str:
        from gradframe._array.printing import printed

        return printed(self)

    def __str__(self) -> str:
        from gradframe._array.printing import values

        return values(self)

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec and self.size == 1 else str(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (np.array(self.numpy()), self.dtype.name, self.requires_grad)

    def __copy__(self) -> Array:
        return wrap(self._array)

    def __deepcopy__(self, memo: Any) -> Array:
        copied = wrap(self._array.detached())
        return copied.requires_grad_() if self.requires_grad else copied

    # Parts.

    def __getitem__(self, index: Any) -> Array:
        return wrap(picked(self, index))

    def __setitem__(self, index: Any, value: Any) -> None:
        self._replace(self.at[index].set(value))

    def _replace(self, other: Array) -> None:
        if not self._array.is_watched:
            self._array = other._array
        elif array_keeps_history():
            what = "in place: an array with requires_grad cannot be changed in place"
            raise PlanError(f"{what}; hint: within `with gf.no_grad():`, by an optimiser of gf.optim, or x = x.detach() first")
        else:
            self._array = other._array.watched()
            watched[self._array.identity] = self

    @property
    def at(self) -> Any:
        """New arrays with other values in some places: `x.at[1:3].set(0)`, `.add`, `.multiply`, `.min`, `.max`, `.get`."""
        from gradframe._array.updates import At

        return At(wrap(self._array))

    @property
    def T(self) -> Array:
        """The axes in reverse order."""
        return wrap(array_call("permute_dims", (self._array,), (tuple(range(self.ndim))[::-1],)))

    @property
    def mT(self) -> Array:
        """The last two axes swapped."""
        return wrap(array_call("matrix_transpose", (self._array,), ()))

    @property
    def real(self) -> Array:
        """The real part."""
        return wrap(array_call("real", (self._array,), ()))

    @property
    def imag(self) -> Array:
        """The imaginary part."""
        return wrap(array_call("imag", (self._array,), ()))

    # Derivatives over what was recorded.

    @property
    def requires_grad(self) -> bool:
        """True if `backward` finds the gradient in this array."""
        return self._array.is_watched

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        self.requires_grad_(wanted)

    def requires_grad_(self, wanted: bool = True) -> Array:
        """From now on `backward` finds the gradient in this array, or no more. Gives the array."""
        if wanted != self.requires_grad:
            self._array = self._array.watched() if wanted else self._array.detached()
            if wanted:
                watched[self._array.identity] = self
        return self

    @property
    def grad(self) -> Array | None:
        """The gradient that `backward` found; several add up."""
        return self._grad

    @grad.setter
    def grad(self, gradient: Array | None) -> None:
        self._grad = gradient

    def backward(self, gradient: Any = None, retain_graph: bool | None = None) -> None:
        """Adds to `.grad` of every array with `requires_grad`, that this one is computed from, the gradient in it.

        This must be a single number, or `gradient` is given, of its shape. What was recorded stays: `retain_graph` is PyTorch's.
        """
        cotangent = None if gradient is None else as_array(gradient, self.dtype)._array
        gradients = [(watched.get(of.identity), found) for of, found in hooks.gradients(self._array, cotangent)]
        if self._array.is_traced and any(array is not None and not array._array.is_traced for array, _ in gradients):
            what = "backward: within a function that is traced it reaches an array with requires_grad that is none of the function's own"
            raise PlanError(f"{what}; hint: gf.jit(step, state=(model, optimizer)) with all models, or freeze it, requires_grad_(False)")
        for array, found in gradients:
            if array is not None:
                found = hooks.hooked(getattr(array, "_hooks", ()), found)
                array._grad = wrap(found) if array._grad is None else array._grad + wrap(found)

    def register_hook(self, hook: Callable[[Array], Any]) -> hooks.Handle:
        """Calls `hook(gradient)` when `backward` has the whole gradient in this array: what it gives, unless None, takes its place on the way
        further, or as `.grad`. Gives a handle, whose `remove()` takes it away.

        Gradients of `gf.grad` and other transforms go another way, without hooks. Raises PlanError unless a gradient flows through this array.
        """
        if not self._array.is_tracked:
            raise PlanError("register_hook: no gradient flows through this array; hint: x.requires_grad_(), and no gf.no_grad() around")
        return hooks.register_hook(self, hook)

    def detach(self) -> Array:
        """The same values without their history."""
        return wrap(self._array.detached())


Held.public = Array


def _unpickled(values: np.ndarray, dtype: str, requires_grad: bool) -> Array:
    array = as_array(shared(values), dtype)
    return array.requires_grad_() if requires_grad else array
