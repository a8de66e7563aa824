//! What `ML.EVALUATE` reports, as accumulators: updated with rows, merged, finished into named values. Neither the order of
//! the rows nor how they are cut into batches shows in a bit of them: sums are exact.
//!
//! Names are BigQuery's, definitions scikit-learn's. A value that is not defined on the data is None (SQL NULL).

mod classification;
mod confusion;
mod mean;
mod regression;
mod roc_auc;

pub use classification::{ClassificationMetrics, predicted_class};
pub use confusion::Confusion;
pub use regression::RegressionMetrics;
pub use roc_auc::roc_auc;

/// A metric and its value.
pub type NamedValue = (&'static str, Option<f64>);
