"""Random chains of verbs and expressions, as Python text over a frame `f`, another frame `o` and a library `x`.

Expressions are drawn by kind (`int`, `float`, `text` ...), so that most chains mean something; what is left to chance is how
they are put together. A chain is text, so that a failing one can be read, and run by hand.

What is left out by construction, since the libraries differ there by decision or Polars has no one answer, is said where it would
have been drawn.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

import polars as pl
from hypothesis import strategies as st

NAN = float("nan")
ZONE = "Europe/Berlin"

#: The columns of the frame: kind and type.
SCHEMA: dict[str, tuple[str, pl.DataType]] = {
    "g": ("text", pl.String()),
    "k": ("int", pl.Int32()),
    "i": ("int", pl.Int64()),
    "n": ("int", pl.Int64()),
    "f": ("float", pl.Float64()),
    "h": ("float", pl.Float32()),
    "s": ("text", pl.String()),
    "b": ("bool", pl.Boolean()),
    "d": ("date", pl.Date()),
    "t": ("moment", pl.Datetime("us")),
    "z": ("zoned", pl.Datetime("us", ZONE)),
    "w": ("span", pl.Duration("us")),
    "c": ("decimal", pl.Decimal(12, 2)),
    "l": ("list", pl.List(pl.Int64)),
    "e": ("category", pl.Categorical()),
}

_DAY = dt.date(2024, 2, 28)
_MOMENTS = st.integers(-1_000_000, 1_000_000).map(lambda minutes: dt.datetime(1970, 1, 1) + dt.timedelta(minutes=minutes, microseconds=minutes))
VALUES: dict[str, st.SearchStrategy] = {
    "g": st.sampled_from(["x", "y", "ß", None]),
    "k": st.sampled_from([1, 2, 3, None]),
    "i": st.one_of(st.none(), st.integers(-50, 50)),
    "n": st.integers(1, 9),
    # No infinities, and below no quotients that may be 0 / 0: a NaN that arithmetic makes has a sign on x86, and is below all numbers here.
    # No zeros: -0.0 equals 0.0, but is before it in sorts and ranks, and another value to `unique`, as it is to Arrow.
    "f": st.one_of(st.none(), st.integers(-40, 40).filter(bool).map(lambda q: q / 4), st.just(NAN)),
    "h": st.one_of(st.none(), st.integers(-40, 40).filter(bool).map(lambda q: q / 4), st.just(NAN)),
    "s": st.one_of(st.none(), st.text(alphabet="aBß日 1", max_size=4)),
    "b": st.sampled_from([True, False, None]),
    "d": st.one_of(st.none(), st.integers(-800, 20_000).map(lambda days: dt.date(1970, 1, 1) + dt.timedelta(days=days))),
    "t": st.one_of(st.none(), _MOMENTS),
    "z": st.one_of(st.none(), _MOMENTS),
    "w": st.one_of(st.none(), st.integers(-(10**11), 10**11).map(lambda us: dt.timedelta(microseconds=us))),
    "c": st.one_of(st.none(), st.integers(-5000, 5000).map(lambda cents: Decimal(cents) / 100)),
    "l": st.one_of(st.none(), st.lists(st.one_of(st.none(), st.integers(-5, 5)), max_size=3)),
    "e": st.sampled_from(["low", "mid", "high", None]),
}


@st.composite
def frames(draw: st.DrawFn, max_rows: int = 8) -> pl.DataFrame:
    """A frame of SCHEMA's columns."""
    rows = draw(st.integers(0, max_rows))
    columns = []
    for name, (_, kind) in SCHEMA.items():
        values = draw(st.lists(VALUES[name], min_size=rows, max_size=rows))
        if name == "z":
            columns.append(pl.Series(name, values, dtype=pl.Datetime("us")).dt.replace_time_zone("UTC").dt.convert_time_zone(ZONE))
        else:
            columns.append(pl.Series(name, values, dtype=kind))
    return pl.DataFrame(columns)


OTHER = pl.DataFrame({"g": ["x", "ß", "x", None], "k": pl.Series([1, 2, 9, None], dtype=pl.Int32), "r": [10, 20, None, 40], "v": [0.5, None, NAN, 2.0]})

CONSTANTS = {
    "int": ["0", "1", "-3", "7"],
    "float": ["0.5", "-2.25", "3.0"],
    "text": ["'a'", "'ß'", "''", "'日1'"],
    "bool": ["True", "False"],
    "date": [repr(_DAY).replace("datetime", "dt"), "dt.date(1969, 12, 31)"],
    "moment": ["dt.datetime(2024, 3, 31, 2, 30)", "dt.datetime(1969, 12, 31, 23, 59, 59, 999999)"],
    "span": ["dt.timedelta(hours=3)", "dt.timedelta(days=-1, microseconds=1)"],
    "decimal": ["Decimal('1.25')", "Decimal('-0.5')"],
}

#: Functions of a row's values: kind of the result -> template with the kinds of its parts in braces.
ROWWISE: dict[str, list[str]] = {
    "int": [
        "({int} + {int})", "({int} - {int})", "({int} * {int})", "({int} // {int})", "({int} % {int})", "(-{int})", "{int}.abs()", "{int}.sign()",
        "{int}.clip(-5, 20)", "{int}.fill_null({int})", "x.when({bool}).then({int}).otherwise({int})", "x.coalesce({int}, {int})",
        "{bool}.cast(x.Int64)", "{text}.str.len_chars()", "{text}.str.len_bytes()", "{text}.str.count_matches('[a-z]')", "{text}.str.find('a')",
        "{text}.cast(x.Int64, strict=False)", "{float}.cast(x.Int64, strict=False)", "{date}.dt.year()", "{date}.dt.month()", "{date}.dt.weekday()",
        "{date}.dt.ordinal_day()", "{date}.dt.week()", "{date}.dt.iso_year()", "{date}.dt.quarter()", "{date}.dt.days_in_month()", "{moment}.dt.hour()",
        "{moment}.dt.minute()", "{moment}.dt.second()", "{moment}.dt.microsecond()", "{moment}.dt.epoch('ms')", "{zoned}.dt.hour()", "{zoned}.dt.day()",
        "{zoned}.dt.epoch('s')", "{span}.dt.total_hours()", "{span}.dt.total_seconds()", "{date}.cast(x.Int32)", "{list}.list.len()", "{list}.list.sum()",
        "{list}.list.first()", "{list}.list.max()", "{list}.list.get(1, null_on_oob=True)", "{list}.list.n_unique()", "{int}.cast(x.Int16, strict=False)",
        "x.max_horizontal({int}, {int})", "x.sum_horizontal({int}, {int})",
    ],
    "float": [
        "({float} + {float})", "({float} - {int})", "({float} * {float})", "({int} / 4)", "({float} / 0.5)", "(0 - {float})", "{float}.abs()",
        "{float}.fill_null({float})", "{float}.fill_nan({float})", "{float}.clip(-5.5, 9.0)", "{float}.floor()", "{float}.ceil()", "{float}.round(1)",
        "{float}.sign()", "x.when({bool}).then({float}).otherwise({int})", "{int}.cast(x.Float64)", "{int}.sqrt()", "{float}.cast(x.Float32)",
        "{text}.cast(x.Float64, strict=False)", "{decimal}.cast(x.Float64)", "{list}.list.mean()", "x.mean_horizontal({float}, {int})",
        "({span} / dt.timedelta(hours=1))", "x.min_horizontal({float}, {float})", "{int}.arctan()", "({float} // 2)",
    ],
    "text": [
        "({text} + {text})", "{text}.str.to_uppercase()", "{text}.str.to_lowercase()", "{text}.str.strip_chars()", "{text}.str.slice(1, 2)", "{text}.str.head(2)",
        "{text}.str.tail(-1)", "{text}.str.replace('a', '日')", "{text}.str.replace_all(' ', '_', literal=True)", "{text}.str.pad_start(5, '*')",
        "{text}.str.reverse()", "{text}.str.zfill(4)", "{text}.str.extract('([a1]+)')", "x.concat_str({text}, {int}, separator='-')", "{int}.cast(x.String)",
        "{date}.cast(x.String)", "{moment}.cast(x.String)", "{float}.cast(x.String)", "{bool}.cast(x.String)", "{zoned}.cast(x.String)", "{decimal}.cast(x.String)",
        "{date}.dt.strftime('%d.%m.%y')", "{zoned}.dt.to_string('%Y-%m-%d %H:%M %z')", "{text}.fill_null({text})", "x.when({bool}).then({text}).otherwise({text})",
        "{text}.str.split(' ').list.first()", "{category}.cast(x.String)", "{list}.cast(x.List(x.String)).list.join('+')",
    ],
    "bool": [
        "({int} > {int})", "({int} == {int})", "({float} < {float})", "({float} == {float})", "({text} >= {text})", "({text} != {text})", "({date} <= {date})",
        "({moment} > {moment})", "({zoned} > {zoned})", "({span} > {span})", "({decimal} >= {decimal})", "{int}.is_null()", "{text}.is_not_null()",
        "({bool} & {bool})", "({bool} | {bool})", "(~{bool})", "({bool} ^ {bool})", "{int}.is_in([1, 4, None])", "{text}.is_in(['a', ''])",
        "{int}.is_between(-2, 9)", "{float}.is_nan()", "{float}.is_finite()", "{text}.str.contains('[ab]')", "{text}.str.starts_with('a')",
        "{int}.eq_missing({int})", "{float}.ne_missing({float})", "{date}.dt.is_leap_year()", "{list}.list.contains(1)", "{bool}.fill_null({bool})",
        "x.any_horizontal({bool}, {bool})", "x.all_horizontal({bool}, {bool})", "{int}.cast(x.Boolean)", "({category} == 'mid')", "{float}.cast(x.Boolean)",
    ],
    "date": [
        "{moment}.dt.date()", "{zoned}.dt.date()", "{moment}.cast(x.Date)", "{zoned}.cast(x.Date)", "{date}.dt.month_end()", "{date}.dt.month_start()",
        "{date}.dt.offset_by('1mo')", "{date}.dt.offset_by('-1y2d')", "{date}.dt.truncate('1w')", "{date}.dt.truncate('1q')", "({date} + {span})",
        "{date}.fill_null({date})", "x.when({bool}).then({date}).otherwise({date})", "x.coalesce({date}, {date})", "{int}.cast(x.Date)",
    ],
    "moment": [
        "{date}.cast(x.Datetime('us'))", "({moment} + {span})", "({moment} - {span})", "{moment}.dt.truncate('1h')", "{moment}.dt.truncate('7m')",
        "{moment}.dt.truncate('1mo')", "{moment}.dt.round('1d')", "{moment}.dt.offset_by('1mo')", "{moment}.dt.offset_by('-3h15m')", "{zoned}.dt.replace_time_zone(None)",
        "{zoned}.cast(x.Datetime('us'))", "{moment}.cast(x.Datetime('ms')).cast(x.Datetime('us'))", "{moment}.fill_null({moment})",
        "x.when({bool}).then({moment}).otherwise({moment})", "{moment}.dt.month_start()", "{int}.cast(x.Datetime('us'))",
        # Back in microseconds: of two units Polars computes in the coarser one, and loses what is left.
        "{moment}.dt.cast_time_unit('ms').dt.cast_time_unit('us')",
    ],
    "zoned": [
        "({zoned} + {span})", "{zoned}.dt.truncate('1h')", "{zoned}.dt.offset_by('36h')", "{zoned}.dt.convert_time_zone('America/New_York')", "{zoned}.fill_null({zoned})",
        "{moment}.dt.replace_time_zone('UTC')", "{moment}.dt.replace_time_zone('Europe/Berlin', ambiguous='earliest', non_existent='null')",
        "{moment}.cast(x.Datetime('us', 'Europe/Berlin'))", "{date}.cast(x.Datetime('us', 'UTC'))",
    ],
    "span": [
        "({moment} - {moment})", "({date} - {date})", "({zoned} - {zoned})", "({span} + {span})", "({span} - {span})", "(-{span})", "({span} * 2)", "{span}.abs()",
        "{span}.fill_null({span})", "x.when({bool}).then({span}).otherwise({span})", "{span}.cast(x.Duration('ms')).cast(x.Duration('us'))", "({span} / 3)",
    ],
    # Not of two decimals a product: exact here, rounded to the decimals of the finer side in Polars.
    "decimal": [
        "({decimal} + {decimal})", "({decimal} - {int})", "({decimal} * {int})", "{decimal}.abs()", "(-{decimal})", "{decimal}.round(1)", "{decimal}.floor()",
        "{decimal}.fill_null({decimal})", "({decimal} / 4)", "{int}.cast(x.Decimal(12, 2))", "{decimal}.cast(x.Decimal(20, 1))",
        "x.when({bool}).then({decimal}).otherwise({decimal})",
    ],
    "list": ["x.concat_list({int}, {int})", "{list}.list.reverse()", "{list}.list.sort()", "{list}.list.head(2)", "{list}.list.drop_nulls()"],  # not list.eval, of which `first` in groups takes first elements in Polars 2.1
    "category": ["{category}.fill_null('mid')"],
}

#: Functions of the column's rows in their order, a value a row.
IN_ORDER: dict[str, list[str]] = {
    "int": [
        "{int}.shift(1)", "{int}.shift(-2)", "{int}.diff()", "{int}.cum_sum()", "{int}.cum_max()", "{int}.cum_min(reverse=True)", "{text}.cum_count()",
        "{int}.forward_fill()", "{int}.backward_fill(limit=1)", "{int}.reverse()", "{int}.sort()", "{int}.sort(descending=True, nulls_last=True)",
        "{int}.rank('dense')", "{int}.rank('min', descending=True)", "{int}.rank('ordinal')", "{int}.rolling_sum(3, min_samples=1)", "{int}.rolling_max(2)",
        "{text}.rle_id()", "{int}.arg_sort()", "{int}.sum().over('g')", "{int}.max().over('g', 'k')", "x.len().over('k')", "{int}.cum_sum().over('g')",
        "{int}.shift(1).over('k')", "{int}.rank('min').over('g')", "{text}.n_unique().over('k')", "{int}.sort_by({int})",
    ],
    "float": [
        "{float}.shift(1)", "{float}.cum_max()", "{int}.rank()", "{int}.rolling_mean(2, min_samples=1)", "{int}.mean().over('g')", "{float}.forward_fill()",
        "{int}.interpolate()", "{float}.reverse()", "{float}.sort()", "{int}.median().over('k')", "{int}.ewm_mean(alpha=0.5)", "{float}.min().over('g')",
    ],
    "text": ["{text}.shift(1)", "{text}.sort()", "{text}.reverse()", "{text}.forward_fill()", "{text}.first().over('g')", "{text}.max().over('k')"],
    "bool": ["{int}.is_duplicated()", "{text}.is_unique()", "{text}.is_first_distinct()", "{bool}.any().over('g')", "{bool}.shift(1)"],
    "date": ["{date}.shift(1)", "{date}.sort()", "{date}.max().over('g')", "{date}.interpolate()"],
    "moment": ["{moment}.shift(-1)", "{moment}.cum_max()", "{moment}.min().over('g')"],
    "zoned": ["{zoned}.shift(1)", "{zoned}.sort()"],
    "span": ["{moment}.diff()", "{date}.diff()", "{span}.cum_sum()", "{span}.sum().over('k')"],
    "decimal": ["{decimal}.cum_sum()", "{decimal}.shift(1)", "{decimal}.sum().over('g')"],
    "list": ["{list}.shift(1)", "{list}.reverse()"],
    "category": ["{category}.shift(1)", "{category}.reverse()"],
}

#: One value of all rows.
AGGREGATES: dict[str, list[str]] = {
    "int": [
        "{int}.sum()", "{int}.min()", "{int}.max()", "{int}.count()", "{text}.n_unique()", "{int}.first()", "{int}.last()", "{text}.null_count()", "x.len()",
        "{bool}.sum()",
        # Not arg_max: of several the first here, the last in Polars where it knows that they are sorted. "{int}.filter({bool}).sum()", "{int}.n_unique()", "{int}.product().clip(-9, 9)", "{int}.drop_nulls().first()",
    ],
    "float": ["{int}.mean()", "{int}.std()", "{int}.var(ddof=0)", "{int}.median()", "{int}.quantile(0.3)", "{int}.quantile(0.6, 'linear')", "{float}.min()", "{float}.max()", "{bool}.mean()", "{float}.first()", "{decimal}.mean()"],
    "text": ["{text}.min()", "{text}.max()", "{text}.first()", "{text}.last()", "{text}.str.join('|')"],
    "bool": ["{bool}.any()", "{bool}.all()", "{bool}.all(ignore_nulls=False)", "{int}.has_nulls()", "{bool}.first()"],
    "date": ["{date}.min()", "{date}.max()", "{date}.last()"],
    "moment": ["{moment}.min()", "{moment}.max()", "{moment}.mean()", "{date}.median()"],
    "zoned": ["{zoned}.min()", "{zoned}.max()"],
    "span": ["{span}.sum()", "{span}.mean()", "{span}.max()"],
    "decimal": ["{decimal}.sum()", "{decimal}.min()", "{decimal}.max()"],
    "list": ["{int}.implode()", "{list}.first()"],
    "category": ["{category}.first()"],
}


@dataclass
class Drawing:
    """What expressions are drawn of: the frame's columns by kind."""

    draw: st.DrawFn
    columns: dict[str, str]
    depth_max: int = 2
    #: Whether a column was computed over groups or rows in their order.
    windowed: bool = False

    def among(self, choices: list[str]) -> str:
        return self.draw(st.sampled_from(choices))

    def of(self, kind: str) -> list[str]:
        return [name for name, own in self.columns.items() if own == kind]

    def leaf(self, kind: str) -> str:
        names = self.of(kind)
        if not names or (kind in CONSTANTS and self.draw(st.integers(0, 5)) == 0):
            return f"x.lit({self.among(CONSTANTS[kind])})" if kind in CONSTANTS else self.made(kind)
        return f"x.col({self.among(names)!r})"

    def made(self, kind: str) -> str:
        """Of a kind that the frame has lost."""
        return {
            "zoned": "x.lit(dt.datetime(2024, 5, 1)).dt.replace_time_zone('Europe/Berlin')",
            "list": "x.concat_list(x.lit(1), x.lit(2))",
            "category": "x.lit('mid').cast(x.Categorical)",
        }[kind]

    def rowwise(self, kind: str, depth: int, tables: list[dict[str, list[str]]]) -> str:
        """A value a row, from a template of one of the tables or a leaf."""
        if depth == 0 or self.draw(st.integers(0, 3)) == 0:
            return self.leaf(kind)
        table, template = self.draw(st.sampled_from([(table, template) for table in tables for template in table.get(kind, [])]))
        self.windowed |= table is IN_ORDER
        return self.filled(template, depth - 1, [ROWWISE], of_rows=table is not ROWWISE)

    def filled(self, template: str, depth: int, tables: list[dict[str, list[str]]], of_rows: bool = False) -> str:
        """The template with its parts drawn. What is `of_rows` holds a column: a constant has one row in Polars, and as many as
        the frame here."""
        text = template
        while "{" in text:
            start = text.index("{")
            end = text.index("}", start)
            part = self.rowwise(text[start + 1 : end], depth, tables)
            if of_rows and "x.col(" not in part:
                part = self.column(text[start + 1 : end])
            text = text[:start] + part + text[end + 1 :]
        return text

    def column(self, kind: str) -> str:
        """A column of the kind, or what a column is as one."""
        names = self.of(kind)
        if names:
            return f"x.col({self.among(names)!r})"
        one = f"x.when(x.col({self.among(list(self.columns))!r}).is_null())"
        constant = f"x.lit({self.among(CONSTANTS[kind])})" if kind in CONSTANTS else self.made(kind)
        return f"{one}.then({constant}).otherwise({constant})"

    def aggregate(self, kind: str) -> str:
        return self.filled(self.among(AGGREGATES[kind]), self.depth_max - 1, [ROWWISE], of_rows=True)

    def kind(self) -> str:
        return self.among(["int", "int", "float", "float", "text", "text", "bool", "date", "moment", "zoned", "span", "decimal", "list"])


def _name(drawing: Drawing) -> str:
    return drawing.among(["p", "q", "r_", "i", "f", "s"])


def _columns(drawing: Drawing, count: int, make) -> list[tuple[str, str, str]]:
    """Some new columns: name, kind, text. A name comes once."""
    found: dict[str, tuple[str, str]] = {}
    for _ in range(count):
        kind = drawing.kind()
        found[_name(drawing)] = (kind, make(kind))
    return [(name, kind, text) for name, (kind, text) in found.items()]


def _with_columns(drawing: Drawing) -> str:
    columns = _columns(drawing, drawing.draw(st.integers(1, 2)), lambda kind: drawing.rowwise(kind, drawing.depth_max, [ROWWISE, IN_ORDER]))
    drawing.columns |= {name: kind for name, kind, _ in columns}
    return f".with_columns({', '.join(f'{name}={text}' for name, _, text in columns)})"


def _select(drawing: Drawing) -> str:
    columns = _columns(drawing, drawing.draw(st.integers(1, 3)), lambda kind: drawing.rowwise(kind, drawing.depth_max, [ROWWISE, IN_ORDER, AGGREGATES]))
    kept = {name: drawing.columns[name] for name in ("g", "k", "n") if name in drawing.columns}
    drawing.columns = kept | {name: kind for name, kind, _ in columns}
    return f".select({', '.join([*map(repr, kept), *(f'{name}={text}' for name, _, text in columns)])})"


def _aggregated(drawing: Drawing) -> str:
    columns = _columns(drawing, drawing.draw(st.integers(1, 3)), drawing.aggregate)
    drawing.columns = {name: kind for name, kind, _ in columns}
    return f".select({', '.join(f'{name}={text}' for name, _, text in columns)})"


def _group_by(drawing: Drawing) -> str:
    keys = [name for name in ("g", "k", "b", "d", "e") if name in drawing.columns][: drawing.draw(st.integers(1, 2))]
    columns = [(name, kind, text) for name, kind, text in _columns(drawing, drawing.draw(st.integers(1, 3)), drawing.aggregate) if name not in keys]
    drawing.columns = {name: drawing.columns[name] for name in keys} | {name: kind for name, kind, _ in columns}
    aggregates = ", ".join(f"{name}={text}" for name, _, text in columns)
    return f".group_by({', '.join(map(repr, keys))}, maintain_order=True).agg({aggregates})"


def _filter(drawing: Drawing) -> str:
    return f".filter({drawing.rowwise('bool', drawing.depth_max, [ROWWISE])})"


def _sort(drawing: Drawing) -> str:
    # Lists and categories are left out: Polars sorts categories by text, or by first appearance, as it was built.
    names = [name for name, kind in drawing.columns.items() if kind not in ("list", "category")]
    keys = drawing.draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True))
    flags = ", ".join(f"{flag}={drawing.draw(st.booleans())}" for flag in ("descending", "nulls_last"))
    return f".sort({', '.join(map(repr, keys))}, {flags}, maintain_order=True)"


def _join(drawing: Drawing) -> str:
    how = drawing.among(["inner", "left", "full", "semi", "anti"])
    key = drawing.among(["g", "k"])
    equal = drawing.draw(st.booleans())
    if how not in ("semi", "anti"):
        other = "k" if key == "g" else "g"
        added = {f"{other}_right" if other in drawing.columns else other: "int" if other == "k" else "text"}
        added |= {f"{name}_right" if name in drawing.columns else name: kind for name, kind in (("r", "int"), ("v", "float"))}
        drawing.columns |= added
    coalesce = ", coalesce=True" if how == "full" else ""
    return f".join(o, on={key!r}, how={how!r}, nulls_equal={equal}, maintain_order='left_right'{coalesce})"


def _simple(drawing: Drawing) -> str:
    return drawing.among([".head(4)", ".tail(3)", ".slice(1, 3)", ".reverse()", ".unique(maintain_order=True)", ".gather_every(2)"])


def _concat(drawing: Drawing) -> str:
    return f".pipe(lambda q: x.concat([q, q{drawing.among(['.head(2)', '.reverse()', ''])}]))"


def _drop_nulls(drawing: Drawing) -> str:
    return f".drop_nulls({drawing.among(list(drawing.columns))!r})"


def _unique(drawing: Drawing) -> str:
    names = [name for name in ("g", "k", "b") if name in drawing.columns]
    return f".unique({names!r}, keep={drawing.among(['first', 'last', 'none'])!r}, maintain_order=True)"


def _index(drawing: Drawing) -> str:
    name = next(name for name in ("row", "row2", "row3", "row4", "row5", "row6") if name not in drawing.columns)
    drawing.columns = {name: "int"} | drawing.columns
    return f".with_row_index({name!r})"


def _explode(drawing: Drawing) -> str:
    name = drawing.of("list")[0]
    drawing.columns[name] = "int"
    return f".explode({name!r})"


def _steps(drawing: Drawing) -> list:
    """The verbs that the frame can take now."""
    keyed = any(name in drawing.columns for name in ("g", "k", "b", "d", "e"))
    joinable = {"g", "k"} <= drawing.columns.keys() and not any(name.endswith("_right") for name in drawing.columns)
    steps = [_filter, _simple, _drop_nulls, _index, _aggregated]
    # Frames with windows lose their order when they are put together: known, and to be mended.
    if not drawing.windowed:
        steps.append(_concat)
    if any(kind not in ("list", "category") for kind in drawing.columns.values()):
        steps += [_sort, _sort]
    if {"g", "k"} <= drawing.columns.keys():
        steps += [_with_columns, _with_columns, _with_columns, _select, _select]
    if keyed:
        steps += [_group_by, _group_by]
    if any(name in drawing.columns for name in ("g", "k", "b")):
        steps.append(_unique)
    if joinable and not {"r", "v"} & drawing.columns.keys():
        steps.append(_join)
    if drawing.of("list"):
        steps.append(_explode)
    return steps


@st.composite
def chains(draw: st.DrawFn, length_max: int = 4) -> str:
    """A chain over `f`: `f.filter(...).select(...)`."""
    drawing = Drawing(draw, {name: kind for name, (kind, _) in SCHEMA.items()})
    text = "f"
    for _ in range(draw(st.integers(1, length_max))):
        step = draw(st.sampled_from(_steps(drawing)))
        text += step(drawing)
    return text


def case(text: str):
    """The chain as a function of the frame, the other frame and the library."""
    return eval(f"lambda f, o, x: {text}", {"dt": dt, "Decimal": Decimal})
