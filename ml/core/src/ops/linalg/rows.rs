//! Rows of the proof table: matrices well away from singular ones and from equal eigenvalues.

use crate::error::Result;
use crate::graph::{Graph, Kind, Linalg, NodeId};
use crate::ops::proof::{Row, floats, others};
use crate::{Dim, Tensor};

pub fn rows() -> Vec<Row> {
    [factorizations(), solvers(), derived()].into_iter().flatten().map(Row::wide).collect()
}

/// `diag(3, 2, 1, ..) + x / 4`, which is regular and has distinct singular values.
fn regular(g: &mut Graph, x: NodeId) -> Result<NodeId> {
    let sizes = g.ty(x).shape.as_fixed().unwrap_or_default();
    let (m, n) = (sizes[sizes.len() - 2], sizes[sizes.len() - 1]);
    let mut values = vec![0.0; m * n];
    (0..m.min(n)).for_each(|i| values[i * n + i] = (3 * m.min(n) - 2 * i) as f64 / 2.0);
    let start = g.constant(Tensor::from_vec(&[m, n], values)?);
    let dtype = g.ty(x).dtype;
    let (start, quarter) = (g.cast(start, dtype)?, g.scalar(dtype, 0.25)?);
    let small = g.mul(x, quarter)?;
    g.add(start, small)
}

/// The kind itself, of a regular matrix.
fn of(op: Linalg) -> impl Fn(&mut Graph, &[NodeId]) -> Result<NodeId> {
    move |g, x| {
        let a = regular(g, x[0])?;
        g.apply(Kind::Linalg(op), &[a])
    }
}

fn factorizations() -> Vec<Row> {
    vec![
        Row::new("linalg", "cholesky", [floats(&[2, 3, 3])], of(Linalg::Cholesky)),
        Row::new("linalg", "slogdet", [floats(&[3, 3])], of(Linalg::LogDet)),
        Row::new("linalg", "lu", [floats(&[3, 3])], of(Linalg::Lu)),
        Row::new("linalg", "lu of a tall matrix", [floats(&[4, 2])], of(Linalg::Lu)),
        Row::new("linalg", "lu of a wide matrix", [floats(&[2, 2, 4])], of(Linalg::Lu)),
        Row::new("linalg", "qr", [floats(&[3, 3])], of(Linalg::Qr)),
        Row::new("linalg", "qr of a tall matrix", [floats(&[4, 2])], of(Linalg::Qr)),
        Row::new("linalg", "qr of a wide matrix", [floats(&[2, 4])], of(Linalg::Qr)),
        Row::new("linalg", "eigh", [floats(&[2, 3, 3])], of(Linalg::Eigh)),
        Row::new("linalg", "svd", [floats(&[3, 3])], of(Linalg::Svd)),
        Row::new("linalg", "svd of a tall matrix", [floats(&[4, 2])], of(Linalg::Svd)),
        Row::new("linalg", "svd of a wide matrix", [floats(&[2, 4])], of(Linalg::Svd)),
        Row::new("linalg", "pinv", [floats(&[3, 2])], of(Linalg::Pinv { rtol: 0 })),
    ]
}

fn solvers() -> Vec<Row> {
    let mut rows = vec![
        Row::new("linalg", "solve", [floats(&[3, 3]), others(&[3, 2])], |g, x| {
            let a = regular(g, x[0])?;
            g.solve(a, x[1])
        }),
        Row::new("linalg", "solve with the transposed matrix", [floats(&[2, 2, 2]), others(&[2, 2, 1])], |g, x| {
            let a = regular(g, x[0])?;
            g.apply(Kind::Linalg(Linalg::Solve { transposed: true }), &[a, x[1]])
        }),
    ];
    for (upper, transposed, unit) in [(false, false, false), (true, false, true), (true, true, false), (false, true, true)] {
        rows.push(Row::new("linalg", "solve_triangular", [floats(&[3, 3]), others(&[3, 2])], move |g: &mut Graph, x: &[_]| {
            let t = regular(g, x[0])?;
            g.solve_triangular(t, x[1], upper, transposed, unit)
        }));
    }
    rows
}

fn derived() -> Vec<Row> {
    vec![
        Row::new("call", "matrix exponential", [floats(&[3, 3])], |g, x| g.matrix_exp(x[0])),
        Row::new("call", "determinant", [floats(&[3, 3])], |g, x| {
            let a = regular(g, x[0])?;
            g.det(a)
        }),
        Row::new("call", "least squares", [floats(&[4, 2]), others(&[4, 2])], |g, x| {
            let a = regular(g, x[0])?;
            g.lstsq(a, x[1])
        }),
        Row::new("call", "least squares of least size", [floats(&[2, 4]), others(&[2, 1])], |g, x| {
            let a = regular(g, x[0])?;
            g.lstsq(a, x[1])
        }),
        Row::new("call", "diagonals", [floats(&[2, 3, 4])], |g, x| {
            let below = g.diagonal(x[0], -1)?;
            g.diag_embed(below, 2)
        }),
        Row::new("call", "triangles", [floats(&[3, 4])], |g, x| {
            let (lower, upper) = (g.tril(x[0], 1)?, g.triu(x[0], -1)?);
            g.mul(lower, upper)
        }),
        Row::new("call", "norm of order 3", [floats(&[2, 3])], |g, x| g.vector_norm(x[0], 3.0, &[1])),
        Row::new("call", "identity", [floats(&[2, 2])], |g, x| {
            let dtype = g.ty(x[0]).dtype;
            let one = g.eye(dtype, &Dim::fixed(2))?;
            g.matmul(one, x[0])
        }),
    ]
}
