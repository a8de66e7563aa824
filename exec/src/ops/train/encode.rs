//! From ordered raw rows to the encoded training set: one pass for the statistics, one for the encoding.

use gradframe_ml_core::{Error, Result, Tensor};
use gradframe_ml_learn::features::{ClassCodes, layout};
use gradframe_ml_learn::{Chunk, Encoder, FeatureSpec, FeatureStats, LabelSpec, LabelStats, Layout, RawColumn, Vocabulary};
use gradframe_plan::ops::train::TrainJob;
use rayon::prelude::*;

use super::chunks::Chunks;
use super::order::OrderedRows;
use super::task::Stop;
use super::{CHUNK_ROWS, Inputs, OP};
use crate::columns::{classes, codes, numbers, texts};
use crate::memory::Memory;

/// The encoded training set.
#[derive(Debug)]
pub(super) struct EncodedRows {
    pub layout: Layout,
    pub features: Vec<FeatureSpec>,
    /// The rows to learn from, `layout.rows` of them.
    pub train: Chunks,
    /// The rows to evaluate on; none where the data is not split.
    #[allow(dead_code, reason = "no job asks for a split yet")]
    pub eval: Chunks,
    /// What the chunks take of the session's memory.
    pub memory: Memory,
}

/// Encodes the rows, which are given up. `types` are the Arrow types of the columns, features then label.
/// Errors: `Execution` naming a column whose values cannot be learned, or if there are no rows; `Resources`.
pub(super) fn encode(rows: OrderedRows, inputs: &Inputs, job: &TrainJob, memory: Memory, stop: &Stop) -> Result<EncodedRows> {
    let pass = Pass { rows: &rows, stop };
    let label_at = inputs.label;
    // The label first: an empty set or a bad label is what to hear about before the features.
    let label = pass.label_stats(job, label_at)?.finish(&job.label, &job.label_type)?;
    let features = (0..label_at).into_par_iter().map(|i| pass.feature(i, &inputs.names[i], &job.feature_types[i]));
    let features = features.collect::<Result<Vec<_>>>()?;
    let layout = layout(rows.len() as u64, &features, &label);
    memory.grow(encoded_bytes(&layout), "encoding the training rows")?;
    let columns = Columns::new(&features, &label)?;
    let chunks = pass.ranges().into_par_iter().map(|(from, to)| pass.encode(&columns, from, to));
    let chunks = chunks.collect::<Result<Vec<_>>>()?;
    Ok(EncodedRows { layout, features, train: Chunks::in_memory(chunks), eval: Chunks::default(), memory })
}

fn encoded_bytes(layout: &Layout) -> usize {
    let row = (layout.dense + 1) * size_of::<f64>() + layout.categories.len() * size_of::<i32>();
    layout.rows as usize * row
}

/// A pass over the rows in their chunks.
struct Pass<'a> {
    rows: &'a OrderedRows,
    stop: &'a Stop,
}

impl Pass<'_> {
    fn ranges(&self) -> Vec<(usize, usize)> {
        let rows = self.rows.len();
        (0..rows).step_by(CHUNK_ROWS).map(|from| (from, (from + CHUNK_ROWS).min(rows))).collect()
    }

    /// The label's statistics, chunk after chunk.
    fn label_stats(&self, job: &TrainJob, at: usize) -> Result<LabelStats> {
        let mut stats = LabelStats::for_type(job.estimator.task(), &job.label_type)?;
        for (from, to) in self.ranges() {
            self.stop.check()?;
            let array = self.rows.column(at, from, to)?;
            match &mut stats {
                LabelStats::Number(_) => {
                    let (values, valid) = numbers(&array)?;
                    stats.update_numbers(&values, valid.as_ref())?;
                }
                LabelStats::Classes { .. } => stats.update_classes(classes(&array)?)?,
            }
        }
        Ok(stats)
    }

    /// A feature's encoding from its statistics, chunk after chunk.
    fn feature(&self, at: usize, name: &str, data_type: &arrow::datatypes::DataType) -> Result<FeatureSpec> {
        let mut stats = FeatureStats::for_type(data_type)?;
        for (from, to) in self.ranges() {
            self.stop.check()?;
            let array = self.rows.column(at, from, to)?;
            match &mut stats {
                FeatureStats::Number(stats) => {
                    let (values, valid) = numbers(&array)?;
                    stats.update(&values, valid.as_ref())?;
                }
                FeatureStats::Text(stats) => stats.update(texts(&array)?.iter()),
            }
        }
        stats.finish(name, data_type)
    }

    fn encode(&self, columns: &Columns, from: usize, to: usize) -> Result<Chunk> {
        self.stop.check()?;
        let features = columns.lookups.iter().enumerate().map(|(i, lookup)| self.raw(i, lookup.as_ref(), from, to));
        let features = features.collect::<Result<Vec<_>>>()?;
        let label = self.rows.column(columns.lookups.len(), from, to)?;
        columns.encoder.encode(&features, columns.label(&label)?)
    }

    fn raw(&self, at: usize, lookup: Option<&Vocabulary>, from: usize, to: usize) -> Result<RawColumn> {
        let array = self.rows.column(at, from, to)?;
        match lookup {
            Some(vocabulary) => RawColumn::codes(codes(&array, vocabulary)?),
            None => numbers(&array).and_then(|(values, valid)| RawColumn::number(values, valid)),
        }
    }
}

/// How columns are encoded.
struct Columns {
    encoder: Encoder,
    /// One a feature; None for numbers.
    lookups: Vec<Option<Vocabulary>>,
    /// None for regression.
    classes: Option<ClassCodes>,
}

impl Columns {
    fn new(features: &[FeatureSpec], label: &LabelSpec) -> Result<Self> {
        let lookups = features.iter().map(|f| Vocabulary::of(&f.encoding)).collect();
        let classes = (!label.classes.is_empty()).then(|| ClassCodes::new(&label.classes));
        Ok(Columns { encoder: Encoder::new(features)?, lookups, classes })
    }

    /// The label as f64 [N]: the number, or the class's index.
    fn label(&self, array: &arrow::array::ArrayRef) -> Result<Tensor> {
        let Some(codes) = &self.classes else { return numbers(array).map(|(values, _)| values) };
        let unknown = || Error::internal(OP, "a label is of no class");
        let code = |class: Option<_>| class.and_then(|c| codes.code(&c)).map(f64::from).ok_or_else(unknown);
        let codes = classes(array)?.into_iter().map(code).collect::<Result<Vec<f64>>>()?;
        Tensor::from_vec(&[codes.len()], codes)
    }
}
