"""DataFusion's own Python package: the engine below ours, by itself."""

import datafusion

version = datafusion.__version__


def connect(tables):
    context = datafusion.SessionContext()
    for name, path in tables.items():
        context.register_parquet(name, path)
    return lambda sql: context.sql(sql).to_arrow_table()
