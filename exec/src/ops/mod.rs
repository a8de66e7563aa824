//! Physical operators: one stem an operator, the same stems as in `plan/ops`.

mod appended;
pub mod cut;
pub(crate) mod device_aggregate;
mod divided;
pub mod drawn;
pub mod evaluate;
pub mod held;
pub mod in_order;
mod input;
pub(crate) mod loop_join;
pub(crate) mod made_anew;
pub mod map_batches;
pub mod numeric_sort;
pub mod numeric_stage;
pub mod over;
pub mod predict;
pub mod row_order;
pub mod run_log;
pub mod text;
pub mod train;
pub mod unique;
