//! Where long operators say how far they are. The command line and notebooks draw bars from it.

use std::fmt::Debug;
use std::sync::Arc;

use datafusion::execution::TaskContext;
use gradframe_ml_learn::Step;

/// How far a training is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrainingProgress {
    /// The epoch that has ended; or that is under way, with its mean loss so far and a gradient norm of NaN.
    pub step: Step,
    /// Training rows.
    pub rows: u64,
    /// Rows learned a second since the fit began.
    pub rows_per_second: f64,
    /// Epochs done, with the part of the one under way.
    pub epochs_done: f64,
    /// The `max_iterations` option, where the model type has one.
    pub epochs_max: Option<u64>,
    /// Seconds to the last of `epochs_max` at this speed; early stopping may come before.
    pub seconds_left: Option<f64>,
}

/// Told of progress, from any thread; must return quickly.
pub trait Progress: Debug + Send + Sync {
    /// Rows of a training query have been read (in total, so far).
    fn reading(&self, model: &str, rows: u64);
    /// An epoch has ended, or a good part of one.
    fn training(&self, model: &str, progress: &TrainingProgress);
    /// The training has ended, well or not.
    fn trained(&self, model: &str);
}

/// The session extension that carries a `Progress`: `SessionConfig::set_extension(Arc::new(ProgressSink(..)))`.
#[derive(Debug, Clone)]
pub struct ProgressSink(pub Arc<dyn Progress>);

impl ProgressSink {
    /// The task's sink, where someone is looking.
    pub fn of_task(context: &TaskContext) -> Option<Arc<dyn Progress>> {
        context.session_config().get_extension::<ProgressSink>().map(|sink| Arc::clone(&sink.0))
    }
}
