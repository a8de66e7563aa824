//! From raw columns to the encoded training set: statistics, vocabularies, and the graph that encodes.
//!
//! Training reads the data once to fold [`FeatureStats`] and [`LabelStats`] in the order of its fixed chunks, then
//! encodes each chunk with an [`Encoder`]. Prediction has the encoding inside its own graph.

mod encoder;
mod label;
mod moments;
mod number_stats;
mod raw;
mod stats;
mod text_stats;
mod vocabulary;

pub(crate) mod graph;

pub use encoder::Encoder;
pub use graph::{DenseColumn, dense_columns, encode_function, layout};
pub use label::{CLASSES_MAX, ClassCodes, LabelStats};
pub use moments::Moments;
pub use number_stats::{NumberStats, null_feature};
pub use raw::RawColumn;
pub use stats::FeatureStats;
pub use text_stats::{CATEGORIES_MAX, TextStats};
pub use vocabulary::Vocabulary;
