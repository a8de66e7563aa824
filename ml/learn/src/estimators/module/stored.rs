//! What a model keeps of a module: its forward pass, and how columns become what that is given.

use gradframe_ml_core::graph::Type;
use gradframe_ml_core::{DType, Dim, Error, Function, Graph, NodeId, Result, Shape};
use serde::{Deserialize, Serialize};

use super::super::losses::probabilities;
use super::inputs::InputColumns;
use super::places::{StoredPicks, to_store};
use super::{Module, ModuleInput};
use crate::features::dense_columns;
use crate::features::graph::{RawInput, declare_columns, declare_encoded, dense_block};
use crate::model::{FeatureSpec, Model};
use crate::stored::StoredFunction;

/// A module in a model's file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredModule {
    /// Its name for people.
    pub title: String,
    /// What it is given.
    pub inputs: Vec<ModuleInput>,
    /// The weights that the forward pass begins with, by name.
    pub before: Vec<String>,
    /// Those that it ends with.
    pub after: Vec<String>,
    /// `(before.., inputs.., after..) -> output`.
    pub forward: StoredFunction,
    /// What it picks by; None where nothing picks, and of modules that were stored before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picks: Option<StoredPicks>,
}

/// The names of what a module used and was not given.
pub(super) fn capture_name(number: usize) -> String {
    format!("capture.{number}")
}

impl StoredModule {
    /// What is kept of a module. Errors: none but `Internal`.
    pub(super) fn of(module: &Module) -> Result<Self> {
        Ok(StoredModule {
            title: module.title.clone(),
            inputs: module.inputs.clone(),
            before: module.parameters.iter().chain(&module.buffers).map(|(name, _)| name.clone()).collect(),
            after: (0..module.forward.captures.len()).map(capture_name).collect(),
            forward: StoredFunction::of(&module.forward.function)?,
            picks: to_store(module)?,
        })
    }

    fn output(&self, g: &mut Graph, model: &Model, columns: &InputColumns) -> Result<NodeId> {
        let forward = self.forward.function()?;
        let operands = self.operands(g, model, columns, &forward)?;
        let outputs = g.inline(&forward, &operands).map_err(|error| damaged(error.to_string()).because(error))?;
        outputs.first().copied().ok_or_else(|| damaged("its module gives nothing".into()))
    }

    /// What a function of the forward pass's arguments is given. Errors: `Execution` if it takes others.
    pub(super) fn operands(
        &self,
        g: &mut Graph,
        model: &Model,
        columns: &InputColumns,
        function: &Function,
    ) -> Result<Vec<NodeId>> {
        let types: Vec<&Type> = function.argument_types().collect();
        if types.len() != self.before.len() + self.inputs.len() + self.after.len() {
            return Err(damaged(format!("its module takes {} arguments", types.len())));
        }
        let mut operands = Vec::with_capacity(types.len());
        for name in &self.before {
            operands.push(weight(g, model, name)?);
        }
        for (input, ty) in self.inputs.iter().zip(&types[self.before.len()..]) {
            operands.push(input.of(g, columns, ty.dtype)?);
        }
        for name in &self.after {
            operands.push(weight(g, model, name)?);
        }
        Ok(operands)
    }
}

/// A model's raw columns, declared as [`crate::Estimator::predict`] says.
pub(super) fn raw_columns(g: &mut Graph, features: &[FeatureSpec], nullable: bool) -> Result<InputColumns> {
    let inputs = declare_columns(g, features, nullable, |_| true);
    let columns = dense_columns(features);
    let dense = if columns.is_empty() { None } else { Some(dense_block(g, features, &inputs, &columns)?) };
    let whole = features.iter().zip(&inputs).filter_map(|(feature, input)| match input {
        Some(RawInput::Whole(node)) => Some((feature.name.clone(), *node)),
        _ => None,
    });
    Ok(InputColumns { dense, names: dense_names(features), whole: whole.collect() })
}

/// A model's columns, declared as they are in a chunk.
pub(super) fn encoded_columns(g: &mut Graph, features: &[FeatureSpec], dtype: DType) -> InputColumns {
    let (names, whole): (Vec<&FeatureSpec>, Vec<DType>) =
        features.iter().filter_map(|feature| Some((feature, feature.encoding.whole()?))).unzip();
    let columns = declare_encoded(g, dense_columns(features).len(), 0, &whole, dtype);
    let whole = names.into_iter().map(|feature| feature.name.clone()).zip(columns.whole).collect();
    InputColumns { dense: columns.dense, names: dense_names(features), whole }
}

fn dense_names(features: &[FeatureSpec]) -> Vec<String> {
    features.iter().filter(|feature| feature.encoding.is_dense()).map(|feature| feature.name.clone()).collect()
}

fn weight(g: &mut Graph, model: &Model, name: &str) -> Result<NodeId> {
    let tensor = model.weights.get(name).ok_or_else(|| damaged(format!("weight `{name}` is missing")))?;
    Ok(g.constant(tensor.clone()))
}

pub(super) fn damaged(what: String) -> Error {
    Error::execution("model", format!("the stored model is damaged: {what}")).hint("train it again")
}

/// The function that gives numbers f64 [N], or the classes' probabilities f64 [N, C].
pub(super) fn predicted(mut g: Graph, model: &Model, columns: &InputColumns) -> Result<Function> {
    let module = model.spec.module.as_ref().ok_or_else(|| damaged("its module is missing".into()))?;
    let output = module.output(&mut g, model, columns)?;
    let output = g.cast(output, DType::F64)?;
    let output = without_unit(&mut g, output)?;
    let result = if model.spec.label.classes.is_empty() { output } else { probabilities(&mut g, output)? };
    Function::new(g, vec![result])
}

/// [N] of [N, 1], anything else as it is.
fn without_unit(g: &mut Graph, x: NodeId) -> Result<NodeId> {
    let shape = g.ty(x).shape.clone();
    if shape.rank() == 2 && shape.dims()[1].is_one() { g.reshape(x, &Shape::new([Dim::symbol("N")])) } else { Ok(x) }
}
