"""Writes `docs/polars_coverage.md`: every public name of Polars's expressions and frames, and what becomes of it here.

    python tests/polars/polars_coverage.py          # after adding a method or a case

"same" is said of a name that is there and that a table of cases beside this file exercises against Polars.
"""

import importlib.util
import pathlib
import sys
from typing import Any

import polars as pl
from recorder import NAMESPACES, names_called

import gradframe as gf

HERE = pathlib.Path(__file__).resolve().parent
PAGE = HERE.parents[3] / "docs/polars_coverage.md"

#: What is there and does something else, or less, with the reason.
DIFFERS = {
    ("LazyFrame", "collect"): "the engine is chosen by the session: no `engine`, `background` or `optimizations`",
    ("LazyFrame", "collect_batches"): "an iterator; the size of a batch is the session's",
    ("LazyFrame", "explain"): "DataFusion's plans, with `format` also as a tree or as SQL; `analyze=True` runs it",
    ("LazyFrame", "map_batches"): "called for one batch after another, on all threads; `streamable=False`, Polars's default, calls it once",
    ("Expr", "map_batches"): "no `returns_scalar`, and not in aggregations",
    ("Expr", "approx_quantile"): "the exact one, a float",
    ("Expr", "hash"): "another hash function, the same on every machine",
    ("Expr", "inspect"): "prints what the frame's rows hold there",
    ("Expr.cat", "to"): "a cast",
    ("Expr.cat", "physical"): "the code in this column's own dictionary",
    ("Expr.list", "sample"): "other draws for the same seed",
    ("LazyFrame", "collect_async"): "a coroutine",
    ("LazyFrame", "inspect"): "the query runs here, and again when it is collected",
    ("LazyFrame", "sink_batches"): "runs at once",
    ("Expr", "map_elements"): "no `pass_name` and no `strategy`",
    ("LazyFrame", "sink_parquet"): "runs at once and gives the number of rows; `partition_by` names columns",
    ("LazyFrame", "sink_csv"): "runs at once and gives the number of rows; `partition_by` names columns",
    ("LazyFrame", "sink_ndjson"): "runs at once and gives the number of rows; `partition_by` names columns",
    ("LazyFrame", "sink_ipc"): "runs at once and gives the number of rows; `partition_by` names columns",
    ("LazyFrame", "collect_schema"): "how text is stored is no part of a type",
    ("LazyFrame", "schema"): "no warning: the schema costs nothing",
    ("LazyFrame", "dtypes"): "no warning: the types cost nothing",
    ("LazyFrame", "columns"): "no warning: names cost nothing",
    ("LazyFrame", "width"): "no warning: the width costs nothing",
    ("LazyFrame", "lazy"): "the frame itself",
    ("LazyFrame", "cache"): "runs the query at once; what follows goes on from its rows",
    ("LazyFrame", "set_sorted"): "checks the names, and is not needed",
    ("LazyFrame", "show_graph"): "the optimised logical plan; other than as text it needs a notebook or a path, and Graphviz",
    ("LazyFrame", "match_to_schema"): "structs are held against the schema as a whole",
    ("LazyFrame", "serialize"): "as SQL, with the rows in memory; not of files",
    ("LazyFrame", "deserialize"): "what `serialize` has written here",
    ("LazyFrame", "show"): "prints the first rows as this library prints frames; no options of style",
    ("LazyFrame", "describe"): "the same table; dates as Python writes them",
    ("Expr.dt", "combine"): "of a datetime in a zone, the date that its clock shows, not UTC's",
    ("Expr.dt", "round"): "the nearer multiple by days, also where the interval is years",
    ("Expr.list", "arg_max"): "of equal texts the first place",
    ("Expr.str", "to_date"): "without a format, each text is read by its own form",
    ("Expr.str", "to_datetime"): "without a format, each text is read by its own form",
    ("Expr.str", "strptime"): "without a format, each text is read by its own form",
}


def tables() -> list[dict[str, Any]]:
    """The tables of cases: dictionaries of functions of frames and the library, in the files of tests beside this one."""
    found = []
    for path in sorted(HERE.glob("test_*.py")):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        waiting = getattr(module, "WAITING", set())
        for name, value in vars(module).items():
            if isinstance(value, dict) and name.isupper() and "ERROR" not in name:
                found.append({case: action for case, action in value.items() if case not in waiting})
    return found


def exercised() -> set[tuple[str, str]]:
    """The names that some case calls."""
    cases = [case for table in tables() for case in table.values()]
    functions = [case[0] if isinstance(case, tuple) and case else case for case in cases]
    return set().union(*(names_called(case) for case in functions if callable(case) and not isinstance(case, type)))


def public(owner: Any) -> list[str]:
    return sorted(name for name in dir(owner) if not name.startswith("_"))


def owners() -> list[tuple[str, Any, Any]]:
    """A title, Polars's class and ours."""
    theirs, ours = pl.col("x"), gf.col("x")
    spaces = [(f"Expr.{name}", getattr(theirs, name), getattr(ours, name, None)) for name in NAMESPACES]
    return [("LazyFrame", pl.LazyFrame, gf.LazyFrame), ("Expr", pl.Expr, gf.Expr), *spaces]


def status(title: str, name: str, ours: Any, cases: set[tuple[str, str]]) -> str:
    if ours is None or not hasattr(ours, name):
        return "not yet"
    if (title, name) in DIFFERS:
        return f"differs: {DIFFERS[title, name]}"
    return "same" if (title, name) in cases else "there, not compared yet"


def page() -> str:
    cases = exercised()
    rows, counts = {}, {}
    for title, theirs, ours in owners():
        names = [name for name in public(theirs) if not (title == "Expr" and name in NAMESPACES)]
        rows[title] = [(name, status(title, name, ours, cases)) for name in names]
        counts[title] = [len(rows[title]), *(sum(kind in s for _, s in rows[title]) for kind in ("same", "differs", "there,"))]
    lines = [
        "# Polars's names here",
        "",
        f"Every public name of Polars {pl.__version__}'s `LazyFrame`, `Expr` and its namespaces. Generated by",
        "`bindings/python/tests/polars/polars_coverage.py`; *same* is said only of a name that a table of cases compares with Polars.",
        "",
        "| | names | same | differs | there, not compared yet | not yet |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    total = [sum(column) for column in zip(*counts.values())]
    for title, (names, same, differs, there) in [*counts.items(), ("**all**", total)]:
        lines.append(f"| {title} | {names} | {same} | {differs} | {there} | {names - same - differs - there} |")
    for title, names in rows.items():
        lines += ["", f"## {title}", "", "| name | |", "|---|---|"]
        lines += [f"| `{name}` | {kind} |" for name, kind in names]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    PAGE.write_text(page())
    print(PAGE)
