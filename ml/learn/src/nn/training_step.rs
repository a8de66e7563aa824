//! A step of training as one function: loss, gradients and the update of every parameter.

use gradframe_ml_core::graph::Type;
use gradframe_ml_core::{DType, Function, Graph, NodeId, Result, Shape, Tensor};

use super::network::Values;
use super::{Part, initial};
use crate::optim::{Moment, Parameter, Schedule, UpdateRule};

/// What is trained and how. All parts are learned.
///
/// The state is a list of tensors: the parts, then for each part what the rule keeps, then the number of steps done (f64).
#[derive(Debug, Clone, Copy)]
pub struct TrainingStep<'a> {
    /// What is trained.
    pub parts: &'a [Part],
    /// Its element type: f32 or f64.
    pub dtype: DType,
    /// The optimiser.
    pub rule: &'a dyn UpdateRule,
    /// The learning rate.
    pub rate: Schedule,
}

impl TrainingStep<'_> {
    /// `(state.., batch..) -> (state.., loss)`. `batch` are the names and types of what a step sees; `loss` builds the loss,
    /// a single float, from the parts and the batch. Run by `Program::run_owned`, the parameters are updated in place.
    /// Errors: those of building the graph.
    pub fn function(
        &self,
        batch: &[(&str, Type)],
        loss: impl FnOnce(&mut Graph, &Values, &[NodeId]) -> Result<NodeId>,
    ) -> Result<Function> {
        let mut g = Graph::new();
        let values: Vec<NodeId> = self.parts.iter().map(|part| g.input(&part.name, self.ty(part))).collect();
        let mut slots: Vec<Vec<NodeId>> = Vec::with_capacity(self.parts.len());
        for part in self.parts {
            slots.push(self.rule.slots().iter().map(|slot| g.input(&format!("{}.{slot}", part.name), self.ty(part))).collect());
        }
        let done = g.input("steps", Type::new(DType::F64, Shape::scalar()));
        let batch: Vec<NodeId> = batch.iter().map(|(name, ty)| g.input(name, ty.clone())).collect();
        let named = self.parts.iter().zip(&values).map(|(part, &node)| (part.name.clone(), node)).collect();
        let loss = loss(&mut g, &named, &batch)?;
        let (loss, gradients) = g.value_and_gradients(loss, &values)?;
        let one = g.scalar(DType::F64, 1.0)?;
        let step = g.add(done, one)?;
        let at = Moment { rate: self.rate.at(&mut g, done)?, step };
        let (mut next, mut kept) = (Vec::new(), Vec::new());
        for ((part, &value), (&gradient, slots)) in self.parts.iter().zip(&values).zip(gradients.iter().zip(&slots)) {
            let parameter = Parameter { value, gradient, decayed: part.role == super::Role::Weight };
            let updated = self.rule.update(&mut g, &at, parameter, slots)?;
            next.push(updated.value);
            kept.extend(updated.slots);
        }
        next.extend(kept);
        next.extend([step, loss]);
        Function::new(g, next)
    }

    /// The state before the first step, f32; the seed decides the weights. Errors: those of [`initial`].
    pub fn first_state(&self, seed: u64) -> Result<Vec<Tensor>> {
        self.state_of(initial(self.parts, seed)?)
    }

    /// The state before the first step from these parameters. Errors: `Shape` for a part larger than memory.
    pub fn state_of(&self, parameters: Vec<Tensor>) -> Result<Vec<Tensor>> {
        let mut state = parameters;
        for part in self.parts {
            for _ in self.rule.slots() {
                let zeros = vec![0f64; part.shape.iter().product()];
                state.push(Tensor::from_vec(&part.shape, zeros)?.cast(self.dtype)?);
            }
        }
        state.push(Tensor::scalar(0f64));
        Ok(state)
    }

    fn ty(&self, part: &Part) -> Type {
        Type::new(self.dtype, Shape::fixed(&part.shape))
    }
}
