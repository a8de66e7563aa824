"""The lazy frame: a query that runs when it is collected."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Self

from gradframe._frame.base import flat
from gradframe._frame.files import Sinks
from gradframe._frame.group_by import LazyGroupBy
from gradframe._frame.kept import KeptQuery
from gradframe._frame.operators import NoComparisons
from gradframe._frame.running import Explained, Running
from gradframe._frame.schema import Schema
from gradframe._frame.verbs import Verbs

if TYPE_CHECKING:
    from gradframe._frame.base import Columns, IntoColumn
    from gradframe._frame.eager import DataFrame
    from gradframe._gradframe import PyBatches, PyLazyFrame


class LazyFrame(NoComparisons, KeptQuery, Verbs, Sinks, Running, Explained):
    """A query that runs when it is collected, optimised as a whole."""

    __slots__ = ("_frame",)

    _frame: PyLazyFrame

    def __init__(self, data: Any = None, schema: Any = None, *, schema_overrides: Mapping[str, Any] | None = None, **options: Any) -> None:
        """A query over rows in memory; see `DataFrame` for what they are made of."""
        from gradframe._default import session
        from gradframe._frame.construct import table_of

        self._frame = session()._session.from_arrow(table_of(data, schema, schema_overrides, **options)).lazy()

    @classmethod
    def _of(cls, frame: PyLazyFrame) -> Self:
        """The public frame of a private one."""
        made = cls.__new__(cls)
        made._frame = frame
        return made

    def _lazy(self) -> PyLazyFrame:
        return self._frame

    def _wrap(self, frame: PyLazyFrame) -> Self:
        return self._of(frame)

    @property
    def columns(self) -> list[str]:
        """Column names."""
        return self._frame.columns

    @property
    def schema(self) -> Schema:
        """Names and types of the columns. Nothing runs."""
        return Schema(self._frame.collect_schema())

    def collect_schema(self) -> Schema:
        """Names and types of the columns. Nothing runs."""
        return self.schema

    @property
    def dtypes(self) -> list[Any]:
        """The columns' types."""
        return self.schema.dtypes()

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.columns)

    def __contains__(self, name: str) -> bool:
        """Whether there is a column of this name."""
        return name in self.columns

    def lazy(self) -> LazyFrame:
        """The frame itself."""
        return self

    def clone(self) -> LazyFrame:
        """The same query; a query does not change."""
        return self

    def clear(self, n: int = 0) -> LazyFrame:
        """The same columns with no row, or `n` rows of nulls. Nothing runs."""
        from gradframe._frame.eager import DataFrame

        return DataFrame(schema=self._frame.collect_schema()).clear(n).lazy()

    def cache(self) -> LazyFrame:
        """Runs the query now, once; what follows goes on from its rows in memory."""
        return self.collect().lazy()

    def group_by(self, *by: Columns, maintain_order: bool = False, **named_by: IntoColumn) -> LazyGroupBy:
        """Groups of rows with equal keys; follow with `.agg(...)`. Groups come in any order, or in that of their first rows."""
        return LazyGroupBy(self, flat(by), named_by, maintain_order)

    def collect(self) -> DataFrame:
        """Runs the query. Other Python threads run meanwhile; Ctrl-C cancels it."""
        from gradframe._frame.eager import DataFrame

        return DataFrame._of(self._frame.collect())

    async def collect_async(self) -> DataFrame:
        """Runs the query on another thread, for programs with an event loop: `await frame.collect_async()`. Cancelling it, or a
        timeout around it, stops the query."""
        from gradframe._aside import aside

        return await aside(self.collect)

    def inspect(self, fmt: str = "{}") -> LazyFrame:
        """The same query; what it holds here is computed and printed."""
        print(fmt.format(self.collect()))
        return self

    def sink_batches(self, function: Callable[[DataFrame], bool | None], *, chunk_size: int | None = None) -> None:
        """Runs the query and calls a function with each batch of rows as it comes, until it gives True."""
        batches = self.collect_batches() if chunk_size is None else self.iter_batches(chunk_size)
        for batch in batches:
            if function(batch):
                return

    def gather(self, indices: Any, *, null_on_oob: bool = False) -> LazyFrame:
        """The rows at these places, which count from the end if negative. One that is not there is an error when it runs, or
        with `null_on_oob` a row of nulls."""
        from gradframe import col, struct

        rows = struct(*map(col, self.columns)).alias("__rows")
        return self.select(rows.gather(indices, null_on_oob=null_on_oob)).unnest("__rows")

    def collect_batches(self) -> Batches:
        """Runs the query and hands out its rows as they come: an iterator of DataFrames that fit in memory."""
        return Batches(self._frame.collect_batches())

    def __arrow_c_schema__(self) -> object:
        return self._frame.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._frame.__arrow_c_stream__(requested_schema)

    def to_tensor(self, columns: Any = None, *, nulls: Any = "error", dtype: Any = None) -> Any:
        """The collected columns as one `gf.Array`: see `DataFrame.to_tensor`."""
        names = [columns] if isinstance(columns, str) else columns
        return (self if names is None else self.select(list(names))).collect().to_tensor(columns, nulls=nulls, dtype=dtype)

    def __repr__(self) -> str:
        return repr(self._frame)


class Batches(Iterator["DataFrame"]):
    """The rows of a running query, a part at a time: DataFrames of one batch each. Dropping it cancels the query."""

    __slots__ = ("_batches",)

    def __init__(self, batches: PyBatches) -> None:
        self._batches = batches

    def __next__(self) -> DataFrame:
        from gradframe._frame.eager import DataFrame

        return DataFrame._of(next(self._batches))
