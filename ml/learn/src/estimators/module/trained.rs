//! A module as it is trained.

use gradframe_ml_core::graph::Type;
use gradframe_ml_core::transform::check_row_wise;
use gradframe_ml_core::{DType, Dim, Error, Function, Graph, NodeId, Result, Shape, Symbol, Tensor};
use rustc_hash::{FxHashMap, FxHashSet};

use super::super::row_weights::LabelledColumns;
use super::ModuleInput;
use super::inputs::InputColumns;
use crate::estimator::Task;
use crate::features::graph::EncodedColumns;
use crate::model::{Encoding, FeatureSpec};
use crate::optim::NamedRule;

/// 2^53: f64 has every integer of a smaller size.
const EXACT_BELOW: f64 = 9_007_199_254_740_992.0;

/// A module: what was traced of it, for any number of rows N, and what its training starts from.
///
/// Each function begins with the parameters and the buffers, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Module {
    /// Its name for people: `Net`.
    pub title: String,
    /// What it learns.
    pub task: Task,
    /// What it is given.
    pub inputs: Vec<ModuleInput>,
    /// What is learned, by name: floats.
    pub parameters: Vec<(String, Tensor)>,
    /// What is kept beside that and not learned: running statistics.
    pub buffers: Vec<(String, Tensor)>,
    /// In training: `(parameters.., buffers.., key, inputs.., target) -> (loss, buffers..)`. The key is u64 []. The loss is
    /// a float [], the mean over the rows, or [N], one a row. The target is [N] or [N, 1], a number, or a class's index.
    pub training: ModuleFunction,
    /// Otherwise: `(parameters.., buffers.., inputs.., target) -> loss`.
    pub evaluation: ModuleFunction,
    /// `(parameters.., buffers.., inputs..) -> output`: [N] or [N, 1], a number or the log odds of the second class, or
    /// [N, C], scores whose softmax are the classes' probabilities. Each row by itself.
    pub forward: ModuleFunction,
    /// How parameters follow their gradients; each parameter is in one of them.
    pub groups: Vec<ModuleGroup>,
}

/// A function, and the values of its last arguments.
#[derive(Debug, Clone, PartialEq)]
pub struct ModuleFunction {
    /// The function.
    pub function: Function,
    /// What it used and was not given.
    pub captures: Vec<Tensor>,
}

impl ModuleFunction {
    /// The types of the arguments before the captures.
    pub(super) fn own_types(&self) -> impl ExactSizeIterator<Item = &Type> {
        let own = self.function.argument_types().len().saturating_sub(self.captures.len());
        self.function.argument_types().take(own)
    }
}

/// Parameters that are updated by one rule.
#[derive(Debug, Clone, PartialEq)]
pub struct ModuleGroup {
    /// The rule.
    pub rule: NamedRule,
    /// Their learning rate, as a part of the training's.
    pub rate: f64,
    /// The parameters, by their place.
    pub members: Vec<usize>,
}

impl Module {
    /// The element type of the dense block: f32, unless an input needs more.
    pub(super) fn feature_dtype(&self) -> DType {
        let narrow = |ty: &Type| matches!(ty.dtype, DType::F32 | DType::F16 | DType::BF16 | DType::I8 | DType::U8 | DType::Bool);
        let stands_alone = |input: &ModuleInput, ty: &Type| input.is_scalar() && ty.dtype.is_integer();
        let mut inputs = self.inputs.iter().zip(self.input_types());
        if inputs.all(|(input, ty)| stands_alone(input, ty) || narrow(ty)) { DType::F32 } else { DType::F64 }
    }

    /// The columns that it takes as whole numbers, with their integer type, in the order of [`Module::columns`]. One that inputs take as
    /// several types is i64. Elements of tensors are not among them: they stand in the dense block, as many as they are.
    pub(super) fn whole_columns(&self) -> Vec<(String, DType)> {
        let mut types: FxHashMap<&str, DType> = FxHashMap::default();
        for (input, ty) in
            self.inputs.iter().zip(self.input_types()).filter(|(input, ty)| input.is_scalar() && ty.dtype.is_integer())
        {
            for column in &input.columns {
                let own = types.entry(column).or_insert(ty.dtype);
                *own = if *own == ty.dtype { ty.dtype } else { DType::I64 };
            }
        }
        self.columns().into_iter().filter_map(|name| types.get(name.as_str()).map(|&dtype| (name.clone(), dtype))).collect()
    }

    /// Errors: `DType` naming a column of tensors of integers that has some beyond those that a float keeps.
    pub(super) fn check_exact(&self, features: &[FeatureSpec]) -> Result<()> {
        let inputs = self.inputs.iter().zip(self.input_types());
        let tensors = inputs.filter(|(input, ty)| !input.is_scalar() && ty.dtype.is_integer());
        let columns: FxHashSet<&String> = tensors.flat_map(|(input, _)| &input.columns).collect();
        for feature in features.iter().filter(|feature| columns.contains(&feature.name)) {
            let Encoding::Raw { min, max, whole: None, .. } = &feature.encoding else { continue };
            if min.abs().max(max.abs()) >= EXACT_BELOW {
                let what =
                    format!("column `{}` holds integers from {min} to {max} in tensors, expected sizes below 2^53", feature.name);
                return Err(Error::dtype("train", what).hint("columns of single integers reach a module to the last digit"));
            }
        }
        Ok(())
    }

    /// Its columns among encoded ones.
    fn placed(&self, columns: &EncodedColumns) -> InputColumns {
        let whole = self.whole_columns();
        let names = self.columns().into_iter().filter(|name| !whole.iter().any(|(own, _)| own == name)).collect();
        let whole = whole.into_iter().map(|(name, _)| name).zip(columns.whole.iter().copied()).collect();
        InputColumns { dense: columns.dense, names, whole }
    }

    /// What one of its functions with a loss is given on a batch; `own` are parameters, buffers, and in training the key.
    pub(super) fn operands(
        &self,
        g: &mut Graph,
        function: &ModuleFunction,
        own: Vec<NodeId>,
        columns: &LabelledColumns,
    ) -> Result<Vec<NodeId>> {
        let (placed, mut operands) = (self.placed(&columns.features), own);
        for (input, ty) in self.inputs.iter().zip(self.input_types()) {
            operands.push(input.of(g, &placed, ty.dtype)?);
        }
        operands.push(self.target(g, columns.label)?);
        operands.extend(function.captures.iter().map(|capture| g.constant(capture.clone())));
        Ok(operands)
    }

    /// The label as the loss takes it: [N] or [N, 1].
    fn target(&self, g: &mut Graph, label: NodeId) -> Result<NodeId> {
        let ty = self.target_type()?;
        let label = g.cast(label, ty.dtype)?;
        if ty.shape.rank() == 2 { g.reshape(label, &Shape::new([Dim::symbol("N"), Dim::fixed(1)])) } else { Ok(label) }
    }

    /// The columns that it is given, each once, in the order of the inputs: the features of its training.
    pub fn columns(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for column in self.inputs.iter().flat_map(|input| &input.columns) {
            if !names.contains(column) {
                names.push(column.clone());
            }
        }
        names
    }

    /// The types of the inputs, in order.
    pub(super) fn input_types(&self) -> impl Iterator<Item = &Type> {
        self.forward.own_types().skip(self.parameters.len() + self.buffers.len())
    }

    /// The type of what it gives.
    pub(super) fn output_type(&self) -> Result<&Type> {
        self.forward.function.output_types().next().ok_or_else(|| Error::internal("train", "a module without a result"))
    }

    /// The type of the target, as the loss is given it.
    pub(super) fn target_type(&self) -> Result<&Type> {
        self.evaluation.own_types().last().ok_or_else(|| Error::internal("train", "a loss without a target"))
    }

    /// Scores a row: None for one without an axis, or with one of size 1.
    pub(super) fn classes(&self) -> Result<Option<usize>> {
        let shape = &self.output_type()?.shape;
        Ok(shape.dims().get(1).and_then(|dim| dim.as_fixed()).filter(|&width| width != 1))
    }

    /// Errors: `Plan`, `Shape` or `DType` if the parts do not fit together, or a prediction depends on other rows.
    pub(super) fn check(&self) -> Result<()> {
        let output = self.output_type()?;
        if !output.dtype.is_float() || output.shape.rank() == 0 || output.shape.rank() > 2 {
            let what = format!("the module gives {output}, expected a float for each row, or a row of floats: [N] or [N, C]");
            return Err(Error::shape("fit", what));
        }
        if self.task == Task::Regression && self.classes()?.is_some() {
            let what = format!("the module gives {output}, expected one number a row to learn a number");
            return Err(Error::shape("fit", what).hint("give it one output, or learn classes: task=\"classification\""));
        }
        check_row_wise(&self.forward.function, &Symbol::new("N")).map_err(|error| {
            let what = format!("the module cannot predict row by row: {}", error.detail().what);
            Error::plan("fit", what).hint("a row's prediction must not depend on the rows beside it")
        })?;
        self.check_loss()?;
        self.check_groups()
    }

    fn check_loss(&self) -> Result<()> {
        let loss = self.evaluation.function.output_types().next();
        let loss = loss.ok_or_else(|| Error::internal("fit", "a loss without a result"))?;
        if loss.dtype.is_float() && loss.shape.rank() < 2 {
            return Ok(());
        }
        let what = format!("the loss gives {loss}, expected a single float, or one for each row");
        Err(Error::shape("fit", what).hint("take its mean"))
    }

    fn check_groups(&self) -> Result<()> {
        let mut seen = vec![0; self.parameters.len()];
        for &member in self.groups.iter().flat_map(|group| &group.members) {
            *seen.get_mut(member).ok_or_else(|| Error::internal("fit", "a group of a parameter that is not there"))? += 1;
        }
        for (count, (name, tensor)) in seen.into_iter().zip(&self.parameters) {
            if count != 1 {
                let what = format!("parameter `{name}` is in {count} groups of the optimizer, expected one");
                return Err(Error::plan("fit", what).hint("give the optimizer module.parameters()"));
            }
            if !tensor.dtype().is_float() {
                return Err(Error::dtype("fit", format!("parameter `{name}` is {}, expected floats", tensor.dtype())));
            }
        }
        if self.parameters.is_empty() {
            return Err(Error::plan("fit", "the module has no parameters").hint("they are attributes made by gf.nn.Parameter"));
        }
        Ok(())
    }
}
