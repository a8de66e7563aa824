//! Linear algebra, and what is free in sign.

use gradframe_ml_core::graph::MatrixNorm;
use gradframe_ml_core::{DType, Dim, Graph, NodeId, Result, Shape, Tensor};

use super::arguments::{Argument, Arguments, unknown};

/// The counterpart of an operator on matrices.
pub fn build(op: &str, g: &mut Graph, a: &Arguments) -> Result<Vec<NodeId>> {
    let name = op.strip_prefix("linalg.").unwrap_or(op);
    let x = match name {
        "multi_dot" => return g.multi_dot(&a.all_nodes()).map(|n| vec![n]),
        _ => a.tensor(0, "")?,
    };
    match name {
        "cholesky" | "cholesky_ex" | "qr" | "eigh" | "eigvalsh" | "svd" | "svdvals" | "polar" | "matrix_sqrth" => {
            factors(name, g, a, x)
        }
        "lu" | "lu_factor" | "lu_factor_ex" | "lu_unpack" | "lu_solve" => lu_family(op, g, a, x),
        _ => solved(name, g, a, x).or_else(|_| sized(name, g, a, x)).map(|n| with_info(name, g, n))?,
    }
}

/// A result and, where the operator has one, the code 0.
fn with_info(name: &str, g: &mut Graph, value: NodeId) -> Result<Vec<NodeId>> {
    if !name.ends_with("_ex") {
        return Ok(vec![value]);
    }
    let info = g.scalar(DType::I32, 0.0)?;
    Ok(vec![value, info])
}

fn factors(name: &str, g: &mut Graph, a: &Arguments, x: NodeId) -> Result<Vec<NodeId>> {
    Ok(match name {
        "cholesky" | "cholesky_ex" => {
            let lower = g.cholesky(x)?;
            let value = if a.named("upper").is_true() { g.transpose(lower)? } else { lower };
            return with_info(name, g, value);
        }
        "qr" => {
            let (q, r) = g.qr(x)?;
            vec![q, r]
        }
        "eigh" => {
            let (w, v) = g.eigh(x)?;
            vec![w, v]
        }
        "eigvalsh" => {
            let held = of_triangle(g, x, a.text(9, "UPLO").is_some_and(|t| t == "U"))?;
            vec![g.eigh(held)?.0]
        }
        "svdvals" => vec![g.svdvals(x)?],
        "svd" => {
            let (u, s, vt) = g.svd(x)?;
            let last = if a.named("full_matrices").is_none() { g.transpose(vt)? } else { vt };
            vec![u, s, last]
        }
        "polar" => {
            let (u, s, vt) = g.svd(x)?;
            let (unitary, v) = (g.matmul(u, vt)?, g.transpose(vt)?);
            let rank = g.ty(s).shape.rank();
            let row = g.insert_axis(s, rank - 1)?;
            let scaled = g.mul(v, row)?;
            vec![unitary, g.matmul(scaled, vt)?]
        }
        _ => {
            let held = of_triangle(g, x, false)?;
            let (w, v) = g.eigh(held)?;
            let (root, vt) = (g.sqrt(w)?, g.transpose(v)?);
            let rank = g.ty(w).shape.rank();
            let row = g.insert_axis(root, rank - 1)?;
            let scaled = g.mul(v, row)?;
            vec![g.matmul(scaled, vt)?]
        }
    })
}

fn lu_family(op: &str, g: &mut Graph, a: &Arguments, x: NodeId) -> Result<Vec<NodeId>> {
    let rank = g.ty(x).shape.rank();
    let pivots_of = |g: &mut Graph, pivots: NodeId| {
        let from_one = g.plus_number(pivots, 1.0)?;
        g.cast(from_one, DType::I32)
    };
    match op {
        "lu" | "linalg.lu_factor" | "linalg.lu_factor_ex" => {
            let parts = g.lu(x)?;
            let pivots = pivots_of(g, parts.pivots)?;
            let mut results = vec![parts.factors, pivots];
            if op != "linalg.lu_factor" {
                let shape = Shape::new(g.ty(x).shape.dims()[..rank - 2].iter().cloned());
                results.push(g.full(&gradframe_ml_core::graph::Type::new(DType::I32, shape), 0.0)?);
            }
            Ok(results)
        }
        "linalg.lu" => {
            let parts = g.lu(x)?;
            Ok(vec![g.transpose(parts.exchange)?, parts.l, parts.u])
        }
        "lu_unpack" => {
            let [.., m, n] = g.ty(x).shape.as_fixed().ok_or_else(unknown)?[..] else { return Err(unknown()) };
            let (below, upper) = (g.tril(x, -1)?, g.triu(x, 0)?);
            let k = m.min(n);
            let (below, upper) = (g.corner(below, m, k)?, g.corner(upper, k, n)?);
            let one = g.eye(DType::F64, &Dim::fixed(m))?;
            let one = g.corner(one, m, k)?;
            let lower = g.add(below, one)?;
            let exchange = exchange(g, a.tensor(1, "")?, m)?;
            Ok(vec![g.transpose(exchange)?, lower, upper])
        }
        "lu_solve" if !a.named("adjoint").is_none() || !a.named("left").is_none() => Err(unknown()),
        "lu_solve" => {
            let (factors, pivots) = (a.tensor(1, "")?, a.tensor(2, "")?);
            lu_solved(g, factors, pivots, x, false).map(|n| vec![n])
        }
        _ => {
            let (pivots, b) = (a.tensor(1, "")?, a.tensor(2, "")?);
            let adjoint = a.named("adjoint").is_true();
            if a.named("left").is_true() {
                return lu_solved(g, x, pivots, b, adjoint).map(|n| vec![n]);
            }
            let turned = g.transpose(b)?; // X A = B is A' X' = B'
            let solved = lu_solved(g, x, pivots, turned, !adjoint)?;
            Ok(vec![g.transpose(solved)?])
        }
    }
}

fn lu_solved(g: &mut Graph, factors: NodeId, pivots: NodeId, b: NodeId, adjoint: bool) -> Result<NodeId> {
    let n = g.ty(pivots).shape.as_fixed().ok_or_else(unknown)?[..].last().copied().unwrap_or(0);
    let exchange = exchange(g, pivots, n)?;
    if adjoint {
        let above = g.solve_triangular(factors, b, true, true, false)?;
        let below = g.solve_triangular(factors, above, false, true, true)?;
        let back = g.transpose(exchange)?;
        return g.matmul(back, below);
    }
    let ordered = g.matmul(exchange, b)?;
    let below = g.solve_triangular(factors, ordered, false, false, true)?;
    g.solve_triangular(factors, below, true, false, false)
}

/// P from LAPACK's pivots (from 1), one exchange after the other: [m, m].
fn exchange(g: &mut Graph, pivots: NodeId, m: usize) -> Result<NodeId> {
    let [steps] = g.ty(pivots).shape.as_fixed().ok_or_else(unknown)?[..] else { return Err(unknown()) };
    let mut exchange = g.eye(DType::F64, &Dim::fixed(m))?;
    for step in 0..steps {
        let pivot = g.slice_axis(pivots, 0, step, Dim::fixed(step + 1))?;
        let pivot = g.cast(pivot, DType::I64)?;
        let other = g.plus_number(pivot, -1.0)?;
        let row = g.iota(DType::I64, &Shape::fixed(&[m]), 0)?;
        let own = g.scalar(DType::I64, step as f64)?;
        let (here, there) = (g.eq(row, own)?, g.eq(row, other)?);
        let places = g.select(there, own, row)?;
        let other = g.broadcast_to(other, &Shape::fixed(&[m]))?;
        let places = g.select(here, other, places)?;
        exchange = g.gather(exchange, places, 0)?;
    }
    Ok(exchange)
}

fn solved(name: &str, g: &mut Graph, a: &Arguments, x: NodeId) -> Result<NodeId> {
    let y = a.node(1);
    let needed = || y.ok_or_else(unknown);
    match name {
        "inv" | "inv_ex" => g.inv(x),
        "solve" | "solve_ex" => solve(g, x, needed()?),
        "det" => g.det(x),
        "logdet" => g.slogdet(x).map(|(_, log)| log),
        "matrix_exp" => g.matrix_exp(x),
        "matrix_power" => g.matrix_power(x, a.integer(1, "n", 1)?),
        "pinv" | "pinv.hermitian" | "pinv.singular" | "pinverse" => pinv(name, g, a, x),
        "cholesky_inverse" => {
            let turned = g.transpose(x)?;
            let whole = if a.get(1, "upper").is_true() { g.matmul(turned, x)? } else { g.matmul(x, turned)? };
            g.inv(whole)
        }
        "cholesky_solve" => {
            let upper = a.get(2, "upper").is_true();
            let first = g.solve_triangular(needed()?, x, upper, upper, false)?;
            g.solve_triangular(needed()?, first, upper, !upper, false)
        }
        "solve_triangular" if a.named("left").is_none() || a.named("left").is_true() => {
            g.solve_triangular(x, needed()?, a.named("upper").is_true(), false, a.named("unitriangular").is_true())
        }
        "cross" => cross(g, a, x, needed()?),
        "tensorinv" => tensorinv(g, x, a.integer(1, "ind", 2)? as usize),
        "tensorsolve" => tensorsolve(g, a, x, needed()?),
        "vander" => vander(g, x, a.integer(1, "N", 0)? as usize),
        "householder_product" => householder_product(g, x, needed()?),
        "ormqr" => {
            let (tau, c) = (needed()?, a.tensor(2, "")?);
            let q = householder_square(g, x, tau)?;
            let q = if a.named("transpose").is_true() { g.transpose(q)? } else { q };
            if a.named("left").is_true() { g.matmul(q, c) } else { g.matmul(c, q) }
        }
        _ => Err(unknown()),
    }
}

/// The symmetric matrix of which `x` holds a triangle; its slope is that of the whole.
fn of_triangle(g: &mut Graph, x: NodeId, upper: bool) -> Result<NodeId> {
    let (own, strict) = if upper { (g.triu(x, 0)?, g.triu(x, 1)?) } else { (g.tril(x, 0)?, g.tril(x, -1)?) };
    let turned = g.transpose(strict)?;
    let whole = g.add(own, turned)?;
    let gap = g.sub(whole, x)?;
    let held = g.stop_gradient(gap)?;
    g.add(x, held)
}

/// A vector on the right is one column.
fn solve(g: &mut Graph, a: NodeId, b: NodeId) -> Result<NodeId> {
    if g.ty(b).shape.rank() == g.ty(a).shape.rank() {
        return g.solve(a, b);
    }
    let rank = g.ty(b).shape.rank();
    let shape = g.ty(b).shape.clone();
    let column = g.insert_axis(b, rank)?;
    let x = g.solve(a, column)?;
    g.reshape(x, &shape)
}

fn pinv(name: &str, g: &mut Graph, a: &Arguments, x: NodeId) -> Result<NodeId> {
    let x = if name == "pinv.singular" {
        let turned = g.transpose(a.tensor(1, "")?)?;
        g.matmul(x, turned)?
    } else if name == "pinv.hermitian" {
        of_triangle(g, x, false)?
    } else {
        x
    };
    let [.., m, n] = g.ty(x).shape.as_fixed().ok_or_else(unknown)?[..] else { return Err(unknown()) };
    let usual = if name == "pinverse" { 1e-15 } else { m.max(n) as f64 * f64::EPSILON };
    let rtol = a.number(9, "rtol", usual)?;
    g.pinv(x, rtol)
}

fn cross(g: &mut Graph, a: &Arguments, x: NodeId, y: NodeId) -> Result<NodeId> {
    let shape = g.ty(x).shape.clone();
    let found = shape.dims().iter().position(|d| d.as_fixed() == Some(3));
    let default = if a.named("dim").is_none() { found.map_or(-1, |i| i as i64) } else { -1 };
    let at = a.axis(9, "dim", default, shape.rank())?;
    let mut turned = |x: NodeId, by: usize| {
        let (tail, head) = (g.slice_axis(x, at, by, Dim::fixed(3))?, g.slice_axis(x, at, 0, Dim::fixed(by))?);
        g.concat(&[tail, head], at)
    };
    let (x1, x2, y1, y2) = (turned(x, 1)?, turned(x, 2)?, turned(y, 1)?, turned(y, 2)?);
    let (left, right) = (g.mul(x1, y2)?, g.mul(x2, y1)?);
    g.sub(left, right)
}

fn tensorinv(g: &mut Graph, x: NodeId, ind: usize) -> Result<NodeId> {
    let own = g.ty(x).shape.as_fixed().ok_or_else(unknown)?;
    let rows: usize = own[..ind].iter().product();
    let square = g.reshape(x, &Shape::fixed(&[rows, rows]))?;
    let inverse = g.inv(square)?;
    g.reshape(inverse, &Shape::fixed(&[&own[ind..], &own[..ind]].concat()))
}

fn tensorsolve(g: &mut Graph, a: &Arguments, x: NodeId, b: NodeId) -> Result<NodeId> {
    let own = g.ty(x).shape.as_fixed().ok_or_else(unknown)?;
    let last = a.named("dims").integers().unwrap_or_default();
    let last: Vec<usize> = last.iter().map(|&d| d as usize).collect();
    let perm: Vec<usize> = (0..own.len()).filter(|i| !last.contains(i)).chain(last.iter().copied()).collect();
    let x = g.permute(x, &perm)?;
    let own: Vec<usize> = perm.iter().map(|&i| own[i]).collect();
    let rows: usize = g.ty(b).shape.as_fixed().ok_or_else(unknown)?.iter().product();
    let square = g.reshape(x, &Shape::fixed(&[rows, rows]))?;
    let column = g.reshape(b, &Shape::fixed(&[rows, 1]))?;
    let solved = g.solve(square, column)?;
    let rank = g.ty(b).shape.rank();
    g.reshape(solved, &Shape::fixed(&own[rank..]))
}

fn vander(g: &mut Graph, x: NodeId, count: usize) -> Result<NodeId> {
    let shape = g.ty(x).shape.clone();
    let x = if shape.rank() == 0 { g.insert_axis(x, 0)? } else { x };
    let rank = g.ty(x).shape.rank();
    let mut column = g.full_like(x, 1.0)?;
    let mut columns = Vec::with_capacity(count);
    for _ in 0..count {
        columns.push(g.insert_axis(column, rank)?);
        column = g.mul(column, x)?;
    }
    g.concat(&columns, rank)
}

/// The first columns of the product of mirrors `1 - tau v v'`.
fn householder_product(g: &mut Graph, x: NodeId, tau: NodeId) -> Result<NodeId> {
    let [m, n] = g.ty(x).shape.as_fixed().ok_or_else(unknown)?[..] else { return Err(unknown()) };
    let square = householder_square(g, x, tau)?;
    g.corner(square, m, n)
}

fn householder_square(g: &mut Graph, x: NodeId, tau: NodeId) -> Result<NodeId> {
    let [m, n] = g.ty(x).shape.as_fixed().ok_or_else(unknown)?[..] else { return Err(unknown()) };
    let count = g.ty(tau).shape.as_fixed().ok_or_else(unknown)?[0];
    let below = g.tril(x, -1)?;
    let one = g.eye(DType::F64, &Dim::fixed(m.max(n)))?;
    let diagonal = g.corner(one, m, n)?;
    let vectors = g.add(below, diagonal)?;
    let whole = g.eye(DType::F64, &Dim::fixed(m))?;
    let mut product = whole;
    for k in 0..count {
        let v = g.slice_axis(vectors, 1, k, Dim::fixed(k + 1))?; // [m, 1]
        let t = g.slice_axis(tau, 0, k, Dim::fixed(k + 1))?;
        let turned = g.transpose(v)?;
        let along = g.matmul(product, v)?;
        let change = g.matmul(along, turned)?;
        let scaled = g.mul(change, t)?;
        product = g.sub(product, scaled)?;
    }
    Ok(product)
}

fn sized(name: &str, g: &mut Graph, a: &Arguments, x: NodeId) -> Result<NodeId> {
    match name {
        "matrix_rank" => g.matrix_rank(x, None),
        "matrix_rank.hermitian" => g.matrix_rank(x, None),
        "cond" if a.places() == 1 => {
            let s = g.svdvals(x)?;
            let last = g.ty(s).shape.rank() - 1;
            let (largest, smallest) = (g.max_over(s, &[last])?, g.min_over(s, &[last])?);
            g.div(largest, smallest)
        }
        "matrix_norm" => {
            let norm = match a.get(1, "ord") {
                Argument::Text(name) if name == "fro" => MatrixNorm::Frobenius,
                Argument::Text(name) if name == "nuc" => MatrixNorm::Nuclear,
                Argument::None => MatrixNorm::Frobenius,
                Argument::Number(p) => by_number(p)?,
                _ => return Err(unknown()),
            };
            let value = g.matrix_norm(x, norm)?;
            let rank = g.ty(x).shape.rank();
            if a.get(3, "keepdim").is_true() {
                let shape = g.ty(x).shape.with(rank - 2, Dim::fixed(1)).with(rank - 1, Dim::fixed(1));
                return g.reshape(value, &shape);
            }
            Ok(value)
        }
        "vector_norm" | "norm" | "norm.subgradients_at_zero" => vector_norm(name, g, a, x),
        "norm.nuc" => g.matrix_norm(x, MatrixNorm::Nuclear),
        "norm.inf" | "norm.fro" => vector_norm(name, g, a, x),
        _ => Err(unknown()),
    }
}

fn by_number(p: f64) -> Result<MatrixNorm> {
    Ok(match p {
        1.0 => MatrixNorm::One,
        -1.0 => MatrixNorm::MinusOne,
        2.0 => MatrixNorm::Two,
        -2.0 => MatrixNorm::MinusTwo,
        f64::INFINITY => MatrixNorm::Infinity,
        f64::NEG_INFINITY => MatrixNorm::MinusInfinity,
        _ => return Err(unknown()),
    })
}

fn vector_norm(name: &str, g: &mut Graph, a: &Arguments, x: NodeId) -> Result<NodeId> {
    let p = match a.get(1, if name == "vector_norm" { "ord" } else { "p" }) {
        Argument::None => 2.0,
        Argument::Number(p) => p,
        Argument::Text(word) => match word.as_str() {
            "fro" => 2.0,
            "inf" => f64::INFINITY,
            "-inf" => f64::NEG_INFINITY,
            _ => return Err(unknown()),
        },
        _ => return Err(unknown()),
    };
    a.only(&["ord", "keepdim", "p"])?;
    if a.places() > 2 || a.named("keepdim").is_true() {
        return Err(unknown());
    }
    let axes: Vec<usize> = (0..g.ty(x).shape.rank()).collect();
    g.vector_norm(x, p, &axes)
}

/// True for a decomposition whose parts may have other signs.
pub fn is_free_in_sign(name: &str) -> bool {
    matches!(name, "linalg.qr" | "linalg.eigh" | "linalg.svd" | "svd")
}

/// Turns the signs of our parts, constants for the gradient, as PyTorch's are.
pub fn align(name: &str, g: &mut Graph, outputs: &mut [NodeId], got: &[Tensor], expected: &[Tensor]) -> Result<()> {
    // Which result has the columns that decide, and which others turn with them: along rows if true.
    let (columns, others): (usize, &[(usize, bool)]) = match name {
        "linalg.qr" => (0, &[(1, true)]),
        "linalg.eigh" => (1, &[]),
        "linalg.svd" => (0, &[(2, true)]),
        _ => (0, &[(2, false)]),
    };
    let signs = signs(&got[columns], &expected[columns])?;
    let last = g.constant(signs.clone());
    outputs[columns] = g.mul(outputs[columns], last)?;
    for &(place, rows) in others {
        let rank = signs.shape().len();
        let sizes = signs.shape();
        let turned = if rows { [&sizes[..rank - 2], &[sizes[rank - 1], 1]].concat() } else { sizes.to_vec() };
        let signs = g.constant(signs.reshaped(&turned)?);
        outputs[place] = g.mul(outputs[place], signs)?;
    }
    Ok(())
}

/// 1 or -1 for each column [.., m, n]: [.., 1, n].
fn signs(got: &Tensor, expected: &Tensor) -> Result<Tensor> {
    let shape = got.shape();
    let (m, n) = (shape[shape.len() - 2], shape[shape.len() - 1]);
    let (got, expected) = (got.to_f64(), expected.to_f64());
    let batch = got.len().checked_div(m * n).unwrap_or(0);
    let column = |b: usize, j: usize| {
        let along: f64 = (0..m).map(|i| (b * m + i) * n + j).map(|at| got[at] * expected[at]).sum();
        if along < 0.0 { -1.0 } else { 1.0 }
    };
    let signs: Vec<f64> = (0..batch).flat_map(|b| (0..n).map(move |j| column(b, j))).collect();
    let mut sizes = shape.to_vec();
    sizes[shape.len() - 2] = 1;
    if batch == 0 {
        return Tensor::from_vec(&sizes, vec![1.0; sizes.iter().product()]);
    }
    Tensor::from_vec(&sizes, signs)
}
