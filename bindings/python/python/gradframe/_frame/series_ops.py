"""The methods of a Series that are those of an expression: computed by the engine over a frame of one column.

Every method of `Expr` becomes one of `Series` by one rule: the Series is the column, another Series among the arguments is
one more column (repeated, if it has one value), and the result is a Series, or for an aggregate its value.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gradframe._expr import Expr
from gradframe._frame.series import Series

if TYPE_CHECKING:
    import pyarrow as pa

#: Methods that give one value.
AGGREGATES = {
    "all", "any", "approx_n_unique", "arg_max", "arg_min", "bitwise_and", "bitwise_or", "bitwise_xor", "count", "entropy", "first",
    "has_nulls", "index_of", "kurtosis", "last", "max", "mean", "median", "min", "n_unique", "nan_max", "nan_min", "product", "quantile",
    "skew", "std", "sum", "var", "dot", "max_by", "min_by", "approx_quantile", "is_sorted",
}

#: Names of `Expr` that mean something else, or nothing, of a Series.
APART = {"filter", "over", "name", "meta", "pipe", "inspect", "deserialize", "from_json", "map_batches", "value_counts", "len", "item"}

NAMESPACES = ("str", "dt", "list", "arr", "struct", "bin", "cat")

OPERATORS = (
    "add radd sub rsub mul rmul truediv rtruediv floordiv rfloordiv mod rmod pow rpow and rand or ror xor rxor lt le gt ge eq ne "
    "neg pos abs invert"
).split()

_UNNAMED = "series"


#: Methods to which another Series is a set of values: those among their arguments are no columns.
MAPPINGS = {"replace": ("old", "new"), "replace_strict": ("old", "new")}


def computed(
    series: Series, method: Callable[..., Any], arguments: tuple[Any, ...], named: dict[str, Any], *, scalar: bool, told: str | None = None
) -> Any:
    """A method of an expression over this column, which errors call by its own name or by this one."""
    from gradframe import col, lit

    # Errors name the columns.
    own = _told(series.name, _UNNAMED)
    columns = {own: series._frame.to_arrow()}

    searches = method.__name__ == "search_sorted"
    is_set = searches or method.__name__ == "is_in"
    mapping = MAPPINGS.get(method.__name__, ())

    def operand(value: Any, name: str | None = None) -> Any:
        if not isinstance(value, Series):
            return value
        if name in mapping or (is_set and not searches and len(value) == 0):
            return value.to_list()
        if len(value) == 1 and len(series) != 1 and not searches:
            only = value.item()
            # One list of values to look for, for all rows; among lists it is one of them.
            is_list_of_values = is_set and isinstance(only, list) and type(series.dtype).__name__ != "List"
            return only if is_list_of_values else lit(only)
        name = _told(value.name, f"other_{len(columns)}")
        while name in columns:
            name += "_"
        columns[name] = value._frame.to_arrow()
        return col(name)

    arguments = tuple(operand(value, mapping[at] if at < len(mapping) else None) for at, value in enumerate(arguments))
    named = {name: operand(value, name) for name, value in named.items()}
    expr = method(col(own), *arguments, **named)
    if is_set and len(columns) == 2:
        return _of_another_length(series, columns, expr, searches)
    columns = _as_long(told or method.__name__.strip("_"), columns)
    frame = series._frame.beside(_beside_each_other(columns)).lazy().select(expr.alias(series.name)).collect()
    result = Series._of(frame)
    is_one = scalar or searches and len(result) == 1
    return result.item() if is_one else result


def _as_long(method: str, columns: dict[str, pa.Table]) -> dict[str, pa.Table]:
    """The columns, one value repeated for each of the others'. Errors: `ShapeError` for columns of several lengths."""
    from gradframe.errors import ShapeError

    lengths = [len(column) for column in columns.values()]
    longest = next((length for length in lengths if length != 1), 1)
    if any(length not in (1, longest) for length in lengths):
        told = " and ".join(f"`{name}` has {length}" for name, length in zip(columns, lengths, strict=True))
        raise ShapeError(f"{method}: the Series {told} values, expected as many of each, or one")
    return {name: column if len(column) == longest else _extended(column, longest) for name, column in columns.items()}


def _extended(table: pa.Table, length: int) -> pa.Table:
    """A table of one column at another length: what is missing is its last value once more."""
    import pyarrow as pa

    column, field = table.column(0), table.schema.field(0).with_nullable(True)
    if length <= len(column):
        return table.slice(0, length)
    last = column[-1] if len(column) else pa.scalar(None, column.type)
    values = pa.chunked_array([*column.chunks, pa.repeat(last, length - len(column))], type=column.type)
    return pa.table([values], schema=pa.schema([field]))


def _beside_each_other(columns: dict[str, pa.Table]) -> pa.Table:
    """Tables of one column as one, under these names. A field says more than its type: the categories of an Enum."""
    import pyarrow as pa

    fields = [table.schema.field(0).with_name(name).with_nullable(True) for name, table in columns.items()]
    return pa.table([table.column(0) for table in columns.values()], schema=pa.schema(fields))


def _of_another_length(series: Series, columns: dict[str, pa.Table], expr: Expr, searches: bool) -> Any:
    """What is asked of a Series and another one that need not be as long: whether its values are among those, or where those would stand
    in it, no place beyond its end. A last value once more changes neither."""
    from gradframe import lit, min_horizontal

    lengths = [len(column) for column in columns.values()]
    extended = {name: _extended(table, max(lengths)) for name, table in columns.items()}
    asked = min_horizontal(expr, lit(lengths[0])) if searches else expr
    of_whom = lengths[1] if searches else lengths[0]
    frame = series._frame.beside(_beside_each_other(extended)).lazy().select(asked.alias(series.name)).head(of_whom).collect()
    return Series._of(frame)


def _told(name: str, otherwise: str) -> str:
    """The name, unless it would be read as a pattern or as a hidden column."""
    return otherwise if not name or name.startswith(("^", "__")) else name


class SeriesNamespace:
    """Methods of one kind of values: those of the expression's namespace of that name."""

    __slots__ = ("_name", "_series")

    def __init__(self, series: Series, name: str) -> None:
        self._series = series
        self._name = name

    def __getattr__(self, method: str) -> Callable[..., Any]:
        kind = type(getattr(_any_column(), self._name))
        if method.startswith("_") or not hasattr(kind, method):
            raise AttributeError(f"series: `{self._name}` has no method `{method}`")
        name = self._name

        @functools.wraps(getattr(kind, method))
        def call(*arguments: Any, **named: Any) -> Any:
            def apply(column: Any, *args: Any, **options: Any) -> Any:
                return getattr(getattr(column, name), method)(*args, **options)

            return computed(self._series, apply, arguments, named, scalar=False, told=f"{name}.{method}")

        return call

    def __dir__(self) -> list[str]:
        return [name for name in dir(type(getattr(_any_column(), self._name))) if not name.startswith("_")]


def _any_column() -> Any:
    from gradframe import col

    return col(_UNNAMED)


def _forward(name: str) -> Callable[..., Any]:
    method = getattr(Expr, name)

    @functools.wraps(method)
    def call(self: Series, *arguments: Any, **named: Any) -> Any:
        return computed(self, method, arguments, named, scalar=name in AGGREGATES)

    return call


def _namespace(name: str) -> property:
    return property(lambda self: SeriesNamespace(self, name), doc=f"Methods of `{name}`, as of an expression.")


def complete(series: type[Series]) -> None:
    """Gives a Series the methods of `Expr` that it does not have itself."""
    own = {name for base in series.__mro__ for name in vars(base)}
    for name in dir(Expr):
        if not name.startswith("_") and name not in own and name not in APART and callable(getattr(Expr, name)):
            setattr(series, name, _forward(name))
    for name in OPERATORS:
        if hasattr(Expr, f"__{name}__"):
            setattr(series, f"__{name}__", _forward(f"__{name}__"))
    for name in NAMESPACES:
        if hasattr(Expr, name):
            setattr(series, name, _namespace(name))
    series.__hash__ = None  # type: ignore[assignment]


