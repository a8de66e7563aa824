"""Masks of attention: truth values, or floats that are added to what a softmax is taken of."""

from __future__ import annotations

import math
from typing import Any

from gradframe._array.core import Array, as_array, call
from gradframe._array.creation import ones, tril
from gradframe._array.pairs import where
from gradframe._array.sized import is_of_any_size
from gradframe.errors import DTypeError, ShapeError
from gradframe.nn._noise import dropout


def attended(query: Any, key: Any, value: Any, mask: Any, silent: float, is_causal: bool, scale: float | None) -> Array:
    """See `functional.scaled_dot_product_attention`; `silent` is the probability of a weight to be dropped."""
    given, mask = [as_array(x) for x in (query, key, value)], None if mask is None else as_array(mask)
    _check(given)
    if given[0].ndim < 4:
        more = (None,) * (4 - given[0].ndim)
        before = (slice(None),) * (given[0].ndim - 2)
        mask = mask[:, None] if mask is not None and mask.ndim == 3 else mask
        return attended(*(x[before + more] for x in given), mask, silent, is_causal, scale)[before + (0,) * len(more)]
    time, source = given[0].shape[-2], given[1].shape[-2]
    if is_causal and time != source:  # the fused form counts from the last place, as a text that goes on is given
        mask, is_causal = _up_to_itself(mask, time, source), False
    if silent:
        return dropout(weights_of(*given[:2], mask, is_causal, scale), silent) @ given[2]
    if is_of_any_size():  # the fused form is of so many rows as it is traced at
        return weights_of(*given[:2], mask, is_causal, scale) @ given[2]
    if mask is None:
        return call("attention", given, is_causal, scale)
    if "floating" in mask.dtype.kind:
        allowed = _truth_of(mask)
        if allowed is None:
            return weights_of(*given[:2], mask, is_causal, scale) @ given[2]
        mask = allowed
    return call("attention", (*given, mask), is_causal, scale)


def _check(given: list[Array]) -> None:
    query, key, value = (x.shape for x in given)
    same = len(query) == len(key) == len(value) and key[-2:-1] == value[-2:-1] and query[-1:] == key[-1:]
    if not same or not 2 <= len(query) <= 4 or query[:-3] != key[:-3] or key[:-2] != value[:-2]:
        expected = "queries (batch, heads, time, depth), keys (.., source, depth) and values (.., source, size)"
        raise ShapeError(f"scaled_dot_product_attention: expected {expected}, got {query}, {key} and {value}")


def _up_to_itself(mask: Array | None, time: int, source: int) -> Array:
    """A mask with nothing after the place of each query, counted from the first."""
    seen = tril(ones((time, source))) > 0
    if mask is None:
        return seen
    return where(seen, mask, -math.inf) if "floating" in mask.dtype.kind else mask & seen


def _truth_of(mask: Array) -> Array | None:
    """A mask of 0 and -infinity alone as truth values, true where it is 0; None for another one, and where values are not known or a
    gradient in them may be asked for."""
    if mask._array.is_traced or mask._array.is_tracked or mask.requires_grad:
        return None
    allowed = mask == 0.0
    return allowed if bool((allowed | (mask == -math.inf)).all()) else None


def weights_of(query: Array, key: Array, mask: Array | None, is_causal: bool, scale: float | None) -> Array:
    """The weights of attention, whole: (batch, heads, time, source). The mask is true where a query may look, or of floats that are added."""
    bare = query @ key.mT * (scale if scale is not None else 1.0 / math.sqrt(query.shape[-1]))
    scores = bare
    if mask is not None:
        is_added = "floating" in mask.dtype.kind
        scores = bare + mask.astype(query.dtype) if is_added else where(mask, bare, -math.inf)
        if scores.shape != bare.shape:
            raise ShapeError(f"scaled_dot_product_attention: a mask of shape {mask.shape} does not spread over scores of shape {bare.shape}")
    if not scores.shape[-1]:
        return scores  # of no keys
    if is_causal:
        scores = where(tril(ones(scores.shape[-2:])) > 0, scores, -math.inf)
    is_blind = scores.max(-1, keepdims=True) == -math.inf  # a query that may look at nothing gives zeros; NaN stays
    weights = call("softmax", (where(is_blind, 0.0, scores),), -1)
    return where(is_blind, 0.0, weights)


def combined(layer: str, attn_mask: Any, key_padding_mask: Any, scores: tuple[int, int, int, int]) -> Array | None:
    """Both masks as PyTorch has them, true where a query may not look or added, as one for the scores (batch, heads, time, source): truth
    values that are true where it may, or floats; None without a mask."""
    batch, heads, time, source = scores
    parts = []
    if attn_mask is not None:
        mask = _checked(layer, "attn_mask", attn_mask)
        if mask.shape not in ((time, source), (batch * heads, time, source)):
            expected = f"(time, source) or ({batch * heads}, time, source), which is batch * heads"
            told = f"time {time} and source {source}, got {mask.shape}"
            raise ShapeError(f"{layer}: expected `attn_mask` of shape {expected}, with {told}")
        mask = mask.reshape(batch, heads, time, source) if mask.ndim == 3 else mask
        parts.append(mask)
    if key_padding_mask is not None:
        padding = _checked(layer, "key_padding_mask", key_padding_mask)
        if padding.shape != (batch, source):
            told = f"which is ({batch}, {source}), got {padding.shape}"
            raise ShapeError(f"{layer}: expected `key_padding_mask` of shape (batch, source), {told}")
        parts.append(padding.reshape(batch, 1, 1, source))
    if not parts:
        return None
    truths = [_allowed(part) for part in parts]
    if all(truth is not None for truth in truths):
        return truths[0] if len(truths) == 1 else truths[0] & truths[1]  # type: ignore[operator, return-value]
    added = [where(part, -math.inf, 0.0) if part.dtype.name == "bool" else part for part in parts]
    return added[0] if len(added) == 1 else added[0] + added[1]  # type: ignore[no-any-return]


def _allowed(mask: Array) -> Array | None:
    return ~mask if mask.dtype.name == "bool" else _truth_of(mask)


def _checked(layer: str, name: str, given: Any) -> Array:
    mask = as_array(given)
    if mask.dtype.name != "bool" and "floating" not in mask.dtype.kind:
        what = f"{layer}: `{name}` is of {mask.dtype}, expected truth values, true where a query may not look, or floats that are added"
        raise DTypeError(f"{what}; hint: {name} != 0, of a mask that is 1 where it may not")
    return mask
