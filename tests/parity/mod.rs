//! Answers that others have given before us: TPC-H's, and files whose reading is agreed.

mod csv_spectrum;
mod tpch;
