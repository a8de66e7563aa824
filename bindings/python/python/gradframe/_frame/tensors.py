"""Columns as one array."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from gradframe._array.core import Array, call, shared
from gradframe.errors import ExecutionError, PlanError, ShapeError


def to_tensor(frame: Any, columns: str | Sequence[str] | None, nulls: Any, dtype: Any) -> Any:
    """See `Contents.to_tensor`."""
    names = frame.columns if columns is None else [columns] if isinstance(columns, str) else list(columns)
    if not names:
        raise PlanError("to_tensor: there are no columns")
    fill = _fill(nulls)
    parts = [_column(frame[name], name, nulls, fill) for name in names]
    values = _side_by_side([values for values, _ in parts], names, columns, dtype)
    if nulls != "mask":
        return values
    return values, _side_by_side([mask for _, mask in parts], names, columns, None)


def _fill(nulls: Any) -> int | float | None:
    """The number in the place of nulls; None where they are an error."""
    if isinstance(nulls, str) and nulls in ("error", "mask"):
        return 0 if nulls == "mask" else None
    if isinstance(nulls, (bool, np.bool_)) or not isinstance(nulls, (int, float, np.integer, np.floating)):
        raise PlanError(f"to_tensor: nulls is {nulls!r}, expected 'error', 'mask' or a number to put in their place")
    return nulls.item() if isinstance(nulls, np.generic) else nulls


def _column(series: Any, name: str, nulls: Any, fill: int | float | None) -> tuple[Array, Array | None]:
    """A column's values, and with `nulls="mask"` where it has one."""
    arrow, shape = _stored(series.to_arrow())
    count = series.null_count()
    if shape is not None and _within(arrow).null_count:
        count = int((~_held(arrow, shape).all(axis=tuple(range(1, len(shape) + 1)))).sum())
    if count and fill is None:
        raise ExecutionError(
            f"to_tensor: column `{name}` is null in {count} row{'' if count == 1 else 's'}; hint: nulls='mask', or a number for them"
        )
    values = _values(series, arrow, shape, name, fill)
    return values, shared(_held(arrow, shape)) if nulls == "mask" else None


def _stored(arrow: Any) -> tuple[Any, tuple[int, ...] | None]:
    """A column without its extension type, and the shape of the tensors that it holds."""
    shape = getattr(arrow.type, "shape", None)
    arrow = arrow.storage if isinstance(arrow, pa.ExtensionArray) else arrow
    if not pa.types.is_fixed_size_list(arrow.type):
        return arrow, None
    return arrow, tuple(shape) if shape else (arrow.type.list_size,)


def _within(arrow: Any) -> Any:
    """The values of all lists, those of lists that are null too."""
    return arrow.values.slice(arrow.offset * arrow.type.list_size, len(arrow) * arrow.type.list_size)


def _held(arrow: Any, shape: tuple[int, ...] | None) -> np.ndarray:
    """Where there is a value: in each row, or at each place of its tensor."""
    rows = np.asarray(arrow.is_valid())
    if shape is None:
        return rows
    return np.asarray(_within(arrow).is_valid()).reshape(len(arrow), *shape) & rows.reshape(-1, *(1,) * len(shape))


def _values(series: Any, arrow: Any, shape: tuple[int, ...] | None, name: str, fill: int | float | None) -> Array:
    if shape is not None:
        flat, value = _filled(series, name, _within(arrow), fill)
        rows = flat.reshape(len(arrow), *shape)
        if arrow.null_count:
            rows = rows.copy()
            rows[np.asarray(arrow.is_null())] = value
        return shared(rows)
    return shared(_filled(series, name, arrow, fill)[0])


def _filled(series: Any, name: str, arrow: Any, fill: int | float | None) -> tuple[np.ndarray, Any]:
    """Numbers or truth values without nulls, and what stands in their place."""
    if not (pa.types.is_integer(arrow.type) or pa.types.is_floating(arrow.type) or pa.types.is_boolean(arrow.type)):
        raise PlanError(f"to_tensor: column `{name}` is {series.dtype!r}, expected numbers, truth values or tensors; hint: cast it")
    if fill is None:
        return arrow.to_numpy(zero_copy_only=False), None
    if pa.types.is_integer(arrow.type) and not (isinstance(fill, int) or (math.isfinite(fill) and fill == int(fill))):
        arrow = arrow.cast(pa.float64(), safe=False)
    value = _as_value(series, name, arrow.type, fill)
    filled = arrow.fill_null(value) if arrow.null_count else arrow
    return filled.to_numpy(zero_copy_only=False), value.as_py()


def _as_value(series: Any, name: str, kind: pa.DataType, fill: int | float) -> pa.Scalar:
    """The number as one of the column's type. Raises PlanError where that does not hold it."""
    try:
        if pa.types.is_boolean(kind):
            if fill not in (0, 1):
                raise ValueError
            return pa.scalar(bool(fill), kind)
        if pa.types.is_integer(kind):
            return pa.scalar(int(fill), kind)
        with np.errstate(over="ignore"):
            value = np.dtype(kind.to_pandas_dtype()).type(fill)
        if math.isinf(value) and not math.isinf(fill):
            raise OverflowError
        return pa.scalar(value, kind)
    except (pa.ArrowException, OverflowError, ValueError) as error:
        what = f"to_tensor: nulls is {fill}, which column `{name}`, {series.dtype!r}, does not hold"
        raise PlanError(f"{what}; hint: cast the column, or nulls='mask'") from error


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
