"""The session: where frames come from."""

from __future__ import annotations

import os
import pathlib
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from gradframe import _gradframe
from gradframe._frame import DataFrame, LazyFrame
from gradframe._frame.running import sql
from gradframe._gradframe import PySession
from gradframe._model import Model
from gradframe._reading import with_rows
from gradframe._reading_csv import is_empty, scan
from gradframe._run import Run, flat, main_directory, start
from gradframe.errors import DTypeError, PlanError

Path: TypeAlias = str | os.PathLike[str]


class Session:
    """A place to run queries: tables, views, models and logs by name, limits on memory and disk, and a seed."""

    __slots__ = ("__weakref__", "_session")

    def __init__(
        self,
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
    ) -> None:
        """A session. `home` is the directory of tables, models and runs; `store` the address of a database that keeps runs and
        models for many machines (`postgresql://user:password@host/name`); `in_memory` keeps them nowhere. Beyond
        `memory_limit_bytes` work goes to nameless files in `temp_directory`, up to `disk_limit_bytes`. `progress` draws how
        far long work is; if it is not given, on a terminal and in notebooks.

        With each training are kept the installed packages, the machine, and of the code, found from the main program's directory (or
        the one given as `code`; False leaves it out), git's commit and what was changed since, as it was a minute ago at the most; of
        one within a `with` block of `run` what that run has kept."""
        if not isinstance(code, bool):
            directory = os.fspath(code)
        else:
            directory = main_directory() if code else None
        self._session = PySession(
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
            code=directory,
            keeps_code=code is not False,
        )

    def sql(self, query: str, *, params: Any = None, frames_from_variables: bool = True, **frames: Any) -> LazyFrame:
        """Runs SQL: a query gives a lazy frame; a statement with an effect is done at once. See `gradframe.sql`."""
        return sql(self._session, query, frames, params=params, from_variables=frames_from_variables, depth=1)

    def resume_run(self, run: str) -> LazyFrame:
        """Goes on with an interrupted training from its last checkpoint; gives its log."""
        return LazyFrame._of(self._session.resume_run(run))

    def run(
        self,
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
        """Begins a run; see `gradframe.run`."""
        return start(
            self._session,
            name,
            params=params,
            tags=tags,
            experiment=experiment,
            seed=seed,
            code=code,
            output=output,
            resources=resources,
        )

    def artifact(self, run: str, path: str) -> pathlib.Path:
        """The file that holds an artifact of a run, read-only: others may have the same. `run` may be the beginning of one."""
        return _gradframe.artifact(self._session, run, path)

    def read_artifact(self, run: str, path: str) -> LazyFrame:
        """The rows of an artifact that is a table (Parquet, CSV, JSON, Arrow); in SQL `read_artifact('RUN/PATH')`."""
        return LazyFrame._of(_gradframe.read_artifact(self._session, run, path))

    def model_card(self, model: str) -> str:
        """What is known of a model, as Markdown: data, options, evaluation, lineage, tags. `model` as in `model(...)`."""
        return _gradframe.model_card(self._session, model)

    def remove_run(self, run: str) -> None:
        """Forgets a run with all that it has logged; not one that runs, or that a model comes from."""
        _gradframe.remove_run(self._session, run)

    def export_run(self, run: str, target: Path, *, data: bool = False) -> str:
        """Takes an ended run, artifacts and all, elsewhere, for `import_runs` there; gives its whole name.

        A target that ends with `.tar` is one file, written aside and put in its place whole; with `data` the rows of the run's training
        query go along, as they are now, so that it replays where the data are not. Any other one is the directory of a store, made if
        need be, or `postgresql://...`. Errors: `PlanError` for an unknown run, one that runs, one that is in that store already, and
        `data` with a store.
        """
        return _gradframe.export_run(self._session, run, os.fspath(target), data)

    def export_tensorboard(self, run: str, directory: Path) -> pathlib.Path:
        """Writes a run as an event file in a directory of its own below `directory`, for `tensorboard --logdir`; gives the file.

        Scalars (in 32 bits), histograms, images and texts, and parameters as hyper-parameters.
        """
        return _gradframe.export_tensorboard(self._session, run, os.fspath(directory))

    def import_runs(self, path: Path) -> list[str]:
        """Takes in runs that are not here yet, and gives their names. What is at the path says what it is: a store of ours,
        MLflow's `mlruns/` or `mlflow.db`, or TensorBoard's event files, a run for each directory that has some."""
        return _gradframe.import_runs(self._session, os.fspath(path))

    def replay_run(
        self, run: str, *, frame: DataFrame | LazyFrame | None = None, program: bool = False
    ) -> tuple[str, int, DataFrame]:
        """Does once more what a run did, over the data as they are now, and compares data, code, environment and each logged value.

        Gives the second run, how many values were compared, and all differences: `what`, `name`, `before`, `now`. What the run does not say,
        and so cannot be compared, is a UserWarning. A training trains again, and its model stays as it is; `fit` on rows that SQL has no
        name for (data of the program) needs the frame again, as it was fitted to: `frame`. A run that a program
        has logged is repeated by starting the program again, with its arguments and in its directory; where that was on another machine or
        into another store, only with `program=True`, since it does whatever the program does. A frame that would not be read is an error.
        """
        if frame is not None and program:
            raise PlanError("replay_run: the program that is started again reads its own data, so `frame` goes with program=False alone")
        lazy = None if frame is None else frame._lazy()
        again, values, differences, unknown = _gradframe.replay_run(self._session, run, lazy, program)
        for what in unknown:
            warnings.warn(f"replay: not compared: {what}", stacklevel=2)
        return again, values, LazyFrame._of(differences).collect()

    def batch_rows(self, run: str, step: int, *, frame: DataFrame | LazyFrame | None = None) -> LazyFrame:
        """The rows that a step of a run learned from, as `gradframe.batch_rows` gives them in SQL: of a training in mini-batches, or of a
        loop over `run.iter_batches(...)`. Rows that SQL has no name for need the frame again, as the loop had it."""
        lazy = None if frame is None else frame._lazy()
        return LazyFrame._of(_gradframe.batch_rows(self._session, run, step, lazy))

    def set_alias(self, model: str, alias: str, version: int) -> None:
        """Lets an alias name a version of a model: `fare@champion` is then a model in SQL and here."""
        _gradframe.set_alias(self._session, model, alias, version)

    def promote(self, model: str, source: str, to: str) -> int:
        """Lets the alias `to` name the version that `source` (an alias, a number, "latest") means; gives that version."""
        return _gradframe.promote(self._session, model, str(source), to)

    def roll_back(self, model: str, alias: str) -> int:
        """Takes an alias back to the version that it named before; gives it."""
        return _gradframe.roll_back(self._session, model, alias)

    def remove_alias(self, model: str, alias: str) -> bool:
        """Forgets an alias; False if there was none."""
        return _gradframe.remove_alias(self._session, model, alias)

    def tag_model(self, model: str, version: int, tags: Mapping[str, Any]) -> None:
        """Sets tags of a version of a model, in place of those of the same names."""
        _gradframe.tag_model(self._session, model, version, flat(tags))

    def collect_garbage(self, *, keep_versions: int | None = None) -> dict[str, int]:
        """Removes contents that no run has any more and, with `keep_versions`, versions of models beyond so many newest that
        no alias names, or would be rolled back to. Gives how many objects, bytes and versions are gone."""
        objects, freed, versions = _gradframe.collect_garbage(self._session, keep_versions)
        return {"objects": objects, "bytes": freed, "versions": versions}

    def table(self, name: str) -> LazyFrame:
        """A stored table, view, or log table such as `gradframe.metrics`."""
        return LazyFrame._of(self._session.table(name))

    def model(self, name: str) -> Model:
        """The newest version of a stored model; "fare@champion" or "models:/fare@champion" is what the alias names."""
        return Model._of(self._session.model(name))

    @with_rows
    def scan_parquet(
        self,
        source: Path | Sequence[Path],
        *,
        union_by_name: bool | None = None,
        include_file_paths: str | None = None,
        hive_partitioning: bool | None = None,
        schema_overrides: Mapping[str, Any] | None = None,
    ) -> LazyFrame:
        """A lazy frame over Parquet: a file, a directory (Hive partitions become columns), a glob, or a list of them.

        With `union_by_name` files may lack columns that others have. `include_file_paths` names a column with each row's
        file; `schema_overrides` gives columns another type, `gf.Int8` or by its name in SQL.
        """
        return LazyFrame._of(
            self._session.scan_parquet(
                source,
                union_by_name=union_by_name,
                include_file_paths=include_file_paths,
                hive_partitioning=hive_partitioning,
                schema_overrides=schema_overrides,
            )
        )

    @with_rows
    def scan_ndjson(
        self,
        source: Path | Sequence[Path],
        *,
        infer_schema_length: int | None = None,
        union_by_name: bool | None = None,
        include_file_paths: str | None = None,
        hive_partitioning: bool | None = None,
        schema_overrides: Mapping[str, Any] | None = None,
    ) -> LazyFrame:
        """A lazy frame over NDJSON, one object a line or an array of objects, also compressed; other options as for Parquet.

        Objects may lack keys, and so may files, unless `union_by_name` is False.
        """
        return LazyFrame._of(
            self._session.scan_ndjson(
                source,
                infer_schema_length=infer_schema_length,
                union_by_name=union_by_name,
                include_file_paths=include_file_paths,
                hive_partitioning=hive_partitioning,
                schema_overrides=schema_overrides,
            )
        )

    @with_rows
    def scan_ipc(
        self,
        source: Path | Sequence[Path],
        *,
        union_by_name: bool | None = None,
        include_file_paths: str | None = None,
        hive_partitioning: bool | None = None,
        schema_overrides: Mapping[str, Any] | None = None,
    ) -> LazyFrame:
        """A lazy frame over Arrow IPC, files (Feather of version 2 too) or streams; options as for Parquet."""
        return LazyFrame._of(
            self._session.scan_ipc(
                source,
                union_by_name=union_by_name,
                include_file_paths=include_file_paths,
                hive_partitioning=hive_partitioning,
                schema_overrides=schema_overrides,
            )
        )

    @with_rows
    def scan_csv(
        self,
        source: Path | Sequence[Path],
        *,
        has_header: bool = True,
        separator: str = ",",
        quote_char: str | None = '"',
        comment_prefix: str | None = None,
        skip_rows: int = 0,
        skip_lines: int = 0,
        skip_rows_after_header: int = 0,
        schema: Mapping[str, Any] | None = None,
        schema_overrides: Mapping[str, Any] | Sequence[Any] | None = None,
        new_columns: Sequence[str] | None = None,
        with_column_names: Callable[[list[str]], list[str]] | None = None,
        null_values: str | Sequence[str] | Mapping[str, str] | None = None,
        ignore_errors: bool = False,
        trim: bool = False,
        infer_schema: bool = True,
        infer_schema_length: int | None = None,
        try_parse_dates: bool | None = None,
        encoding: str = "utf8",
        raise_if_empty: bool = True,
        missing_columns: Literal["raise", "insert"] = "raise",
        extra_columns: Literal["raise", "ignore"] = "raise",
        union_by_name: bool | None = None,
        include_file_paths: str | None = None,
        hive_partitioning: bool | None = None,
    ) -> LazyFrame:
        """A lazy frame over CSV (also compressed, by the name's ending). Without a header columns are column_1, column_2, ...

        `skip_rows` lines come before the header, `skip_rows_after_header` rows below it. `schema` has all columns and their
        types, in the order in which they are wanted; `missing_columns` and `extra_columns` say what becomes of others.
        `schema_overrides` has the types of some columns (or, in a list, of all); `new_columns` renames all, and
        `with_column_names` makes new names of the old. `null_values` are read as null, in all columns or, in a dictionary, in
        those that it names; with `ignore_errors` so is what has not its column's type, which the first 100 rows decide.
        Without `infer_schema` every column is text, with `try_parse_dates=False` dates are. `trim` strips spaces around
        fields first. `encoding` is "utf8"; read_csv takes "utf8-lossy", "latin1" and others. Other options as for Parquet.
        """
        if not raise_if_empty and is_empty(source):
            return DataFrame({}).lazy()
        plain = {
            "has_header": has_header,
            "separator": separator,
            "quote_char": "" if quote_char is None else quote_char,
            "comment_prefix": comment_prefix,
            "trim": trim,
            "infer_schema_length": infer_schema_length,
            "union_by_name": union_by_name,
            "include_file_paths": include_file_paths,
            "hive_partitioning": hive_partitioning,
        }
        return scan(
            self._session,
            source,
            plain,
            schema=schema,
            schema_overrides=schema_overrides,
            null_values=null_values,
            skip_rows=skip_rows + skip_lines,
            skip_rows_after_header=skip_rows_after_header,
            infer_schema=infer_schema,
            try_parse_dates=try_parse_dates,
            ignore_errors=ignore_errors,
            encoding=encoding,
            new_columns=new_columns,
            with_column_names=with_column_names,
            missing_columns=missing_columns,
            extra_columns=extra_columns,
        )

    def describe_files(
        self,
        source: Path | Sequence[Path],
        *,
        union_by_name: bool | None = None,
        include_file_paths: str | None = None,
        hive_partitioning: bool | None = None,
        schema_overrides: Mapping[str, Any] | None = None,
    ) -> LazyFrame:
        """The columns of each file, and what the table of them all makes of them: what is missing where, what is widened."""
        return LazyFrame._of(
            self._session.describe_files(
                source,
                union_by_name=union_by_name,
                include_file_paths=include_file_paths,
                hive_partitioning=hive_partitioning,
                schema_overrides=schema_overrides,
            )
        )

    def from_arrow(self, data: Any) -> DataFrame:
        """A frame over anything with `__arrow_c_stream__` or `__arrow_c_array__`; copied is only what has another type here, as `gf.from_arrow` says."""
        from gradframe._copies import is_pandas, table_of_pandas
        from gradframe._frame.polars_columns import is_polars, prepared

        if not hasattr(data, "__arrow_c_stream__") and not hasattr(data, "__arrow_c_array__"):
            raise DTypeError(f"from_arrow: got a {type(data).__name__}, expected something that exports Arrow; hint: gf.DataFrame takes lists and arrays")
        data = prepared(data) if is_polars(data) else table_of_pandas(data) if is_pandas(data) else data
        return DataFrame._of(self._session.from_arrow(data))

    def register(self, name: str, frame: LazyFrame | DataFrame) -> None:
        """Gives a frame a name in SQL, for this session alone; a frame of that name gives way."""
        self._session.register(name, frame._frame)

    def deregister(self, name: str) -> bool:
        """Takes a registered frame's name away; False if there was none."""
        return self._session.deregister(name)

    def __repr__(self) -> str:
        return repr(self._session)
