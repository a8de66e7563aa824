"""The table of statistics that `describe` gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradframe._frame.eager import DataFrame


def described(frame: Any, percentiles: Sequence[float] | float | None, interpolation: str) -> DataFrame:
    """One pass over the frame: every statistic of every column, then turned into a row a statistic."""
    import pyarrow as pa

    from gradframe._frame.eager import DataFrame
    from gradframe.errors import PlanError

    lazy = frame.lazy()
    schema = list(lazy._frame.collect_schema())
    if not schema:
        raise PlanError("describe: the frame has no columns")
    wanted = [] if percentiles is None else [percentiles] if isinstance(percentiles, float) else list(percentiles)
    statistics = ["count", "null_count", "mean", "std", "min", *[_title(p) for p in wanted], "max"]
    exprs = [
        expr.alias(f"{at}:{statistic}")
        for at, field in enumerate(schema)
        for statistic, expr in _exprs(field, wanted, interpolation).items()
    ]
    row = lazy.select(*exprs).collect().row(0, named=True)
    columns: dict[str, Any] = {"statistic": pa.array(statistics, pa.string())}
    for at, field in enumerate(schema):
        values = [row.get(f"{at}:{statistic}") for statistic in statistics]
        columns[field.name] = pa.array([_shown(v, field) for v in values], pa.string() if _is_text(field) else pa.float64())
    return DataFrame(pa.table(columns))


def _title(percentile: float) -> str:
    return f"{percentile * 100:g}%"


def _exprs(field: Any, percentiles: list[float], interpolation: str) -> dict[str, Any]:
    import pyarrow as pa

    from gradframe import col
    from gradframe._frame.base import of_expression

    column, t = col(field.name), pa.types
    exprs = {"count": column.count(), "null_count": column.null_count()}
    number = t.is_integer(field.type) or t.is_floating(field.type) or t.is_decimal(field.type)
    if number or t.is_boolean(field.type) or t.is_temporal(field.type):
        exprs["mean"] = column.mean()
    if number:
        exprs["std"] = column.std()
    if number or t.is_temporal(field.type):
        quantiles = {_title(p): of_expression(column, "quantile")(p, interpolation) for p in percentiles}
        exprs |= {title: quantile.cast(field.type) for title, quantile in quantiles.items()} if t.is_date(field.type) else quantiles
    if not t.is_nested(field.type):
        exprs |= {"min": column.min(), "max": column.max()}
    return exprs


def _is_text(field: Any) -> bool:
    import pyarrow as pa

    t = pa.types
    return not (
        t.is_integer(field.type) or t.is_floating(field.type) or t.is_decimal(field.type) or t.is_boolean(field.type) or t.is_nested(field.type)
    )


def _shown(value: Any, field: Any) -> Any:
    if value is None:
        return None
    return str(value) if _is_text(field) else float(value)
