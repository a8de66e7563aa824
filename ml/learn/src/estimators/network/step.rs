//! The program of a mini-batch: forward, backward and update as one; and the loss over rows held back.

use gradframe_ml_core::{DType, Function, Graph, NodeId, Result, random};

use super::options::Settings;
use super::state::{StateNodes, StateShape};
use super::target::Target;
use crate::estimator::Layout;
use crate::estimators::gradients::{clipped, squared_norm};
use crate::estimators::row_weights::LabelledColumns;
use crate::nn::{Inputs, Mode, Network, Role, Training, Values};
use crate::optim::{Moment, Parameter};

/// What a step is made of.
pub(super) struct Step<'a> {
    pub layout: &'a Layout,
    pub network: &'a Network,
    pub target: &'a Target,
    pub settings: &'a Settings,
    pub shape: &'a StateShape,
    /// Decides what drops out.
    pub seed: u64,
}

/// The objective of a batch: all f64 [].
struct Objective {
    /// Mean loss and penalties.
    value: NodeId,
    /// Sum of the rows' weights.
    weight: NodeId,
}

impl Step<'_> {
    /// `(state.., dense, codes.., label[, weight]) -> (state.., objective * weight, weight, squared norm of the
    /// gradient, 1)`: the sums are f64 [].
    pub fn function(&self) -> Result<Function> {
        let mut g = Graph::new();
        let state = self.shape.declare(&mut g);
        let columns = LabelledColumns::declare(&mut g, self.layout, DType::F32);
        let mut training = Training { key: step_key(&mut g, self.seed, state.step)?, statistics: Values::new() };
        let objective = self.objective(&mut g, &state, &columns, &mut training)?;
        let learned = self.learned(&state);
        let (value, gradients) = g.value_and_gradients(objective.value, &learned)?;
        let squared_norm = squared_norm(&mut g, &gradients)?;
        let gradients = clipped(&mut g, gradients, squared_norm, self.settings.clip_norm)?;
        let next = self.updated(&mut g, state, &gradients, training.statistics)?;
        let loss = g.mul(value, objective.weight)?;
        let one = g.scalar(DType::F64, 1.0)?;
        let outputs = next.in_order().into_iter().chain([loss, objective.weight, squared_norm, one]).collect();
        Function::new(g, outputs)
    }

    /// `(parts.., dense, codes.., label[, weight]) -> (sum of weighted losses, sum of weights)`, f64 [].
    pub fn evaluation(&self) -> Result<Function> {
        let mut g = Graph::new();
        let parts = self.shape.declare_parts(&mut g);
        let columns = LabelledColumns::declare(&mut g, self.layout, DType::F32);
        let scores = self.network.scores(&mut g, &self.shape.values(&parts), &inputs_of(&columns), Mode::Predict)?;
        let (loss, weight) = self.target.loss_sums(&mut g, scores, &columns)?;
        Function::new(g, vec![loss, weight])
    }

    fn learned(&self, state: &StateNodes) -> Vec<NodeId> {
        let all = self.shape.parts.iter().zip(&state.parts);
        all.filter(|(part, _)| part.is_learned()).map(|(_, &node)| node).collect()
    }

    fn objective(
        &self,
        g: &mut Graph,
        state: &StateNodes,
        columns: &LabelledColumns,
        training: &mut Training,
    ) -> Result<Objective> {
        let values = self.shape.values(&state.parts);
        let scores = self.network.scores(g, &values, &inputs_of(columns), Mode::Train(training))?;
        let (loss, weight) = self.target.loss_sums(g, scores, columns)?;
        let mean = g.div(loss, weight)?;
        let value = self.penalised(g, state, mean)?;
        Ok(Objective { value, weight })
    }

    /// `mean + l2 / 2 * sum of squared weights + l1 * sum of |weights|`.
    fn penalised(&self, g: &mut Graph, state: &StateNodes, mean: NodeId) -> Result<NodeId> {
        let (l1, l2) = (self.settings.l1_reg, self.settings.l2_reg);
        let mut value = mean;
        let parts = self.shape.parts.iter().zip(&state.parts);
        for (_, &weight) in parts.filter(|(part, _)| part.role == Role::Weight) {
            if l2 > 0.0 {
                let squares = g.mul(weight, weight)?;
                value = add_scaled(g, value, squares, l2 / 2.0)?;
            }
            if l1 > 0.0 {
                let sizes = g.abs(weight)?;
                value = add_scaled(g, value, sizes, l1)?;
            }
        }
        Ok(value)
    }

    fn updated(&self, g: &mut Graph, state: StateNodes, gradients: &[NodeId], statistics: Values) -> Result<StateNodes> {
        let one = g.scalar(DType::F64, 1.0)?;
        let step = g.add(state.step, one)?;
        let rate = self.settings.schedule.at(g, state.step)?;
        let at = Moment { rate, step };
        let mut next = StateNodes { parts: Vec::new(), slots: Vec::new(), step, rate };
        let mut learned = gradients.iter().zip(&state.slots);
        for (part, &value) in self.shape.parts.iter().zip(&state.parts) {
            match part.is_learned().then(|| learned.next()).flatten() {
                Some((&gradient, slots)) => {
                    let parameter = Parameter { value, gradient, decayed: part.role == Role::Weight };
                    let updated = self.settings.rule.update(g, &at, parameter, slots)?;
                    next.parts.push(updated.value);
                    next.slots.push(updated.slots);
                }
                None => next.parts.push(statistics.get(&part.name).copied().unwrap_or(value)),
            }
        }
        Ok(next)
    }
}

/// The key of a step's random numbers: u64 [].
pub(crate) fn step_key(g: &mut Graph, seed: u64, step: NodeId) -> Result<NodeId> {
    let seed = random::key(g, seed);
    let number = g.cast(step, DType::U64)?;
    let key = random::fold_in(g, seed, number)?;
    g.barrier(key)
}

fn inputs_of(columns: &LabelledColumns) -> Inputs {
    Inputs { dense: columns.features.dense, codes: columns.features.codes.iter().copied().map(Some).collect() }
}

/// `total + factor * sum of x`, the sum in f64.
fn add_scaled(g: &mut Graph, total: NodeId, x: NodeId, factor: f64) -> Result<NodeId> {
    let wide = g.cast(x, DType::F64)?;
    let sum = g.sum_all(wide)?;
    let factor = g.scalar(DType::F64, factor)?;
    let scaled = g.mul(factor, sum)?;
    g.add(total, scaled)
}
