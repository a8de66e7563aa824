"""Columns of Polars that Arrow has no type for, as what it has."""

from __future__ import annotations

from typing import Any

from gradframe.errors import DTypeError


def is_polars(data: Any) -> bool:
    """Whether this is a frame of Polars."""
    return type(data).__module__.partition(".")[0] == "polars" and hasattr(data, "columns") and not hasattr(data, "collect")


def prepared(data: Any) -> Any:
    """The same frame with 128-bit integers as decimals of 38 digits. Errors: `DTypeError` for Python objects, and for integers
    of more digits; it names the column."""
    wide = [name for name, dtype in data.schema.items() if repr(dtype) in ("Int128", "UInt128")]
    for name, dtype in data.schema.items():
        if repr(dtype).startswith("Object"):
            raise DTypeError(f"from_polars: column `{name}` holds Python objects, which have no Arrow type; hint: drop it, or cast it first")
    if wide:
        data = data.with_columns([_as_decimal(data.get_column(name)) for name in wide])
    # Polars's own stream gives columns of nothing but nulls a buffer, which Arrow forbids.
    return data.to_arrow() if "Null" in repr(data.schema) else data


def _as_decimal(series: Any) -> Any:
    import polars

    try:
        return series.cast(polars.Decimal(38, 0))
    except polars.exceptions.PolarsError as error:
        what = f"from_polars: column `{series.name}` is {series.dtype} with integers of more than 38 digits"
        raise DTypeError(f"{what}; hint: cast it to text or floats first") from error
