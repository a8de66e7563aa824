"""Queries, training, prediction and experiment logs as one lazy plan over Apache Arrow.

    import gradframe as gf

    trips = gf.scan_parquet("trips/*.parquet").filter(gf.col("distance") > 0)
    model = trips.fit(gf.ml.LinearRegression(), target="fare", name="fare")
    trips.predict(model).select("fare", "predicted_fare").collect()
    gf.sql("SELECT * FROM gradframe.metrics WHERE name = 'loss'").collect()

Frames and expressions have Polars's names; SQL is DataFusion's with BigQuery ML's grammar. Both build the same plan.
The functions here use one default session, made at first use; `gf.Session(...)` makes another.
"""

from gradframe import errors, ml
from gradframe._default import (
    concat,
    configure,
    describe_files,
    from_arrow,
    from_dict,
    from_pandas,
    from_polars,
    model,
    read_csv,
    read_ipc,
    read_ndjson,
    read_parquet,
    register,
    scan_csv,
    scan_ipc,
    scan_ndjson,
    scan_parquet,
    session,
    sql,
    table,
)
from gradframe._gradframe import (
    Batches,
    DataFrame,
    Expr,
    LazyFrame,
    LazyGroupBy,
    Model,
    Series,
    Session,
    __version__,
    coalesce,
    col,
    len,
    lit,
    when,
)

__all__ = [
    "Batches",
    "DataFrame",
    "Expr",
    "LazyFrame",
    "LazyGroupBy",
    "Model",
    "Series",
    "Session",
    "__version__",
    "coalesce",
    "col",
    "concat",
    "configure",
    "describe_files",
    "errors",
    "from_arrow",
    "from_dict",
    "from_pandas",
    "from_polars",
    "len",
    "lit",
    "ml",
    "model",
    "read_csv",
    "read_ipc",
    "read_ndjson",
    "read_parquet",
    "register",
    "scan_csv",
    "scan_ipc",
    "scan_ndjson",
    "scan_parquet",
    "session",
    "sql",
    "table",
    "when",
]
