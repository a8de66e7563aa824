//! Logical operators: one stem an operator, the same stems as in `exec/ops`.

pub mod columns;
pub mod drawn;
pub mod evaluate;
pub mod map_batches;
pub mod predict;
pub mod relations;
pub mod row_order;
pub mod run_log;
pub mod text;
pub mod train;
pub mod transform;
pub mod unique;
