"""Moments and times of the day that Python's own classes do not hold. Of time zones that Python does not know pyarrow makes an error, so they are given in UTC, as
they are printed; of nanoseconds it makes objects of pandas, where that is installed, and else an error, so they are given in whole
microseconds, as by Polars."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa


def in_known_zones(values: Any) -> Any:
    """The table or column as Python's own objects have it: moments of unknown zones in UTC, nanoseconds as whole microseconds; the same object
    if there are none of both."""
    import pyarrow as pa

    if isinstance(values, pa.Table):
        known = pa.schema([field.with_type(_known(field.type)) for field in values.schema])
        return values if known.types == values.schema.types else values.cast(known, safe=False)
    known = _known(values.type)
    return values if known == values.type else values.cast(known, safe=False)


def _known(kind: pa.DataType) -> pa.DataType:
    """The type with UTC in the place of zones that Python does not know, and microseconds in that of nanoseconds, within lists, structs, maps and
    dictionaries too; run ends and views of lists are left, as pyarrow casts none."""
    import pyarrow as pa

    t = pa.types
    if t.is_timestamp(kind):
        zone = kind.tz if kind.tz is None or _is_known(kind.tz) else "UTC"
        return kind if (zone, kind.unit) == (kind.tz, _unit(kind)) else pa.timestamp(_unit(kind), tz=zone)
    if t.is_duration(kind):
        return kind if kind.unit == _unit(kind) else pa.duration(_unit(kind))
    if t.is_time64(kind):
        return pa.time64("us")
    if t.is_struct(kind):
        return pa.struct([field.with_type(_known(field.type)) for field in kind])
    if t.is_map(kind):
        return pa.map_(kind.key_field.with_type(_known(kind.key_type)), kind.item_field.with_type(_known(kind.item_type)))
    if t.is_dictionary(kind):  # Python's objects are the same without it
        known = _known(kind.value_type)
        return kind if known == kind.value_type else known
    if t.is_fixed_size_list(kind):
        return pa.list_(kind.value_field.with_type(_known(kind.value_type)), kind.list_size)
    if t.is_large_list(kind):
        return pa.large_list(kind.value_field.with_type(_known(kind.value_type)))
    if t.is_list(kind):
        return pa.list_(kind.value_field.with_type(_known(kind.value_type)))
    return kind


def _unit(kind: pa.DataType) -> str:
    return "us" if kind.unit == "ns" else str(kind.unit)


@lru_cache
def _is_known(zone: str) -> bool:
    import pyarrow as pa

    try:
        pa.scalar(0, pa.timestamp("s", tz=zone)).as_py()
    except (ValueError, KeyError):  # pyarrow's own error is one
        return False
    return True
