"""The namespaces of an expression: `gf.col("name").str.to_uppercase()`."""

from __future__ import annotations

from gradframe._expr.arrays import ArrNamespace
from gradframe._expr.base import Base
from gradframe._expr.binary import BinNamespace
from gradframe._expr.categorical import CatNamespace
from gradframe._expr.lists import ListNamespace
from gradframe._expr.string import StrNamespace
from gradframe._expr.structs import StructNamespace
from gradframe._expr.temporal import DtNamespace


class Namespaces(Base):
    """Functions of one family of types each."""

    __slots__ = ()

    @property
    def str(self) -> StrNamespace:
        """Functions of text."""
        return StrNamespace(self)

    @property
    def dt(self) -> DtNamespace:
        """Functions of dates, times, datetimes and durations."""
        return DtNamespace(self)

    @property
    def list(self) -> ListNamespace:
        """Functions of lists."""
        return ListNamespace(self)

    @property
    def arr(self) -> ArrNamespace:
        """Functions of lists of one length."""
        return ArrNamespace(self)

    @property
    def struct(self) -> StructNamespace:
        """Functions of structs."""
        return StructNamespace(self)

    @property
    def bin(self) -> BinNamespace:
        """Functions of binary."""
        return BinNamespace(self)

    @property
    def cat(self) -> CatNamespace:
        """Functions of categoricals."""
        return CatNamespace(self)
