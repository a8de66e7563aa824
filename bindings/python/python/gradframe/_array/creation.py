"""New arrays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradframe._array import dtypes
from gradframe._array.core import Array, as_array, call, wrap
from gradframe._array.held import typed
from gradframe._array.memory import foreign, of_bfloat, of_numpy
from gradframe._array.sized import counted as rows_counted
from gradframe._array.sized import is_sized, spread
from gradframe.errors import NoDeviceError, PlanError, ShapeError

__all__ = [
    "arange", "array", "asarray", "empty", "empty_like", "eye", "from_dlpack", "full", "full_like", "linspace", "meshgrid",
    "ones", "ones_like", "tril", "triu", "zeros", "zeros_like",
]

# The most places that an axis can have.
_SIZE_MAX = 2**63 - 1


def array(values: Any, dtype: Any = None, *, requires_grad: bool = False, copy: bool = True) -> Array:
    """An array of these values: numbers, nested lists, or an array of any library, whose memory is copied.

    Python's floats become float32, integers int64, complex numbers complex64, unless a type is given.
    With `requires_grad`, `backward` finds the gradient in it.
    """
    made = asarray(values, dtype=dtype, copy=copy or None)
    return Array(made).requires_grad_() if requires_grad else made


def asarray(obj: Any, /, *, dtype: Any = None, device: Any = None, copy: bool | None = None) -> Array:
    """As `array`, but the memory of NumPy, Arrow, PyTorch or JAX is shared where that can be: do not change it afterwards. Operators,
    functions and modules copy what they are given of it, which takes a pass over its bytes: of large arrays share it here, once.

    `copy=True` copies it, `copy=False` raises where it would have to be.
    """
    _check_device("asarray", device)
    if isinstance(obj, Array) or isinstance(obj, (bool, int, float, complex, list, tuple)):
        if copy is False and not isinstance(obj, Array):
            raise ValueError("asarray: Python values have no memory that could be shared; hint: copy=None")
        made = as_array(obj, dtype)
        # Values never change, but `copied -= 1` gives an object other ones: a copy is an object of its own.
        return wrap(made._array) if copy else made
    found = of_bfloat(obj, bool(copy))
    if found is not None:
        return typed(found, dtype)
    values = foreign(obj)
    if copy:
        values = values.copy()
    shares = values.flags.c_contiguous and (dtype is None or dtypes.dtype(dtype) == values.dtype)
    if copy is False and not shares:
        raise ValueError("asarray: these values cannot be shared without a copy; hint: copy=None")
    return typed(of_numpy(values), dtype)


def from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> Array:
    """The array of another library, over the same memory where that can be: do not change it afterwards."""
    _check_device("from_dlpack", device)
    if isinstance(x, Array):
        return wrap(x._array) if copy else x
    found = of_bfloat(x, bool(copy))
    if found is not None:
        return wrap(found)
    values = np.from_dlpack(x)
    return wrap(of_numpy(values.copy() if copy else values))


def zeros(shape: Any, *, dtype: Any = None, device: Any = None) -> Array:
    """Zeros of this shape; float32 unless a type is given."""
    _check_device("zeros", device)
    return _filled("zeros", 0, _shape(shape), _element(dtype))


def ones(shape: Any, *, dtype: Any = None, device: Any = None) -> Array:
    """Ones of this shape; float32 unless a type is given."""
    _check_device("ones", device)
    return _filled("ones", 1, _shape(shape), _element(dtype))


def empty(shape: Any, *, dtype: Any = None, device: Any = None) -> Array:
    """Zeros: there is no memory that is not initialised."""
    return zeros(shape, dtype=dtype, device=device)


def full(shape: Any, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Array:
    """This number everywhere, in its own type unless one is given."""
    _check_device("full", device)
    value, sizes = as_array(fill_value, dtype), _shape(shape)
    found = spread(value, sizes)
    return call("full", (value,), sizes) if found is None else found  # type: ignore[no-any-return]


def zeros_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> Array:
    """Zeros of the shape and type of x."""
    x = as_array(x)
    return zeros(x.shape, dtype=dtype or x.dtype, device=device)


def ones_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> Array:
    """Ones of the shape and type of x."""
    x = as_array(x)
    return ones(x.shape, dtype=dtype or x.dtype, device=device)


def empty_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> Array:
    """Zeros of the shape and type of x."""
    return zeros_like(x, dtype=dtype, device=device)


def full_like(x: Any, /, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Array:
    """This number everywhere, in the shape and type of x."""
    x = as_array(x)
    return full(x.shape, fill_value, dtype=dtype or x.dtype, device=device)


def arange(start: Any, /, stop: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None) -> Array:
    """Numbers from `start` (0 if there is one argument) up to `stop`, `step` apart."""
    _check_device("arange", device)
    start, stop = (0, start) if stop is None else (start, stop)
    start, stop, step = _number(start), _number(stop), _number(step)
    if step == 0:
        raise PlanError("arange: the step is 0")
    whole = all(isinstance(n, int) for n in (start, stop, step))
    count = max(0, -((start - stop) // step) if whole else math.ceil((stop - start) / step))
    _shape(count)
    wanted = dtypes.dtype(dtype) if dtype is not None else dtypes.int64 if whole else dtypes.float32
    counted = "int64" if whole and wanted.kind != "unsigned integer" else "uint64" if whole and start >= 0 and step > 0 else None
    counted = counted or ("int64" if whole else "float64")
    places = rows_counted(count)
    if places is not None:
        return (as_array(start, counted) + as_array(step, counted) * places.astype(counted)).astype(wanted)
    return call("arange", (as_array(start, counted), as_array(step, counted)), count, wanted.name)


def linspace(
    start: Any, stop: Any, /, num: int, *, dtype: Any = None, device: Any = None, endpoint: bool = True
) -> Array:
    """`num` numbers at equal distances from `start` to `stop`, which is the last one unless `endpoint` is false."""
    _check_device("linspace", device)
    start, stop = _number(start), _number(stop)
    is_complex = isinstance(start, complex) or isinstance(stop, complex)
    wide = "complex128" if is_complex else "float64"
    wanted = dtypes.dtype(dtype) if dtype is not None else dtypes.complex64 if is_complex else dtypes.float32
    parts = max(1, num - 1 if endpoint else num)
    return call("linspace", (as_array(start, wide), as_array(stop, wide)), _shape(num), wanted.name, parts)


def eye(n_rows: int, n_cols: int | None = None, /, *, k: int = 0, dtype: Any = None, device: Any = None) -> Array:
    """Ones on the k-th diagonal, zeros elsewhere."""
    _check_device("eye", device)
    return call("eye", (), _shape((n_rows, n_rows if n_cols is None else n_cols)), k, _element(dtype))


def tril(x: Any, /, *, k: int = 0) -> Array:
    """The elements on and below the k-th diagonal, zeros elsewhere."""
    return call("tril", (x,), k)


def triu(x: Any, /, *, k: int = 0) -> Array:
    """The elements on and above the k-th diagonal, zeros elsewhere."""
    return call("triu", (x,), k)


def meshgrid(*arrays: Any, indexing: str = "xy") -> list[Array]:
    """For each line an array over the grid of all of them."""
    if indexing not in ("xy", "ij"):
        raise PlanError(f"meshgrid: expected indexing 'xy' or 'ij', got {indexing!r}")
    lines = [as_array(a).reshape(-1) for a in arrays]
    order = list(range(len(lines)))
    if indexing == "xy" and len(lines) > 1:
        order[:2] = [1, 0]
    sizes = [lines[i].size for i in order]
    grids = []
    for number, line in enumerate(lines):
        place = order.index(number)
        grids.append(call("broadcast_to", (line.reshape([-1 if i == place else 1 for i in range(len(lines))]),), tuple(sizes)))
    return grids


def _filled(name: str, value: int, shape: tuple[int, ...], dtype: str) -> Array:
    found = spread(as_array(bool(value) if dtype == "bool" else value, dtype), shape) if is_sized() else None
    return call(name, (), shape, dtype) if found is None else found  # type: ignore[no-any-return]


def _element(dtype: Any) -> str:
    return "float32" if dtype is None else dtypes.dtype(dtype).name


def _shape(shape: Any) -> tuple[int, ...]:
    sizes = (shape,) if hasattr(shape, "__index__") else tuple(shape)
    if any(size < 0 for size in sizes):
        raise ShapeError(f"shape: {sizes} has a negative size")
    if any(size > _SIZE_MAX for size in sizes):
        raise ShapeError(f"shape: {sizes} has more elements than memory has addresses")
    return sizes


def _number(value: Any) -> Any:
    return value.item() if isinstance(value, (Array, np.generic, np.ndarray)) else value


def _check_device(op: str, device: Any) -> None:
    if device not in (None, "cpu"):
        raise NoDeviceError(f"{op}: there is no device `{device}` for arrays; hint: they live on 'cpu'")
