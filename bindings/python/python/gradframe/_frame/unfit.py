"""What is wrong with values that no column can be made of, in words: which column, which row, which types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gradframe.errors import DTypeError, PlanError

_HINT = "give values of one type"
_LARGEST = 2**64 - 1
_LEAST = -(2**63)


def told_apart(op: str, names: Iterable[Any]) -> None:
    """Raises PlanError for a name that two columns have."""
    seen: set[str] = set()
    for name in map(str, names):
        if name in seen:
            raise PlanError(f"{op}: two columns have the name `{name}`; hint: rename one of them")
        seen.add(name)


def unfit(op: str, name: str, values: Any, dtype: Any = None) -> DTypeError:
    """Why `values` are no column (of `dtype`)."""
    what = _complex(values) or _huge(values) or (_not_of(values, dtype) if dtype is not None else _mixed(values))
    return DTypeError(f"{op}: column `{name}` {what}")


def _complex(values: Any) -> str | None:
    is_complex = getattr(getattr(values, "dtype", None), "kind", "") == "c" or any(isinstance(value, complex) for value in _each(values))
    return "has complex numbers, which no column holds; hint: give the real and the imaginary parts as two columns" if is_complex else None


def _huge(values: Any) -> str | None:
    for row, value in enumerate(_each(values)):
        if isinstance(value, int) and not isinstance(value, bool) and not _LEAST <= value <= _LARGEST:
            return f"has {value} (row {row}), which does not fit in 64 bits; hint: give floats, or decimals of up to 38 digits"
    return _both_ends(values)


def _both_ends(values: Any) -> str | None:
    """Integers of which no type of 64 bits holds the least and the greatest."""
    whole = [(value, row) for row, value in enumerate(_each(values)) if type(value) is int]
    if not whole:
        return None
    (least, first), (greatest, last) = min(whole), max(whole)
    if least >= 0 or greatest < 2**63:
        return None
    return f"has {least} (row {first}) and {greatest} (row {last}), which no integer of 64 bits can both be; hint: give floats, or decimals of up to 38 digits"


def _not_of(values: Any, dtype: Any) -> str:
    import pyarrow as pa

    from gradframe._frame.types import own_type

    wanted = own_type(dtype)
    for row, value in enumerate(_each(values)):
        try:
            if isinstance(value, float) and pa.types.is_integer(dtype) and not value.is_integer():
                raise ValueError("pyarrow would cut off what is behind the point")
            pa.array([value], type=dtype)
        except (pa.ArrowException, TypeError, OverflowError, ValueError):
            return f"has {_short(value)} (row {row}), which is no {wanted}; hint: {_HINT}, or strict=False makes it null"
    return f"cannot be {wanted}; hint: {_HINT}"


def _mixed(values: Any) -> str:
    """Names the first two rows of different types."""
    first: tuple[str, int, Any] | None = None
    for row, value in enumerate(_each(values)):
        kind = _kind(value)
        if kind is None:
            continue
        if first is None:
            first = (kind, row, value)
        elif not _go_together(first[0], kind):
            return f"mixes {first[0]} (row {first[1]}: {_short(first[2])}) and {kind} (row {row}: {_short(value)}); hint: {_HINT}, or name it in `schema_overrides`"
    if first is None:
        return f"has values that no column holds; hint: {_HINT}"
    for row, value in enumerate(_each(values)):
        inside = _mixed_list(value)
        if inside is not None:
            return f"has a list of {inside[0]} in row {row}: {_short(inside[1])}; hint: {_HINT} in a list"
    return f"has values of type {first[0]} (row {first[1]}: {_short(first[2])}), which no column holds; hint: give numbers, texts, dates, lists or dictionaries"


def _mixed_list(value: Any) -> tuple[str, Any] | None:
    """A list in a value whose items are of types that do not go together: which, and the list."""
    items = list(value.values()) if isinstance(value, Mapping) else value
    if not isinstance(items, (list, tuple)):
        return None
    inside = next((found for found in map(_mixed_list, items) if found is not None), None)
    if inside is not None or isinstance(value, Mapping):
        return inside
    kinds = list(dict.fromkeys(kind for kind in map(_kind, items) if kind is not None))
    other = next((kind for kind in kinds[1:] if not _go_together(kinds[0], kind)), None)
    return None if other is None else (f"{kinds[0]} and {other}", value)


def _go_together(first: str, other: str) -> bool:
    return first == other or {first, other} == {"int", "float"}


def _each(values: Any) -> Iterable[Any]:
    if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Iterable):
        return [values]
    return values.tolist() if hasattr(values, "tolist") else values


def _kind(value: Any) -> str | None:
    """The type of a value, of a list with that of its items; None of what is missing."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, (list, tuple)):
        kinds = list(dict.fromkeys(kind for kind in map(_kind, value) if kind is not None))
        return f"lists of {' and '.join(kinds)}" if kinds else None
    if isinstance(value, Mapping):
        return "dictionaries"
    return type(value).__name__


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
