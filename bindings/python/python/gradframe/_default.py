"""The default session and the functions that use it."""

from __future__ import annotations

import functools
import inspect
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from gradframe._frame import DataFrame, LazyFrame
from gradframe._frame.running import sql as _sql
from gradframe._model import Model
from gradframe._reading import collected, with_columns
from gradframe._run import Run
from gradframe._session import Session

if TYPE_CHECKING:
    import numpy as np

_lock = threading.Lock()
_session: Session | None = None

Path = str | os.PathLike[str]
Frame = TypeVar("Frame", DataFrame, LazyFrame)
P = ParamSpec("P")
Result = TypeVar("Result")


def session() -> Session:
    """The default session, made at first use with `.gradframe` as `GRADFRAME_HOME` or the working directory say, and with runs
    and models in `GRADFRAME_STORE`, if that is set."""
    global _session
    with _lock:
        if _session is None:
            _session = Session()
        return _session


def configure(
    *,
    home: Path | None = None,
    store: str | None = None,
    in_memory: bool = False,
    memory_limit_bytes: int | None = None,
    disk_limit_bytes: int | None = None,
    temp_directory: Path | None = None,
    threads: int | None = None,
    seed: int | None = None,
    batch_size_rows: int | None = None,
    progress: bool | None = None,
    code: Path | bool = True,
) -> Session:
    """Makes a new default session with these settings. Frames made before keep the session they came from.

    `store` is the address of a database that keeps runs and models for many machines (`postgresql://user:password@host/name`).
    `progress` draws how far long work is; if it is not given, on a terminal and in notebooks. `code` is a directory of the code whose
    state trainings keep, the main program's if it is not given; False leaves it out.
    """
    global _session
    made = Session(
        home=home,
        store=store,
        in_memory=in_memory,
        memory_limit_bytes=memory_limit_bytes,
        disk_limit_bytes=disk_limit_bytes,
        temp_directory=temp_directory,
        threads=threads,
        seed=seed,
        batch_size_rows=batch_size_rows,
        progress=progress,
        code=code,
    )
    with _lock:
        _session = made
    return made


def sql(query: str, *, params: Any = None, frames_from_variables: bool = True, **frames: Any) -> LazyFrame:
    """Runs SQL: a query gives a lazy frame; a statement with an effect (CREATE MODEL, CREATE TABLE ...) is done at once.

        gf.sql("SELECT * FROM trips WHERE fare > 20", trips=trips)

    A name in FROM is a frame given by keyword (of gradframe, Polars, pandas, pyarrow, or anything with
    `__arrow_c_stream__`); else a table, view or model of the session; else a variable of the calling function or module that
    holds a frame. With `frames_from_variables=False` variables are not looked at.

    `params` gives values to placeholders: a list to `?`, or to `$1`, `$2` and so on; a dict to `$name`.

        gf.sql("SELECT * FROM trips WHERE fare > $least AND city = $city", params={"least": 20, "city": "Paris"})

    A value is a literal of its own type, whatever a text holds: None, bool, int, float, str, bytes, a date, time, datetime, timedelta or
    Decimal, one of NumPy's scalars, or a list of these (`city = ANY ($cities)`). Errors: `PlanError` for a placeholder without a value and a
    value without a placeholder, TypeError for a value of another type.
    """
    return _sql(session()._session, query, frames, params=params, from_variables=frames_from_variables, depth=1)


def _of_default(method: Callable[Concatenate[Session, P], Result]) -> Callable[P, Result]:
    """A method of a session, as a function of the default session: the same arguments, types and documentation."""

    @functools.wraps(method)
    def call(*args: P.args, **options: P.kwargs) -> Result:
        return method(session(), *args, **options)

    return _as_function(call, method, [parameter for parameter in _parameters(method) if parameter.name != "self"])


def _collected(method: Callable[Concatenate[Session, P], LazyFrame], name: str) -> Callable[P, DataFrame]:
    """The same, whose frame is collected at once."""

    @functools.wraps(method)
    def call(source: Any, *, columns: Any = None, **options: Any) -> DataFrame:
        return collected(method, session(), name, source, columns, options)

    made = _as_function(call, method, with_columns([parameter for parameter in _parameters(method) if parameter.name != "self"]))
    made.__name__ = made.__qualname__ = name
    made.__annotations__ = {**made.__annotations__, "return": "DataFrame"}
    made.__signature__ = made.__signature__.replace(return_annotation="DataFrame")  # type: ignore[attr-defined]
    return made


def _parameters(method: Callable[..., Any]) -> list[inspect.Parameter]:
    return list(inspect.signature(method).parameters.values())


def _as_function(call: Any, method: Callable[..., Any], parameters: list[inspect.Parameter]) -> Any:
    call.__module__, call.__qualname__ = __name__, call.__name__
    call.__signature__ = inspect.signature(method).replace(parameters=parameters)
    del call.__wrapped__
    return call


scan_parquet = _of_default(Session.scan_parquet)
scan_ndjson = _of_default(Session.scan_ndjson)
scan_ipc = _of_default(Session.scan_ipc)
scan_csv = _of_default(Session.scan_csv)
read_parquet = _collected(Session.scan_parquet, "read_parquet")
read_ndjson = _collected(Session.scan_ndjson, "read_ndjson")
read_ipc = _collected(Session.scan_ipc, "read_ipc")
read_csv = _collected(Session.scan_csv, "read_csv")
describe_files = _collected(Session.describe_files, "describe_files")


def from_arrow(data: Any) -> DataFrame:
    """A frame over anything with `__arrow_c_stream__` or `__arrow_c_array__` (pyarrow, Polars, DuckDB, ...), not copied.

    Decimals of 32 and 64 bits, times of other units than nanoseconds, dates in milliseconds and durations in seconds are brought into the
    types that they have here; `profile()` says what that cost.
    """
    return session().from_arrow(data)


def from_pandas(
    data: Any, *, schema_overrides: Mapping[str, Any] | None = None, nan_to_null: bool = True, include_index: bool = False
) -> Any:
    """A frame over a `pandas.DataFrame`, a Series over one of pandas or over an index. Columns of numbers, and those over Arrow, are
    not copied; `profile()` says of the others what they cost and why.

    With `include_index` the index is a column before the others, unless it only counts the rows. NaN is null unless
    `nan_to_null=False`.
    """
    from gradframe._copies import from_pandas, with_index

    if not hasattr(data, "columns") and hasattr(data, "to_frame"):
        name = data.name
        frame = data.to_frame(name="" if name is None else name).reset_index(drop=True)
        return DataFrame._of(from_pandas(session()._session, frame, nan_to_null)).to_series()
    made = DataFrame._of(from_pandas(session()._session, with_index(data) if include_index else data, nan_to_null))
    return made.cast(dict(schema_overrides)) if schema_overrides else made


def from_polars(data: Any) -> DataFrame:
    """A frame over a `polars.DataFrame`."""
    return from_arrow(data)


def from_dict(
    data: Mapping[str, Any],
    schema: Any = None,
    *,
    schema_overrides: Mapping[str, Any] | None = None,
    strict: bool = True,
) -> DataFrame:
    """A frame from `{column: values}`; values are lists, NumPy arrays, Series, or one value for all rows."""
    return DataFrame(data, schema, schema_overrides=schema_overrides, strict=strict)


def from_dicts(
    data: Sequence[Mapping[str, Any]],
    schema: Any = None,
    *,
    schema_overrides: Mapping[str, Any] | None = None,
    strict: bool = True,
) -> DataFrame:
    """A frame from one dictionary a row; a key that a row lacks is null there."""
    return DataFrame(data, schema, schema_overrides=schema_overrides, strict=strict)


def from_records(
    data: Sequence[Any],
    schema: Any = None,
    *,
    schema_overrides: Mapping[str, Any] | None = None,
    strict: bool = True,
    orient: str | None = None,
) -> DataFrame:
    """A frame from a list of rows or columns; `orient` says which: "row" or "col"."""
    return DataFrame(data, schema, schema_overrides=schema_overrides, strict=strict, orient=orient)


def from_numpy(
    data: np.ndarray,
    schema: Any = None,
    *,
    schema_overrides: Mapping[str, Any] | None = None,
    orient: str | None = None,
) -> DataFrame:
    """A frame from an array of one or two axes, or of a structured type; columns that lie in one piece are not copied."""
    return DataFrame(data, schema, schema_overrides=schema_overrides, orient=orient)


def run(
    name: str,
    *,
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    experiment: str | None = None,
    seed: int | None = None,
    code: Path | bool = True,
    output: bool = True,
    resources: float | bool = True,
) -> Run:
    """Begins a run, to log a training of one's own:

        with gf.run("first try", params={"lr": 0.1}, experiment="taxi") as r:
            for step in range(100):
                r.log({"loss": loss, "accuracy": accuracy}, step=step)

    `params` never change, `tags` may. With it are kept the installed packages, the machine, and of the code, found from the
    main program's directory (or the one given as `code`; False leaves it out), git's commit and what was changed since. What
    Python prints in the `with` block is kept as the artifact `system/output.txt`, unless `output` is False. Every ten seconds, or as many
    as `resources` says, what the process uses is logged as `system/cpu_percent`, `system/memory_bytes` and others (on Linux;
    False does without).
    """
    return session().run(
        name, params=params, tags=tags, experiment=experiment, seed=seed, code=code, output=output, resources=resources
    )


def register(name: str, frame: LazyFrame | DataFrame) -> None:
    """Gives a frame a name in SQL, until Python ends; a frame of that name gives way: `gf.register("trips", trips)`."""
    session().register(name, frame)


def table(name: str) -> LazyFrame:
    """A stored table, view, or log table such as `gradframe.metrics`."""
    return session().table(name)


def model(name: str) -> Model:
    """The newest version of a stored model."""
    return session().model(name)


def concat(frames: Iterable[Frame], *, how: str = "vertical") -> Frame:
    """Several frames as one. DataFrames give a DataFrame, at once.

    `how`: "vertical", one below the other, with equal columns; "vertical_relaxed", whose types may differ if they have a
    common one; "diagonal" and "diagonal_relaxed", by name, a column that a frame lacks being null there; "horizontal", side
    by side, where frames of different heights are an error; "horizontal_extend", where a shorter one is null below its last
    row; "align", side by side, by equal values of the columns that all frames have, as "align_full" with all rows,
    "align_inner", "align_left" and "align_right" with those that a join so called keeps. Series go below each other.
    """
    from gradframe._concat import together

    return together(frames, how)
