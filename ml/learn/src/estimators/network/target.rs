//! What is learned of a label: standardised numbers or classes, and what each row counts for.

use gradframe_ml_core::{DType, Graph, NodeId, Result, Tensor};
use gradframe_ml_kernels::Program;

use crate::checkpoint::Checkpoint;
use crate::estimator::Layout;
use crate::estimators::epochs::number;
use crate::estimators::losses::{binary_log_loss, half_squared_error, softmax_log_loss};
use crate::estimators::row_weights::{LabelledColumns, label_program, weighted_sums, wide_weights};

/// A label as the network learns it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Target {
    /// `(label - mean) / std`, by the weighted statistics of the training rows.
    Number { mean: f64, std: f64 },
    /// Class indexes; a weight for each class, or none where all count the same.
    Classes { count: usize, weights: Option<Vec<f64>> },
}

impl Target {
    /// Scores a row: None is one without an axis.
    pub fn outputs(&self) -> Option<usize> {
        outputs(match self {
            Target::Number { .. } => 0,
            Target::Classes { count, .. } => *count,
        })
    }

    /// What a loss is multiplied by to be in the label's own units.
    pub fn loss_unit(&self) -> f64 {
        match self {
            Target::Number { std, .. } => std * std,
            Target::Classes { .. } => 1.0,
        }
    }

    /// The sum of the rows' weighted losses, and of weights: f64 [].
    pub fn loss_sums(&self, g: &mut Graph, scores: NodeId, columns: &LabelledColumns) -> Result<(NodeId, NodeId)> {
        let losses = self.losses(g, scores, columns)?;
        let classes = if let Target::Classes { weights, .. } = self { weights.as_deref() } else { None };
        let weight = columns.row_weights(g, classes, DType::F32)?;
        weighted_sums(g, losses, weight)
    }

    /// The rows' losses: [N].
    fn losses(&self, g: &mut Graph, scores: NodeId, columns: &LabelledColumns) -> Result<NodeId> {
        match self {
            Target::Number { mean, std } => {
                let standardised = standardised(g, columns.label, *mean, *std)?;
                half_squared_error(g, scores, standardised)
            }
            Target::Classes { count: 2, .. } => binary_log_loss(g, scores, columns.label),
            Target::Classes { .. } => softmax_log_loss(g, scores, columns.label),
        }
    }

    pub fn save(&self, checkpoint: &mut Checkpoint) -> Result<()> {
        match self {
            Target::Number { mean, std } => {
                checkpoint.put_number("target.mean", *mean);
                checkpoint.put_number("target.std", *std);
            }
            Target::Classes { count, weights } => {
                checkpoint.put_number("target.classes", *count as u64);
                if let Some(weights) = weights {
                    checkpoint.put("target.weights", Tensor::from_vec(&[weights.len()], weights.clone())?);
                }
            }
        }
        Ok(())
    }

    pub fn load(checkpoint: &Checkpoint) -> Result<Self> {
        if checkpoint.has("target.mean") {
            return Ok(Target::Number { mean: checkpoint.number("target.mean")?, std: checkpoint.number("target.std")? });
        }
        let weights = match checkpoint.has("target.weights") {
            true => Some(checkpoint.tensor("target.weights")?.values::<f64>()?.to_vec()),
            false => None,
        };
        Ok(Target::Classes { count: checkpoint.number::<u64>("target.classes")? as usize, weights })
    }
}

/// Scores a row for so many classes (0: a number): None is one without an axis.
pub(super) fn outputs(classes: usize) -> Option<usize> {
    Some(classes).filter(|&classes| classes > 2)
}

fn standardised(g: &mut Graph, label: NodeId, mean: f64, std: f64) -> Result<NodeId> {
    let (mean, std) = (g.scalar(DType::F64, mean)?, g.scalar(DType::F64, std)?);
    let centred = g.sub(label, mean)?;
    g.div(centred, std)
}

/// `(dense, codes.., label[, weight]) -> (sum of weights, sum of weighted labels)`, f64 [].
pub(super) fn label_sums(layout: &Layout) -> Result<Program> {
    label_program(layout, DType::F32, |g, columns, _| {
        let (total, weights) = wide_weights(g, columns)?;
        let weighted = g.mul(columns.label, weights)?;
        Ok(vec![total, g.sum_all(weighted)?])
    })
}

/// `(mean, dense, codes.., label[, weight]) -> (sum of weights, sum of weighted squares of label - mean)`, f64 [].
pub(super) fn label_squares(layout: &Layout) -> Result<Program> {
    label_program(layout, DType::F32, |g, columns, mean| {
        let (total, weights) = wide_weights(g, columns)?;
        let centred = g.sub(columns.label, mean)?;
        let squared = g.mul(centred, centred)?;
        let weighted = g.mul(squared, weights)?;
        Ok(vec![total, g.sum_all(weighted)?])
    })
}

/// The sums of [`label_sums`] or [`label_squares`], one divided by the other. Errors: `Internal` if they are not two.
pub(super) fn mean_of(sums: &[Tensor]) -> Result<f64> {
    Ok(number(sums.get(1))? / number(sums.first())?)
}
