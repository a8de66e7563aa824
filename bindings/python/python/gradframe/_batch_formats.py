"""What a training loop gets a batch as: a frame, an Arrow batch, or arrays by column."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from gradframe.errors import ExecutionError, PlanError


def converter(batch_format: str, wrap: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """What makes of the engine's batch what a loop asks for. `wrap` makes a DataFrame of it."""
    if batch_format not in FORMATS:
        from gradframe._names import suggested

        raise PlanError(f"iter_batches: unknown batch_format `{batch_format}`{suggested(batch_format, FORMATS)}")
    make = FORMATS[batch_format]
    return (lambda batch: make(wrap(batch))) if batch_format in OF_FRAMES else make


class _Rows:
    """The engine's batch as pyarrow takes it: one array of structs, which is cheaper than a stream of them."""

    __slots__ = ("_batch",)

    def __init__(self, batch: Any) -> None:
        self._batch = batch

    def __arrow_c_array__(self, requested_schema: object | None = None) -> Any:
        return self._batch.array_capsules(requested_schema)


def _arrow(batch: Any) -> Any:
    import pyarrow

    return pyarrow.record_batch(_Rows(batch))


def _columns(batch: Any) -> Iterator[tuple[str, Any]]:
    rows = _arrow(batch)
    return zip(rows.schema.names, rows.columns, strict=True)


def _numpy(batch: Any) -> dict[str, Any]:
    return {name: _as_numpy(column) for name, column in _columns(batch)}


def _torch(batch: Any) -> dict[str, Any]:
    import torch

    return {name: _tensor(name, column, torch.from_dlpack, torch.as_tensor) for name, column in _columns(batch)}


def _jax(batch: Any) -> dict[str, Any]:
    import jax.numpy

    # JAX's arrays do not change, and must not share memory that might.
    return {name: _tensor(name, column, jax.numpy.asarray, jax.numpy.asarray) for name, column in _columns(batch)}


FORMATS: dict[str, Callable[[Any], Any]] = {
    "frame": lambda frame: frame,
    "arrow": _arrow,
    "numpy": _numpy,
    "torch": _torch,
    "jax": _jax,
    "polars": lambda frame: frame.to_polars(),
    "pandas": lambda frame: frame.to_pandas(),
}
# These are made of the public frame, the others of the engine's batch.
OF_FRAMES = ("frame", "polars", "pandas")
# Loops change these in place, since no tensor is read-only: the engine gives memory that is neither the frame's nor the program's own array.
OF_OWN_MEMORY = ("torch",)


def _as_numpy(column: Any) -> Any:
    """A view of numbers without nulls, and of lists of one length of them as a matrix; else a copy."""
    flattened = _of_fixed_lists(column)
    if flattened is None:
        return column.to_numpy(zero_copy_only=False)
    values, shape = flattened
    return values.to_numpy(zero_copy_only=False).reshape(shape)


def _of_fixed_lists(column: Any) -> tuple[Any, tuple[int, ...]] | None:
    """The values below lists of one length, and the shape that they have; None of another type, or with null lists."""
    import pyarrow

    shape: tuple[int, ...] = (len(column),)
    if isinstance(column, pyarrow.ExtensionArray):
        column = column.storage
    if not pyarrow.types.is_fixed_size_list(column.type):
        return None
    while pyarrow.types.is_fixed_size_list(column.type):
        if column.null_count:
            return None
        shape = (*shape, column.type.list_size)
        column = column.flatten()
    return column, shape


def _tensor(name: str, column: Any, take: Callable[[Any], Any], copy: Callable[[Any], Any]) -> Any:
    """A tensor, made by `take` of values in memory, by `copy` of others; texts and the like stay lists.

    A null has no place in a tensor, and is not a NaN: what to put there is the loop's to say.
    """
    import pyarrow

    values, shape = _of_fixed_lists(column) or (column, (len(column),))
    if values.null_count or column.null_count:
        nulls = column.null_count or values.null_count
        raise ExecutionError(f"iter_batches: column `{name}` has {nulls} nulls; hint: fill_null or drop_nulls first")
    if pyarrow.types.is_boolean(values.type):
        return copy(values.to_numpy(zero_copy_only=False)).reshape(shape)
    if not (pyarrow.types.is_integer(values.type) or pyarrow.types.is_floating(values.type)):
        return column.to_pylist()
    return (take(values) if len(values) else copy(values.to_numpy(zero_copy_only=False).copy())).reshape(shape)
