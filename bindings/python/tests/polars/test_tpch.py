"""TPC-H's 22 answers from the dataframe API at scale 0.01: exact, averages and ratios to one part in a million.

The queries are written once and also run by Polars, which shows that they are its API.
"""

import csv
import os
import pathlib
import re
import subprocess
import sys
from decimal import Decimal
from types import SimpleNamespace

import pytest
from tpch_queries import QUERIES

import gradframe as gf

ROOT = pathlib.Path(__file__).resolve().parents[4]
ANSWERS = pathlib.Path(os.environ.get("GRADFRAME_QUERIES", ROOT / "../shared/queries")).resolve() / "tpch/answers_sf0.01"
TABLES = ["customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier"]
RATIOS = {"avg_qty", "avg_price", "avg_disc", "mkt_share", "promo_revenue", "avg_yearly"}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The tables as Parquet, of the generator that anybody can install."""
    if not ANSWERS.is_dir():
        pytest.skip(f"no answers in {ANSWERS}; name the folder of queries in GRADFRAME_QUERIES")
    folder = tmp_path_factory.mktemp("tpch")
    generator = pathlib.Path(sys.executable).with_name("tpchgen-cli")
    subprocess.run([generator, "parquet", "-s", "0.01", "--output-dir", folder], check=True, capture_output=True)
    return folder


def published(number):
    with open(ANSWERS / f"q{number}.csv", newline="") as file:
        header, *rows = csv.reader(file)
    # A single null is an empty line.
    return header, [row or [""] for row in rows]


def is_same(column, got, expected):
    if got is None or expected == "":
        return got is None and expected == ""
    if column in RATIOS:
        return float(got) == pytest.approx(float(expected), rel=1e-6)
    if isinstance(got, (Decimal, float)):
        return Decimal(got) == Decimal(expected)
    return str(got) == expected


def assert_published(number, frame):
    header, rows = published(number)
    assert frame.columns == header
    assert frame.height == len(rows)
    for got, expected in zip(frame.rows(), rows, strict=True):
        for column, mine, theirs in zip(header, got, expected, strict=True):
            assert is_same(column, mine, theirs), f"{column}: {mine} is not {theirs}, in {got}"


@pytest.mark.parametrize("number", QUERIES)
def test_answers_are_as_published(data, number):
    tables = SimpleNamespace(**{table: gf.scan_parquet(data / f"{table}.parquet") for table in TABLES})
    assert_published(number, QUERIES[number](gf, tables).collect())


def operators(frame):
    """The operators of a frame's physical plan, from the top."""
    plan = frame.explain().split("physical_plan")[1]
    return re.findall(r"^\s*(\w+Exec)", plan, flags=re.MULTILINE)


#: Queries whose frame has the operators of the SQL in the same order, and those that sort before or after they compute.
SAME_ORDER = [4, 6, 19]
SAME_OPERATORS = [1, 3, 5, 10, 12]


@pytest.mark.parametrize("number", [*SAME_ORDER, *SAME_OPERATORS])
def test_a_frame_is_the_plan_of_its_sql(data, number):
    query = ANSWERS.with_name(f"q{number}.sql")
    if not query.is_file():
        pytest.skip(f"no {query}")
    tables = {table: gf.scan_parquet(data / f"{table}.parquet") for table in TABLES}
    for name, table in tables.items():
        gf.register(name, table)
    in_sql = gf.sql(query.read_text().strip().rstrip(";"))
    arrange = list if number in SAME_ORDER else sorted
    assert arrange(operators(QUERIES[number](gf, SimpleNamespace(**tables)))) == arrange(operators(in_sql))


def computes(frame):
    """The aggregates of a frame's physical plan and what it computes of them, without names, in the words of SQL."""
    plan = frame.explain().split("physical_plan")[1].replace("lineitem.", "")
    aggregates = re.search(r"mode=Partial.*aggr=\[(.*)\]", plan)[1]
    projection = re.search(r"ProjectionExec: expr=\[(.*)\]", plan)
    return parts(aggregates), [] if projection is None else [part.split("@")[1] for part in parts(projection[1])]


def parts(text):
    """What stands between commas, without the names after ` as `; commas in parentheses divide nothing."""
    found, depth = [""], 0
    for letter in text:
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(letter, 0)
        found = [*found, ""] if letter == "," and depth == 0 else [*found[:-1], found[-1] + letter]
    return [part.strip().split(" as ")[0] for part in found]


DISCOUNTED = lambda x: x.col("l_extendedprice") * (1 - x.col("l_discount"))  # noqa: E731

#: Frames and their SQL: nothing is computed in the one that is not in the other.
SAME = {
    "sums of decimals": (
        lambda f, x: f.group_by("l_returnflag").agg(x.col("l_quantity").sum(), x.col("l_linenumber").cast(x.Int64).sum().alias("m"), x.len().alias("n")),
        "SELECT l_returnflag, sum(l_quantity), sum(l_linenumber), count(*) FROM lineitem GROUP BY 1",
    ),
    "sums of what is computed of them": (
        lambda f, x: f.group_by("l_returnflag").agg(DISCOUNTED(x).sum().alias("a"), (x.col("l_tax") + x.col("l_quantity")).sum().alias("b")),
        "SELECT l_returnflag, sum(l_extendedprice * (1 - l_discount)), sum(l_tax + l_quantity) FROM lineitem GROUP BY 1",
    ),
    "counts of columns without nulls": (
        lambda f, x: f.group_by("l_returnflag").agg(x.col("l_tax").count().alias("a")),
        "SELECT l_returnflag, count(*) FROM lineitem GROUP BY 1",
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_a_frame_computes_what_its_sql_computes(data, name):
    lineitem = gf.scan_parquet(data / "lineitem.parquet")
    gf.register("lineitem", lineitem)
    frame, query = SAME[name]
    assert computes(frame(lineitem, gf)) == computes(gf.sql(query))


def test_sums_of_nothing_and_means_are_polars_s(data):
    """Where a column may have nulls, or no group is sure to have a row, a sum is 0; a mean of decimals is a float."""
    import polars as pl
    from same import assert_same

    for x, lineitem in [(pl, pl.scan_parquet(data / "lineitem.parquet")), (gf, gf.scan_parquet(data / "lineitem.parquet"))]:
        nothing = lineitem.filter(x.col("l_quantity") < 0)
        frames = [
            nothing.select(x.col("l_quantity").sum(), m=x.col("l_tax").mean(), n=x.col("l_tax").count()),
            nothing.group_by("l_returnflag").agg(x.col("l_quantity").sum()),
            lineitem.with_columns(q=x.when(x.col("l_returnflag") != "A").then(x.col("l_quantity"))).group_by("l_returnflag").agg(x.col("q").sum(), n=x.col("q").count(), m=x.col("q").mean()).sort("l_returnflag"),
            lineitem.group_by("l_returnflag").agg((x.col("l_tax") + x.col("l_quantity")).sum().alias("a"), m=x.col("l_discount").mean()).sort("l_returnflag"),
            lineitem.group_by("l_returnflag").agg(x.col("l_tax").filter(x.col("l_returnflag") == "A").sum().alias("a"), m=x.col("l_tax").filter(x.col("l_returnflag") == "A").count()).sort("l_returnflag"),
            lineitem.head(7).with_columns(m=x.col("l_tax").mean().over("l_returnflag"), s=x.col("l_tax").sum().over("l_returnflag")).select("m", "s"),
        ]
        if x is pl:
            theirs = [frame.collect() for frame in frames]
    for mine, expected in zip(frames, theirs, strict=True):
        assert_same(mine.collect(), expected)
