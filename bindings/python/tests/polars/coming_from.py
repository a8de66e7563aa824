"""The rows of `docs/coming_from_*.md`: what one wrote, what one writes here, and what is different.

Each row is run by `test_coming_from.py`; those of Polars and pandas are compared with what the other library answers. `df` is
the frame `TRIPS`, `zones` the frame `ZONES`. A difference is said where there is one; without one the answers are equal.
"""

import pathlib

DOCS = pathlib.Path(__file__).resolve().parents[4] / "docs"

TRIPS = {
    "zone": ["b", "a", "b", None, "a"],
    "fare": [12.0, 40.0, 18.0, 7.5, None],
    "riders": [1, 2, 3, 4, 5],
}
ZONES = {"zone": ["a", "b", "c"], "name": ["Airport", "Bay", "City"]}

POLARS = [
    ("Read", "pl.DataFrame(data)", "gf.DataFrame(data)", ""),
    (
        "Dates in CSV",
        'pl.read_csv(b"d\\n2024-01-02\\n", try_parse_dates=True)',
        'gf.read_csv(b"d\\n2024-01-02\\n")',
        "Dates and moments are seen without being asked for; `try_parse_dates=False` leaves them as text.",
    ),
    ("Columns", 'df.select("zone", pl.col("fare") * 2)', 'df.select("zone", gf.col("fare") * 2)', ""),
    ("Add a column", 'df.with_columns(each=pl.col("fare") / pl.col("riders"))', 'df.with_columns(each=gf.col("fare") / gf.col("riders"))', ""),
    ("Rows", 'df.filter(pl.col("riders") > 2)', 'df.filter(gf.col("riders") > 2)', ""),
    ("Sort", 'df.sort("fare", descending=True, nulls_last=True)', 'df.sort("fare", descending=True, nulls_last=True)', ""),
    ("First and last rows", "df.head(2).vstack(df.tail(1))", "df.head(2).vstack(df.tail(1))", ""),
    (
        "Groups",
        'df.group_by("zone", maintain_order=True).agg(pl.col("fare").sum())',
        'df.group_by("zone", maintain_order=True).agg(gf.col("fare").sum())',
        "",
    ),
    ("Join", 'df.join(zones, on="zone", how="left", maintain_order="left")', 'df.join(zones, on="zone", how="left", maintain_order="left")', ""),
    ("Unique", 'df.unique("zone", keep="first", maintain_order=True)', 'df.unique("zone", keep="first", maintain_order=True)', ""),
    ("Conditions", 'df.select(pl.when(pl.col("riders") > 2).then(1).otherwise(0))', 'df.select(gf.when(gf.col("riders") > 2).then(1).otherwise(0))', ""),
    ("Wide to long", 'df.unpivot(["fare"], index="zone")', 'df.unpivot(["fare"], index="zone")', ""),
    ("Stack", "pl.concat([df, df])", "gf.concat([df, df])", ""),
    ("Row numbers", "df.with_row_index()", "df.with_row_index()", ""),
    ("Lazy", 'df.lazy().filter(pl.col("riders") > 2).collect()', 'df.lazy().filter(gf.col("riders") > 2).collect()', "the engine chooses; nothing to configure"),
    ("A sum of nothing", 'df.filter(pl.col("riders") > 9).select(pl.col("riders").sum())', 'df.filter(gf.col("riders") > 9).select(gf.col("riders").sum())', "0 in frames, as in Polars; null in SQL, as in SQL"),
    ("Counts", 'df.select(pl.len(), n=pl.col("fare").count())', 'df.select(gf.len(), n=gf.col("fare").count())', "Int64; UInt32 in Polars, also of `rank`, `n_unique`, `arg_max` and sums of booleans"),
    ("A sum of 32-bit integers", 'df.select(pl.col("riders").cast(pl.Int32).sum())', 'df.select(gf.col("riders").cast(gf.Int32).sum())', "Int64 (UInt64 of UInt32); Int32 in Polars, which wraps around"),
    ("Constants alone", "df.select(pl.lit(1))", "df.select(gf.lit(1))", "Int64; Int32 in Polars. Beside a column both take its type"),
    ("Narrow integers", 'df.select(pl.col("riders").cast(pl.UInt8) + 1)', 'df.select(gf.col("riders").cast(gf.UInt8) + 1)', "what does not fit in the type is an error; Polars wraps around"),
    ("UInt64 and Int64", 'df.select((pl.col("riders").cast(pl.UInt64) + pl.col("riders")).cast(pl.Int64))', 'df.select((gf.col("riders").cast(gf.UInt64) + gf.col("riders")).cast(gf.Int64))', "a Decimal(20, 0) before the cast, Decimal(38, 0) of products, which divide as whole numbers; Int128 in Polars"),
    ("NaN compared", 'df.select(x=pl.col("fare") * float("nan")).select(same=pl.col("x") == pl.col("x"), above=pl.col("x") > 1)', 'df.select(x=gf.col("fare") * float("nan")).select(same=gf.col("x") == gf.col("x"), above=gf.col("x") > 1)', "NaN equals NaN and is above every number"),
    ("The greatest, with NaN", 'df.select((pl.col("fare") / (pl.col("riders") - 1) * 0 + 1).max())', 'df.select((gf.col("fare") / (gf.col("riders") - 1) * 0 + 1).max())', "NaN is passed over; `nan_max` gives it"),
    ("Whole division, remainder", 'df.select(q=(2 - pl.col("riders")) // 2, r=(2 - pl.col("riders")) % 2)', 'df.select(q=(2 - gf.col("riders")) // 2, r=(2 - gf.col("riders")) % 2)', "rounded down, as in Python"),
    ("A mask", 'df.filter(df["riders"] > 2)', 'df.filter(df["riders"] > 2)', "of as many values as the frame has rows"),
    ("Lists", 'df.group_by("zone", maintain_order=True).agg("riders").select(pl.col("riders").list.eval(pl.element() * 2))', 'df.group_by("zone", maintain_order=True).agg("riders").select(gf.col("riders").list.eval(gf.element() * 2))', ""),
    ("Texts as dates", 'df.select(pl.lit("2024-02-29").str.to_date())', 'df.select(gf.lit("2024-02-29").str.to_date())', "`cast(gf.Date)` reads ISO 8601 too, and `cast(gf.Boolean)` reads `true` and `false`; Polars has no such casts"),
    ("Moments of two units", 'df.select(pl.lit(5).cast(pl.Datetime("us")) - pl.lit(2).cast(pl.Datetime("us")))', 'df.select(gf.lit(5).cast(gf.Datetime("us")) - gf.lit(2).cast(gf.Datetime("us")))', "of a finer and a coarser unit the finer one is computed in; in Polars the coarser one"),
    ("Decimals", 'df.select(pl.col("riders").cast(pl.Decimal(10, 2)) / 3)', 'df.select(gf.col("riders").cast(gf.Decimal(10, 2)) / 3)', "38 digits, halves to the even neighbour, as in Polars; but a product of two decimals is exact, where Polars rounds it to the decimals of the finer side"),
    ("Times and decimals of other widths", 'df.select(pl.lit("12:30:00").str.to_time())', 'df.select(gf.lit("12:30:00").str.to_time())', "decimals are of 128 bits, times in nanoseconds wherever they come from, and are written so, as with Polars; dates in milliseconds (`date64`) are dates, where Polars makes moments of them"),
    ("Types of a schema", "df.schema", "df.schema", "types have the same names; they are also Arrow's, by `schema.to_arrow()`"),
    ("Values as dictionary", "df.to_dict(as_series=False)", "df.to_dict()", "lists if nothing is said; `as_series=True` for columns"),
]

PANDAS = [
    ("Columns", 'df[["zone", "fare"]]', 'df.select("zone", "fare")', ""),
    ("Add a column", 'df.assign(each=df["fare"] / df["riders"])', 'df.with_columns(each=gf.col("fare") / gf.col("riders"))', ""),
    ("Rows", 'df[df["riders"] > 2]', 'df.filter(gf.col("riders") > 2)', "there is no index: rows have places, not labels"),
    ("Rows by place", "df.iloc[1:3]", "df[1:3]", ""),
    ("Sort", 'df.sort_values("fare", ascending=False)', 'df.sort("fare", descending=True, nulls_last=True)', "nulls come first unless `nulls_last`"),
    ("First rows", "df.head(2)", "df.head(2)", ""),
    ("Largest", 'df.nlargest(2, "fare")', 'df.top_k(2, by="fare")', ""),
    (
        "Groups",
        'df.groupby("zone", as_index=False)["riders"].sum()',
        'df.drop_nulls("zone").group_by("zone").agg(gf.col("riders").sum()).sort("zone")',
        "null is a group of its own; groups come in any order unless sorted, or `maintain_order`",
    ),
    ("Join", 'df.merge(zones, on="zone", how="inner")', 'df.join(zones, on="zone", maintain_order="left")', "null never equals null unless `nulls_equal`"),
    ("Unique", 'df.drop_duplicates("zone")', 'df.unique("zone", keep="first", maintain_order=True)', ""),
    ("Drop nulls", "df.dropna()", "df.drop_nulls()", "NaN is a value, not a null: `drop_nans`"),
    ("Rename", 'df.rename(columns={"fare": "price"})', 'df.rename({"fare": "price"})', ""),
    ("Drop", 'df.drop(columns=["fare"])', 'df.drop("fare")', ""),
    ("Wide to long", 'df.melt(id_vars="zone", value_vars=["riders"])', 'df.unpivot(["riders"], index="zone")', ""),
    ("Stack", "pd.concat([df, df])", "gf.concat([df, df])", ""),
]

PYSPARK = [
    ("Columns", 'df.select("zone", (F.col("fare") * 2).alias("fare"))', 'df.select("zone", gf.col("fare") * 2)', "an expression keeps its first column's name"),
    ("Add a column", 'df.withColumn("each", F.col("fare") / F.col("riders"))', 'df.with_columns(each=gf.col("fare") / gf.col("riders"))', ""),
    ("Rows", 'df.where(F.col("riders") > 2)', 'df.filter(gf.col("riders") > 2)', ""),
    ("Sort", 'df.orderBy(F.desc_nulls_last("fare"))', 'df.sort("fare", descending=True, nulls_last=True)', ""),
    ("Groups", 'df.groupBy("zone").agg(F.sum("fare").alias("fare"))', 'df.group_by("zone").agg(gf.col("fare").sum())', "a sum of nothing is 0, not null"),
    ("Count of rows", 'df.groupBy("zone").count()', 'df.group_by("zone").len()', "the column is named `len`"),
    ("Join", 'df.join(zones, "zone", "left_semi")', 'df.join(zones, on="zone", how="semi")', ""),
    ("Join on a condition", 'df.join(zones, df.zone > zones.zone)', 'df.join_where(zones, gf.col("zone") > gf.col("zone_right"))', "a right column of an equal name has the suffix `_right`"),
    ("Conditions", 'F.when(F.col("riders") > 2, 1).otherwise(0)', 'df.select(gf.when(gf.col("riders") > 2).then(gf.lit(1)).otherwise(gf.lit(0)).alias("many"))', ""),
    ("Union", "df.union(df)", "gf.concat([df, df])", "columns must have equal names"),
    ("Union by name", "df.unionByName(zones, allowMissingColumns=True)", 'gf.concat([df, zones], how="diagonal")', ""),
    ("Distinct", 'df.dropDuplicates(["zone"])', 'df.unique("zone")', ""),
    ("Rename", 'df.withColumnRenamed("fare", "price")', 'df.rename({"fare": "price"})', ""),
    ("Limit", "df.limit(2)", "df.head(2)", "rows keep the order of their file where nothing changes it"),
    ("To pandas", "df.toPandas()", "df.collect().to_pandas() if isinstance(df, gf.LazyFrame) else df.to_pandas()", ""),
]

#: A topic, the SQL, the frame's way, and the answers of both: the first column as a list, or what kind of error.
SQL = [
    ("A sum of nothing", "SELECT sum(riders) FROM df WHERE riders > 9", 'df.filter(gf.col("riders") > 9).select(gf.col("riders").sum())', "[None]", "[0]"),
    ("Whether all of nothing are true", "SELECT bool_and(riders > 0) FROM df WHERE riders > 9", 'df.filter(gf.col("riders") > 9).select((gf.col("riders") > 0).all())', "[None]", "[True]"),
    ("A mean of nothing", "SELECT avg(fare) FROM df WHERE riders > 9", 'df.filter(gf.col("riders") > 9).select(gf.col("fare").mean())', "[None]", "[None]"),
    ("Nulls in ascending order", "SELECT fare FROM df ORDER BY fare", 'df.select("fare").sort("fare")', "[7.5, 12.0, 18.0, 40.0, None]", "[None, 7.5, 12.0, 18.0, 40.0]"),
    ("Nulls in descending order", "SELECT fare FROM df ORDER BY fare DESC", 'df.select("fare").sort("fare", descending=True)', "[None, 40.0, 18.0, 12.0, 7.5]", "[None, 40.0, 18.0, 12.0, 7.5]"),
    ("`/` of integers", "SELECT riders / 2 FROM df", 'df.select(gf.col("riders") / 2)', "[0, 1, 1, 2, 2]", "[0.5, 1.0, 1.5, 2.0, 2.5]"),
    ("Whole division", "SELECT (2 - riders) / 2 FROM df", 'df.select((2 - gf.col("riders")) // 2)', "[0, 0, 0, -1, -1]", "[0, 0, -1, -1, -2]"),
    ("Remainder", "SELECT (2 - riders) % 2 FROM df", 'df.select((2 - gf.col("riders")) % 2)', "[1, 0, -1, 0, -1]", "[1, 0, 1, 0, 1]"),
    ("Division by zero", "SELECT riders / 0 FROM df", 'df.select(gf.col("riders") / 0)', "ExecutionError", "[inf, inf, inf, inf, inf]"),
    ("Outside a function's domain", "SELECT sqrt(-fare) FROM df WHERE riders = 1", 'df.filter(gf.col("riders") == 1).select((-gf.col("fare")).sqrt())', "ExecutionError", "[nan]"),
    ("NaN equals NaN", "SELECT x = x FROM df", 'df.select(gf.col("x") == gf.col("x"))', "[True, True, None, True, True]", "[True, True, None, True, True]"),
    ("NaN above numbers", "SELECT x > 1 FROM df", 'df.select(gf.col("x") > 1)', "[False, True, None, False, True]", "[False, True, None, False, True]"),
    ("The greatest, with NaN", "SELECT max(x) FROM df", 'df.select(gf.col("x").max())', "[nan]", "[2.0]"),
    ("Different values, null among them", "SELECT count(DISTINCT zone) FROM df", 'df.select(gf.col("zone").n_unique())', "[2]", "[3]"),
    ("Halves rounded", "SELECT round(riders / 2.0) FROM df", 'df.select((gf.col("riders") / 2).round())', "[1.0, 1.0, 2.0, 2.0, 3.0]", "[0.0, 1.0, 2.0, 2.0, 2.0]"),
    ("Null is not equal", "SELECT riders FROM df WHERE zone <> 'a'", 'df.filter(gf.col("zone") != "a").select("riders")', "[1, 3]", "[1, 3]"),
    ("An overflow", "SELECT riders * 9000000000000000000 FROM df", 'df.select(gf.col("riders") * 9_000_000_000_000_000_000)', "ExecutionError", "ExecutionError"),
    ("A datetime as text", "SELECT CAST(TIMESTAMP '2024-01-01 12:00:00' AS VARCHAR) FROM df LIMIT 1", 'df.head(1).select(gf.datetime(2024, 1, 1, 12).cast(gf.String))', "['2024-01-01T12:00:00']", "['2024-01-01 12:00:00.000000']"),
    ("A text with a blank as a number", "SELECT CAST(' 4' AS BIGINT) FROM df LIMIT 1", 'df.head(1).select(gf.lit(" 4").cast(gf.Int64))', "[4]", "ExecutionError"),
    ("A row's number, halved", "SELECT (row_number() OVER (ORDER BY riders) - 1) / 2 FROM df", 'df.with_row_index().select(gf.col("index") / 2)', "[0, 0, 1, 1, 2]", "[0.0, 0.5, 1.0, 1.5, 2.0]"),
    ("Names in capitals", "SELECT RIDERS FROM df", 'df.select("RIDERS")', "[1, 2, 3, 4, 5]", "PlanError"),
    ("Names of columns in capitals", "SELECT Riders FROM (SELECT riders AS \"Riders\" FROM df) t", 'df.rename({"riders": "Riders"}).select("riders")', "[1, 2, 3, 4, 5]", "PlanError"),
]


def sql_page() -> str:
    """The page of SQL beside frames."""
    lines = [
        "# SQL and frames, side by side",
        "",
        "The same question in SQL and as a frame, where people expect one of them and get the other: SQL follows DataFusion, frames follow",
        "Polars. Both are run, and their answers compared with what is written here, by",
        "`bindings/python/tests/polars/test_coming_from.py`, on a frame `df` of the columns `zone`, `fare`, `riders` and `x`, which is",
        "`[1.0, NaN, null, -0.5, 2.0]`.",
        "",
        "| | SQL | frame | SQL gives | a frame gives |",
        "|---|---|---|---|---|",
    ]
    for topic, sql, frame, of_sql, of_frame in SQL:
        cells = [topic, f"`{sql}`", f"`{frame}`", f"`{of_sql}`", f"`{of_frame}`" if of_frame != of_sql else "the same"]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


PAGES = {"Polars": POLARS, "pandas": PANDAS, "PySpark": PYSPARK}


def page(library: str) -> str:
    """The page of one library."""
    compared = "run, and its answer compared with theirs" if library != "PySpark" else "run"
    lines = [
        f"# Coming from {library}",
        "",
        f"Each line here is {compared}, by `bindings/python/tests/polars/test_coming_from.py`, on a frame `df` of the columns",
        "`zone`, `fare` and `riders`, and a frame `zones` of `zone` and `name`. Where nothing is said the answers are equal.",
        "",
        f"| | {library} | Gradframe | different |",
        "|---|---|---|---|",
    ]
    for topic, theirs, ours, difference in PAGES[library]:
        cells = [topic, f"`{theirs}`", f"`{ours}`", difference]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def path(library: str) -> pathlib.Path:
    """The file of one library's page."""
    return DOCS / f"coming_from_{library.lower()}.md"


if __name__ == "__main__":
    for name in PAGES:
        path(name).write_text(page(name))
        print(path(name))
    path("SQL").write_text(sql_page())
    print(path("SQL"))
