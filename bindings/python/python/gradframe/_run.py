"""Runs: what a program logs of its own trainings."""

from __future__ import annotations

import contextvars
import functools
import operator
import os
import platform
import sys
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from gradframe import _contents, _program_end
from gradframe._gradframe import is_of_session, start_run
from gradframe._own_code import own_files
from gradframe._output import Output
from gradframe.errors import PlanError

if TYPE_CHECKING:
    from gradframe._frame.eager import DataFrame
    from gradframe._frame.lazy import LazyFrame
    from gradframe._gradframe import PyLazyFrame, PyRun, PySession
    from gradframe._loading import BatchLoader


SAMPLED_EVERY_SECONDS = 10.0
OUTCOMES = ("finished", "failed", "cancelled")
# Dictionaries of parameters within one another.
NESTED_MAX = 100
# The tag by which MLflow's clients and pages know the run that another is part of.
PARENT_TAG = "mlflow.parentRunId"
# The run whose `with` block we are in.
_around: contextvars.ContextVar[Run | None] = contextvars.ContextVar("gradframe.run", default=None)


class Run:
    """A run that goes on: `with gf.run("name") as r: r.log({"loss": loss}, step=i)`.

    At the end of the `with` block it has finished; an exception there makes it failed, with the exception's text, and
    Ctrl-C cancelled. Without a `with` block and without `finish()` the end of the program is its end: finished, or failed if that
    was an exception or `sys.exit` with another status than 0. What Python prints in the block is the artifact `system/output.txt`. What it has logged is in the tables `gradframe.runs`, `params`, `tags`, `metrics` and `latest` at
    once, for every process on the same home.
    """

    __slots__ = ("__weakref__", "_before", "_ended", "_has_fit", "_loader", "_next_step", "_output", "_process", "_run", "_session", "_title")

    _run: PyRun
    _title: str
    _next_step: int
    _output: Output | None
    _ended: bool
    _before: contextvars.Token[Run | None] | None
    _session: PySession | None
    _has_fit: bool
    _loader: BatchLoader | None
    _process: int

    @classmethod
    def _of(cls, run: PyRun, title: str, *, output: bool = False) -> Self:
        """The public run of a private one."""
        made = cls.__new__(cls)
        made._run, made._title, made._next_step, made._process = run, title, 0, os.getpid()
        made._output = Output() if output else None
        made._loader, made._ended, made._before, made._session, made._has_fit = None, False, None, None, False
        return made

    @property
    def id(self) -> str:
        """Its identifier, as in `gradframe.runs`."""
        return self._run.id

    @property
    def name(self) -> str:
        """The name that it was given."""
        return self._title

    def log(
        self,
        metrics: Mapping[str, Any],
        *,
        step: int | None = None,
        epoch: int | None = None,
        time_us: int | None = None,
    ) -> None:
        """Adds a value of each of these metrics: numbers, or what has `__float__` (NumPy's, PyTorch's). NaN is kept.

        Without `step`, one more than the greatest so far, from 0. The values survive the death of this process at once, and
        a power cut after `flush()` or the run's end. `time_us` is in microseconds since 1970, UTC, and now if not given.
        """
        if step is None:
            step = self._next_step
            if step >= 1 << 63:
                raise OverflowError(f"log: the step after {step - 1} is no integer of 64 bits; say `step`")
        elif type(step) is not int or not -(1 << 63) <= step < 1 << 63:
            step = _whole("log: step", step)
        before = self._next_step
        if step >= before:
            self._next_step = step + 1
        batch = None if self._loader is None else self._loader._given
        try:
            self._run.log(metrics if type(metrics) is dict else _named(metrics), step, epoch, time_us, batch)
        except BaseException:
            # What was not logged has used no step up.
            if self._next_step == step + 1:
                self._next_step = before
            raise

    def log_input(self, frame: DataFrame | LazyFrame, name: str = "data", *, role: str = "training") -> None:
        """Says on which data the run works: the frame's query, its columns, and its files with sizes and hashes, in `gradframe.datasets` and
        `dataset_files`. `replay` and `runs diff` say which of them have changed. Of rows in memory their number and a digest are kept (a second or
        so for ten million rows); what is in files is not read. Trainings, and `run.iter_batches`, do that by themselves."""
        self._run.log_input(frame._lazy(), name, role)

    def iter_batches(self, frame: DataFrame | LazyFrame, batch_size: int = 65_536, **options: Any) -> BatchLoader:
        """The batches of `frame.iter_batches(batch_size, **options)`, of which the run remembers which one was in the loop at each
        step that it logs: `SELECT * FROM gradframe.batch_rows('RUN', STEP)` has the rows behind a spike in the loss.

        The frame's query and files are kept with the run. Rows that SQL has no name for (data of the program) need
        the frame again: `session.batch_rows(run, step, frame=frame)`. A run follows one loader, the last.
        """
        loader = frame.iter_batches(batch_size, **options)
        dealt = loader._options
        self._run.keep_loader(
            frame._lazy(),
            batch_size=dealt["batch_size"],
            shuffle_seed=dealt["seed"] if dealt["shuffle"] else None,
            rank=dealt["rank"],
            world_size=dealt["world_size"],
            worker=dealt["worker"],
            workers=dealt["num_workers"],
        )
        self._loader = loader
        return loader

    def params(self, params: Mapping[str, Any]) -> None:
        """Adds parameters: what was chosen before. One that has another value already is an error; then none is added.

        A dictionary in the dictionary gives names with dots: `{"adam": {"lr": 0.1}}` is the parameter `adam.lr`. An empty one is
        the text `{}`. Two values of one name (`{"a.b": 1, "a": {"b": 2}}`) are an error.
        """
        self._run.set_params(flat(params))

    def tags(self, tags: Mapping[str, Any]) -> None:
        """Sets tags: what is said about the run, in place of those of the same names."""
        self._run.set_tags(flat(tags))

    def log_artifact(self, source: str | os.PathLike[str], name: str | None = None) -> None:
        """Keeps a file, or all files below a directory, under `name` (if not given, that of the file itself).

        Content goes through memory in pieces, and equal contents are kept once, whatever run has them. It is there for
        `session.artifact(run, name)` and in `gradframe.artifacts`, and survives a power cut, when this returns.
        """
        source = os.fspath(source)
        self._run.log_artifact(name or os.path.basename(os.path.abspath(source)), source)

    def log_text(self, name: str, text: str, *, step: int | None = None) -> None:
        """Keeps a text as `name.txt`, or at a step as `name/000000012.txt`."""
        self._run.log_bytes(_contents.named(name, step, ".txt"), "text", step, text.encode())

    def log_image(self, name: str, image: Any, *, step: int | None = None) -> None:
        """Keeps an image: an array of height x width (x 1 to 4 samples) of uint8 or of floats from 0 to 1, a PIL image, or
        the bytes of an image file."""
        content, ending = _contents.image(image)
        self._run.log_bytes(_contents.named(name, step, ending), "image", step, content)

    def log_table(self, name: str, table: Any, *, step: int | None = None) -> None:
        """Keeps a table as Parquet: a frame of gradframe, Polars, pandas or Arrow, or a dictionary of columns. Read it by
        `session.read_artifact(run, "name.parquet")`, in SQL by `SELECT * FROM read_artifact('RUN/name.parquet')`."""
        self._run.log_bytes(_contents.named(name, step, ".parquet"), "table", step, _contents.table(table))

    def log_histogram(
        self,
        name: str,
        values: Any = None,
        *,
        bins: int = 64,
        counts: Any = None,
        edges: Any = None,
        step: int | None = None,
    ) -> None:
        """Keeps a histogram, of values or as counts and their edges: a table of lower, upper and count, as `log_table` does."""
        table = _contents.histogram(values, bins, counts, edges)
        self._run.log_bytes(_contents.named(name, step, ".parquet"), "histogram", step, _contents.table(table))

    def flush(self) -> None:
        """What was logged before survives a power cut when this returns."""
        self._run.flush()

    def finish(self, status: str | None = None, why: str | None = None) -> None:
        """Ends the run: "finished" if nothing else is said, "failed" (say `why`) or "cancelled". At the end of a `with` block that is done;
        after that `finish()` does nothing, and another status is an error. A forked child's end is not the run's: there it is an error."""
        if self._ended and status is None:
            return
        if self._is_a_childs():
            raise PlanError(f"finish: run {self.id} was begun by process {self._process}, and this is a child of it; hint: end it there")
        self._keep_output()
        status = status or "finished"
        try:
            self._run.finish(status, why)
        finally:
            # What the disk had no room for is written when there is some: the end is said once.
            self._ended = self._ended or status in OUTCOMES

    def _keep_output(self) -> None:
        output, self._output = self._output, None
        if output is not None and output.is_copying:
            output.stop(self._run)

    def __enter__(self) -> Self:
        if self._output is not None:
            self._output.start()
        self._before = _around.set(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._leave()
        if self._is_a_childs():
            return
        try:
            self._end(error)
        except Exception as late:
            if error is None:
                raise
            # The program's own exception is the one to know.
            error.add_note(f"gradframe: run {self.id} cannot be ended: {late}")

    def _end(self, error: BaseException | None) -> None:
        try:
            self._keep_output()
        finally:
            if self._ended or error is None:
                self.finish()
            else:
                self.finish(*_program_end.outcome(error))

    def _is_a_childs(self) -> bool:
        """Whether this is a forked child of the process that began the run, which goes on there."""
        return os.getpid() != self._process

    def _leave(self) -> None:
        before, self._before = self._before, None
        if before is not None:
            try:
                _around.reset(before)
            except ValueError:  # left in another context than it was entered in
                _around.set(None)

    def __repr__(self) -> str:
        return f"<Run {self.id} {self._title!r}>"


def start(
    session: PySession,
    name: str,
    *,
    params: Mapping[str, Any] | None,
    tags: Mapping[str, Any] | None,
    experiment: str | None,
    seed: int | None,
    code: str | os.PathLike[str] | bool,
    output: bool = False,
    resources: float | bool = False,
) -> Run:
    """Begins a run; see `gradframe.run`."""
    if not isinstance(name, str):
        raise TypeError(f"run: the name is {name!r}, expected a str")
    if experiment is not None and not isinstance(experiment, str):
        raise TypeError(f"run: the experiment is {experiment!r}, expected a str")
    around = _around.get()
    if around is not None:
        tags = {PARENT_TAG: around.id, **(tags or {})}
    directory = code_directory() if code is True else None if code is False else os.fspath(code)
    run = start_run(
        session,
        name,
        experiment=experiment,
        params=flat(params or {}),
        tags=flat(tags or {}),
        seed=None if seed is None else _seed(seed),
        environment=environment() + ([] if directory is None else own_files(directory)),
        code=directory,
        program=command() if code is not False else None,
        resources=SAMPLED_EVERY_SECONDS if resources is True else None if resources is False else float(resources),
    )
    made = Run._of(run, name, output=output)
    made._session = session
    _program_end.watch(made)
    return made


def around(session: PySession) -> Run | None:
    """The run of this session in whose `with` block we are."""
    run = _around.get()
    return run if run is not None and run._session is session else None


def around_frame(frame: PyLazyFrame) -> Run | None:
    """The run in whose `with` block we are, if it is of the session of this frame."""
    run = _around.get()
    return run if run is not None and run._session is not None and is_of_session(frame, run._session) else None


def flat(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Names and values as text, each name once; the names of inner dictionaries with dots, an empty one as `{}`."""
    texts: dict[str, str] = {}
    for name, value in _named_texts(values, "", 0):
        if texts.setdefault(name, value) != value:
            raise ValueError(
                f"run: two values have the name {name!r}, {texts[name][:40]!r} and {value[:40]!r}; "
                "hint: names become texts, those of inner dictionaries with dots"
            )
    return list(texts.items())


def _named_texts(values: Mapping[str, Any], before: str, depth: int) -> Iterator[tuple[str, str]]:
    if not isinstance(values, Mapping):
        raise TypeError(f"run: {values!r} is a {type(values).__name__}, expected names and values")
    if depth > NESTED_MAX:
        raise ValueError(f"run: {before[:40]!r}... is nested more than {NESTED_MAX} times, or holds itself")
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _named_texts(value, f"{before}{name}.", depth + 1)
        else:
            yield f"{before}{name}", _text(f"{before}{name}", value)


def _text(name: str, value: Any) -> str:
    try:
        return str(value)
    except RecursionError:
        raise ValueError(f"run: the value of {name!r} is nested too deeply to be a text") from None


def _named(metrics: Any) -> dict[str, Any]:
    """The metrics of what is no dictionary itself."""
    try:
        return dict(metrics)
    except (TypeError, ValueError):
        raise TypeError(f"log: {metrics!r} is a {type(metrics).__name__}, expected names and numbers") from None


def _whole(what: str, value: Any) -> int:
    """An integer of 64 bits; NumPy's are such too."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{what} is {value!r}, expected an integer") from None
    if not -(1 << 63) <= number < 1 << 63:
        raise OverflowError(f"{what} is {number}, expected an integer of 64 bits")
    return number


def _seed(value: Any) -> int:
    """An integer of 64 bits without a sign."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"run: seed is {value!r}, expected an integer") from None
    if not 0 <= number < 1 << 64:
        raise OverflowError(f"run: seed is {number}, expected an integer from 0 to 2**64 - 1")
    return number


def code_directory() -> str:
    """Where the program's main file is; the working directory of what has none."""
    return main_directory() or os.getcwd()


def main_directory() -> str | None:
    """Where the program's main file is; None of what has none: a prompt, a notebook."""
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    return os.path.dirname(os.path.abspath(main)) if main else None


def command() -> list[str] | None:
    """How this program was started; None of what cannot be started again: a prompt, a notebook, a child of multiprocessing."""
    multiprocessing = sys.modules.get("multiprocessing")
    if getattr(sys.modules.get("__main__"), "__file__", None) is None or "ipykernel" in sys.modules:
        return None
    if multiprocessing is not None and multiprocessing.parent_process() is not None:
        return None
    return [sys.executable, *sys.orig_argv[1:]] if sys.executable else None


@functools.cache
def environment() -> list[tuple[str, str, str]]:
    """The interpreter and the installed packages, found once a process."""
    import importlib.metadata  # it takes a third of the package's import

    found = [("python", "version", platform.python_version()), ("python", "implementation", platform.python_implementation())]
    for package in importlib.metadata.distributions():
        if package.metadata["Name"]:
            found.append(("package", package.metadata["Name"], package.version))
    return found
