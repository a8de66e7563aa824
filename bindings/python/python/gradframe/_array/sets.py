"""Distinct values. How many there are depends on the values: these compute."""

from __future__ import annotations

from typing import Any, NamedTuple

from gradframe._array.core import Array, as_array, wrap
from gradframe._gradframe import array_unique

__all__ = ["unique_all", "unique_counts", "unique_inverse", "unique_values"]


class UniqueAllResult(NamedTuple):
    """Distinct values, the first place of each, where each element's value is among them, and how often each is there."""

    values: Array
    indices: Array
    inverse_indices: Array
    counts: Array


class UniqueCountsResult(NamedTuple):
    """Distinct values, and how often each is there."""

    values: Array
    counts: Array


class UniqueInverseResult(NamedTuple):
    """Distinct values, and where each element's value is among them."""

    values: Array
    inverse_indices: Array


def unique_all(x: Any, /) -> UniqueAllResult:
    """The distinct values, ascending, and all that is known of them. NaNs are all distinct."""
    return UniqueAllResult(*map(wrap, array_unique(as_array(x)._array)))


def unique_counts(x: Any, /) -> UniqueCountsResult:
    """The distinct values, ascending, and how often each is there."""
    found = unique_all(x)
    return UniqueCountsResult(found.values, found.counts)


def unique_inverse(x: Any, /) -> UniqueInverseResult:
    """The distinct values, ascending, and where each element's value is among them."""
    found = unique_all(x)
    return UniqueInverseResult(found.values, found.inverse_indices)


def unique_values(x: Any, /) -> Array:
    """The distinct values, ascending."""
    return unique_all(x).values
