//! What rows count for: their own weights times those of their classes.

use gradframe_ml_core::graph::{ScatterOp, Type};
use gradframe_ml_core::{DType, Dim, Error, Function, Graph, NodeId, Result, Shape, Tensor};
use gradframe_ml_kernels::{Program, compile};

use crate::estimator::{Allowed, Layout, OptionDef, OptionValue, Options};
use crate::features::graph::{EncodedColumns, declare_encoded, rows_of};
use crate::model::LabelSpec;
use crate::registry::{class_weights, flag};

/// The options of model types that learn classes.
pub(crate) const CLASS_OPTIONS: &[OptionDef] = &[
    OptionDef {
        name: "class_weights",
        default: OptionValue::ClassWeights,
        allowed: Allowed::MoreThan(0.0),
        only_with: None,
        help: "what rows of a class count for, others 1: [STRUCT('yes', 2.0), STRUCT('no', 1.0)]",
    },
    OptionDef {
        name: "auto_class_weights",
        default: OptionValue::Bool(false),
        allowed: Allowed::Any,
        only_with: None,
        help: "weighs classes by the inverse of their frequency: rows / (classes * rows of the class)",
    },
];

/// A batch's columns, its label, and its weights, as a program takes them after its parameters.
pub(crate) struct LabelledColumns {
    pub features: EncodedColumns,
    /// f64 [N].
    pub label: NodeId,
    /// [N] of the features' type.
    pub weight: Option<NodeId>,
}

impl LabelledColumns {
    /// Declares them in the order of [`crate::Chunk::arguments`].
    pub(crate) fn declare(g: &mut Graph, layout: &Layout, dtype: DType) -> Self {
        let features = declare_encoded(g, layout.dense, layout.categories.len(), &layout.whole, dtype);
        let label = g.input("label", rows_of(DType::F64));
        let weight = layout.weighted.then(|| g.input("weight", rows_of(dtype)));
        LabelledColumns { features, label, weight }
    }

    /// What the rows count for, class weights included: [N] of type `dtype`; None for 1 each.
    pub(crate) fn row_weights(&self, g: &mut Graph, classes: Option<&[f64]>, dtype: DType) -> Result<Option<NodeId>> {
        let Some(classes) = classes else { return Ok(self.weight) };
        let table = g.constant(Tensor::from_vec(&[classes.len()], classes.to_vec())?.cast(dtype)?);
        let codes = g.cast(self.label, DType::I32)?;
        let of_class = g.gather(table, codes, 0)?;
        self.weight.map_or(Ok(of_class), |weight| g.mul(weight, of_class)).map(Some)
    }
}

/// The sum of weighted losses, and of weights: f64 [].
pub(crate) fn weighted_sums(g: &mut Graph, losses: NodeId, weight: Option<NodeId>) -> Result<(NodeId, NodeId)> {
    let losses = g.cast(losses, DType::F64)?;
    let Some(weight) = weight else {
        let rows = g.dim_value(DType::F64, &Dim::symbol("N"))?;
        return Ok((g.sum_all(losses)?, rows));
    };
    let weight = g.cast(weight, DType::F64)?;
    let weighted = g.mul(losses, weight)?;
    Ok((g.sum_all(weighted)?, g.sum_all(weight)?))
}

/// How classes are weighted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ClassWeights {
    /// All the same.
    Even,
    /// By class.
    Given(Vec<f64>),
    /// By their frequency, which is still to be counted.
    Balanced,
}

impl ClassWeights {
    /// What the options ask for.
    /// Errors: `Plan` naming a class that the label does not have, or if classes are weighted in both ways.
    pub(crate) fn of(label: &LabelSpec, options: &Options) -> Result<Self> {
        let (given, balanced) = (class_weights(options)?, flag(options, "auto_class_weights")?);
        match (given.is_empty(), balanced) {
            (true, false) => Ok(ClassWeights::Even),
            (true, true) => Ok(ClassWeights::Balanced),
            (false, false) => by_class(label, &given).map(ClassWeights::Given),
            (false, true) => {
                let what = "class_weights and auto_class_weights are both given, expected one of them";
                Err(Error::plan("train", what))
            }
        }
    }
}

fn by_class(label: &LabelSpec, given: &[(String, f64)]) -> Result<Vec<f64>> {
    let mut weights = vec![1.0; label.classes.len()];
    for (class, weight) in given {
        match label.classes.iter().position(|known| known.to_string() == *class) {
            Some(at) => weights[at] = *weight,
            None => return Err(unknown_class(label, class)),
        }
    }
    Ok(weights)
}

fn unknown_class(label: &LabelSpec, class: &str) -> Error {
    let known = label.classes.iter().map(|c| format!("`{c}`")).collect::<Vec<_>>().join(", ");
    Error::plan("train", format!("option `class_weights` names the class `{class}`"))
        .hint(format!("label `{}` has the classes {known}", label.name))
}

/// `(dense, codes.., label[, weight]) -> sum of weights of each class`, f64 [C].
pub(crate) fn class_sums(layout: &Layout, dtype: DType) -> Result<Program> {
    let classes = Dim::fixed(layout.label.classes.len());
    label_program(layout, dtype, |g, columns, _| {
        let (_, weights) = wide_weights(g, columns)?;
        let codes = g.cast(columns.label, DType::I32)?;
        Ok(vec![g.scatter(ScatterOp::Sum, weights, codes, 0, &classes)?])
    })
}

/// Weights that make classes of these sums count the same. Errors: `Internal` if they are not f64.
pub(crate) fn balanced(sums: &[Tensor]) -> Result<Vec<f64>> {
    let counts = sums.first().map(Tensor::values::<f64>).transpose()?.unwrap_or_default();
    let total: f64 = counts.iter().sum();
    Ok(counts.iter().map(|count| total / (counts.len() as f64 * count)).collect())
}

/// A sum over labels; its first argument is a number, f64 [].
pub(crate) fn label_program(
    layout: &Layout,
    dtype: DType,
    build: impl FnOnce(&mut Graph, &LabelledColumns, NodeId) -> Result<Vec<NodeId>>,
) -> Result<Program> {
    let mut g = Graph::new();
    let parameter = g.input("parameter", Type::new(DType::F64, Shape::scalar()));
    let columns = LabelledColumns::declare(&mut g, layout, dtype);
    let outputs = build(&mut g, &columns, parameter)?;
    compile(&Function::new(g, outputs)?)
}

/// The sum of the rows' own weights f64 [], and the weights f64 [N].
pub(crate) fn wide_weights(g: &mut Graph, columns: &LabelledColumns) -> Result<(NodeId, NodeId)> {
    let weights = match columns.weight {
        Some(weight) => g.cast(weight, DType::F64)?,
        None => g.full_like(columns.label, 1.0)?,
    };
    Ok((g.sum_all(weights)?, weights))
}
