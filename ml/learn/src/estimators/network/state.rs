//! What goes from batch to batch, and its order: parts, optimiser slots, the number of updates, the last rate.

use gradframe_ml_core::graph::Type;
use gradframe_ml_core::{DType, Graph, NodeId, Result, Shape, Tensor};

use crate::nn::{Network, Part, Values, initial};
use crate::optim::UpdateRule;

/// The names and shapes of a training's state.
#[derive(Debug, Clone)]
pub(super) struct StateShape {
    /// All parts of the network.
    pub parts: Vec<Part>,
    /// What the optimiser keeps beside each learned part.
    pub slots: &'static [&'static str],
}

/// The state's nodes in a graph.
#[derive(Debug, Clone)]
pub(super) struct StateNodes {
    /// By part, in order.
    pub parts: Vec<NodeId>,
    /// By learned part, in order.
    pub slots: Vec<Vec<NodeId>>,
    /// Updates so far: f64 [].
    pub step: NodeId,
    /// The rate of the last one: f64 [].
    pub rate: NodeId,
}

impl StateShape {
    pub fn new(network: &Network, rule: &dyn UpdateRule) -> Self {
        StateShape { parts: network.parts(), slots: rule.slots() }
    }

    /// The parts that gradients reach.
    pub fn learned(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(|part| part.is_learned())
    }

    /// Bytes of the state and of the gradients of a step; `usize::MAX` where no machine has as many.
    pub fn bytes(&self) -> usize {
        let copies = |part: &Part| if part.is_learned() { 2 + self.slots.len() } else { 1 };
        let size = |part: &Part| part.shape.iter().fold(size_of::<f32>() * copies(part), |size, n| size.saturating_mul(*n));
        self.parts.iter().map(size).fold(0, usize::saturating_add)
    }

    /// The state's names, in order.
    pub fn names(&self) -> Vec<String> {
        let slots = self.learned().flat_map(|part| self.slots.iter().map(move |slot| format!("{}/{slot}", part.name)));
        let numbers = ["step", "rate"].map(String::from);
        self.parts.iter().map(|part| part.name.clone()).chain(slots).chain(numbers).collect()
    }

    /// The state before the first update.
    pub fn initial(&self, seed: u64) -> Result<Vec<Tensor>> {
        let mut state = initial(&self.parts, seed)?;
        for part in self.learned() {
            let zeros = Tensor::from_vec(&part.shape, vec![0.0f32; part.shape.iter().product()])?;
            state.extend(std::iter::repeat_n(zeros, self.slots.len()));
        }
        state.extend([Tensor::scalar(0.0f64), Tensor::scalar(0.0f64)]);
        Ok(state)
    }

    /// Declares the parts as arguments.
    pub fn declare_parts(&self, g: &mut Graph) -> Vec<NodeId> {
        self.parts.iter().map(|part| declare(g, &part.name, &part.shape)).collect()
    }

    /// Declares the whole state as arguments, in order.
    pub fn declare(&self, g: &mut Graph) -> StateNodes {
        let parts = self.declare_parts(g);
        let slots_of = |part: &Part| self.slots.iter().map(|slot| declare(g, slot, &part.shape)).collect();
        let slots = self.learned().map(slots_of).collect();
        let number = Type::new(DType::F64, Shape::scalar());
        StateNodes { parts, slots, step: g.input("step", number.clone()), rate: g.input("rate", number) }
    }

    /// The parts' nodes by name.
    pub fn values(&self, parts: &[NodeId]) -> Values {
        self.parts.iter().map(|part| part.name.clone()).zip(parts.iter().copied()).collect()
    }
}

impl StateNodes {
    /// The nodes in the state's order.
    pub fn in_order(self) -> Vec<NodeId> {
        self.parts.into_iter().chain(self.slots.into_iter().flatten()).chain([self.step, self.rate]).collect()
    }
}

fn declare(g: &mut Graph, name: &str, shape: &[usize]) -> NodeId {
    g.input(name, Type::new(DType::F32, Shape::fixed(shape)))
}
