//! What a model keeps of a module: its forward pass, and how columns become what that is given.

use gradframe_ml_core::graph::Type;
use gradframe_ml_core::{DType, Dim, Error, Function, Graph, NodeId, Result, Shape};
use serde::{Deserialize, Serialize};

use super::super::losses::probabilities;
use super::{Module, ModuleInput};
use crate::model::Model;
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
        })
    }

    /// The output for a dense block [N, K] whose columns are the model's features.
    fn output(&self, g: &mut Graph, model: &Model, dense: NodeId) -> Result<NodeId> {
        let forward = self.forward.function()?;
        let types: Vec<&Type> = forward.argument_types().collect();
        if types.len() != self.before.len() + self.inputs.len() + self.after.len() {
            return Err(damaged(format!("its module takes {} arguments", types.len())));
        }
        let names: Vec<&str> = model.spec.features.iter().map(|feature| feature.name.as_str()).collect();
        let mut operands = Vec::with_capacity(types.len());
        for name in &self.before {
            operands.push(weight(g, model, name)?);
        }
        for (input, ty) in self.inputs.iter().zip(&types[self.before.len()..]) {
            operands.push(input.of(g, dense, &names, ty.dtype)?);
        }
        for name in &self.after {
            operands.push(weight(g, model, name)?);
        }
        let outputs = g.inline(&forward, &operands).map_err(|error| damaged(error.to_string()).because(error))?;
        outputs.first().copied().ok_or_else(|| damaged("its module gives nothing".into()))
    }
}

fn weight(g: &mut Graph, model: &Model, name: &str) -> Result<NodeId> {
    let tensor = model.weights.get(name).ok_or_else(|| damaged(format!("weight `{name}` is missing")))?;
    Ok(g.constant(tensor.clone()))
}

fn damaged(what: String) -> Error {
    Error::execution("model", format!("the stored model is damaged: {what}")).hint("train it again")
}

/// The function that gives numbers f64 [N], or the classes' probabilities f64 [N, C].
pub(super) fn predicted(mut g: Graph, model: &Model, dense: NodeId) -> Result<Function> {
    let module = model.spec.module.as_ref().ok_or_else(|| damaged("its module is missing".into()))?;
    let output = module.output(&mut g, model, dense)?;
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
