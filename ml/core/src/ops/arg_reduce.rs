//! `ArgReduce`: the index of the first extreme along an axis. It carries no derivative: gather by it instead.

use super::wide::{self, Wide};
use super::{Batched, Realised, Rules, Site, arity, check_axis, moves};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{ArgOp, Graph, Kind, NodeId, Type};
use crate::shape::Dim;
use crate::tensor::Tensor;

/// The rules of [`crate::graph::Kind::ArgReduce`].
pub struct ArgReduce {
    pub op: ArgOp,
    pub axis: usize,
}

impl Rules for ArgReduce {
    fn name(&self) -> &'static str {
        "arg_reduce"
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type> {
        let [x] = arity(self.name(), operands)?;
        check_axis(self.name(), self.axis, &x.shape)?;
        if x.shape.dims()[self.axis].as_fixed() == Some(0) {
            return Err(Error::shape(self.name(), format!("axis {} of {} has no element to find", self.axis, x.shape)));
        }
        Ok(Type::new(DType::I64, x.shape.without(&[self.axis])))
    }

    fn evaluate(&self, operands: &[&Tensor], out: &Realised) -> Result<Tensor> {
        let [x] = arity(self.name(), operands)?;
        let size = x.shape()[self.axis];
        if size == 0 && !out.shape.contains(&0) {
            return Err(Error::execution(self.name(), format!("axis {} has no element to find", self.axis)));
        }
        let strides = moves::strides(x.shape());
        let step = strides[self.axis];
        let outer: Vec<usize> = strides.iter().enumerate().filter(|&(i, _)| i != self.axis).map(|(_, &s)| s).collect();
        let values = wide::decode(x);
        let mut found = Vec::new();
        moves::for_each_index(out.shape, |index| {
            let base = moves::offset(index, &outer);
            let first =
                (1..size).fold(0, |best, i| if self.beats(&values, base + i * step, base + best * step) { i } else { best });
            found.push(first as i64);
        });
        Tensor::from_vec(out.shape, found)
    }

    fn jvp(&self, _: &mut Graph, _: &Site, _: &[Option<NodeId>]) -> Result<Option<NodeId>> {
        Ok(None)
    }

    fn batch(&self, g: &mut Graph, operands: &[Batched], _: &Dim) -> Result<NodeId> {
        g.apply(Kind::ArgReduce { op: self.op, axis: self.axis + 1 }, &[operands[0].node])
    }
}

impl ArgReduce {
    /// Whether the value at `i` is more extreme than the one at `j`; the first NaN beats all.
    fn beats(&self, values: &Wide, i: usize, j: usize) -> bool {
        match values {
            Wide::Float(v) if v[j].is_nan() => false,
            Wide::Float(v) if v[i].is_nan() => true,
            Wide::Float(v) => more_extreme(self.op, v[i], v[j]),
            Wide::Int(v) => more_extreme(self.op, v[i], v[j]),
        }
    }
}

fn more_extreme<T: PartialOrd>(op: ArgOp, a: T, b: T) -> bool {
    match op {
        ArgOp::Max => a > b,
        ArgOp::Min => a < b,
    }
}

#[cfg(test)]
pub mod rows {
    use crate::ops::proof::{Row, floats, given};

    pub fn rows() -> Vec<Row> {
        vec![
            Row::new("arg_reduce", "max", [floats(&[2, 3])], |g, x| g.argmax(x[0], 1)),
            Row::new("arg_reduce", "min", [floats(&[2, 3])], |g, x| g.argmin(x[0], 0)),
            Row::new("arg_reduce", "first of ties", [given(&[1.0, 3.0, 3.0])], |g, x| g.argmax(x[0], 0)).expect(&[1.]),
            Row::new("arg_reduce", "first NaN", [given(&[1.0, f64::NAN, f64::NAN])], |g, x| g.argmin(x[0], 0)).expect(&[1.]),
        ]
    }
}
