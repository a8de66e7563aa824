//! The program of a mini-batch of a module: forward, backward and update as one; and the loss over rows held back.

use gradframe_ml_core::graph::Type;
use gradframe_ml_core::{DType, Dim, Function, Graph, NodeId, Result, Shape};

use super::super::gradients::{clipped, squared_norm};
use super::super::network::step_key;
use super::super::row_weights::{LabelledColumns, weighted_sums};
use super::{Module, ModuleFunction};
use crate::estimator::Layout;
use crate::optim::{Moment, Parameter, Schedule, UpdateRule, Updated};

/// What a step is made of.
pub(super) struct Step<'a> {
    pub module: &'a Module,
    pub layout: &'a Layout,
    /// The rule of each parameter, with its rate as a part of the schedule's.
    pub rules: &'a [Rule],
    pub schedule: Schedule,
    pub clip_norm: f64,
    /// Decides what is random in the module.
    pub seed: u64,
}

/// How one parameter is updated.
#[derive(Debug)]
pub(super) struct Rule {
    pub rule: Box<dyn UpdateRule>,
    pub rate: f64,
}

/// The state's nodes.
struct State {
    parameters: Vec<NodeId>,
    buffers: Vec<NodeId>,
    /// By parameter.
    slots: Vec<Vec<NodeId>>,
    /// Updates so far: f64 [].
    step: NodeId,
}

impl Step<'_> {
    /// `(state.., columns, label[, weight]) -> (state.., loss * weight, weight, squared norm of the gradient, 1)`: the sums
    /// are f64 [].
    pub fn function(&self) -> Result<Function> {
        let mut g = Graph::new();
        let state = self.declare(&mut g);
        let columns = LabelledColumns::declare(&mut g, self.layout, self.module.feature_dtype());
        let key = step_key(&mut g, self.seed, state.step)?;
        let mut results = self.called(&mut g, &self.module.training, &state, Some(key), &columns)?;
        let buffers = results.split_off(1);
        let (mean, weight) = mean_loss(&mut g, results[0], &columns)?;
        let (value, gradients) = g.value_and_gradients(mean, &state.parameters)?;
        let squares = squared_norm(&mut g, &gradients)?;
        let gradients = clipped(&mut g, gradients, squares, self.clip_norm)?;
        let mut outputs = self.updated(&mut g, &state, &gradients, buffers)?;
        let (loss, one) = (g.mul(value, weight)?, g.scalar(DType::F64, 1.0)?);
        outputs.extend([loss, weight, squares, one]);
        Function::new(g, outputs)
    }

    /// `(parameters.., buffers.., columns, label[, weight]) -> (loss * weight, weight)`, f64 [].
    pub fn evaluation(&self) -> Result<Function> {
        let mut g = Graph::new();
        let (parameters, buffers) = self.declare_parts(&mut g);
        let columns = LabelledColumns::declare(&mut g, self.layout, self.module.feature_dtype());
        let none = g.scalar(DType::F64, 0.0)?;
        let state = State { parameters, buffers, slots: vec![], step: none };
        let results = self.called(&mut g, &self.module.evaluation, &state, None, &columns)?;
        let (mean, weight) = mean_loss(&mut g, results[0], &columns)?;
        let loss = g.mul(mean, weight)?;
        Function::new(g, vec![loss, weight])
    }

    fn declare_parts(&self, g: &mut Graph) -> (Vec<NodeId>, Vec<NodeId>) {
        let mut declare = |(name, tensor): &(String, gradframe_ml_core::Tensor)| {
            g.input(name, Type::new(tensor.dtype(), Shape::fixed(tensor.shape())))
        };
        let parameters = self.module.parameters.iter().map(&mut declare).collect();
        (parameters, self.module.buffers.iter().map(declare).collect())
    }

    fn declare(&self, g: &mut Graph) -> State {
        let (parameters, buffers) = self.declare_parts(g);
        let mut slots = Vec::with_capacity(parameters.len());
        for (rule, &parameter) in self.rules.iter().zip(&parameters) {
            let ty = g.ty(parameter).clone();
            slots.push(rule.rule.slots().iter().map(|slot| g.input(slot, ty.clone())).collect());
        }
        let number = Type::new(DType::F64, Shape::scalar());
        let step = g.input("step", number.clone());
        g.input("rate", number); // of the last update: kept to be told
        State { parameters, buffers, slots, step }
    }

    /// The results of a function of the module on a batch.
    fn called(
        &self,
        g: &mut Graph,
        function: &ModuleFunction,
        state: &State,
        key: Option<NodeId>,
        columns: &LabelledColumns,
    ) -> Result<Vec<NodeId>> {
        let own = state.parameters.iter().chain(&state.buffers).copied().chain(key).collect();
        let operands = self.module.operands(g, function, own, columns)?;
        g.inline(&function.function, &operands)
    }

    /// The state after the update, in order.
    fn updated(&self, g: &mut Graph, state: &State, gradients: &[NodeId], buffers: Vec<NodeId>) -> Result<Vec<NodeId>> {
        let one = g.scalar(DType::F64, 1.0)?;
        let step = g.add(state.step, one)?;
        let rate = self.schedule.at(g, state.step)?;
        let (mut parameters, mut slots) = (Vec::new(), Vec::new());
        for (i, rule) in self.rules.iter().enumerate() {
            let Updated { value, slots: kept } =
                rule.update(g, state.parameters[i], gradients[i], &state.slots[i], rate, step)?;
            parameters.push(value);
            slots.extend(kept);
        }
        Ok(parameters.into_iter().chain(buffers).chain(slots).chain([step, rate]).collect())
    }
}

impl Rule {
    fn update(
        &self,
        g: &mut Graph,
        value: NodeId,
        gradient: NodeId,
        slots: &[NodeId],
        rate: NodeId,
        step: NodeId,
    ) -> Result<Updated> {
        let factor = g.scalar(DType::F64, self.rate)?;
        let at = Moment { rate: g.mul(rate, factor)?, step };
        self.rule.update(g, &at, Parameter { value, gradient, decayed: true }, slots)
    }
}

/// The mean loss of a batch and what it counts for, f64 []: the rows, or the sum of their weights.
fn mean_loss(g: &mut Graph, loss: NodeId, columns: &LabelledColumns) -> Result<(NodeId, NodeId)> {
    if g.ty(loss).shape.rank() == 1 {
        let (total, weight) = weighted_sums(g, loss, columns.weight)?;
        return Ok((g.div(total, weight)?, weight));
    }
    let mean = g.cast(loss, DType::F64)?;
    Ok((mean, g.dim_value(DType::F64, &Dim::symbol("N"))?))
}
