"""SQL over frames: those that a call names, and those of the caller's variables."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from gradframe import _gradframe
from gradframe._run import around
from gradframe.errors import PlanError


def run(session: Any, query: str, frames: Mapping[str, Any], caller: Any, params: Any = None) -> Any:
    """The private lazy frame of a query. `caller` is the Python frame whose variables may stand for tables, or None; `params` are the values of
    placeholders."""
    named = dict(frames)
    if caller is not None and isinstance(query, str):
        named = {**_variables(_gradframe.unknown_tables(session, query), caller, named), **named}
    inside = around(session)
    within = None if inside is None else inside.id
    if not named:
        return session.sql(query, within, params)
    tables = [(name, _lazy(session, name, frame)) for name, frame in named.items()]
    return _gradframe.sql_with(session, query, tables, within, params)


def _variables(names: Iterable[str], caller: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """Local and then global variables that hold a frame and have a name that the query does not know otherwise.

    SQL reads a name without quotes in lower case: `Trips` in the query is the variable `trips`, or else `Trips` if it is
    the only one of that spelling.
    """
    found = {}
    known = {name.lower() for name in given} | set(given)
    for name in names:
        if name in known:
            continue
        for variables in (caller.f_locals, caller.f_globals):
            value = variables.get(name)
            if value is None:
                alike = [other for other in variables if isinstance(other, str) and other.lower() == name]
                value = variables[alike[0]] if len(alike) == 1 else None
            if value is not None and is_frame(value):
                found[name] = value
                break
    return found


def is_frame(value: Any) -> bool:
    """Whether a value is a table of some library: gradframe, Polars, pandas, pyarrow, or one that speaks Arrow's C stream."""
    if isinstance(value, type):
        return False
    return hasattr(value, "__arrow_c_stream__") or _is_polars_lazy(value) or _is_pandas(value)


def _is_polars_lazy(value: Any) -> bool:
    polars = sys.modules.get("polars")
    return polars is not None and isinstance(value, polars.LazyFrame)


def _is_pandas(value: Any) -> bool:
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.DataFrame)


def _lazy(session: Any, name: str, value: Any) -> Any:
    """The private lazy frame of a value. Errors: TypeError for what is no table."""
    own = getattr(value, "lazy", None)
    if hasattr(value, "_frame") and own is not None:
        return own()._frame
    if _is_polars_lazy(value):
        value = value.collect()
    if _is_pandas(value):
        from gradframe._copies import from_pandas

        return from_pandas(session, value).lazy()
    if not hasattr(value, "__arrow_c_stream__") and not hasattr(value, "__arrow_c_array__"):
        raise TypeError(f"sql: `{name}` is {type(value).__name__}, expected a frame or a table of another library")
    try:
        from gradframe._frame.polars_columns import is_polars, prepared

        return session.from_arrow(prepared(value) if is_polars(value) else value).lazy()
    except (TypeError, ValueError) as error:
        raise PlanError(f"sql: `{name}` cannot be read as a table: {error}") from error
