//! `StopGradient`: the identity, through which no gradient flows.

use super::{Batched, Realised, Rules, Site, arity};
use crate::error::Result;
use crate::graph::{Graph, NodeId, Type};
use crate::shape::Dim;
use crate::tensor::Tensor;

/// The rules of [`crate::graph::Kind::StopGradient`].
pub struct StopGradient;

impl Rules for StopGradient {
    fn name(&self) -> &'static str {
        "stop_gradient"
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type> {
        let [x] = arity(self.name(), operands)?;
        Ok((*x).clone())
    }

    fn evaluate(&self, operands: &[&Tensor], _: &Realised) -> Result<Tensor> {
        let [x] = arity(self.name(), operands)?;
        Ok((*x).clone())
    }

    fn jvp(&self, _: &mut Graph, _: &Site, _: &[Option<NodeId>]) -> Result<Option<NodeId>> {
        Ok(None)
    }

    fn batch(&self, g: &mut Graph, operands: &[Batched], _: &Dim) -> Result<NodeId> {
        g.stop_gradient(operands[0].node)
    }
}

#[cfg(test)]
pub mod rows {
    use crate::ops::proof::{Row, floats};
    use crate::tensor::Tensor;
    use crate::transform::{evaluate, grad};
    use crate::{DType, Function, Graph, Shape, graph::Type};

    pub fn rows() -> Vec<Row> {
        vec![Row::new("stop_gradient", "itself", [floats(&[3])], |g, x| g.stop_gradient(x[0])).held()]
    }

    #[test]
    fn no_gradient_flows_through_it() {
        let mut g = Graph::new();
        let x = g.input("x", Type::new(DType::F64, Shape::scalar()));
        let held = g.stop_gradient(x).unwrap();
        let y = g.mul(held, x).unwrap();
        let slope = grad(&Function::new(g, vec![y]).unwrap(), &[0]).unwrap();
        assert_eq!(evaluate(&slope, &[Tensor::scalar(3.0)]).unwrap()[0], Tensor::scalar(3.0));
    }
}
