//! `Linalg`: factorizations and solvers of the last two axes. `reference` evaluates them, `derivatives` has their tangents.

mod derivatives;
pub mod reference;
#[cfg(test)]
pub mod rows;

use smallvec::SmallVec;

use super::wide::{self, Wide};
use super::{Batched, Linear, Realised, Rules, Site, check_same_dtype, no_rule, with_batch};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Graph, Kind, Linalg, NodeId, Type};
use crate::shape::{Dim, Shape};
use crate::tensor::Tensor;

/// The rules of [`crate::graph::Kind::Linalg`].
pub struct Matrices(pub Linalg);

impl Rules for Matrices {
    fn name(&self) -> &'static str {
        "linalg"
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type> {
        let name = self.0.name();
        let wanted = if self.is_solver() { 2 } else { 1 };
        if operands.len() != wanted {
            return Err(Error::shape(name, format!("expected {wanted} operands, got {}", operands.len())));
        }
        operands.iter().try_for_each(|x| check_matrix(name, x))?;
        if self.is_solver() {
            return self.solver_type(operands[0], operands[1]);
        }
        self.factors_type(operands[0])
    }

    /// In f64, whatever the type, and rounded once.
    fn evaluate(&self, operands: &[&Tensor], out: &Realised) -> Result<Tensor> {
        let [m, n] = last_two(operands[0].shape());
        let columns = operands.get(1).map_or(0, |b| last_two(b.shape())[1]);
        let batch: usize = operands[0].shape().iter().rev().skip(2).product();
        let values: Vec<Vec<f64>> = operands.iter().map(|x| x.to_f64()).collect();
        let mut results = Vec::with_capacity(out.shape.iter().product());
        for entry in 0..batch {
            let a = &values[0][entry * m * n..(entry + 1) * m * n];
            let b = values.get(1).map_or(&[][..], |b| &b[entry * m * columns..(entry + 1) * m * columns]);
            results.extend(reference::apply(self.0, a, [m, n], b, columns));
        }
        wide::encode(out.dtype, out.shape, &Wide::Float(results))
    }

    fn jvp(&self, g: &mut Graph, at: &Site, tangents: &[Option<NodeId>]) -> Result<Option<NodeId>> {
        derivatives::tangent(self.0, g, at, tangents)
    }

    fn transpose(&self, g: &mut Graph, at: &Linear, cotangent: NodeId) -> Result<SmallVec<[Option<NodeId>; 3]>> {
        let adjoint = match self.0 {
            Linalg::Triangular { upper, transposed, unit } => Linalg::Triangular { upper, transposed: !transposed, unit },
            Linalg::Solve { transposed } => Linalg::Solve { transposed: !transposed },
            other => return Err(no_rule(other.name(), "transpose")),
        };
        if at.linear != [false, true] {
            return Err(no_rule(self.0.name(), "transpose").hint("it is linear in its right side only"));
        }
        let right = g.apply(Kind::Linalg(adjoint), &[at.operands[0], cotangent])?;
        Ok(SmallVec::from_iter([None, Some(right)]))
    }

    fn batch(&self, g: &mut Graph, operands: &[Batched], size: &Dim) -> Result<NodeId> {
        let nodes: Vec<NodeId> = operands.iter().map(|o| with_batch(g, o, size)).collect::<Result<_>>()?;
        g.apply(Kind::Linalg(self.0), &nodes)
    }
}

impl Matrices {
    fn is_solver(&self) -> bool {
        matches!(self.0, Linalg::Triangular { .. } | Linalg::Solve { .. })
    }

    fn solver_type(&self, a: &Type, b: &Type) -> Result<Type> {
        let name = self.0.name();
        check_same_dtype(name, a, b)?;
        check_square(name, a)?;
        let rank = a.shape.rank();
        let fits = b.shape.rank() == rank && a.shape.dims()[..rank - 1] == b.shape.dims()[..rank - 1];
        if !fits {
            let what = format!("expected a right side [.., {}, k] for {}, got {}", a.shape.dims()[rank - 1], a.shape, b.shape);
            return Err(Error::shape(name, what));
        }
        Ok(b.clone())
    }

    fn factors_type(&self, a: &Type) -> Result<Type> {
        let (name, rank) = (self.0.name(), a.shape.rank());
        let (outer, matrix) = a.shape.dims().split_at(rank - 2);
        let last: Vec<Dim> = match self.0 {
            Linalg::Cholesky => {
                check_square(name, a)?;
                matrix.to_vec()
            }
            Linalg::Eigh => {
                check_square(name, a)?;
                vec![matrix[0].clone(), matrix[1].plus(1)]
            }
            Linalg::LogDet => {
                check_square(name, a)?;
                vec![Dim::fixed(2)]
            }
            Linalg::Lu => vec![matrix[0].clone(), matrix[1].plus(2)],
            Linalg::Pinv { .. } => vec![matrix[1].clone(), matrix[0].clone()],
            _ => {
                let [m, n] = fixed_matrix(name, &a.shape)?;
                let k = m.min(n);
                let values = if self.0 == Linalg::Svd { k } else { 0 };
                vec![Dim::fixed(m * k + values + k * n)]
            }
        };
        Ok(Type::new(a.dtype, Shape::new(outer.iter().cloned().chain(last))))
    }
}

fn last_two(shape: &[usize]) -> [usize; 2] {
    let rank = shape.len();
    [shape[rank - 2], shape[rank - 1]]
}

fn check_matrix(op: &str, x: &Type) -> Result<()> {
    if x.shape.rank() < 2 {
        return Err(Error::shape(op, format!("expected a matrix [.., m, n], got {}", x.shape)));
    }
    if !matches!(x.dtype, DType::F32 | DType::F64) {
        return Err(Error::dtype(op, format!("expected f32 or f64, got {}", x.dtype)).hint("cast it"));
    }
    Ok(())
}

fn check_square(op: &str, x: &Type) -> Result<()> {
    let dims = x.shape.dims();
    if dims[dims.len() - 2] == dims[dims.len() - 1] {
        return Ok(());
    }
    Err(Error::shape(op, format!("expected a square matrix [.., n, n], got {}", x.shape)))
}

/// The sizes of the last two axes. Errors: `NotImplemented` if they are symbols.
pub(crate) fn fixed_matrix(op: &str, shape: &Shape) -> Result<[usize; 2]> {
    let dims = shape.dims();
    let size = |back: usize| dims.len().checked_sub(back).and_then(|i| dims[i].as_fixed());
    match (size(2), size(1)) {
        (Some(m), Some(n)) => Ok([m, n]),
        _ => Err(Error::not_implemented(op, format!("expected a matrix of fixed size, got {shape}"))),
    }
}
