//! Matrices by their elements: triangles, diagonals, corners, and several arrays in one.

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Fn2, Graph, NodeId, Span};
use crate::shape::{Dim, Shape};

impl Graph {
    /// Ones where row = column: [n, n].
    pub fn eye(&mut self, dtype: DType, n: &Dim) -> Result<NodeId> {
        let same = self.beside_diagonal(Fn2::Eq, &[n.clone(), n.clone()], 0)?;
        self.cast(same, dtype)
    }

    /// The elements of [.., m, n] on and below the `k`-th diagonal (above the main one if positive), zeros elsewhere.
    /// Errors: `Shape` below rank 2.
    pub fn tril(&mut self, x: NodeId, k: i64) -> Result<NodeId> {
        self.triangle("tril", Fn2::Le, x, k)
    }

    /// The elements of [.., m, n] on and above the `k`-th diagonal, zeros elsewhere. Errors: `Shape` below rank 2.
    pub fn triu(&mut self, x: NodeId, k: i64) -> Result<NodeId> {
        self.triangle("triu", Fn2::Ge, x, k)
    }

    fn triangle(&mut self, op: &str, kept: Fn2, x: NodeId, k: i64) -> Result<NodeId> {
        let matrix = self.matrix_dims(op, x)?;
        let (kept, zero) = (self.beside_diagonal(kept, &matrix, k)?, self.scalar_like(x, 0.0)?);
        self.select(kept, x, zero)
    }

    /// Whether `column - k` compares so with `row`: bool [m, n].
    fn beside_diagonal(&mut self, compare: Fn2, matrix: &[Dim], k: i64) -> Result<NodeId> {
        let shape = Shape::new(matrix.iter().cloned());
        let (row, column) = (self.iota(DType::I64, &shape, 0)?, self.iota(DType::I64, &shape, 1)?);
        let shift = self.scalar(DType::I64, k as f64)?;
        let place = self.sub(column, shift)?;
        self.map2(compare, place, row)
    }

    /// The last two dimensions. Errors: `Shape` below rank 2.
    pub(crate) fn matrix_dims(&self, op: &str, x: NodeId) -> Result<[Dim; 2]> {
        match self.ty(x).shape.dims() {
            [.., m, n] => Ok([m.clone(), n.clone()]),
            _ => Err(Error::shape(op, format!("expected a matrix [.., m, n], got {}", self.ty(x).shape))),
        }
    }

    /// The `k`-th diagonal of [.., m, n]: [.., length], nothing where it lies outside.
    /// Errors: `Shape` below rank 2; `NotImplemented` for a matrix of symbolic size that is not square.
    pub fn diagonal(&mut self, x: NodeId, k: i64) -> Result<NodeId> {
        let [m, n] = self.matrix_dims("diagonal", x)?;
        let length = diagonal_length(&m, &n, k)?;
        let rank = self.ty(x).shape.rank();
        let places = Shape::new([length.clone(), n]);
        let (row, column) = (self.iota(DType::I64, &places, 0)?, self.iota(DType::I64, &places, 1)?);
        let shift = self.scalar(DType::I64, k.max(0) as f64)?;
        let place = self.add(row, shift)?;
        let (hit, zero) = (self.eq(column, place)?, self.scalar_like(x, 0.0)?);
        let below = k.min(0).unsigned_abs() as usize;
        let rows = self.slice_axis(x, rank - 2, below, length.plus(below as i64))?;
        let marked = self.select(hit, rows, zero)?;
        if self.ty(marked).dtype == DType::Bool { self.any(marked, &[rank - 1]) } else { self.sum(marked, &[rank - 1]) }
    }

    /// The matrix with [.., n] on its `k`-th diagonal and zeros elsewhere: [.., n + |k|, n + |k|].
    /// Errors: `Shape` for a single number.
    pub fn diag_embed(&mut self, x: NodeId, k: i64) -> Result<NodeId> {
        let shape = self.ty(x).shape.clone();
        let last = shape.rank().checked_sub(1);
        let last = last.ok_or_else(|| Error::shape("diag_embed", "expected [.., n], got a single number"))?;
        let (before, after) = (k.max(0).unsigned_abs() as usize, k.min(0).unsigned_abs() as usize);
        let (mut low, mut high) = (vec![0; last + 1], vec![0; last + 1]);
        (low[last], high[last]) = (before, after);
        let row = self.pad(x, &low, &high)?; // along columns
        let size = self.ty(row).shape.dims()[last].clone();
        let table = self.repeat_axis(row, last, &size)?;
        let (hit, zero) = (self.beside_diagonal(Fn2::Eq, &[size.clone(), size], k)?, self.scalar_like(x, 0.0)?);
        self.select(hit, table, zero)
    }

    /// The sum of the main diagonal: [.., m, n] -> [..]. Errors: `Shape` below rank 2.
    pub fn trace(&mut self, x: NodeId) -> Result<NodeId> {
        let matrix = self.matrix_dims("trace", x)?;
        let rank = self.ty(x).shape.rank();
        let (hit, zero) = (self.beside_diagonal(Fn2::Eq, &matrix, 0)?, self.scalar_like(x, 0.0)?);
        let marked = self.select(hit, x, zero)?;
        self.sum(marked, &[rank - 2, rank - 1])
    }

    /// The first `m` rows and `n` columns. Errors: `Shape` if there are fewer.
    pub fn corner(&mut self, x: NodeId, m: usize, n: usize) -> Result<NodeId> {
        let shape = self.ty(x).shape.clone();
        let mut spans: Vec<Span> = shape.dims().iter().map(Span::all).collect();
        if let [.., rows, columns] = spans.as_mut_slice() {
            (rows.stop, columns.stop) = (Dim::fixed(m), Dim::fixed(n));
        }
        self.slice(x, &spans)
    }

    /// Zeros below and to the right, up to [.., m, n] of fixed sizes. Errors: `Shape` if it is larger already.
    pub(crate) fn widened(&mut self, x: NodeId, m: usize, n: usize) -> Result<NodeId> {
        let own = self.ty(x).shape.clone();
        let rank = own.rank();
        let missing = |axis: usize, wanted: usize| {
            let have = own.dims()[axis].as_fixed().and_then(|have| wanted.checked_sub(have));
            have.ok_or_else(|| Error::shape("pad", format!("{own} to {m} rows and {n} columns")))
        };
        let mut high = vec![0; rank];
        (high[rank - 2], high[rank - 1]) = (missing(rank - 2, m)?, missing(rank - 1, n)?);
        self.pad(x, &vec![0; rank], &high)
    }

    /// Arrays of one set of batch axes [B.., own..], each flattened but for those, one after the other: [B.., all].
    /// The first has two axes of its own.
    pub(crate) fn packed(&mut self, parts: &[NodeId]) -> Result<NodeId> {
        let batch = self.ty(parts[0]).shape.rank() - 2;
        let mut flat = Vec::with_capacity(parts.len());
        for &part in parts {
            let shape = self.ty(part).shape.clone();
            let own = Shape::new(shape.dims()[batch..].iter().cloned()).elements();
            let own = own.ok_or_else(|| Error::not_implemented("pack", format!("the number of elements in {shape}")))?;
            let line = Shape::new(shape.dims()[..batch].iter().cloned().chain([own]));
            flat.push(self.reshape(part, &line)?);
        }
        self.concat(&flat, batch)
    }

    /// The part of a packed array [B.., all] that starts at `start`, under its own axes; and where the next one starts.
    pub(crate) fn unpacked(&mut self, packed: NodeId, start: usize, own: &[usize]) -> Result<(NodeId, usize)> {
        let shape = self.ty(packed).shape.clone();
        let (batch, next) = (shape.rank() - 1, start + own.iter().product::<usize>());
        let line = self.slice_axis(packed, batch, start, Dim::fixed(next))?;
        let whole = Shape::new(shape.dims()[..batch].iter().cloned().chain(own.iter().map(|&n| Dim::fixed(n))));
        Ok((self.reshape(line, &whole)?, next))
    }
}

fn diagonal_length(m: &Dim, n: &Dim, k: i64) -> Result<Dim> {
    if let (Some(m), Some(n)) = (m.as_fixed(), n.as_fixed()) {
        let (m, n) = (m as i64 + k.min(0), n as i64 - k.max(0));
        return Ok(Dim::fixed(m.min(n).max(0) as usize));
    }
    if m == n {
        return Ok(n.plus(-k.abs()));
    }
    Err(Error::not_implemented("diagonal", format!("of a matrix [{m}, {n}]")))
}
