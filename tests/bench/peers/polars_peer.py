"""Polars' SQL over lazy scans, with its streaming engine."""

import polars

version = polars.__version__


def connect(tables):
    context = polars.SQLContext({name: polars.scan_parquet(path) for name, path in tables.items()})
    return lambda sql: context.execute(sql, eager=False).collect(engine="streaming")
