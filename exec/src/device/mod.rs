//! Where numeric programs run: on the CPU, or on a CUDA device that was asked for or pays.
//!
//! `placement` chooses when a plan is made, by an estimate of the `work`; `cuda` is the process's one device, opened when it is first wanted; `program` is a
//! program there, compiled and loaded once, with what to do where memory is short; `pinned` is a column that stays there; `gathered` makes of a stream's batches
//! pieces that are large enough for a device; `stepping` is a training's steps. [`Simulated`] is a device without one, for tests.

mod cuda;
mod gathered;
mod pinned;
mod placement;
mod program;
mod simulated;
mod stepping;
mod work;

use std::fmt;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::physical_plan::ExecutionPlan;
use gradframe_gpu::device::Measured;
use gradframe_ml_core::{DType, Result, Tensor};
use gradframe_ml_kernels::grouped::Grouped;
use gradframe_ml_kernels::{Backend, Program};

pub use self::cuda::limit_device_memory;
pub(crate) use self::gathered::gathered;
pub use self::pinned::{LoadedFolds, PinnedColumn, There};
pub(crate) use self::placement::Placement;
pub(crate) use self::program::{DeviceCounts, DeviceProgram};
pub use self::simulated::Simulated;
pub(crate) use self::stepping::Stepping;
pub(crate) use self::work::Work;
use crate::ops::numeric_stage::NumericStageExec;
use crate::ops::predict::PredictExec;

/// A device that computes programs.
pub trait Device: fmt::Debug + Send + Sync {
    /// Its name in plans: `cuda:0`.
    fn name(&self) -> &str;

    /// Whether it has a form of every part of the program. Errors: `NotImplemented` naming the part that has none.
    fn takes(&self, program: &Program) -> Result<()>;

    /// The program, ready to run. Errors: as [`Device::takes`]; `Resources` if there is no memory for its constants.
    fn load(&self, program: &Program) -> Result<Box<dyn Loaded>>;

    /// Memory for so many elements of a column that stays there. Errors: `Resources` if there is not as much.
    fn column(&self, dtype: DType, rows: usize) -> Result<Box<dyn PinnedColumn>>;

    /// Rows of a column that lie in one piece, at most.
    fn piece_rows(&self) -> usize {
        1 << 29
    }

    /// Whether it has a form of these folds. Errors: `NotImplemented` naming what has none.
    fn takes_folds(&self, folds: &Grouped) -> Result<()> {
        gradframe_gpu::print::grouped::print(folds, "folds").map(|_| ())
    }

    /// Folds of rows, ready to run. Errors: `NotImplemented` for what has no form there; `Resources` if there is no memory for
    /// constants.
    fn load_folds(&self, folds: &Grouped) -> Result<Box<dyn LoadedFolds>>;

    /// Where programs are run step by step, their state staying there.
    fn backend(&self) -> &dyn Backend;
}

/// A program on a device.
pub trait Loaded: fmt::Debug + Send + Sync {
    /// The results for these arguments, what it moved and how long that took. Errors: `Resources` if the device's memory is short.
    fn run(&self, inputs: &[Tensor]) -> Result<(Vec<Tensor>, Measured)>;
}

/// The plan with its numeric stages and predictions on this device, whatever the session's settings say; but for what would have
/// other bits there. In strict mode what the device does not take is an error when it runs, otherwise the CPU computes it.
/// Errors: DataFusion's for a plan that cannot be rewritten.
pub fn placed_on(
    plan: Arc<dyn ExecutionPlan>,
    device: &Arc<dyn Device>,
    is_strict: bool,
) -> datafusion::error::Result<Arc<dyn ExecutionPlan>> {
    let placement = Placement::on(Arc::clone(device), is_strict);
    let placed = |node: Arc<dyn ExecutionPlan>| {
        let there: Option<Arc<dyn ExecutionPlan>> = if let Some(stage) = node.downcast_ref::<NumericStageExec>() {
            stage.placed_on(&placement).map(|stage| Arc::new(stage) as _)
        } else {
            node.downcast_ref::<PredictExec>().map(|predict| Arc::new(predict.placed_on(&placement)) as _)
        };
        Ok(there.map_or(Transformed::no(node), Transformed::yes))
    };
    plan.transform_up(placed).data()
}
