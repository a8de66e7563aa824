"""What a frame can be asked beside its rows: functions over batches, training loops, SQL, and accounts of its plan."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Self

from gradframe import _gradframe
from gradframe._frame.base import Verb
from gradframe.errors import PlanError

if TYPE_CHECKING:
    from gradframe._frame.eager import DataFrame
    from gradframe._frame.lazy import LazyFrame
    from gradframe._loading import BatchLoader

    BatchFormat = Literal["frame", "arrow", "numpy", "torch", "jax", "polars", "pandas"]


class Running(Verb):
    """Methods that run a plan in other ways than `collect`, or say what it is."""

    __slots__ = ()

    def map_batches(
        self,
        function: Callable[[Any], Any],
        *,
        predicate_pushdown: bool = False,
        projection_pushdown: bool = False,
        slice_pushdown: bool = False,
        schema: Any = None,
        streamable: bool = True,
        batch_size: int | None = None,
        batch_format: Literal["frame", "arrow", "polars", "pandas"] = "frame",
    ) -> Self:
        """The rows that a function makes of these, batch by batch.

        The function is given a DataFrame (or, as `batch_format` says, a `pyarrow.RecordBatch`, or a frame of Polars or pandas)
        and gives anything that Arrow reads; its columns are those of the input, or those of `schema`. It is called on several
        threads, for batches of about 16 MB or of `batch_size` rows. If it must see all rows at once, `streamable=False` calls it
        once; the rows must then fit in memory. (In Polars that is what happens unless `streamable=True`.)

        The pushdown flags allow the optimizer to filter, to leave out columns and to cut rows before the function instead of
        after it.

        An exception in the function ends the query and is the `__cause__` of the ExecutionError that is raised.

            trips.map_batches(lambda batch: batch.with_columns(km=gf.col("miles") * 1.609), schema=...)
        """
        from gradframe._mapping import in_format

        if batch_size is not None and batch_size < 0:
            raise PlanError(f"map_batches: batch_size is {batch_size}, expected 1 or more")
        made = _gradframe.map_batches(
            self._lazy(),
            in_format(function, batch_format),
            arrow=batch_format == "arrow",
            schema=_schema(schema),
            streamable=streamable,
            batch_size=None if batch_size is None else min(batch_size, sys.maxsize),
            predicate_pushdown=predicate_pushdown,
            projection_pushdown=projection_pushdown,
            slice_pushdown=slice_pushdown,
        )
        return self._wrap(made)

    def shuffle(self, seed: int = 0) -> Self:
        """The rows in random order: that of a hash of their contents with `seed`, the same on any machine."""
        return self._wrap(_gradframe.shuffle(self._lazy(), seed))

    def iter_batches(
        self,
        batch_size: int = 65_536,
        *,
        batch_format: BatchFormat = "frame",
        shuffle: bool = False,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        worker: int = 0,
        num_workers: int = 1,
        drop_last: bool = False,
    ) -> BatchLoader:
        """Batches for a training loop, streamed from the plan: an epoch each time it is iterated over.

        Batches have `batch_size` rows, the last one perhaps fewer. `batch_format` is "frame", "arrow" (a
        `pyarrow.RecordBatch`), "polars", "pandas", or a dictionary of arrays by column: "numpy", "torch" or "jax". Numbers
        share the plan's memory where their library lets them.

        Without `shuffle` rows have the frame's order, or if it has none, one that is the same every time; with it, that of a
        hash of their contents with `seed`, another one each epoch, spilling to the disk where memory is short.

        Of `world_size` loops that share the rows this is number `rank`; of `num_workers` that load for it, `worker`. Batches
        are dealt in turn. `drop_last` leaves out a short batch at the end and gives every rank as many batches.

        `state_dict()` and `load_state_dict()` of what is returned go on exactly where a loop was.
        """
        from gradframe._frame.eager import DataFrame
        from gradframe._batch_formats import OF_OWN_MEMORY, converter
        from gradframe._loading import BatchLoader

        return BatchLoader(
            self._lazy(),
            converter(batch_format, DataFrame._of),
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
            rank=rank,
            world_size=world_size,
            worker=worker,
            num_workers=num_workers,
            drop_last=drop_last,
            own_memory=batch_format in OF_OWN_MEMORY,
        )

    def to_torch(
        self,
        batch_size: int = 65_536,
        *,
        shuffle: bool = False,
        seed: int = 0,
        rank: int | None = None,
        world_size: int | None = None,
        drop_last: bool = False,
    ) -> Any:
        """A `torch.utils.data.IterableDataset` of batches, dictionaries of tensors; see `iter_batches`.

        Give it to a `DataLoader(dataset, batch_size=None, num_workers=...)`, whose workers share the batches. With workers the shuffle is
        another one in each epoch if the loop calls `dataset.set_epoch(epoch)` before it, or with `persistent_workers=True`. The
        tensors are the loop's own, to change as it likes. `rank` and `world_size` are those of `torch.distributed` where it has been set up.
        """
        from gradframe._loading import torch_dataset

        options = {"batch_size": batch_size, "shuffle": shuffle, "seed": seed, "drop_last": drop_last}
        return torch_dataset(self, options, rank=rank, world_size=world_size)

    def sql(self, query: str, *, params: Any = None, table_name: str = "self") -> Self:
        """SQL over this frame, which the query calls `table_name`; other tables of the session may be joined. `params` gives values to
        `?` and `$1` (a list) or to `$name` (a dict); see `gradframe.sql`."""
        frame = self._lazy()
        return self._wrap(_gradframe.sql_with(_gradframe.session_of(frame), query, [(table_name, frame)], None, params))

    def profile(self, *, to: Literal["arrow", "polars", "pandas", "numpy"] | None = None) -> tuple[Any, DataFrame]:
        """Runs the query: its rows, and a table of its operators with rows, time, memory, spills and copies.

        With `to` the rows are handed to that library, and the table has a row more with what had to be copied for it.
        """
        from gradframe._frame.eager import DataFrame

        rows, operators = map(DataFrame._of, _gradframe.profile(self._lazy()))
        if to is None:
            return rows, operators
        from gradframe._exporting import export

        return export(rows, operators, to)


class Explained:
    """Accounts of a lazy frame's plan."""

    __slots__ = ()

    _frame: Any

    def explain(
        self,
        *,
        format: Literal["plan", "plain", "logical", "tree", "sql", "graphviz"] = "plan",  # noqa: A002, Polars's name
        optimized: bool = True,
        analyze: bool = False,
    ) -> str:
        """The plan as text: optimised, an operator a line; drawn as a "tree"; the frame as it was written, in "sql"; its
        "logical" plan alone, or as a graph for "graphviz". Operators that do not stream are named below the plan. Not `optimized`
        is the plan as it was written. "plain" is Polars's name of "plan".

        With `analyze` it runs, and each operator says its rows, bytes and time.
        """
        if analyze:
            if format not in ("plan", "plain") or not optimized:
                got = f'format="{format}"' if optimized else "optimized=False"
                raise ValueError(f'explain: analyze runs the optimised plan, with format="plan" alone; got {got}')
            return self._frame.explain(analyze=True)
        return _gradframe.explain(self._frame, format, optimized)

    def show_graph(
        self, *, optimized: bool = True, show: bool = True, output_path: Any = None, raw_output: bool = False
    ) -> str | None:
        """The logical plan as a graph, in Graphviz's language: returned with `raw_output`; drawn in a notebook, or by Graphviz's
        `dot` into the file at `output_path` (".svg", ".png"). Optimised, or as it was written."""
        from gradframe._graph import draw

        text = self.explain(format="graphviz", optimized=optimized)
        return text if raw_output else draw(text, output_path, show)

    def to_sql(self) -> tuple[str, dict[str, LazyFrame]]:
        """The frame as SQL, and the rows in memory that the text calls `frame`, `frame_2` and so on, since no catalog has a name for
        them: `gf.sql(text, **frames)` gives the same rows. Errors: `UnsupportedError` that names a part for which SQL has no words."""
        from gradframe._frame.lazy import LazyFrame

        text, frames = _gradframe.to_sql(self._frame)
        return text, {name: LazyFrame._of(frame) for name, frame in frames}

    def serialize(self, file: Any = None, *, format: Literal["binary", "json"] = "binary") -> bytes | str | None:  # noqa: A002
        """The query, its rows in memory included, for `LazyFrame.deserialize`; given back, or written into a file. Of files that it
        scans their paths are kept, as they were written. Errors: `UnsupportedError` for what `to_sql` has no words for."""
        from gradframe._serializing import serialized

        return serialized(self, file, format)

    @staticmethod
    def deserialize(source: Any, *, format: Literal["binary", "json"] = "binary") -> LazyFrame:  # noqa: A002, ARG004
        """The query that `serialize` has written: bytes, text, a path or an open file."""
        from gradframe._serializing import deserialized

        return deserialized(source)

    def _repr_html_(self) -> str:
        """What a notebook shows: the plan, not yet run."""
        import html

        return f"<small>LazyFrame, not run yet: <code>.collect()</code> runs it</small><pre>{html.escape(repr(self))}</pre>"


def sql(
    session: Any, query: str, frames: Mapping[str, Any], *, params: Any, from_variables: bool, depth: int
) -> LazyFrame:
    """SQL in which frames have names and placeholders values; `depth` is how many calls above this one the caller's variables are."""
    from gradframe._frame.lazy import LazyFrame
    from gradframe._sql import run

    caller = sys._getframe(depth + 1) if from_variables else None
    return LazyFrame._of(run(session, query, frames, caller, params))


def _schema(schema: Any) -> Any:
    """What Arrow takes for a schema: a mapping of names to types, pairs of them, or Arrow's own."""
    if schema is None or hasattr(schema, "__arrow_c_schema__") and not isinstance(schema, Mapping):
        return schema
    import pyarrow

    from gradframe._frame.types import arrow_type

    pairs = schema.items() if isinstance(schema, Mapping) else schema
    return pyarrow.schema([(name, arrow_type(dtype)) for name, dtype in pairs])
