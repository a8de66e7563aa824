//! A feed-forward network over encoded columns.
//!
//! Layer i: `linear -> batch normalisation (if any) -> activation -> dropout (in training)`, then a linear output. The
//! first layer is `dense @ weight + sum over one-hot columns of category.j[code_j] + bias`: a one-hot column times a
//! matrix is a row of the matrix. A normalised layer has no bias of its own, its shift is one.
//!
//! Names: `hidden.<i>.weight | category.<j> | bias | norm.scale | norm.shift | norm.mean | norm.variance` with i from 1
//! and j from 0, and `output.weight | category.<j> | bias`. All f32; `[inputs, units]`, `[categories, units]`, `[units]`.

use std::collections::BTreeMap;

use gradframe_ml_core::{DType, Error, Graph, NodeId, Result, random};

use super::dropout::dropout;
use super::norm::Norm;
use super::part::{Part, Role, part_of};
use super::{Activation, Init};

/// What a network is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// Columns of the dense block.
    pub dense: usize,
    /// Categories of each one-hot column.
    pub categories: Vec<usize>,
    /// Units of each hidden layer, from the input on.
    pub hidden: Vec<usize>,
    pub activation: Activation,
    /// The part of hidden units silent in a step of training.
    pub dropout: f64,
    pub batch_norm: bool,
    /// C scores a row; None is one, without an axis.
    pub outputs: Option<usize>,
}

/// The nodes of a network's parts, by name.
pub type Values = BTreeMap<String, NodeId>;

/// A batch of encoded rows in a graph.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// f32 [N, K]; None where K is 0.
    pub dense: Option<NodeId>,
    /// i32 [N] for each one-hot column; None adds nothing to the scores.
    pub codes: Vec<Option<NodeId>>,
}

/// How a network is run.
#[derive(Debug)]
pub enum Mode<'a> {
    Predict,
    Train(&'a mut Training),
}

/// What training adds to a forward pass.
#[derive(Debug)]
pub struct Training {
    /// The step's key, u64 [].
    pub key: NodeId,
    /// Filled by the pass: the next values of parts that are statistics.
    pub statistics: Values,
}

/// One layer.
struct Layer {
    name: String,
    /// Units of the layer before; None for the first.
    inputs: Option<usize>,
    /// None for a single score without an axis.
    units: Option<usize>,
    hidden: bool,
}

impl Network {
    /// The parts, layer by layer.
    pub fn parts(&self) -> Vec<Part> {
        self.layers().iter().flat_map(|layer| self.layer_parts(layer)).collect()
    }

    /// The scores: [N] or [N, C]. Errors: `Execution` if a part is missing among `values`.
    pub fn scores(&self, g: &mut Graph, values: &Values, inputs: &Inputs, mut mode: Mode) -> Result<NodeId> {
        let layers = self.layers();
        let mut x = None;
        for (i, layer) in layers.iter().enumerate() {
            let linear = self.linear(g, values, layer, inputs, x)?;
            x = Some(if layer.hidden { self.activated(g, values, layer, i, linear, &mut mode)? } else { linear });
        }
        x.ok_or_else(|| Error::internal("network", "it has no layer"))
    }

    fn layers(&self) -> Vec<Layer> {
        let hidden = self.hidden.iter().enumerate().map(|(i, &units)| Layer {
            name: format!("hidden.{}", i + 1),
            inputs: i.checked_sub(1).map(|before| self.hidden[before]),
            units: Some(units),
            hidden: true,
        });
        let output = Layer { name: "output".into(), inputs: self.hidden.last().copied(), units: self.outputs, hidden: false };
        hidden.chain([output]).collect()
    }

    fn layer_parts(&self, layer: &Layer) -> Vec<Part> {
        let width = layer.units.unwrap_or(1);
        let shape = |sizes: &[usize]| sizes.iter().copied().chain(layer.units).collect::<Vec<usize>>();
        let inputs = layer.inputs.unwrap_or(self.dense + self.categories.len());
        let activation = if layer.hidden { self.activation } else { Activation::Identity };
        let init = Init::of_weights(activation, inputs, width);
        let part = |name: &str, shape, init, role| Part::new(format!("{}.{name}", layer.name), shape, init, role);
        let mut parts = Vec::new();
        let columns = layer.inputs.unwrap_or(self.dense);
        if columns > 0 {
            parts.push(part("weight", shape(&[columns]), init, Role::Weight));
        }
        if layer.inputs.is_none() {
            let tables = self.categories.iter().enumerate();
            parts.extend(tables.map(|(j, &n)| part(&format!("category.{j}"), shape(&[n]), init, Role::Weight)));
        }
        if self.normalises(layer) {
            parts.push(part("norm.scale", shape(&[]), Init::Ones, Role::Offset));
            parts.push(part("norm.shift", shape(&[]), Init::Zeros, Role::Offset));
            parts.push(part("norm.mean", shape(&[]), Init::Zeros, Role::Statistic));
            parts.push(part("norm.variance", shape(&[]), Init::Ones, Role::Statistic));
        } else {
            parts.push(part("bias", shape(&[]), Init::Zeros, Role::Offset));
        }
        parts
    }

    fn normalises(&self, layer: &Layer) -> bool {
        self.batch_norm && layer.hidden
    }

    /// The layer before its activation: [N, H]; of the output also [N].
    fn linear(&self, g: &mut Graph, values: &Values, layer: &Layer, inputs: &Inputs, before: Option<NodeId>) -> Result<NodeId> {
        let mut terms = Vec::new();
        if let Some(x) = before.or(inputs.dense) {
            let weight = value(values, layer, "weight")?;
            terms.push(g.matmul(x, weight)?);
        }
        if before.is_none() {
            for (j, code) in inputs.codes.iter().enumerate() {
                let Some(code) = *code else { continue };
                let table = value(values, layer, &format!("category.{j}"))?;
                terms.push(g.gather(table, code, 0)?);
            }
        }
        if !self.normalises(layer) {
            terms.push(value(values, layer, "bias")?);
        }
        let mut terms = terms.into_iter();
        let first = terms.next().ok_or_else(|| Error::internal("network", "a layer has no input"))?;
        terms.try_fold(first, |sum, term| g.add(sum, term))
    }

    /// Normalisation, activation and dropout: [N, H] -> [N, H].
    fn activated(
        &self,
        g: &mut Graph,
        values: &Values,
        layer: &Layer,
        number: usize,
        x: NodeId,
        mode: &mut Mode,
    ) -> Result<NodeId> {
        let x = if self.batch_norm { self.normalised(g, values, layer, x, mode)? } else { x };
        let x = self.activation.apply(g, x)?;
        match mode {
            Mode::Train(training) if self.dropout > 0.0 => {
                let number = g.scalar(DType::U64, number as f64)?;
                let key = random::fold_in(g, training.key, number)?;
                dropout(g, x, self.dropout, key)
            }
            _ => Ok(x),
        }
    }

    fn normalised(&self, g: &mut Graph, values: &Values, layer: &Layer, x: NodeId, mode: &mut Mode) -> Result<NodeId> {
        let part = |name: &str| value(values, layer, &format!("norm.{name}"));
        let norm = Norm { scale: part("scale")?, shift: part("shift")?, mean: part("mean")?, variance: part("variance")? };
        let Mode::Train(training) = mode else { return norm.predict(g, x) };
        let (normalised, [mean, variance]) = norm.train(g, x)?;
        training.statistics.insert(format!("{}.norm.mean", layer.name), mean);
        training.statistics.insert(format!("{}.norm.variance", layer.name), variance);
        Ok(normalised)
    }
}

fn value(values: &Values, layer: &Layer, name: &str) -> Result<NodeId> {
    part_of(values, &format!("{}.{name}", layer.name))
}
