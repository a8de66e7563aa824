"""Masks of attention: truth values, or floats that are added to what a softmax is taken of."""

from __future__ import annotations

import math
from typing import Any

from gradframe._array.core import Array, as_array, call
from gradframe._array.creation import ones, tril
from gradframe._array.pairs import where
from gradframe._array.sized import is_of_any_size
from gradframe.errors import DTypeError, ShapeError


def attended(query: Any, key: Any, value: Any, mask: Any, is_causal: bool, scale: float | None) -> Array:
    """See `functional.scaled_dot_product_attention`."""
    if is_of_any_size():  # the fused form is of so many rows as it is traced at
        weights = weights_of(as_array(query), as_array(key), None if mask is None else as_array(mask), is_causal, scale)
        return weights @ as_array(value)
    if mask is None:
        return call("attention", (query, key, value), is_causal, scale)
    mask = as_array(mask)
    if "floating" in mask.dtype.kind:
        allowed = _truth_of(mask)
        if allowed is None:
            return _added(as_array(query), as_array(key), as_array(value), mask, is_causal, scale)
        mask = allowed
    return call("attention", (query, key, value, mask), is_causal, scale)


def _truth_of(mask: Array) -> Array | None:
    """A mask of 0 and -infinity alone as truth values, true where it is 0; None for another one, and where values are not known or a
    gradient in them may be asked for."""
    if mask._array.is_traced or mask._array.is_tracked or mask.requires_grad:
        return None
    allowed = mask == 0.0
    return allowed if bool((allowed | (mask == -math.inf)).all()) else None


def _added(query: Array, key: Array, value: Array, mask: Array, is_causal: bool, scale: float | None) -> Array:
    """Attention of a mask that is added, as PyTorch writes it."""
    return weights_of(query, key, mask, is_causal, scale) @ value


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
        time, source = scores.shape[-2:]
        scores = where(tril(ones((time, source)), k=source - time) > 0, scores, -math.inf)
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
