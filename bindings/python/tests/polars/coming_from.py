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
    ("UInt64 and Int64", 'df.select((pl.col("riders").cast(pl.UInt64) + pl.col("riders")).cast(pl.Int64))', 'df.select((gf.col("riders").cast(gf.UInt64) + gf.col("riders")).cast(gf.Int64))', "a Decimal(20, 0) before the cast; Int128 in Polars"),
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
