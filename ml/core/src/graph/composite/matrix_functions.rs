//! Functions of whole matrices: powers, the exponential, norms, rank.

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};

/// What size of a matrix is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatrixNorm {
    /// The root of the sum of squares.
    Frobenius,
    /// The sum of singular values.
    Nuclear,
    /// The largest singular value.
    Two,
    /// The smallest singular value.
    MinusTwo,
    /// The largest sum of sizes of a column.
    One,
    /// The smallest of them.
    MinusOne,
    /// The largest sum of sizes of a row.
    Infinity,
    /// The smallest of them.
    MinusInfinity,
}

/// Halvings of a matrix before its exponential is expanded; as many squarings follow, where they are needed.
const SQUARINGS: usize = 16;
/// Terms of the exponential's series after halving: below 2^-1, the next one is less than 1e-18.
const TERMS: usize = 14;

impl Graph {
    /// A^n for A [.., m, m], by squaring; of the inverse if n is negative. Errors: `Shape` if A is not square.
    pub fn matrix_power(&mut self, a: NodeId, n: i64) -> Result<NodeId> {
        let [_, size] = self.matrix_dims("matrix_power", a)?;
        let ty = self.ty(a).clone();
        let mut square = if n < 0 { self.inv(a)? } else { a };
        let one = self.eye(ty.dtype, &size)?;
        let mut power = None;
        let mut left = n.unsigned_abs();
        while left > 0 {
            if left & 1 == 1 {
                power = Some(power.map_or(Ok(square), |p| self.matmul(p, square))?);
            }
            left >>= 1;
            if left > 0 {
                square = self.matmul(square, square)?;
            }
        }
        power.map_or_else(|| self.broadcast_to(one, &ty.shape), Ok)
    }

    /// `1 + A + A^2 / 2 + ..` for A [.., n, n], by scaling and squaring (sums of rows up to 2^15).
    /// Errors: `Shape` if A is not square. Source: Moler and Van Loan 2003, method 3.
    pub fn matrix_exp(&mut self, a: NodeId) -> Result<NodeId> {
        self.matrix_power(a, 0)?; // refuses what is no square matrix
        self.call("matrix_exp", &[a], |g, x| {
            let steps = g.halvings(x[0])?;
            let two = g.scalar_like(x[0], 2.0)?;
            let scale = g.pow(two, steps)?;
            let scaled = g.div(x[0], scale)?;
            let mut power = g.exponential_series(scaled)?;
            for done in 0..SQUARINGS {
                let square = g.matmul(power, power)?;
                let count = g.scalar_like(steps, done as f64)?;
                let more = g.gt(steps, count)?;
                power = g.select(more, square, power)?;
            }
            Ok(power)
        })
    }

    /// How often A must be halved for its largest sum of a row to be below 1/2: [.., 1, 1].
    fn halvings(&mut self, a: NodeId) -> Result<NodeId> {
        let rank = self.ty(a).shape.rank();
        let held = self.stop_gradient(a)?;
        let size = self.abs(held)?;
        let rows = self.sum_keep(size, &[rank - 1])?;
        let norm = self.max_keep(rows, &[rank - 2])?;
        let (least, factor) = (self.scalar_like(a, 0.25)?, self.scalar_like(a, std::f64::consts::LOG2_E)?);
        let norm = self.max(norm, least)?;
        let log = self.log(norm)?;
        let exponent = self.mul(log, factor)?;
        let (steps, one) = (self.ceil(exponent)?, self.scalar_like(a, 1.0)?);
        let steps = self.add(steps, one)?;
        let (zero, most) = (self.scalar_like(a, 0.0)?, self.scalar_like(a, SQUARINGS as f64)?);
        let steps = self.max(steps, zero)?;
        self.min(steps, most)
    }

    /// Horner's scheme: 1 + A (1 + A / 2 (1 + A / 3 (..))).
    fn exponential_series(&mut self, a: NodeId) -> Result<NodeId> {
        let one = self.matrix_power(a, 0)?;
        let mut sum = one;
        for term in (1..=TERMS).rev() {
            let divisor = self.scalar_like(a, term as f64)?;
            let product = self.matmul(a, sum)?;
            let next = self.div(product, divisor)?;
            sum = self.add(one, next)?;
        }
        Ok(sum)
    }

    /// `(sum |x|^p)^(1/p)` over `axes`; the largest or smallest size for p infinite, the number of elements that are not
    /// zero for p = 0. Where the norm is 0, so is its gradient. Errors: `Shape` as for [`Graph::sum`]; `DType` for integers.
    pub fn vector_norm(&mut self, x: NodeId, p: f64, axes: &[usize]) -> Result<NodeId> {
        let size = self.abs(x)?;
        if p == f64::INFINITY {
            return self.max_over(size, axes);
        }
        if p == f64::NEG_INFINITY {
            return self.min_over(size, axes);
        }
        if p == 0.0 {
            let zero = self.scalar_like(x, 0.0)?;
            let (there, dtype) = (self.ne(x, zero)?, self.ty(x).dtype);
            let marks = self.cast(there, dtype)?;
            return self.sum(marks, axes);
        }
        if p == 1.0 {
            return self.sum(size, axes);
        }
        let total = match p {
            2.0 => self.mul(x, x)?,
            _ if p > 1.0 => self.power_of(size, p)?,
            _ => self.steep_power_of(size, p)?,
        };
        let total = self.sum(total, axes)?;
        self.root_of(total, p)
    }

    fn power_of(&mut self, x: NodeId, p: f64) -> Result<NodeId> {
        let exponent = self.scalar_like(x, p)?;
        self.pow(x, exponent)
    }

    /// As [`Graph::power_of`], of slope 0 at 0, where that of an exponent below 1 is infinite.
    fn steep_power_of(&mut self, x: NodeId, p: f64) -> Result<NodeId> {
        let (zero, one) = (self.scalar_like(x, 0.0)?, self.scalar_like(x, 1.0)?);
        let at_zero = self.eq(x, zero)?;
        let held = self.select(at_zero, one, x)?;
        let power = self.power_of(held, p)?;
        let there = if p < 0.0 { self.scalar_like(x, f64::INFINITY)? } else { zero };
        self.select(at_zero, there, power)
    }

    /// The p-th root, of slope 0 at 0.
    fn root_of(&mut self, x: NodeId, p: f64) -> Result<NodeId> {
        let (zero, one) = (self.scalar_like(x, 0.0)?, self.scalar_like(x, 1.0)?);
        let empty = self.eq(x, zero)?;
        let held = self.select(empty, one, x)?;
        let root = if p == 2.0 { self.sqrt(held)? } else { self.power_of(held, 1.0 / p)? };
        let nothing = if p < 0.0 { self.scalar_like(x, f64::INFINITY)? } else { zero };
        self.select(empty, nothing, root)
    }

    /// The norm of each matrix [.., m, n]: [..]. Errors: `Shape` below rank 2; as for [`Graph::svd`] where it takes
    /// singular values.
    pub fn matrix_norm(&mut self, a: NodeId, norm: MatrixNorm) -> Result<NodeId> {
        self.matrix_dims("matrix_norm", a)?;
        let rank = self.ty(a).shape.rank();
        let (rows, columns, last) = (rank - 2, rank - 1, rank - 2);
        match norm {
            MatrixNorm::Frobenius => self.vector_norm(a, 2.0, &[rows, columns]),
            MatrixNorm::Nuclear => {
                let s = self.svdvals(a)?;
                self.sum(s, &[last])
            }
            MatrixNorm::Two | MatrixNorm::MinusTwo => {
                let s = self.svdvals(a)?;
                if norm == MatrixNorm::Two { self.max_over(s, &[last]) } else { self.min_over(s, &[last]) }
            }
            _ => {
                let summed = if matches!(norm, MatrixNorm::One | MatrixNorm::MinusOne) { rows } else { columns };
                let sums = self.vector_norm(a, 1.0, &[summed])?;
                let largest = matches!(norm, MatrixNorm::One | MatrixNorm::Infinity);
                if largest { self.max_over(sums, &[last]) } else { self.min_over(sums, &[last]) }
            }
        }
    }

    /// Singular values, descending: [.., m, n] -> [.., min(m, n)]. Errors: as for [`Graph::svd`].
    pub fn svdvals(&mut self, a: NodeId) -> Result<NodeId> {
        Ok(self.svd(a)?.1)
    }

    /// The number of singular values above `rtol` times the largest (default: the larger size times the type's
    /// precision): i64 [..]. Errors: as for [`Graph::svd`].
    pub fn matrix_rank(&mut self, a: NodeId, rtol: Option<f64>) -> Result<NodeId> {
        let [m, n] = crate::ops::fixed_matrix("matrix_rank", &self.ty(a).shape)?;
        let precision = if self.ty(a).dtype == DType::F32 { f64::from(f32::EPSILON) } else { f64::EPSILON };
        let rtol = rtol.unwrap_or(m.max(n) as f64 * precision);
        let s = self.svdvals(a)?;
        let last = self.ty(s).shape.rank() - 1;
        let (largest, rtol) = (self.max_keep(s, &[last])?, self.scalar_like(a, rtol)?);
        let least = self.mul(largest, rtol)?;
        let above = self.gt(s, least)?;
        let marks = self.cast(above, DType::I64)?;
        self.sum(marks, &[last])
    }

    /// The product of several matrices, multiplied in the order that takes the fewest operations; the first may be a row
    /// vector, the last a column. Errors: `Plan` for none; `Shape` if neighbours do not fit.
    pub fn multi_dot(&mut self, factors: &[NodeId]) -> Result<NodeId> {
        match factors {
            [] => Err(Error::plan("multi_dot", "expected at least one factor")),
            [one] => Ok(*one),
            _ => {
                let split = self.cheapest_split(factors);
                let (left, right) = factors.split_at(split);
                let (left, right) = (self.multi_dot(left)?, self.multi_dot(right)?);
                self.matmul(left, right)
            }
        }
    }

    /// Where to cut a chain last: by the sizes, where all are fixed. Source: Godbole 1973.
    fn cheapest_split(&self, factors: &[NodeId]) -> usize {
        let rows = |x: &NodeId| self.ty(*x).shape.dims().iter().rev().nth(1).map_or(Some(1), |d| d.as_fixed());
        let last = factors.last().and_then(|x| self.ty(*x).shape.dims().last()).and_then(|d| d.as_fixed());
        let sizes: Option<Vec<usize>> = factors.iter().map(rows).chain([last]).collect();
        let Some(p) = sizes else { return factors.len() - 1 };
        let n = factors.len();
        let (mut cost, mut cut) = (vec![vec![0usize; n]; n], vec![vec![0usize; n]; n]);
        for length in 2..=n {
            for i in 0..=n - length {
                let j = i + length - 1;
                let at = |k: usize| cost[i][k].saturating_add(cost[k + 1][j]).saturating_add(p[i] * p[k + 1] * p[j + 1]);
                let best = (i..j).min_by_key(|&k| at(k)).unwrap_or(i);
                (cost[i][j], cut[i][j]) = (at(best), best);
            }
        }
        cut[0][n - 1] + 1
    }
}
