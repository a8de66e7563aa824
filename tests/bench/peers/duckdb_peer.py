"""DuckDB over views of the files."""

import duckdb

version = duckdb.__version__


def connect(tables):
    connection = duckdb.connect()
    for name, path in tables.items():
        connection.execute(f"create view {name} as select * from read_parquet('{path}')")
    return lambda sql: connection.sql(sql).to_arrow_table()
