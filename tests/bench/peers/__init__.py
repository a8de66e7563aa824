"""Who takes part: one file each, offering `connect(tables) -> run`.

`tables` maps a name to its Parquet file; `run(sql)` answers one statement as something with a length or `num_rows`.
Every participant reads the files in each run and uses all cores; none loads them beforehand.
"""

OURS = "gradframe"
PEERS = ("duckdb", "polars", "datafusion")
