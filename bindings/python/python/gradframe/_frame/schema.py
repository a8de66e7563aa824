"""A frame's columns: names with their types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa


class Schema(Mapping[str, Any]):
    """The names of columns, in order, with their types. A mapping; equal to any other of the same pairs in the same order."""

    __slots__ = ("_types",)

    def __init__(self, columns: Mapping[str, Any] | Iterable[tuple[str, Any]] | pa.Schema = ()) -> None:
        """From `{name: type}`, pairs, or an Arrow schema. A type is one of ours, of Arrow's, a name ("int64"), or Python's own."""
        from gradframe._frame.types import field_of, is_arrow_schema, own_type_of

        if is_arrow_schema(columns):
            self._types = {field.name: own_type_of(field) for field in columns}
            return
        pairs = columns.items() if isinstance(columns, Mapping) else columns
        self._types = {name: own_type_of(field_of(name, dtype)) for name, dtype in pairs}

    def names(self) -> list[str]:
        """The columns' names."""
        return list(self._types)

    def dtypes(self) -> list[Any]:
        """The columns' types."""
        return list(self._types.values())

    def len(self) -> int:
        """How many columns there are."""
        return len(self._types)

    def to_arrow(self) -> pa.Schema:
        """The same as a `pyarrow.Schema`."""
        import pyarrow as pa

        from gradframe._frame.types import field_of

        return pa.schema([field_of(name, dtype) for name, dtype in self._types.items()])

    def __getitem__(self, name: str) -> Any:
        return self._types[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._types)

    def __len__(self) -> int:
        return len(self._types)

    def __contains__(self, name: object) -> bool:
        return name in self._types

    def __eq__(self, other: object) -> bool:
        from gradframe._frame.types import is_arrow_schema

        if is_arrow_schema(other):
            other = Schema(other)
        return isinstance(other, Mapping) and list(self.items()) == list(other.items())

    __hash__ = None  # type: ignore[assignment]

    def __arrow_c_schema__(self) -> object:
        return self.to_arrow().__arrow_c_schema__()

    def __repr__(self) -> str:
        return f"Schema({{{', '.join(f'{name!r}: {dtype!r}' for name, dtype in self._types.items())}}})"
