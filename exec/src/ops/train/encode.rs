//! From ordered raw rows to the encoded training set: one pass for the statistics, one for the encoding. Both go chunk
//! after chunk, so that no more than a few chunks are in memory at once.

use arrow::array::ArrayRef;
use gradframe_ml_core::{DType, Error, Result, Tensor};
use gradframe_ml_learn::features::{ClassCodes, layout};
use gradframe_ml_learn::{Chunk, Encoder, FeatureSpec, LabelSpec, Layout, PlaceCheck, RawColumn, Vocabulary};
use gradframe_plan::ops::train::TrainJob;
use rayon::prelude::*;

use super::chunks::{CacheMemory, ChunkWriter, Chunks};
use super::disk::Disk;
use super::order::OrderedRows;
use super::rows::Piece;
use super::statistics::{Statistics, statistics};
use super::task::Stop;
use super::work::Work;
use super::{Inputs, OP};
use crate::columns::{classes, codes, numbers, whole_numbers};
use crate::memory::Memory;

/// The encoded training set.
pub(super) struct EncodedRows {
    pub layout: Layout,
    pub features: Vec<FeatureSpec>,
    /// The rows to learn from, `layout.rows` of them.
    pub train: Chunks,
    /// The rows to evaluate on; none where the data is not split.
    pub eval: Chunks,
    /// What the chunks take of the session's memory.
    pub memory: CacheMemory,
}

/// What encoding takes of the session.
pub(super) struct Room {
    /// For the chunks that are being made.
    pub work: Memory,
    /// For those that are done; can spill.
    pub cache: Memory,
    pub disk: Disk,
}

/// Encodes the rows, which are given up.
/// Errors: `Execution` naming a column whose values cannot be learned, or if there are no rows; `Resources`.
pub(super) fn encode(rows: OrderedRows, inputs: &Inputs, job: &TrainJob, room: Room, stop: &Stop) -> Result<EncodedRows> {
    let Room { work, cache, disk } = room;
    let (rows, work) = Work::reserve(rows, inputs, job, work, &disk)?;
    let Statistics { features, label, rows: train_rows } = statistics(&rows, inputs, job, &work, stop)?;
    let mut layout = layout(train_rows, &features, &label);
    let weights = inputs.weight.map(|at| Weights { at, name: inputs.names[at].clone(), dtype: job.estimator.feature_dtype() });
    layout.weighted = weights.is_some();
    let places = job.estimator.place_check(&layout)?;
    let columns = Columns { places, ..Columns::new(&features, &label, weights, job.estimator.feature_dtype())? };
    let memory = CacheMemory::new(cache);
    let (mut train, mut eval) = (ChunkWriter::new(disk.clone()), ChunkWriter::new(disk));
    let mut pass = rows.pass()?;
    loop {
        let pieces = pass.next(work.chunks)?;
        if pieces.is_empty() {
            break;
        }
        let chunks = pieces.par_iter().map(|piece| stop.check().and_then(|()| columns.encode(piece))).collect::<Vec<_>>();
        for (piece, chunk) in pieces.iter().zip(chunks) {
            let side = if piece.eval { &mut eval } else { &mut train };
            side.push(chunk?, &memory)?;
        }
    }
    let (train, eval) = (train.finish()?, eval.finish()?);
    layout.eval_rows = eval.rows() as u64;
    Ok(EncodedRows { layout, features, train, eval, memory })
}

/// How columns are encoded.
struct Columns {
    encoder: Encoder,
    features: Vec<FeatureSpec>,
    /// One a feature; None for numbers.
    lookups: Vec<Option<Vocabulary>>,
    /// None for regression.
    classes: Option<ClassCodes>,
    label: String,
    weights: Option<Weights>,
    /// Whether rows pick only what there is.
    places: Option<PlaceCheck>,
}

/// The column that says what rows count for.
struct Weights {
    at: usize,
    name: String,
    dtype: DType,
}

impl Columns {
    fn new(features: &[FeatureSpec], label: &LabelSpec, weights: Option<Weights>, dtype: DType) -> Result<Self> {
        let lookups = features.iter().map(|f| Vocabulary::of(&f.encoding)).collect();
        let classes = (!label.classes.is_empty()).then(|| ClassCodes::new(&label.classes));
        let (encoder, features) = (Encoder::new(features, dtype)?, features.to_vec());
        Ok(Columns { encoder, features, lookups, classes, label: label.name.clone(), weights, places: None })
    }

    fn encode(&self, piece: &Piece) -> Result<Chunk> {
        let features = self.features.iter().zip(&self.lookups).enumerate();
        let features = features.map(|(i, (feature, lookup))| raw(&piece.column(i)?, feature, lookup.as_ref()));
        let features = features.collect::<Result<Vec<_>>>()?;
        let label = piece.column(self.lookups.len())?;
        let mut chunk = self.encoder.encode(&features, self.label(&label, piece.eval)?)?;
        chunk.weight = self.weights.as_ref().map(|weights| weights.encode(piece)).transpose()?;
        self.places.as_ref().map_or(Ok(()), |places| places.check_chunk(OP, &chunk))?;
        Ok(chunk)
    }

    /// The label as f64 [N]: the number, or the class's index.
    fn label(&self, array: &ArrayRef, eval: bool) -> Result<Tensor> {
        let Some(codes) = &self.classes else { return numbers(array).map(|(values, _)| values) };
        let code = |class: Option<_>| {
            let class = class.ok_or_else(|| Error::internal(OP, "a label is null"))?;
            codes.code(&class).map(f64::from).ok_or_else(|| self.unknown(&class.to_string(), eval))
        };
        let codes = classes(array)?.into_iter().map(code).collect::<Result<Vec<f64>>>()?;
        Tensor::from_vec(&[codes.len()], codes)
    }

    fn unknown(&self, class: &str, eval: bool) -> Error {
        if !eval {
            return Error::internal(OP, format!("label `{class}` is of no class"));
        }
        let what = format!("label `{}` is `{class}` in rows kept for evaluation, and in none to learn from", self.label);
        Error::execution(OP, what).hint("split the rows so that every class is learned, or leave rare classes out")
    }
}

impl Weights {
    /// The rows' weights: [N]. Errors: `Execution` if one is null, not finite or negative; rows of weight 0 are not here.
    fn encode(&self, piece: &Piece) -> Result<Tensor> {
        let (values, valid) = numbers(&piece.column(self.at)?)?;
        if valid.is_some_and(|valid| valid.buffer().contains(&0)) {
            return Err(self.wrong("null"));
        }
        match values.values::<f64>()?.iter().find(|weight| !(weight.is_finite() && **weight > 0.0)) {
            Some(weight) => Err(self.wrong(&weight.to_string())),
            None => values.cast(self.dtype),
        }
    }

    fn wrong(&self, weight: &str) -> Error {
        let what = format!("sample weight `{}` is {weight} in a row, expected 0 or a number above it", self.name);
        Error::execution(OP, what).hint("a row of weight 0 is left out")
    }
}

fn raw(array: &ArrayRef, feature: &FeatureSpec, lookup: Option<&Vocabulary>) -> Result<RawColumn> {
    match (lookup, feature.encoding.whole()) {
        (Some(vocabulary), _) => RawColumn::codes(codes(array, vocabulary)?),
        (None, Some(dtype)) => RawColumn::whole(whole_numbers(array, dtype, |what| not_whole(&feature.name, what))?),
        (None, None) => numbers(array).and_then(|(values, valid)| RawColumn::number(values, valid)),
    }
}

fn not_whole(column: &str, what: &str) -> Error {
    Error::dtype(OP, format!("column `{column}` is {what}")).hint("cast it, or leave such rows out")
}
