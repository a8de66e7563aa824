"""Names of results."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from gradframe import _gradframe
from gradframe._expr.base import Base

if TYPE_CHECKING:
    from gradframe._expr.expr import Expr


class NameNamespace:
    """Rules for the name of a result, applied to each column of a selector: `gf.all().name.suffix("_new")`."""

    def __init__(self, expr: Base) -> None:
        self._of = expr

    def keep(self) -> Expr:
        """The first column's name, whatever aliases came after it."""
        return self._of._call("name.keep")

    def prefix(self, prefix: str) -> Expr:
        """The name with something before it."""
        return self._of._call("name.prefix", prefix=prefix)

    def suffix(self, suffix: str) -> Expr:
        """The name with something after it."""
        return self._of._call("name.suffix", suffix=suffix)

    def map(self, function: Callable[[str], str]) -> Expr:
        """What a function makes of the name."""
        return self._of._public(_gradframe.name_map(self._of, function))

    def prefix_fields(self, prefix: str) -> Expr:
        """A struct with something before its fields' names."""
        return self._of._call("name.affix_fields", prefix=prefix)

    def suffix_fields(self, suffix: str) -> Expr:
        """A struct with something after its fields' names."""
        return self._of._call("name.affix_fields", suffix=suffix)

    def strip_prefix(self, prefix: str) -> Expr:
        """The name without something before it."""
        return self._of._call("name.strip_prefix", prefix=prefix)

    def strip_suffix(self, suffix: str) -> Expr:
        """The name without something after it."""
        return self._of._call("name.strip_suffix", suffix=suffix)

    def replace(self, pattern: str, value: str, *, literal: bool = False) -> Expr:
        """The name with all that matches a regular expression replaced, or a text if `literal`; `$1` is its first group."""
        return self._of._call("name.replace", pattern=pattern, value=value, literal=literal)

    def to_lowercase(self) -> Expr:
        """The name in small letters."""
        return self._of._call("name.to_lowercase")

    def to_uppercase(self) -> Expr:
        """The name in capitals."""
        return self._of._call("name.to_uppercase")


class Names(Base):
    """Names of results."""

    __slots__ = ()

    def alias(self, name: str) -> Expr:
        """Names the result."""
        return self._call("alias", name=name)

    @property
    def name(self) -> NameNamespace:
        """Rules for the name, such as a suffix."""
        return NameNamespace(self)
