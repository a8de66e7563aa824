"""Random SELECTs as text, over two small tables `t` and `u`: joins, aggregates, windows, CASE, casts, subqueries, set operations.

Expressions are drawn by kind, so that most queries mean something. What DuckDB and Gradframe mean differently by decision is left out
by construction; each such place has a comment.
"""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
from hypothesis import strategies as st

NAN = float("nan")

_INTS = st.one_of(st.none(), st.integers(-6, 6))
# Quarters, so that sums are exact in whatever order; no -0.0, which is a group of its own in one of them.
_FLOATS = st.one_of(st.none(), st.integers(-12, 12).map(lambda q: q / 4 + 0.0), st.just(NAN))
# Without ß, whose capital is SS or ẞ.
_TEXTS = st.one_of(st.none(), st.text(alphabet="aBé日 1", max_size=3))
_DATES = st.one_of(st.none(), st.integers(-400, 20_000).map(lambda days: dt.date(1970, 1, 1) + dt.timedelta(days=days)))
_TIMES = st.one_of(st.none(), st.integers(-10**6, 10**6).map(lambda m: dt.datetime(1970, 1, 1) + dt.timedelta(minutes=m, microseconds=m)))

TABLES = {
    "t": {"a": (_INTS, pa.int32()), "b": (st.integers(-9, 9), pa.int64()), "x": (_FLOATS, pa.float64()), "s": (_TEXTS, pa.string()), "f": (st.sampled_from([True, False, None]), pa.bool_()), "d": (_DATES, pa.date32()), "m": (_TIMES, pa.timestamp("us"))},
    "u": {"k": (_INTS, pa.int64()), "y": (_FLOATS, pa.float64()), "w": (_TEXTS, pa.string()), "e": (_DATES, pa.date32())},
}
KINDS = {
    "t": {"a": "int", "b": "int", "x": "float", "s": "text", "f": "bool", "d": "date", "m": "time"},
    "u": {"k": "int", "y": "float", "w": "text", "e": "date"},
}


@st.composite
def tables(draw: st.DrawFn, max_rows: int = 7) -> dict[str, pa.Table]:
    """Both tables."""
    made = {}
    for name, columns in TABLES.items():
        rows = draw(st.integers(0, max_rows))
        made[name] = pa.table({column: pa.array(draw(st.lists(values, min_size=rows, max_size=rows)), kind) for column, (values, kind) in columns.items()})
    return made


CONSTANTS = {
    "int": ["0", "1", "-2", "5"],
    "float": ["0.5", "-1.25", "2.0"],
    "text": ["'a'", "''", "'日'"],
    "bool": ["true", "false"],
    "date": ["DATE '2024-02-29'", "DATE '1969-12-31'"],
    "time": ["TIMESTAMP '2024-02-29 12:30:00'", "TIMESTAMP '1969-12-31 23:59:59.5'"],
}

ROWWISE = {
    "int": [
        "({int} + {int})", "({int} - {int})", "({int} * {int})", "(-{int})", "abs({int})", "coalesce({int}, {int})", "nullif({int}, {int})",
        # A remainder by 0 is null there and an error here; so is a quotient, which is a float there anyhow.
        "({int} % nullif({int}, 0))", "CASE WHEN {bool} THEN {int} ELSE {int} END", "CASE {int} WHEN 1 THEN {int} WHEN -2 THEN {int} END",
        # A float becomes an integer by rounding there, by cutting off here.
        "CAST(floor(nullif({float}, CAST('nan' AS DOUBLE))) AS BIGINT)", "CAST({bool} AS INT)", "length({text})", "strpos({text}, 'a')",
        "CAST(extract(year FROM {date}) AS BIGINT)", "CAST(extract(month FROM {date}) AS BIGINT)", "CAST(extract(day FROM {time}) AS BIGINT)",
        "CAST(extract(hour FROM {time}) AS BIGINT)", "CAST(extract(doy FROM {date}) AS BIGINT)", "CAST(extract(week FROM {date}) AS BIGINT)",
        "greatest({int}, {int})", "least({int}, {int})", "CAST(CAST({int} AS VARCHAR) AS BIGINT)", "ascii({text} || 'a')",
    ],
    "float": [
        "({float} + {float})", "({float} - {int})", "({float} * {float})", "(0 - {float})", "abs({float})", "coalesce({float}, {float})", "CAST({int} AS DOUBLE)",
        "({float} / nullif({float}, 0))", "floor({float})", "ceil({float})", "CASE WHEN {bool} THEN {float} ELSE {float} END",
        # The root of a negative number is an error there.
        "sqrt(abs({float}))", "greatest({float}, {float})", "nullif({float}, {float})", "trunc({float})",
    ],
    "text": [
        "({text} || {text})", "upper({text})", "lower({text})", "trim({text})", "substr({text}, 1, 2)", "replace({text}, 'a', '日')", "coalesce({text}, {text})",
        "CASE WHEN {bool} THEN {text} END", "left({text}, 1)", "right({text}, 2)", "reverse({text})", "lpad({text}, 4, '*')", "CAST({int} AS VARCHAR)",
        "CAST({date} AS VARCHAR)", "CAST({bool} AS VARCHAR)", "nullif({text}, {text})", "concat({text}, {int})", "concat_ws('-', {text}, {text})",
        "repeat({text}, 2)", "split_part({text}, ' ', 1)",
    ],
    "bool": [
        "({int} > {int})", "({int} = {int})", "({int} <> {int})", "({float} < {float})", "({float} = {float})", "({text} >= {text})", "({date} < {date})",
        "({time} <= {time})", "({int} IS NULL)", "({text} IS NOT NULL)", "({bool} AND {bool})", "({bool} OR {bool})", "(NOT {bool})", "({int} IN (1, {int}, NULL))",
        "({int} NOT IN (1, {int}))", "({int} BETWEEN {int} AND {int})", "({text} LIKE 'a%')", "({text} LIKE '%_1')", "({int} IS DISTINCT FROM {int})",
        "({text} IS NOT DISTINCT FROM {text})", "({bool} IS TRUE)", "({bool} IS NOT FALSE)", "starts_with({text}, 'a')", "isnan({float})", "coalesce({bool}, {bool})",
        "({int} > {float})",
    ],
    "date": [
        "CAST({time} AS DATE)", "CAST(date_trunc('month', {date}) AS DATE)", "CAST(date_trunc('week', {date}) AS DATE)", "coalesce({date}, {date})",
        "CASE WHEN {bool} THEN {date} ELSE {date} END", "CAST({date} + INTERVAL '1' MONTH AS DATE)", "greatest({date}, {date})",
    ],
    "time": [
        "CAST({date} AS TIMESTAMP)", "date_trunc('hour', {time})",
        # A day's beginning is a DATE there.
        "CAST(date_trunc('day', {time}) AS TIMESTAMP)", "({time} + INTERVAL '90' MINUTE)", "coalesce({time}, {time})",
        "CASE WHEN {bool} THEN {time} END",
    ],
}

AGGREGATES = {
    "int": ["count(*)", "count({int})", "sum({int})", "min({int})", "max({int})", "count(DISTINCT {text})", "sum({int}) FILTER (WHERE {bool})", "count(DISTINCT {int})", "sum(DISTINCT {int})"],
    "float": ["avg({int})", "sum({float})", "min({float})", "max({float})", "avg({float})", "stddev({int})", "var_pop({int})", "median({int})", "avg({int}) FILTER (WHERE {bool})"],
    "text": ["min({text})", "max({text})"],
    "bool": ["bool_and({bool})", "bool_or({bool})"],
    "date": ["min({date})", "max({date})"],
    "time": ["max({time})"],
}

#: Ordered by everything, so that equal rows are interchangeable. Null order is always said: it is last there, first here when descending.
WINDOWS = {
    "int": [
        "row_number() OVER (PARTITION BY {int} ORDER BY {total})", "rank() OVER (ORDER BY {int} NULLS LAST)", "dense_rank() OVER (ORDER BY {text} DESC NULLS LAST)",
        "sum({int}) OVER (PARTITION BY {text})", "count(*) OVER (PARTITION BY {bool})", "sum({int}) OVER (ORDER BY {total} ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)",
        "lag({int}) OVER (ORDER BY {total})", "lead({int}, 2, 0) OVER (ORDER BY {total})", "min({int}) OVER (ORDER BY {total} ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING)",
        "max({int}) OVER (ORDER BY {int} NULLS FIRST)", "ntile(2) OVER (ORDER BY {total})",
    ],
    "float": ["avg({int}) OVER (PARTITION BY {bool})", "max({float}) OVER (PARTITION BY {text})", "sum({float}) OVER (ORDER BY {total} ROWS UNBOUNDED PRECEDING)"],
    "text": ["first_value({text}) OVER (PARTITION BY {bool} ORDER BY {total})", "max({text}) OVER (PARTITION BY {int})"],
}


class Drawing:
    """What expressions are drawn of: columns by their qualified name."""

    def __init__(self, draw: st.DrawFn, columns: dict[str, str]) -> None:
        self.draw, self.columns = draw, columns

    def among(self, choices: list[str]) -> str:
        return self.draw(st.sampled_from(choices))

    def chance(self, one_in: int) -> bool:
        return self.draw(st.integers(1, one_in)) == 1

    def leaf(self, kind: str) -> str:
        names = [name for name, own in self.columns.items() if own == kind]
        return self.among(CONSTANTS[kind]) if not names or self.chance(5) else self.among(names)

    def expression(self, kind: str, depth: int, *more: dict[str, list[str]]) -> str:
        if depth == 0 or self.chance(4):
            return self.leaf(kind)
        templates = [template for table in (ROWWISE, *more) for template in table.get(kind, [])]
        return self.filled(self.among(templates), depth - 1)

    def filled(self, text: str, depth: int) -> str:
        while "{" in text:
            start, end = text.index("{"), text.index("}")
            kind = text[start + 1 : end]
            # Windows are ordered by columns: an expression of NaNs would order rows that are equal.
            part = self.total() if kind == "total" else self.expression(kind, depth)
            text = text[:start] + part + text[end + 1 :]
        return text

    def total(self) -> str:
        return ", ".join(f"{name} NULLS LAST" for name in self.columns)

    def kind(self) -> str:
        return self.among(["int", "int", "float", "text", "text", "bool", "date", "time"])


def _source(draw: st.DrawFn, depth: int) -> tuple[str, dict[str, str]]:
    """What stands in FROM, and its columns by qualified name."""
    t = {f"t.{name}": kind for name, kind in KINDS["t"].items()}
    u = {f"u.{name}": kind for name, kind in KINDS["u"].items()}
    form = draw(st.sampled_from(["t", "t", "join", "cross", "query", "cte"] if depth else ["t", "join"]))
    if form == "join":
        how = draw(st.sampled_from(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]))
        on = draw(st.sampled_from(["t.a = u.k", "t.s = u.w", "t.a = u.k AND t.x >= u.y", "t.b = u.k AND t.s <> u.w"]))
        # A FULL JOIN on more than equality is refused by one of them.
        on = "t.a = u.k" if how == "FULL JOIN" else on
        return f"t {how} u ON {on}", t | u
    if form == "cross":
        return "t CROSS JOIN u", t | u
    if form in ("query", "cte"):
        inner, kinds = _query(draw, depth - 1)
        return f"({inner}) AS q", {f"q.{name}": kind for name, kind in kinds.items()}
    return "t", t


def _plain(drawing: Drawing) -> tuple[str, str, dict[str, str]]:
    """SELECT over rows."""
    count = drawing.draw(st.integers(1, 3))
    kinds = {f"c{at}": drawing.kind() for at in range(count)}
    items = ", ".join(f"{drawing.expression(kind, 2, WINDOWS)} AS {name}" for name, kind in kinds.items())
    distinct = "DISTINCT " if drawing.chance(5) else ""
    return f"SELECT {distinct}{items}", "", kinds


def _grouped(drawing: Drawing) -> tuple[str, str, dict[str, str]]:
    """SELECT over groups; of all rows, if there is no key."""
    keys = {f"k{at}": drawing.kind() for at in range(drawing.draw(st.integers(0, 2)))}
    keyed = {name: drawing.expression(kind, 1) for name, kind in keys.items()}
    # A constant in GROUP BY is a position.
    keyed = {name: text for name, text in keyed.items() if any(column in text for column in drawing.columns)}
    kinds = {name: kind for name, kind in keys.items() if name in keyed}
    made = {f"c{at}": drawing.kind() for at in range(drawing.draw(st.integers(1, 2)))}
    aggregates = [f"{drawing.filled(drawing.among(AGGREGATES[kind]), 1)} AS {name}" for name, kind in made.items()]
    items = [f"{text} AS {name}" for name, text in keyed.items()] + aggregates
    group = f" GROUP BY {', '.join(keyed.values())}" if keyed else ""
    having = f" HAVING {drawing.filled('count(*) > 1', 0)}" if keyed and drawing.chance(4) else ""
    return f"SELECT {', '.join(items)}", group + having, kinds | made


def _query(draw: st.DrawFn, depth: int) -> tuple[str, dict[str, str]]:
    source, columns = _source(draw, depth)
    drawing = Drawing(draw, columns)
    select, tail, kinds = draw(st.sampled_from([_plain, _grouped]))(drawing)
    where = ""
    if drawing.chance(2):
        condition = drawing.expression("bool", 2)
        if depth and drawing.chance(4):
            column = drawing.leaf("int")
            condition = drawing.among([f"{column} IN (SELECT k FROM u)", f"EXISTS (SELECT 1 FROM u WHERE u.k = {column})" if not source.startswith("t ") else condition, f"{column} > (SELECT min(b) FROM t AS inner_t)"])
        where = f" WHERE {condition}"
    return f"{select} FROM {source}{where}{tail}", kinds


@st.composite
def queries(draw: st.DrawFn) -> str:
    """A SELECT, perhaps of two put together, perhaps the first rows of it."""
    text, kinds = _query(draw, draw(st.integers(0, 2)))
    if draw(st.integers(1, 6)) == 1:
        other, other_kinds = _query(draw, 0)
        if list(kinds.values()) == list(other_kinds.values()):
            text = f"{text} {draw(st.sampled_from(['UNION ALL', 'UNION', 'INTERSECT', 'EXCEPT']))} {other}"
    if draw(st.integers(1, 4)) == 1:
        # By all columns: what is left of equal rows is the same whichever they are.
        order = ", ".join(f"{name} {draw(st.sampled_from(['ASC', 'DESC']))} NULLS {draw(st.sampled_from(['FIRST', 'LAST']))}" for name in kinds)
        text = f"SELECT * FROM ({text}) AS all_rows ORDER BY {order} LIMIT {draw(st.integers(0, 4))}"
    return text
