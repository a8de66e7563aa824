"""The collected frame: rows in memory, shared with whoever asks for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Self

from gradframe._frame.across import Across
from gradframe._frame.building import Building
from gradframe._frame.contents import Contents
from gradframe._frame.base import flat
from gradframe._frame.files import Writers
from gradframe._frame.group_by import GroupBy
from gradframe._frame.kept import Kept
from gradframe._frame.lazy import LazyFrame
from gradframe._frame.operators import Operators
from gradframe._frame.running import Running
from gradframe._frame.sampling import Sampling
from gradframe._frame.schema import Schema
from gradframe._frame.series import Series
from gradframe._frame.verbs import Verbs

if TYPE_CHECKING:
    from gradframe._frame.base import Columns, IntoColumn
    import numpy as np
    import pandas
    import polars
    import pyarrow as pa

    from gradframe._gradframe import PyDataFrame, PyLazyFrame


class DataFrame(Operators, Kept, Verbs, Contents, Across, Building, Sampling, Writers, Running):
    """Rows in memory. Everything that a LazyFrame does, done at once."""

    __slots__ = ("_frame",)

    _frame: PyDataFrame

    def __init__(
        self,
        data: Any = None,
        schema: Any = None,
        *,
        schema_overrides: Mapping[str, Any] | None = None,
        strict: bool = True,
        orient: str | None = None,
        infer_schema_length: int | None = None,
        nan_to_null: bool = False,
    ) -> None:
        """Rows from `{column: values}`, a list of dictionaries or of rows, NumPy arrays, Series, or any other library's frame.

        `schema` names the columns, with their types where they are given: `{name: type}`, pairs, or names.
        `schema_overrides` gives some of them another type. Values that do not fit are an error; without `strict`, null.
        `orient` says whether inner lists are rows or columns: "row" or "col".
        """
        from gradframe._default import session
        from gradframe._frame.construct import table_of

        table = table_of(
            data,
            schema,
            schema_overrides,
            strict=strict,
            orient=orient,
            infer_schema_length=infer_schema_length,
            nan_to_null=nan_to_null,
        )
        self._frame = session()._session.from_arrow(table)

    @classmethod
    def _of(cls, frame: PyDataFrame) -> Self:
        """The public frame of a private one."""
        made = cls.__new__(cls)
        made._frame = frame
        return made

    def _lazy(self) -> PyLazyFrame:
        return self._frame.lazy()

    def _wrap(self, frame: PyLazyFrame) -> Self:
        return self._of(frame.collect())

    @property
    def columns(self) -> list[str]:
        """Column names."""
        return self._frame.columns

    @property
    def shape(self) -> tuple[int, int]:
        """`(rows, columns)`."""
        return self._frame.shape

    @property
    def height(self) -> int:
        """Number of rows."""
        return self._frame.height

    @property
    def width(self) -> int:
        """Number of columns."""
        return self._frame.width

    @property
    def schema(self) -> Schema:
        """Names and types of the columns."""
        return Schema(self._frame.schema)

    def collect_schema(self) -> Schema:
        """Names and types of the columns."""
        return self.schema

    @property
    def dtypes(self) -> list[Any]:
        """The columns' types."""
        return self.schema.dtypes()

    def __len__(self) -> int:
        return self.height

    def __contains__(self, name: str) -> bool:
        """Whether there is a column of this name."""
        return name in self._frame

    def __getitem__(self, key: Any) -> Any:
        """A column by its name; a row or rows by place, slice or mask; columns by names; `frame[rows, columns]` both."""
        from gradframe._frame.selection import chosen

        return chosen(self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        raise TypeError("dataframe: columns are not assigned; hint: frame = frame.with_columns(...)")

    def __iter__(self) -> Iterator[Series]:
        return self.iter_columns()

    def lazy(self) -> LazyFrame:
        """The same rows as the start of a query; nothing is copied."""
        return LazyFrame._of(self._frame.lazy())

    def head(self, n: int = 5) -> Self:
        """At most the first `n` rows, or all but the last `-n`; nothing is copied."""
        return self._of(self._frame.head(n if n >= 0 else max(self.height + n, 0)))

    def tail(self, n: int = 5) -> Self:
        """At most the last `n` rows, or all but the first `-n`."""
        return self.slice(-n if n > 0 else min(-n, self.height), None if n else 0)

    def group_by(self, *by: Columns, maintain_order: bool = False, **named_by: IntoColumn) -> GroupBy:
        """Groups of rows with equal keys; follow with `.agg(...)`. Groups come in any order, or in that of their first rows."""
        return GroupBy(self, flat(by), named_by, maintain_order)

    def explain(self, **options: Any) -> str:
        """The plan of a query that begins with these rows; see `LazyFrame.explain`."""
        return self.lazy().explain(**options)

    def to_arrow(self) -> pa.Table:
        """A `pyarrow.Table` over the same memory."""
        return self._frame.to_arrow()

    def to_polars(self) -> polars.DataFrame:
        """A `polars.DataFrame`."""
        return self._frame.to_polars()

    def to_pandas(self, *, use_pyarrow_extension_array: bool = False, **options: Any) -> pandas.DataFrame:
        """A `pandas.DataFrame`. Numbers without nulls in one batch share their memory; other columns are copied.

        With `use_pyarrow_extension_array` all columns have types over Arrow's memory, and nulls stay nulls. `options` are those
        of `pyarrow.Table.to_pandas`.
        """
        from gradframe._frame.views import plain_extensions, plain_lists

        known = self if use_pyarrow_extension_array else plain_extensions(self)
        return plain_lists(known)._frame.to_pandas(arrow=use_pyarrow_extension_array, options=options)

    def to_numpy(self) -> np.ndarray:
        """A NumPy array of shape (rows, columns); a null in a number is NaN."""
        return self._frame.to_numpy()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self._frame.__array__(dtype, copy)

    def __arrow_c_schema__(self) -> object:
        return self._frame.__arrow_c_schema__()

    @property
    def __arrow_c_array__(self) -> Any:
        # Only where the rows are one array: libraries that find it prefer it to the stream, and would get a copy.
        if self._frame.n_chunks() != 1:
            raise AttributeError("__arrow_c_array__: the rows lie in several batches; hint: __arrow_c_stream__ gives them")
        return self._frame.array_capsules

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._frame.__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        return repr(self._frame)

    def _repr_html_(self) -> str:
        return self._frame._repr_html_()
