//! What networks share: [`options`] and what they mean, [`target`] for labels and row weights, [`step`] for the program
//! of a mini-batch, [`training`] for its repetition, [`scores`] for prediction and [`table`] for `ML.WEIGHTS`.

mod options;
mod scores;
mod state;
mod step;
mod table;
mod target;
mod training;

pub(crate) use options::{NETWORK_OPTIONS, schedule};
pub(crate) use scores::{encoded_scores, in_label_units, raw_scores, unused_features};
pub(crate) use step::step_key;
pub(crate) use table::{is_network, network_weights};
pub(crate) use training::{NetworkTraining, check_rows};

/// Names of the weights that take a regression back to the label's units: f64 [].
const LABEL_MEAN: &str = "label.mean";
const LABEL_STD: &str = "label.std";
