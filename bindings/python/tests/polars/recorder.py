"""What a case of a table calls: the case is run on stand-ins that write down each name that is asked of them.

So that "the same as Polars" can only be said of a name that a table exercises. Nothing is computed.
"""

import inspect
from typing import Any

import polars as pl

NAMESPACES = ["str", "dt", "list", "arr", "struct", "bin", "cat", "name"]

_OF_GROUPS = {"agg", "all", "count", "first", "head", "last", "len", "max", "mean", "median", "min", "n_unique", "quantile", "sum", "tail"}


class Stand:
    """A frame, an expression, a namespace or the library, in a case."""

    def __init__(self, seen: set[tuple[str, str]], kind: str) -> None:
        object.__setattr__(self, "_seen", seen)
        object.__setattr__(self, "_kind", kind)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _ASKED[self._kind.partition(" ")[0]](self, name)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return Stand(self._seen, {"library": "expression"}.get(self._kind, self._kind))

    def __getitem__(self, key: Any) -> Any:
        return self

    def __iter__(self) -> Any:
        return iter([self])

    def __bool__(self) -> bool:
        return True

    def __hash__(self) -> int:
        return id(self)


def _of_library(stand: Stand, name: str) -> Any:
    if name == "selectors":
        return stand
    if name[0].isupper():
        return getattr(pl, name)
    return Stand(stand._seen, "frame" if name in ("concat", "DataFrame", "LazyFrame") else "expression")


def _of_frame(stand: Stand, name: str) -> Any:
    known = hasattr(pl.LazyFrame, name) or hasattr(pl.DataFrame, name)
    if known:
        stand._seen.add(("LazyFrame", name))
    return Stand(stand._seen, "groups" if name == "group_by" else "frame")


def _of_expression(stand: Stand, name: str) -> Any:
    if name in NAMESPACES:
        return Stand(stand._seen, f"namespace {name}")
    stand._seen.add(("Expr", name))
    return Stand(stand._seen, "expression")


def _of_namespace(stand: Stand, name: str) -> Any:
    stand._seen.add((f"Expr.{stand._kind.partition(' ')[2]}", name))
    return Stand(stand._seen, "expression")


def _of_groups(stand: Stand, name: str) -> Any:
    stand._seen.add(("GroupBy", name))
    return Stand(stand._seen, "frame")


_ASKED = {
    "library": _of_library,
    "frame": _of_frame,
    "expression": _of_expression,
    "namespace": _of_namespace,
    "groups": _of_groups,
}


def _operator(name: str) -> Any:
    def apply(self: Stand, *others: Any) -> Any:
        self._seen.add(("Expr", name))
        return Stand(self._seen, "expression")

    return apply


for _name in (
    "add radd sub rsub mul rmul truediv rtruediv floordiv rfloordiv mod rmod pow rpow and rand or ror xor rxor lt le gt ge eq ne "
    "neg pos abs invert"
).split():
    setattr(Stand, f"__{_name}__", _operator(f"__{_name}__"))


def names_called(case: Any) -> set[tuple[str, str]]:
    """The names that a case asks of frames and expressions; none of a case that stand-ins cannot run."""
    seen: set[tuple[str, str]] = set()
    parameters = [name for name, p in inspect.signature(case).parameters.items() if p.default is inspect.Parameter.empty]
    stands = {name: Stand(seen, "library" if name == "x" else "frame") for name in parameters}
    try:
        case(**stands)
    except Exception:  # what it has asked until there counts for nothing
        return set()
    return seen
