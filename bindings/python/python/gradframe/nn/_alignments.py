"""The loss of sequences whose labels are somewhere in them."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradframe._array.arranging import take_along_axis
from gradframe._array.core import Array, as_array, call
from gradframe._array.creation import arange, full
from gradframe._array.pairs import maximum, minimum, where
from gradframe.errors import DTypeError, PlanError, ShapeError
from gradframe.nn._arguments import count
from gradframe.nn._losses import known

# The logarithm of what is no path, and one below which there is none: as in `ml/array`'s `ctc_paths`.
_NEVER, _NONE = -1e30, -1e29


def ctc_loss(
    log_probs: Any,
    targets: Any,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Array:
    """`-log` of how probable the labels of each target are in this order, wherever in the sequence, each as long as it likes, with blanks
    between: logarithms of probabilities (time, batch, classes), or without the batch, targets (batch, longest) or one after the other (all,),
    lengths (batch,) of both. "mean" is that of the losses over the lengths of their targets. Where no alignment is long enough the loss is
    infinite, with `zero_infinity` 0, and its gradient 0. Source: Graves et al. 2006.

    Raises ShapeError for shapes that do not go together, PlanError for lengths beyond them and for labels outside of the classes or of the
    blank.
    """
    reduction, log_probs = known(reduction), as_array(log_probs)
    if log_probs.ndim not in (2, 3) or "floating" not in log_probs.dtype.kind:
        what = f"got {log_probs.dtype} of shape {log_probs.shape}"
        raise ShapeError(f"ctc_loss: expected logarithms of probabilities (time, batch, classes), or without the batch, {what}")
    single = log_probs.ndim == 2
    scores = log_probs[:, None] if single else log_probs
    scores = scores.astype("float32") if scores.dtype.itemsize < 4 else scores
    time, batch, classes = scores.shape
    lengths = [_lengths(name, one, batch) for name, one in (("input_lengths", input_lengths), ("target_lengths", target_lengths))]
    labels = _labels(as_array(targets), lengths[1], batch)
    _check(labels, lengths, time, classes, count("ctc_loss", "blank", blank))
    losses = -_likelihood(scores, labels, lengths[0], lengths[1], blank)
    losses = where(losses > -_NONE, 0.0 if zero_infinity else np.inf, losses).astype(log_probs.dtype)
    if reduction == "mean":
        return (losses / maximum(lengths[1], 1).astype(losses.dtype)).mean()
    if reduction == "sum":
        return losses.sum()
    return losses[0] if single else losses


def _lengths(name: str, value: Any, batch: int) -> Array:
    lengths = as_array(value)
    lengths = lengths[None] if lengths.ndim == 0 else lengths
    if "integer" not in lengths.dtype.kind:
        raise DTypeError(f"ctc_loss: expected `{name}` of an integer type, got {lengths.dtype}")
    if lengths.shape != (batch,):
        raise ShapeError(f"ctc_loss: expected `{name}` of shape ({batch},), got {lengths.shape}")
    return lengths.astype("int64")


def _labels(targets: Array, lengths: Array, batch: int) -> Array:
    """The labels (batch, longest)."""
    if "integer" not in targets.dtype.kind:
        raise DTypeError(f"ctc_loss: expected targets of an integer type, got {targets.dtype}")
    targets = targets.astype("int64")
    if targets.ndim == 2 and targets.shape[0] == batch:
        return targets
    if targets.ndim != 1:
        raise ShapeError(f"ctc_loss: expected targets ({batch}, longest) or one after the other, got shape {targets.shape}")
    if lengths._array.is_traced:
        raise PlanError("ctc_loss: targets one after the other take lengths that are known; hint: targets (batch, longest)")
    known_lengths = np.asarray(lengths)
    if (known_lengths < 0).any() or known_lengths.sum() != targets.shape[0]:
        raise ShapeError(f"ctc_loss: `target_lengths` add up to {known_lengths.sum()}, the targets are {targets.shape[0]}")
    longest = int(known_lengths.max(initial=0))
    starts = np.cumsum(known_lengths) - known_lengths
    places = np.minimum(starts[:, None] + np.arange(longest), max(targets.shape[0] - 1, 0))
    return targets[as_array(places)] if targets.size else targets.reshape(batch, 0)


def _check(labels: Array, lengths: list[Array], time: int, classes: int, blank: int) -> None:
    """What is known of lengths and labels."""
    if blank >= classes:
        raise PlanError(f"ctc_loss: `blank` is {blank}, there are {classes} classes")
    for name, one, most in (("input_lengths", lengths[0], time), ("target_lengths", lengths[1], labels.shape[1])):
        if not one._array.is_traced and one.size and not (0 <= int(one.min()) and int(one.max()) <= most):
            raise PlanError(f"ctc_loss: `{name}` are from {int(one.min())} to {int(one.max())}, expected from 0 to {most}")
    if labels._array.is_traced or lengths[1]._array.is_traced or not labels.size:
        return
    counted = np.arange(labels.shape[1]) < np.asarray(lengths[1])[:, None]
    found = np.asarray(labels)[counted]
    wrong = found[(found < 0) | (found >= classes) | (found == blank)]
    if wrong.size:
        raise PlanError(f"ctc_loss: {int(wrong[0])} is no label, expected from 0 to {classes - 1} and not the blank, {blank}")


def _likelihood(scores: Array, labels: Array, input_lengths: Array, target_lengths: Array, blank: int) -> Array:
    """The logarithm of the sum over all alignments (batch,): places are labels with blanks around each."""
    (time, batch, _), longest = scores.shape, labels.shape[1]
    places = 2 * longest + 1
    blanks = full((batch, longest, 1), blank, dtype="int64")
    around = call("concat", (blanks, labels[:, :, None]), 2).reshape(batch, 2 * longest)
    around = call("concat", (around, full((batch, 1), blank, dtype="int64")), 1)
    seen = take_along_axis(scores, call("broadcast_to", (around[None],), (time, batch, places)), axis=2)
    before = call("concat", (full((batch, min(2, places)), blank, dtype="int64"), around[:, : max(places - 2, 0)]), 1)
    skips = where((around != blank) & (around != before), 0.0, _NEVER).astype(scores.dtype)
    first = as_array(np.where(np.arange(places) == 0, 0.0, _NEVER)[None].repeat(batch, 0), scores.dtype)
    counted = arange(time)[:, None, None] < input_lengths[None, :, None]
    paths = call("ctc_paths", (seen, first, skips, counted))
    ends = call("stack", (2 * target_lengths, maximum(2 * target_lengths - 1, 0)), 1)
    found = take_along_axis(paths, minimum(ends, places - 1), axis=1)
    # Of an empty target there is one end, the blanks.
    found = where(as_array([[True, False]]) | (target_lengths > 0)[:, None], found, _NEVER)
    largest = call("stop_gradient", (found.max(1, keepdims=True),))
    return largest[:, 0] + call("log", (call("exp", (found - largest,)).sum(1),))
