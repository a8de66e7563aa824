"""Bags of rows of a table: their sum, their mean or the largest of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradframe._array.core import Array, as_array, call
from gradframe._array.creation import arange, full, zeros
from gradframe._array.pairs import where
from gradframe._array.reducing import cumulative_sum
from gradframe.errors import DTypeError, OutOfBoundsError, PlanError, ShapeError

MODES = ("sum", "mean", "max")


def embedding(indices: Any, weight: Any, padding_idx: int | None = None) -> Array:
    """Rows of a table by index; no gradient comes to the row of `padding_idx`. Raises OutOfBoundsError, an IndexError, for an index outside of
    its rows, negative ones too; so do `frame.fit` and `predict` of a module, for indices that are made of a row's columns. In `jit` and
    `apply_array`, of indices that learned weights, random numbers or other rows have a part in or that stand inside loops and choices, and of
    models that an earlier version stored, nobody asks: such an index gives zeros."""
    rows: Array = call("embedding", (weight, indices))
    if padding_idx is None:
        return rows
    table = as_array(weight).shape[0]
    if not -table <= padding_idx < table:
        raise OutOfBoundsError(f"embedding: `padding_idx` is {padding_idx}, the table has {table} rows")
    return where((as_array(indices) == padding_idx % table)[..., None], call("stop_gradient", (rows,)), rows)


def embedding_bag(
    input: Any,
    weight: Any,
    offsets: Any = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Any = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Array:
    """The sum, the mean or the largest of bags of rows of a table (rows, size): input (bags, n), or (n,) with the place where each bag begins,
    `offsets` (bags,), with `include_last_offset` one more, the end of the last. Indices that are `padding_idx` do not count; with mode "sum" each
    row may have a weight, of the input's shape. An empty bag gives zeros. Raises as `embedding`, ShapeError for shapes that do not go together."""
    input, weight = as_array(input), as_array(weight)
    if mode not in MODES:
        raise PlanError(f"embedding_bag: `mode` is {mode!r}, expected 'sum', 'mean' or 'max'")
    if max_norm is not None or scale_grad_by_freq:
        raise PlanError("embedding_bag: there is neither `max_norm` nor `scale_grad_by_freq`")
    bags, count = _bags(input, offsets, include_last_offset)
    rows = embedding(input.reshape(-1), weight, padding_idx)
    counts: Any = None if padding_idx is None else (input.reshape(-1) != padding_idx % weight.shape[0]).astype(rows.dtype)
    if per_sample_weights is not None:
        counts = _weights(input, per_sample_weights, mode, rows) * (1.0 if counts is None else counts)
    return _folded(rows, bags, count, counts, mode)


def _bags(input: Array, offsets: Any, include_last_offset: bool) -> tuple[Array, int]:
    """The bag of each index, and how many there are."""
    if input.ndim == 2:
        if offsets is not None:
            raise PlanError(f"embedding_bag: `offsets` are for an input of one axis, got shape {input.shape}")
        count, size = input.shape
        return arange(count * size) // max(size, 1), count
    if input.ndim != 1 or offsets is None:
        raise ShapeError(f"embedding_bag: expected an input (bags, n), or (n,) with `offsets`, got shape {input.shape}")
    offsets = as_array(offsets)
    if offsets.ndim != 1 or "integer" not in offsets.dtype.kind:
        raise DTypeError(f"embedding_bag: expected `offsets` (bags,) of an integer type, got {offsets.dtype} of shape {offsets.shape}")
    count = offsets.shape[0] - bool(include_last_offset)
    if not offsets._array.is_traced and offsets.size:
        known = np.asarray(offsets)
        if known[0] != 0 or known[-1] > input.shape[0] or (known[1:] < known[:-1]).any():
            what = f"expected places that begin with 0 and rise to at most {input.shape[0]}"
            raise PlanError(f"embedding_bag: `offsets` are {known.tolist()}, {what}")
    begins: Any = zeros((input.shape[0] + 1,), dtype="int64")
    return cumulative_sum(begins.at[offsets[:count]].add(1))[:-1] - 1, count


def _weights(input: Array, weights: Any, mode: str, rows: Array) -> Array:
    weights = as_array(weights)
    if mode != "sum":
        raise PlanError(f"embedding_bag: `per_sample_weights` go with the mode 'sum', got {mode!r}")
    if weights.shape != input.shape:
        raise ShapeError(f"embedding_bag: `per_sample_weights` of shape {weights.shape} for an input of shape {input.shape}")
    return weights.reshape(-1).astype(rows.dtype)


def _folded(rows: Array, bags: Array, count: int, counts: Array | None, mode: str) -> Array:
    size = rows.shape[1]
    if mode == "max":
        empty: Any = full((count, size), -math.inf, dtype=rows.dtype)
        largest = empty.at[bags].max(rows if counts is None else where((counts > 0)[:, None], rows, -math.inf))
        return where(largest == -math.inf, 0.0, largest)
    nothing: Any = zeros((count, size), dtype=rows.dtype)
    sums: Array = nothing.at[bags].add(rows if counts is None else rows * counts[:, None])
    if mode == "sum":
        return sums
    each: Any = zeros((count,), dtype=rows.dtype)
    numbers = each.at[bags].add(1.0 if counts is None else counts)
    return sums / where(numbers > 0, numbers, 1.0)[:, None]
