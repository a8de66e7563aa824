"""Functions of structs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gradframe._expr.base import IntoExpr, column
from gradframe._expr.namespace import Namespace

if TYPE_CHECKING:
    from gradframe._expr.expr import Expr


class StructNamespace(Namespace):
    """Functions of structs. A null struct gives null; `struct["x"]` is the field x."""

    __slots__ = ()

    def __getitem__(self, name: str) -> Expr:
        return self.field(name)

    def drop(self, names: Sequence[str] | str, *, strict: bool = True) -> Expr:
        """Without some fields; one that is not there is an error, if `strict`."""
        return self._call("struct.drop", names=[names] if isinstance(names, str) else list(names), strict=strict)

    def field(self, name: str) -> Expr:
        """A field, under its name."""
        return self._call("struct.field", name=name)

    def json_encode(self) -> Expr:
        """Each struct as JSON."""
        return self._call("struct.json_encode")

    def rename_fields(self, names: Sequence[str]) -> Expr:
        """The fields under other names, one for each."""
        return self._call("struct.rename_fields", names=list(names))

    def with_fields(self, **named_exprs: IntoExpr) -> Expr:
        """With fields added, or replaced where one has the name."""
        values: list[Any] = [column(value) for value in named_exprs.values()]
        return self._call("struct.with_fields", *values, names=list(named_exprs))
