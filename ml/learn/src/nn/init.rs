//! The weights that training starts from.

use gradframe_ml_core::graph::Type;
use gradframe_ml_core::{DType, Function, Graph, NodeId, Result, Shape, Tensor, random};
use gradframe_ml_kernels::compile;

use super::{Activation, Part};

/// How a part starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Init {
    Zeros,
    Ones,
    /// Evenly in `-limit .. limit`.
    Uniform {
        limit: f64,
    },
    /// Normally around zero.
    Normal {
        deviation: f64,
    },
}

impl Init {
    /// Of the weights of a layer followed by `activation`, so that signals keep their size: variance `2 / inputs` before
    /// those that cut half away (He et al. 2015), `1 / inputs` before SELU (Klambauer et al. 2017), else
    /// `2 / (inputs + outputs)` (Glorot and Bengio 2010).
    pub fn of_weights(activation: Activation, inputs: usize, outputs: usize) -> Self {
        let (inputs, outputs) = (inputs.max(1) as f64, outputs as f64);
        let variance = match activation {
            Activation::Relu | Activation::Relu6 | Activation::LeakyRelu => 2.0 / inputs,
            Activation::Elu | Activation::Gelu | Activation::Silu => 2.0 / inputs,
            Activation::Selu => 1.0 / inputs,
            _ => 2.0 / (inputs + outputs),
        };
        Init::Uniform { limit: (3.0 * variance).sqrt() }
    }
}

/// The parts' first values, f32; the seed decides them. Errors: those of building and compiling the graph.
pub fn initial(parts: &[Part], seed: u64) -> Result<Vec<Tensor>> {
    let mut g = Graph::new();
    let key = g.input("seed", Type::new(DType::U64, Shape::scalar()));
    let values = parts.iter().enumerate().map(|(i, part)| value(&mut g, key, i, part)).collect::<Result<Vec<_>>>()?;
    compile(&Function::new(g, values)?)?.run(&[Tensor::scalar(seed)])
}

fn value(g: &mut Graph, key: NodeId, number: usize, part: &Part) -> Result<NodeId> {
    let shape = Shape::fixed(&part.shape);
    let ty = Type::new(DType::F32, shape.clone());
    match part.init {
        Init::Zeros => g.full(&ty, 0.0),
        Init::Ones => g.full(&ty, 1.0),
        Init::Normal { deviation } => {
            let own = own_key(g, key, number)?;
            let unit = random::normal(g, own, DType::F32, &shape)?;
            let deviation = g.scalar_like(unit, deviation)?;
            g.mul(unit, deviation)
        }
        Init::Uniform { limit } => {
            let own = own_key(g, key, number)?;
            let unit = random::uniform(g, own, DType::F32, &shape)?;
            let (width, low) = (g.scalar_like(unit, 2.0 * limit)?, g.scalar_like(unit, limit)?);
            let wide = g.mul(unit, width)?;
            g.sub(wide, low)
        }
    }
}

fn own_key(g: &mut Graph, key: NodeId, number: usize) -> Result<NodeId> {
    let number = g.scalar(DType::U64, number as f64)?;
    random::fold_in(g, key, number)
}

#[cfg(test)]
mod tests {
    use super::super::Role;
    use super::*;

    #[test]
    fn weights_have_the_variance_asked_for_and_depend_on_seed_and_place() {
        let init = Init::of_weights(Activation::Relu, 200, 50);
        let part = |name: &str| Part { name: name.into(), shape: vec![200, 50], init, role: Role::Weight };
        let values = initial(&[part("a"), part("b")], 7).unwrap();
        let floats = values[0].values::<f32>().unwrap();
        let variance = floats.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / 10_000.0;
        assert!((variance - 0.01).abs() < 5e-4, "{variance}");
        assert_ne!(values[0], values[1]);
        assert_eq!(values, initial(&[part("a"), part("b")], 7).unwrap());
        assert_ne!(values, initial(&[part("a"), part("b")], 8).unwrap());
    }
}
