"""Verbs of columns: choosing, adding, dropping, renaming."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar

from gradframe._expr import Expr
from gradframe._frame.base import Verb, flat

if TYPE_CHECKING:
    from gradframe._frame.base import Columns, IntoColumn, Names

P = ParamSpec("P")
T = TypeVar("T")


class ColumnVerbs(Verb):
    """Verbs that change which columns a frame has."""

    __slots__ = ()

    def select(self, *exprs: Columns, **named_exprs: IntoColumn) -> Self:
        """These columns and no others: names, expressions, `name=expression`. Aggregates give one row."""
        return self._wrap(self._lazy().select(*exprs, **named_exprs))

    def with_columns(self, *exprs: Columns, **named_exprs: IntoColumn) -> Self:
        """All columns, with these added or replaced."""
        return self._wrap(self._lazy().with_columns(*exprs, **named_exprs))

    def select_seq(self, *exprs: Columns, **named_exprs: IntoColumn) -> Self:
        """The same as `select`: the engine decides what runs side by side."""
        return self.select(*exprs, **named_exprs)

    def with_columns_seq(self, *exprs: Columns, **named_exprs: IntoColumn) -> Self:
        """The same as `with_columns`: the engine decides what runs side by side."""
        return self.with_columns(*exprs, **named_exprs)

    def cast(self, dtypes: Mapping[Any, Any] | Any, *, strict: bool = True) -> Self:
        """The same columns in other types: `{name: type}`, `{selector: type}`, `{type: type}`, or one type for all. A value that
        does not fit is an error; without `strict`, null."""
        from gradframe import col

        pairs = dtypes.items() if isinstance(dtypes, Mapping) else [(name, dtypes) for name in self._lazy().columns]
        columns = [(which if isinstance(which, Expr) else col(which), dtype) for which, dtype in pairs]
        return self.with_columns(*[column.cast(dtype, strict=strict) for column, dtype in columns])

    def pipe(self, function: Callable[Concatenate[Self, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`function(frame, ...)`, for chains of functions of one's own."""
        return function(self, *args, **kwargs)

    def pipe_with_schema(self, function: Callable[[Self, Any], Self]) -> Self:
        """`function(frame, schema)`, for functions that look at the columns and their types."""
        return function(self, self.collect_schema())  # type: ignore[attr-defined]

    def show(self, limit: int | None = 5) -> None:
        """Prints the first rows."""
        first = self if limit is None else self.head(limit)  # type: ignore[attr-defined]
        print(first.lazy().collect())

    def set_sorted(self, column: str | list[str], *more_columns: str, descending: Any = False, nulls_last: Any = False) -> Self:
        """Says that the rows are sorted by these columns. Nobody's answer depends on it: the engine finds out by itself."""
        self._lazy().select(*flat([column, *more_columns]))  # an unknown column is an error
        return self

    def drop(self, *columns: Names, strict: bool = True) -> Self:
        """All columns but these: names, selectors, columns. One that does not exist is an error, unless not `strict`."""
        own = self._lazy()
        names: list[str] = []
        for column in flat(columns):
            if not isinstance(column, str):
                names += self.lazy().select(column).columns  # type: ignore[attr-defined]
            elif strict or column in own.columns:
                names.append(column)
        return self._wrap(own.drop(*dict.fromkeys(names)))

    def rename(self, mapping: Mapping[str, str] | Callable[[str], str], *, strict: bool = True) -> Self:
        """The same columns under new names: `{old: new}`, or a function of the name. An old name that does not exist is an
        error, unless not `strict`."""
        own = self._lazy()
        names = {name: mapping(name) for name in own.columns} if callable(mapping) else dict(mapping)
        return self._wrap(own.rename({old: new for old, new in names.items() if strict or old in own.columns}))
