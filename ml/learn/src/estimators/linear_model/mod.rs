//! What linear estimators share: scores that are linear in the encoded columns, found by L-BFGS.
//!
//! `score = dense @ w + sum over one-hot columns of w_i[code_i] + intercept`. An estimator adds a loss a row and,
//! for prediction, what it makes of a score.
//!
//! Weights: `dense` [K] or [K, C] (absent where K = 0), `category.<i>` [n_i] or [n_i, C] for the i-th one-hot column,
//! `intercept` [] or [C]; the forms with C where there are C scores a row.

mod objective;
mod parameters;
mod scores;
mod training;
mod weights;

pub(crate) use scores::{encoded_scores, raw_scores};
pub(crate) use training::{LINEAR_OPTIONS, LinearTraining, Start};
pub(crate) use weights::{FeatureWeights, LinearWeights};

use gradframe_ml_core::{Graph, NodeId, Result};

/// The loss of each row [N] from its scores ([N] or [N, C]) and its label f64 [N].
pub(crate) type RowLoss = fn(&mut Graph, scores: NodeId, label: NodeId) -> Result<NodeId>;
