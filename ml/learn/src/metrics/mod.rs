//! What `ML.EVALUATE` reports, as accumulators: updated with rows, merged in chunk order, finished into named values.
//!
//! Names are BigQuery's, definitions scikit-learn's. A value that is not defined on the data is None (SQL NULL).

mod classification;
mod confusion;
mod regression;
mod roc_auc;
mod sum;

pub use classification::{ClassificationMetrics, predicted_class};
pub use confusion::Confusion;
pub use regression::RegressionMetrics;
pub use roc_auc::roc_auc;
pub use sum::ExactSum;

/// A metric and its value.
pub type NamedValue = (&'static str, Option<f64>);
