"""Functions of structs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from gradframe._expr.base import IntoExpr, call, column, columns
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

    def field(self, name: str | Sequence[str], *more_names: str) -> Expr:
        """A field, under its name; several, each a column: names, a pattern `^...$`, or `*` for all."""
        names = [*([name] if isinstance(name, str) else name), *more_names]
        if len(names) == 1 and names[0] != "*" and not (names[0].startswith("^") and names[0].endswith("$")):
            return self._call("struct.field", name=names[0])
        return self._call("struct.fields", names=names)

    def unnest(self) -> Expr:
        """All fields, each a column."""
        return self.field("*")

    def eval(self, *exprs: IntoExpr | Iterable[IntoExpr], **named_exprs: IntoExpr) -> Expr:
        """A struct of these expressions alone, in which `gf.field("x")` is the field x of this one."""
        return self._call("struct.eval", *columns(*exprs), *_named(named_exprs))

    def json_encode(self) -> Expr:
        """Each struct as JSON."""
        return self._call("struct.json_encode")

    def rename_fields(self, names: Sequence[str]) -> Expr:
        """The fields under other names, one for each."""
        return self._call("struct.rename_fields", names=list(names))

    def with_fields(self, *exprs: IntoExpr | Iterable[IntoExpr], **named_exprs: IntoExpr) -> Expr:
        """With fields added, or replaced where one has the name; `gf.field("x")` is the field x of this struct."""
        return self._call("struct.with_fields", *columns(*exprs), *_named(named_exprs))


def _named(exprs: dict[str, IntoExpr]) -> list[Any]:
    return [call("alias", column(value), name=name) for name, value in exprs.items()]
