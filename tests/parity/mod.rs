//! Answers that others have given before us: TPC-H's. (What csv-spectrum and parquet-testing agree on is tested in `connectors`.)

mod tpch;
