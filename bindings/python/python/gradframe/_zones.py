"""Time zones that Python does not know: what pyarrow makes of such moments as Python's objects is an error, so they are given in UTC, as
they are printed."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa


def in_known_zones(values: Any) -> Any:
    """The table or column, its moments of unknown zones as moments in UTC; the same object if there are none."""
    import pyarrow as pa

    if isinstance(values, pa.Table):
        known = pa.schema([field.with_type(_known(field.type)) for field in values.schema])
        return values if known.types == values.schema.types else values.cast(known)
    known = _known(values.type)
    return values if known == values.type else values.cast(known)


def _known(kind: pa.DataType) -> pa.DataType:
    """The type with UTC in the place of zones that Python does not know, within lists, structs, maps and dictionaries too; run ends and views of
    lists are left, as pyarrow casts none."""
    import pyarrow as pa

    t = pa.types
    if t.is_timestamp(kind):
        return kind if kind.tz is None or _is_known(kind.tz) else pa.timestamp(kind.unit, tz="UTC")
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


@lru_cache
def _is_known(zone: str) -> bool:
    import pyarrow as pa

    try:
        pa.scalar(0, pa.timestamp("s", tz=zone)).as_py()
    except (ValueError, KeyError):  # pyarrow's own error is one
        return False
    return True
