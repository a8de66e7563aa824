"""Columns as one array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradframe._array.core import Array, as_array, call
from gradframe.errors import ExecutionError, PlanError, ShapeError


def to_tensor(frame: Any, columns: str | Sequence[str] | None, nulls: Any, dtype: Any) -> Any:
    """See `Contents.to_tensor`."""
    if nulls not in ("error", "mask") and (isinstance(nulls, bool) or not isinstance(nulls, (int, float))):
        raise PlanError(f"to_tensor: nulls is {nulls!r}, expected 'error', 'mask' or a number to put in their place")
    names = frame.columns if columns is None else [columns] if isinstance(columns, str) else list(columns)
    if not names:
        raise PlanError("to_tensor: there are no columns")
    parts = [_column(frame[name], name, nulls) for name in names]
    values = _side_by_side([values for values, _ in parts], names, columns, dtype)
    if nulls != "mask":
        return values
    return values, _side_by_side([mask for _, mask in parts], names, columns, None)


def _column(series: Any, name: str, nulls: Any) -> tuple[Array, Array | None]:
    """A column's values, and with `nulls="mask"` where it has one."""
    count = series.null_count()
    if count and nulls == "error":
        raise ExecutionError(
            f"to_tensor: column `{name}` is null in {count} row{'' if count == 1 else 's'}; hint: nulls='mask', or a number for them"
        )
    values = _values(series, name, 0 if nulls == "mask" else nulls)
    if nulls != "mask":
        return values, None
    mask = as_array(series.is_not_null().to_numpy())
    if values.ndim > 1:
        from gradframe._array.arranging import broadcast_to

        mask = broadcast_to(mask.reshape(-1, *(1,) * (values.ndim - 1)), values.shape)
    return values, mask


def _values(series: Any, name: str, fill: Any) -> Array:
    import pyarrow as pa

    arrow = series.to_arrow()
    shape = getattr(arrow.type, "shape", None)
    arrow = arrow.storage if isinstance(arrow, pa.ExtensionArray) else arrow
    if pa.types.is_fixed_size_list(arrow.type):
        shape = tuple(shape) if shape else (arrow.type.list_size,)
        inner = arrow.values.slice(arrow.offset * arrow.type.list_size, len(arrow) * arrow.type.list_size)
        if arrow.null_count:
            import numpy as np

            flat = inner.fill_null(fill).to_numpy(zero_copy_only=False).reshape(len(arrow), *shape).copy()
            flat[np.asarray(arrow.is_null())] = fill
            return as_array(flat)
        return as_array(inner.to_numpy(zero_copy_only=False).reshape(len(arrow), *shape))
    if not (pa.types.is_integer(arrow.type) or pa.types.is_floating(arrow.type) or pa.types.is_boolean(arrow.type)):
        raise PlanError(f"to_tensor: column `{name}` is {series.dtype!r}, expected numbers, truth values or tensors; hint: cast it")
    filled = arrow.fill_null(pa.scalar(fill, arrow.type)) if arrow.null_count else arrow
    return as_array(filled.to_numpy(zero_copy_only=False))


def _side_by_side(parts: list[Any], names: list[str], columns: Any, dtype: Any) -> Array:
    if isinstance(columns, str) or (len(parts) == 1 and parts[0].ndim > 1):
        return parts[0] if dtype is None else parts[0].astype(dtype)
    for name, part in zip(names, parts, strict=True):
        if part.ndim != 1:
            raise ShapeError(f"to_tensor: column `{name}` holds tensors of shape {part.shape[1:]}; hint: take it by itself")
    if dtype is None:
        from gradframe._array.info import result_type

        dtype = result_type(*parts)
    return call("stack", tuple(part.astype(dtype) for part in parts), 1)
