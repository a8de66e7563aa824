"""The public class of expressions: its topics, each in a file of its own, and its namespaces."""

from __future__ import annotations

from gradframe._expr.aggregates import Aggregates
from gradframe._expr.arithmetic import Arithmetic
from gradframe._expr.base import Base
from gradframe._expr.bins import Bins
from gradframe._expr.comparison import Comparison
from gradframe._expr.mapping import Mapping
from gradframe._expr.math import Mathematics
from gradframe._expr.meta import Meta
from gradframe._expr.moving import Moving
from gradframe._expr.names import NameNamespace, Names
from gradframe._expr.namespaces import Namespaces
from gradframe._expr.nulls import Nulls
from gradframe._expr.ordering import Ordering
from gradframe._expr.rolling import RollingBy
from gradframe._expr.statistics import Statistics
from gradframe._expr.texts import Texts
from gradframe._expr.windows import Windows

__all__ = ["Expr", "NameNamespace"]


class Expr(
    Arithmetic, Comparison, Mathematics, Nulls, Aggregates, Statistics, Bins, Windows, Moving, RollingBy, Ordering, Names, Mapping, Texts, Meta, Namespaces,
    Base,
):
    """A computation over columns: nothing happens until a frame that holds it is collected.

    `gf.col("fare") * 2` is one; methods have Polars's names and meanings.
    """

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]


Base._public = Expr
