//! Encoding as a graph: raw columns in, standardised columns and null indicators out.

use gradframe_ml_core::graph::Type;
use gradframe_ml_core::{DType, Dim, Function, Graph, NodeId, Result, Shape};

use crate::estimator::Layout;
use crate::model::{Encoding, FeatureSpec, LabelSpec};

/// A column of the dense block; the number is the feature's index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DenseColumn {
    /// The standardised number.
    Value(usize),
    /// 1 where the number is null, else 0.
    IsNull(usize),
}

/// The columns of the dense block: all standardised numbers, then the indicators of those with nulls in training.
pub fn dense_columns(features: &[FeatureSpec]) -> Vec<DenseColumn> {
    let number = |f: &FeatureSpec| f.encoding.is_dense();
    let had_nulls = |f: &FeatureSpec| matches!(f.encoding, Encoding::Standard { nulls: 1.., .. });
    let values = features.iter().enumerate().filter(|(_, f)| number(f)).map(|(i, _)| DenseColumn::Value(i));
    let indicators = features.iter().enumerate().filter(|(_, f)| had_nulls(f)).map(|(i, _)| DenseColumn::IsNull(i));
    values.chain(indicators).collect()
}

/// The layout of an encoded training set without weights and evaluation rows.
pub fn layout(rows: u64, features: &[FeatureSpec], label: &LabelSpec) -> Layout {
    let categories = features.iter().filter_map(|f| f.encoding.categories()).collect();
    let whole = features.iter().filter_map(|f| f.encoding.whole()).collect();
    let dense = dense_columns(features).len();
    Layout { rows, dense, categories, whole, label: label.clone(), weighted: false, eval_rows: 0 }
}

/// The dense block as a function of the numeric columns, in feature order: `x: f64 [N]`, with `nullable` followed by
/// `valid: bool [N]`. Result: [N, K] of type `dtype`, standardised in f64, columns as in [`dense_columns`]. One-hot
/// columns and whole numbers have no arguments. Errors: `Shape` if there is no numeric column (the block is then [N, 0]).
pub fn encode_function(features: &[FeatureSpec], nullable: bool, dtype: DType) -> Result<Function> {
    let mut g = Graph::new();
    let number = |i: usize| features[i].encoding.is_dense();
    let columns = declare_columns(&mut g, features, nullable, number);
    let dense = dense_block(&mut g, features, &columns, &dense_columns(features))?;
    let dense = g.cast(dense, dtype)?;
    Function::new(g, vec![dense])
}

/// A feature's arguments in a graph.
#[derive(Debug, Clone, Copy)]
pub(crate) enum RawInput {
    /// f64 [N] and bool [N].
    Number { x: NodeId, valid: Option<NodeId> },
    /// i32 [N].
    Code(NodeId),
    /// [N] of an integer type.
    Whole(NodeId),
}

/// Declares the arguments of the features that are `used`, in order.
pub(crate) fn declare_columns(
    g: &mut Graph,
    features: &[FeatureSpec],
    nullable: bool,
    used: impl Fn(usize) -> bool,
) -> Vec<Option<RawInput>> {
    let declare = |(i, f): (usize, &FeatureSpec)| used(i).then(|| declare_column(g, f, nullable));
    features.iter().enumerate().map(declare).collect()
}

fn declare_column(g: &mut Graph, feature: &FeatureSpec, nullable: bool) -> RawInput {
    match feature.encoding {
        Encoding::Raw { whole: Some(dtype), .. } => RawInput::Whole(g.input(&feature.name, rows_of(dtype))),
        Encoding::Standard { .. } | Encoding::Raw { .. } => {
            let x = g.input(&feature.name, rows_of(DType::F64));
            let valid = nullable.then(|| g.input(&format!("{}.valid", feature.name), rows_of(DType::Bool)));
            RawInput::Number { x, valid }
        }
        Encoding::OneHot { .. } => RawInput::Code(g.input(&feature.name, rows_of(DType::I32))),
    }
}

/// Encoded columns in a graph.
pub(crate) struct EncodedColumns {
    /// [N, K]; None where K is 0, though it is an argument all the same.
    pub dense: Option<NodeId>,
    /// i32 [N] for each one-hot column.
    pub codes: Vec<NodeId>,
    /// [N] for each column of whole numbers, of its type.
    pub whole: Vec<NodeId>,
}

/// Declares encoded columns as arguments, in the order of a chunk: the dense block [N, K] of type `dtype`, then codes, then whole
/// numbers of their types.
pub(crate) fn declare_encoded(g: &mut Graph, dense: usize, one_hot: usize, whole: &[DType], dtype: DType) -> EncodedColumns {
    let block = g.input("columns", Type::new(dtype, Shape::new([Dim::symbol("N"), Dim::fixed(dense)])));
    let codes = (0..one_hot).map(|i| g.input(&format!("codes.{i}"), rows_of(DType::I32))).collect();
    let whole = whole.iter().enumerate().map(|(i, &dtype)| g.input(&format!("whole.{i}"), rows_of(dtype))).collect();
    EncodedColumns { dense: (dense > 0).then_some(block), codes, whole }
}

/// One value a row: [N].
pub(crate) fn rows_of(dtype: DType) -> Type {
    Type::new(dtype, Shape::new([Dim::symbol("N")]))
}

/// The given dense columns side by side: f64 [N, K].
pub(crate) fn dense_block(
    g: &mut Graph,
    features: &[FeatureSpec],
    inputs: &[Option<RawInput>],
    columns: &[DenseColumn],
) -> Result<NodeId> {
    let mut nodes = Vec::with_capacity(columns.len());
    for &column in columns {
        let node = match column {
            DenseColumn::Value(i) => standardised(g, &features[i], inputs[i])?,
            DenseColumn::IsNull(i) => is_null(g, inputs[i])?,
        };
        nodes.extend(node);
    }
    g.stack(&nodes, 1)
}

/// `(x - mean) / std`, and 0 (the mean) where x is null, or x as it is: [N]. None for a one-hot or unused feature.
fn standardised(g: &mut Graph, feature: &FeatureSpec, input: Option<RawInput>) -> Result<Option<NodeId>> {
    let Some(RawInput::Number { x, valid }) = input else { return Ok(None) };
    let Encoding::Standard { mean, std, .. } = &feature.encoding else { return Ok(Some(x)) };
    let centred = centred(g, x, *mean)?;
    let std = g.scalar_like(x, *std)?;
    let scaled = g.div(centred, std)?;
    let Some(valid) = valid else { return Ok(Some(scaled)) };
    let zero = g.scalar_like(x, 0.0)?;
    g.select(valid, scaled, zero).map(Some)
}

/// `x - mean`: [N].
pub(crate) fn centred(g: &mut Graph, x: NodeId, mean: f64) -> Result<NodeId> {
    let mean = g.scalar_like(x, mean)?;
    g.sub(x, mean)
}

/// 1 where null, else 0: [N] f64. None for a one-hot or unused feature.
fn is_null(g: &mut Graph, input: Option<RawInput>) -> Result<Option<NodeId>> {
    match input {
        Some(RawInput::Number { valid: Some(valid), .. }) => {
            let null = g.not(valid)?;
            g.cast(null, DType::F64).map(Some)
        }
        Some(RawInput::Number { x, valid: None }) => g.full_like(x, 0.0).map(Some),
        _ => Ok(None),
    }
}
