"""The array class, and the one call under all of its operations."""

from __future__ import annotations

import operator
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from gradframe._array import dtypes
from gradframe._array.bfloat import as_bfloat, bits_of
from gradframe._array.dtypes import DType
from gradframe._array.short import PRODUCTS, rounded
from gradframe._gradframe import PyArray, array_call, array_from_buffer, array_from_number, array_index
from gradframe.errors import ShapeError

_new = object.__new__
_NUMBERS = (bool, int, float, complex)
# Arrays whose gradient is wanted, by what tells their values apart.
_watched: WeakValueDictionary[int, Array] = WeakValueDictionary()


def wrap(raw: PyArray) -> Array:
    """The public array over a private one."""
    array = _new(Array)
    array._array = raw
    array._grad = None
    return array


def call(name: str, operands: tuple[Any, ...], *args: Any) -> Any:
    """The operation of this name: an array, or a tuple of them if it has several results."""
    given = tuple(map(operand, operands))
    raw = array_call(name, rounded(name, given) if name in PRODUCTS else given, args)
    return wrap(raw) if raw.__class__ is PyArray else tuple(map(wrap, raw))


def operand(value: Any) -> Any:
    """An array, or a Python number, of what an operation is given."""
    if value.__class__ is Array:
        return value._array
    if isinstance(value, _NUMBERS):
        return value
    return as_array(value)._array


def as_array(value: Any, dtype: Any = None) -> Array:
    """The array that is meant by a value. Memory that others can write is copied: what is recorded is read later."""
    if isinstance(value, Array):
        return value if dtype is None or value.dtype is dtypes.dtype(dtype) else value.astype(dtype)
    if isinstance(value, _NUMBERS) and not isinstance(value, np.generic):
        return wrap(array_from_number(value, dtypes.name(dtype)))
    if isinstance(value, (list, tuple)):
        return _of_sequence(value, dtype)
    found = _of_bfloat(value, copy=not _never_changes(value))
    if found is not None:
        return found if dtype is None else found.astype(dtype)
    values = _foreign(value)
    return _of_numpy(values if _never_changes(value) or _never_changes(values) else values.copy(), dtype)


def _never_changes(value: Any) -> bool:
    """Whether nobody writes to this memory: JAX's arrays, and NumPy's views of bytes and of our own arrays. That NumPy calls an array
    read-only does not say so: who holds what it is a view of can write, and arrays that came over DLPack are read-only to NumPy alone."""
    if not isinstance(value, np.ndarray):
        return type(value).__module__.partition(".")[0] in ("jax", "jaxlib")
    while isinstance(value, np.ndarray):
        if value.flags.writeable:
            return False
        value = value.base
    return isinstance(value, (bytes, _own_memory()))


@cache
def _own_memory() -> type:
    """What NumPy's views of our arrays are views of."""
    return type(array_from_number(0, None).buffer())


def shared(values: np.ndarray) -> Array:
    """An array over the memory of NumPy's, which nobody writes to from here on."""
    return _of_numpy(values, None)


def _of_bfloat(value: Any, copy: bool = False) -> Array | None:
    """The array of another library's bfloat16 numbers, over their memory or a copy; None for other arrays."""
    bits = bits_of(value)
    if bits is None:
        return None
    bits = bits.copy() if copy else np.ascontiguousarray(bits)
    return wrap(array_from_buffer(bits.reshape(-1).view(np.uint8), "bfloat16", bits.shape))


def _foreign(value: Any) -> np.ndarray:
    if isinstance(value, (np.ndarray, np.generic)):
        return np.asarray(value)
    if hasattr(value, "__dlpack__"):
        try:
            return np.from_dlpack(value)
        except (BufferError, RuntimeError, TypeError):
            pass  # another device or type: the library's own conversion says what it can do
    found = np.asarray(value)
    if found.dtype.kind not in "biufcV":
        raise TypeError(f"asarray: expected numbers, got {type(value).__qualname__} of {found.dtype}")
    return found


def _of_numpy(values: np.ndarray, dtype: Any) -> Array:
    if values.dtype.kind in "OSUMm":
        raise TypeError(f"asarray: expected numbers, got elements of {values.dtype}")
    if not values.dtype.isnative:
        values = values.astype(values.dtype.newbyteorder("="))
    own = dtypes.dtype(values.dtype)
    flat = np.ascontiguousarray(values).reshape(-1).view(np.uint8)
    array = wrap(array_from_buffer(flat, own.name, values.shape))
    return array if dtype is None else as_array(array, dtype)


def _of_sequence(values: Any, dtype: Any) -> Array:
    kinds = set()
    _kinds(values, kinds)
    if Array in kinds:
        rows = [as_array(v) for v in values]
        stacked = call("stack", tuple(rows), 0)
        return stacked if dtype is None else as_array(stacked, dtype)
    try:
        found = np.asarray(values)
    except ValueError as error:
        raise ShapeError("asarray: the rows of a nested list have not all one length") from error
    if found.dtype.kind == "O" and kinds <= set(_NUMBERS):
        raise OverflowError("asarray: an integer fits no integer type")
    if dtype is None and kinds <= set(_NUMBERS):
        python = max(kinds, key=_NUMBERS.index, default=float)
        dtype = {bool: "bool", int: "int64", float: "float32", complex: "complex64"}[python]
        if python is int and found.dtype == np.uint64:
            dtype = "uint64"
    if dtype is not None:
        wanted = dtypes.dtype(dtype)
        return as_array(_of_numpy(found, None), wanted)
    return _of_numpy(found, None)


def _kinds(values: Any, found: set[type]) -> None:
    for value in values:
        if isinstance(value, (list, tuple)):
            _kinds(value, found)
        else:
            found.add(value.__class__)


def _binary(name: str) -> Any:
    def method(self: Array, other: Any) -> Array:
        if other.__class__ is Array:
            return wrap(array_call(name, (self._array, other._array), ()))
        if not isinstance(other, _NUMBERS):
            if not _is_array_like(other):
                return NotImplemented
            other = as_array(other)._array
        return wrap(array_call(name, (self._array, other), ()))

    return method


def _reflected(name: str) -> Any:
    def method(self: Array, other: Any) -> Array:
        if not isinstance(other, _NUMBERS) and not _is_array_like(other):
            return NotImplemented
        return wrap(array_call(name, (operand(other), self._array), ()))

    return method


def _in_place(method: Any) -> Any:
    def updated(self: Array, other: Any) -> Array:
        result = method(self, other)
        if result is NotImplemented:
            return result
        if result.shape != self.shape:
            raise ShapeError(f"in place: {self.shape} does not hold a result of shape {result.shape}")
        self._replace(result if result.dtype is self.dtype else result.astype(self.dtype))
        return self

    return updated


def _is_array_like(value: Any) -> bool:
    return hasattr(value, "__dlpack__") or hasattr(value, "__array__") or hasattr(value, "__array_interface__")


def _product(is_reflected: bool) -> Any:
    def method(self: Array, other: Any) -> Array:
        if other.__class__ is not Array and not isinstance(other, _NUMBERS) and not _is_array_like(other):
            return NotImplemented
        return call("matmul", (other, self) if is_reflected else (self, other))  # type: ignore[no-any-return]

    return method


def _unary(name: str) -> Any:
    def method(self: Array) -> Array:
        return wrap(array_call(name, (self._array,), ()))

    return method


class Array:
    """An array of numbers of one type.

    It feels eager: an operation that does not fit is an error on its own line. It is recorded: what it computes is computed
    when it is looked at, together with everything below it, as one program.
    """

    __slots__ = ("_array", "_grad", "__weakref__")
    __array_ufunc__ = None  # NumPy's operators leave it to ours
    __hash__ = None  # type: ignore[assignment]

    _array: PyArray
    _grad: Array | None

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
        array = self._array
        dtype = dtypes.BY_NAME[array.dtype]
        if dtype is dtypes.bfloat16:
            return self.astype(dtypes.float32).numpy()  # NumPy has no such type
        if not array.size:
            return np.empty(array.shape, dtype.dtype)
        return np.ndarray(array.shape, dtype.dtype, array.buffer())

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
        writes = max_version is None or max_version < (1, 0) or _is_of_torch(sys._getframe(1))
        bits = self.dtype is dtypes.bfloat16
        values = np.ndarray(self.shape, "uint16", self._array.buffer() if self.size else bytes(2)) if bits else self.numpy()
        if copy or writes:
            if copy is False:
                raise BufferError("__dlpack__: without a copy it takes DLPack 1.0, and a library that heeds it, not to write to the memory")
            capsule = values.copy().__dlpack__()
        else:
            capsule = values.__dlpack__(max_version=max_version)
        return as_bfloat(capsule) if bits else capsule

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
                _watched[self._array.identity] = self
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

        This must be a single number, or `gradient` is given, of its shape. What was recorded stays: `retain_graph` is taken for the sake
        of PyTorch's programs.
        """
        cotangent = None if gradient is None else as_array(gradient, self.dtype)._array
        for of, found in self._array.backward(cotangent):
            array = _watched.get(of.identity)
            if array is not None:
                array._grad = wrap(found) if array._grad is None else array._grad + wrap(found)

    def detach(self) -> Array:
        """The same values without their history."""
        return wrap(self._array.detached())

    def _replace(self, other: Array) -> None:
        """Takes the values of another array."""
        if self.requires_grad:
            from gradframe.errors import PlanError

            raise PlanError(
                "in place: an array with requires_grad cannot be changed in place; hint: update it under gf.optim, or "
                "use x = x.detach() first"
            )
        self._array = other._array

    # Operators.

    __add__, __radd__ = _binary("add"), _reflected("add")
    __sub__, __rsub__ = _binary("subtract"), _reflected("subtract")
    __mul__, __rmul__ = _binary("multiply"), _reflected("multiply")
    __truediv__, __rtruediv__ = _binary("divide"), _reflected("divide")
    __floordiv__, __rfloordiv__ = _binary("floor_divide"), _reflected("floor_divide")
    __mod__, __rmod__ = _binary("remainder"), _reflected("remainder")
    __matmul__, __rmatmul__ = _product(False), _product(True)
    __and__, __rand__ = _binary("bitwise_and"), _reflected("bitwise_and")
    __or__, __ror__ = _binary("bitwise_or"), _reflected("bitwise_or")
    __xor__, __rxor__ = _binary("bitwise_xor"), _reflected("bitwise_xor")
    __lshift__, __rlshift__ = _binary("bitwise_left_shift"), _reflected("bitwise_left_shift")
    __rshift__, __rrshift__ = _binary("bitwise_right_shift"), _reflected("bitwise_right_shift")
    __rpow__ = _reflected("pow")
    __lt__, __le__ = _binary("less"), _binary("less_equal")
    __gt__, __ge__ = _binary("greater"), _binary("greater_equal")
    __eq__, __ne__ = _binary("equal"), _binary("not_equal")  # type: ignore[assignment]
    __neg__, __pos__, __abs__ = _unary("negative"), _unary("positive"), _unary("abs")
    __invert__ = _unary("bitwise_invert")
    _power = _binary("pow")

    def __pow__(self, exponent: Any) -> Array:
        if exponent.__class__ is int:
            return wrap(array_call("integer_power", (self._array,), (exponent,)))
        if exponent.__class__ is float and exponent == 0.5:
            return wrap(array_call("sqrt", (self._array,), ()))
        return self._power(exponent)

    __iadd__, __isub__ = _in_place(__add__), _in_place(__sub__)
    __imul__, __itruediv__ = _in_place(__mul__), _in_place(__truediv__)
    __ifloordiv__, __imod__ = _in_place(__floordiv__), _in_place(__mod__)
    __ipow__, __imatmul__ = _in_place(__pow__), _in_place(__matmul__)
    __iand__, __ior__, __ixor__ = _in_place(__and__), _in_place(__or__), _in_place(__xor__)
    __ilshift__, __irshift__ = _in_place(__lshift__), _in_place(__rshift__)

    # The functions that are most used as methods.

    def astype(self, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Array:
        """The same numbers in another element type."""
        return wrap(array_call("astype", (self._array,), (dtypes.dtype(dtype).name,)))

    def reshape(self, *shape: Any) -> Array:
        """The same elements in another shape; one size may be -1, which is what remains."""
        given = shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape
        return wrap(array_call("reshape", (self._array,), (tuple(given),)))

    def transpose(self, *axes: int) -> Array:
        """The axes in this order, or in reverse."""
        return wrap(array_call("permute_dims", (self._array,), (axes or tuple(range(self.ndim))[::-1],)))

    def flatten(self) -> Array:
        """All elements in one axis."""
        return self.reshape(-1)

    def squeeze(self, axis: Any = None) -> Array:
        """Without axes of size 1: these, or all."""
        return wrap(array_call("squeeze", (self._array,), (axis,)))

    def sum(self, axis: Any = None, *, dtype: Any = None, keepdims: bool = False) -> Array:
        """The sum over axes, or of all elements."""
        return wrap(array_call("sum", (self._array,), (axis, keepdims, dtypes.name(dtype))))

    def prod(self, axis: Any = None, *, dtype: Any = None, keepdims: bool = False) -> Array:
        """The product over axes, or of all elements."""
        return wrap(array_call("prod", (self._array,), (axis, keepdims, dtypes.name(dtype))))

    def mean(self, axis: Any = None, *, keepdims: bool = False) -> Array:
        """The mean over axes, or of all elements."""
        return wrap(array_call("mean", (self._array,), (axis, keepdims)))

    def std(self, axis: Any = None, *, correction: float = 0.0, keepdims: bool = False) -> Array:
        """The standard deviation over axes, or of all elements."""
        return wrap(array_call("std", (self._array,), (axis, keepdims, float(correction))))

    def var(self, axis: Any = None, *, correction: float = 0.0, keepdims: bool = False) -> Array:
        """The variance over axes, or of all elements."""
        return wrap(array_call("var", (self._array,), (axis, keepdims, float(correction))))

    def max(self, axis: Any = None, *, keepdims: bool = False) -> Array:
        """The largest over axes, or of all elements."""
        return wrap(array_call("max", (self._array,), (axis, keepdims)))

    def min(self, axis: Any = None, *, keepdims: bool = False) -> Array:
        """The smallest over axes, or of all elements."""
        return wrap(array_call("min", (self._array,), (axis, keepdims)))

    def any(self, axis: Any = None, *, keepdims: bool = False) -> Array:
        """Whether any is true over axes, or of all elements."""
        return wrap(array_call("any", (self._array,), (axis, keepdims)))

    def all(self, axis: Any = None, *, keepdims: bool = False) -> Array:
        """Whether all are true over axes, or of all elements."""
        return wrap(array_call("all", (self._array,), (axis, keepdims)))

    def argmax(self, axis: int | None = None, *, keepdims: bool = False) -> Array:
        """The place of the first largest along an axis, or among all elements."""
        return wrap(array_call("argmax", (self._array,), (axis, keepdims)))

    def argmin(self, axis: int | None = None, *, keepdims: bool = False) -> Array:
        """The place of the first smallest along an axis, or among all elements."""
        return wrap(array_call("argmin", (self._array,), (axis, keepdims)))


def _is_of_torch(caller: Any) -> bool:
    """Whether a frame is of PyTorch's code, whose tensors over memory that must not be written can be."""
    return caller.f_globals.get("__name__", "").partition(".")[0] == "torch"  # type: ignore[no-any-return]


def picked(array: Array, index: Any) -> Any:
    """What stands at an index, private."""
    truth = index[0] if isinstance(index, tuple) and len(index) == 1 else index
    if isinstance(truth, (bool, np.bool_)) or (isinstance(truth, Array) and not truth.shape and truth.dtype is dtypes.dtype("bool")):
        # One truth value picks all or nothing, along an axis of its own.
        whole = array_index(array._array, (None,))
        return array_index(whole, (as_array([0] if truth else [], "int64")._array,))
    return array_index(array._array, _entries(index))


def _entries(index: Any) -> tuple[Any, ...]:
    """What stands between the brackets, arrays as private ones."""
    entries = index if isinstance(index, tuple) else (index,)
    return tuple(e if e is None or isinstance(e, (int, slice)) or e is Ellipsis else _entry(e) for e in entries)


def _entry(entry: Any) -> Any:
    if isinstance(entry, Array):
        return entry._array
    if isinstance(entry, list):
        return (as_array(entry) if entry else as_array(entry, "int64"))._array
    return as_array(entry)._array if _is_array_like(entry) else entry


def _unpickled(values: np.ndarray, dtype: str, requires_grad: bool) -> Array:
    array = as_array(shared(values), dtype)
    return array.requires_grad_() if requires_grad else array
