//! Statistics of the columns, folded over the rows to learn from; and a check of those to evaluate on.

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use gradframe_ml_core::{Error, Result, Tensor};
use gradframe_ml_learn::features::null_feature;
use gradframe_ml_learn::{FeatureSpec, FeatureStats, LabelSpec, LabelStats};
use gradframe_plan::ops::train::TrainJob;
use rayon::prelude::*;

use super::order::OrderedRows;
use super::rows::Piece;
use super::task::Stop;
use super::work::Work;
use super::{Inputs, OP};
use crate::columns::{classes, numbers, texts};

/// What the rows to learn from say of the columns.
pub(super) struct Statistics {
    pub features: Vec<FeatureSpec>,
    pub label: LabelSpec,
    /// Number of rows to learn from.
    pub rows: u64,
}

/// Folds the statistics over the chunks in order: columns side by side, chunks one after the other.
/// Errors: `Execution` naming a column whose values cannot be learned, or if one side has no rows; `Resources`.
pub(super) fn statistics(rows: &OrderedRows, inputs: &Inputs, job: &TrainJob, work: &Work, stop: &Stop) -> Result<Statistics> {
    let [mut train, mut eval] = [Side::new(inputs, job)?, Side::new(inputs, job)?];
    let mut pass = rows.pass()?;
    loop {
        let pieces = pass.next(work.chunks)?;
        if pieces.is_empty() {
            break;
        }
        let (eval_pieces, train_pieces): (Vec<Piece>, Vec<Piece>) = pieces.into_iter().partition(|piece| piece.eval);
        train.update(&train_pieces, stop)?;
        eval.check(&eval_pieces, stop)?;
        work.hold_values(train.memory_bytes())?;
    }
    check_sides(&train, &eval, rows.is_split())?;
    let rows = train.rows as u64;
    // The label first: an empty set or a bad label is what to hear about before the features.
    let standardises = job.estimator.standardises();
    let label = match standardises {
        true => train.label.finish(&job.label, &job.label_type)?,
        false => train.label.finish_raw(&job.label, &job.label_type)?,
    };
    eval.label.check_values(&job.label)?;
    let named = inputs.names.iter().zip(&job.feature_types).zip(train.features);
    let whole = job.estimator.whole_columns();
    let of_type = |name: &str| whole.iter().find(|(own, _)| own == name).map(|(_, dtype)| *dtype);
    let finish = |((name, data_type), stats): ((&String, &DataType), FeatureStats)| match standardises {
        true => stats.finish(name, data_type),
        false => stats.finish_raw(name, data_type, of_type(name)),
    };
    let features: Vec<FeatureSpec> = named.map(finish).collect::<Result<_>>()?;
    job.estimator.check_features(&features)?;
    if !standardises {
        check_nulls(inputs, &eval.features)?;
    }
    inputs.names.iter().zip(&eval.features).try_for_each(|(name, stats)| stats.check_values(name))?;
    Ok(Statistics { features, label, rows })
}

/// The columns of one side.
struct Side {
    features: Vec<FeatureStats>,
    label: LabelStats,
    /// The column of the rows' weights.
    weight: Option<usize>,
    rows: usize,
}

impl Side {
    fn new(inputs: &Inputs, job: &TrainJob) -> Result<Self> {
        let features = job.feature_types[..inputs.label].iter().map(FeatureStats::for_type).collect::<Result<_>>()?;
        let label = LabelStats::for_type(job.estimator.task(), &job.label_type)?;
        Ok(Side { features, label, weight: inputs.weight, rows: 0 })
    }

    fn update(&mut self, pieces: &[Piece], stop: &Stop) -> Result<()> {
        self.rows += pieces.iter().map(Piece::rows).sum::<usize>();
        let at = self.features.len();
        let weights = self.weights(pieces)?;
        let feature = |(i, stats): (usize, &mut FeatureStats)| {
            let mut weights = weights.iter();
            each(pieces, i, stop, |array| update_feature(stats, array, weights.next()))
        };
        let (label, features) = rayon::join(
            || each(pieces, at, stop, |array| update_label(&mut self.label, array)),
            || self.features.par_iter_mut().enumerate().try_for_each(feature),
        );
        label.and(features)
    }

    /// As `update`, but without the values of texts, which need not have been seen.
    fn check(&mut self, pieces: &[Piece], stop: &Stop) -> Result<()> {
        self.rows += pieces.iter().map(Piece::rows).sum::<usize>();
        each(pieces, self.features.len(), stop, |array| update_label(&mut self.label, array))?;
        let numbers = self.features.par_iter_mut().enumerate().filter(|(_, stats)| matches!(stats, FeatureStats::Number(_)));
        let feature = |(i, stats): (usize, &mut FeatureStats)| each(pieces, i, stop, |array| update_feature(stats, array, None));
        numbers.try_for_each(feature)
    }

    /// The weights of each piece; empty where all rows count the same.
    fn weights(&self, pieces: &[Piece]) -> Result<Vec<Tensor>> {
        let of = |at| pieces.iter().map(move |piece| Ok(numbers(&piece.column(at)?)?.0)).collect();
        self.weight.map_or_else(|| Ok(Vec::new()), of)
    }

    fn memory_bytes(&self) -> usize {
        self.features.iter().map(FeatureStats::memory_bytes).sum()
    }
}

/// A column of each piece in turn.
fn each(pieces: &[Piece], column: usize, stop: &Stop, mut f: impl FnMut(&ArrayRef) -> Result<()>) -> Result<()> {
    pieces.iter().try_for_each(|piece| {
        stop.check()?;
        f(&piece.column(column)?)
    })
}

fn update_feature(stats: &mut FeatureStats, array: &ArrayRef, weights: Option<&Tensor>) -> Result<()> {
    match stats {
        FeatureStats::Number(stats) => {
            let (values, valid) = numbers(array)?;
            stats.update(&values, valid.as_ref(), weights)
        }
        FeatureStats::Text(stats) => {
            stats.update(texts(array)?.iter());
            Ok(())
        }
    }
}

fn update_label(stats: &mut LabelStats, array: &ArrayRef) -> Result<()> {
    match stats {
        LabelStats::Number(_) => {
            let (values, valid) = numbers(array)?;
            stats.update_numbers(&values, valid.as_ref())
        }
        LabelStats::Classes { .. } => stats.update_classes(classes(array)?),
    }
}

/// Errors: `Execution` naming a column that is null in a row to evaluate on, where there may be no null.
fn check_nulls(inputs: &Inputs, features: &[FeatureStats]) -> Result<()> {
    let nulls = |stats: &FeatureStats| if let FeatureStats::Number(stats) = stats { stats.nulls() } else { 0 };
    match inputs.names.iter().zip(features).find(|(_, stats)| nulls(stats) > 0) {
        Some((name, stats)) => Err(null_feature(name, nulls(stats))),
        None => Ok(()),
    }
}

/// Errors: `Execution` if all rows of a split are on one side.
fn check_sides(train: &Side, eval: &Side, split: bool) -> Result<()> {
    let what = match (train.rows, eval.rows) {
        (0, 1..) => format!("the split keeps all {} rows for evaluation and leaves none to learn from", eval.rows),
        (1.., 0) if split => format!("the split keeps none of the {} rows for evaluation", train.rows),
        _ => return Ok(()),
    };
    Err(Error::execution(OP, what).hint("split by another fraction or column, or set data_split_method = 'no_split'"))
}
