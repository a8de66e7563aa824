//! Tangents of factorizations and solvers, as graphs that are linear in the operands' tangents.
//! Sources: Giles 2008; Walter, Lehmann and Lamour 2012 (QR); Townsend 2016 (SVD); Golub and Pereyra 1973 (pseudoinverse).

use super::Site;
use super::fixed_matrix;
use crate::error::Result;
use crate::graph::{Graph, Kind, Linalg, NodeId};
use crate::ops::add_tangents;

/// The tangent of the packed result.
pub fn tangent(op: Linalg, g: &mut Graph, at: &Site, t: &[Option<NodeId>]) -> Result<Option<NodeId>> {
    if let Linalg::Triangular { .. } | Linalg::Solve { .. } = op {
        return solved(op, g, at, t);
    }
    let Some(da) = t[0] else { return Ok(None) };
    let (a, y) = (at.operands[0], at.value);
    let tangent = match op {
        Linalg::Cholesky => cholesky(g, y, da),
        Linalg::LogDet => log_det(g, a, y, da),
        Linalg::Lu => lu(g, a, y, da),
        Linalg::Qr => qr(g, a, y, da),
        Linalg::Eigh => eigh(g, y, da),
        Linalg::Svd => svd(g, a, y, da),
        _ => pinv(g, a, y, da),
    };
    tangent.map(Some)
}

/// `A^-1 (dB - dA X)`, of a triangle its own part only.
fn solved(op: Linalg, g: &mut Graph, at: &Site, t: &[Option<NodeId>]) -> Result<Option<NodeId>> {
    let from_a = match t[0] {
        Some(da) => Some(moved_by_matrix(op, g, da, at.value)?),
        None => None,
    };
    let Some(right) = add_tangents(g, from_a, t[1])? else { return Ok(None) };
    g.apply(Kind::Linalg(op), &[at.operands[0], right]).map(Some)
}

/// `-dA X`.
fn moved_by_matrix(op: Linalg, g: &mut Graph, da: NodeId, x: NodeId) -> Result<NodeId> {
    let (da, transposed) = match op {
        Linalg::Triangular { upper, transposed, unit } => {
            let strict = i64::from(unit);
            (if upper { g.triu(da, strict)? } else { g.tril(da, -strict)? }, transposed)
        }
        Linalg::Solve { transposed } => (da, transposed),
        _ => (da, false),
    };
    let da = if transposed { g.transpose(da)? } else { da };
    let product = g.matmul(da, x)?;
    g.neg(product)
}

/// The matrix whose lower triangle is that of `x`, made symmetric.
fn mirrored(g: &mut Graph, x: NodeId) -> Result<NodeId> {
    let (lower, below) = (g.tril(x, 0)?, g.tril(x, -1)?);
    let above = g.transpose(below)?;
    g.add(lower, above)
}

/// `L Phi(L^-1 dA L'^-1)`, where Phi takes the lower triangle and half the diagonal.
fn cholesky(g: &mut Graph, l: NodeId, da: NodeId) -> Result<NodeId> {
    let da = mirrored(g, da)?;
    let left = g.solve_lower(l, da)?;
    let turned = g.transpose(left)?;
    let inner = g.solve_lower(l, turned)?;
    let half = g.scalar_like(inner, 0.5)?;
    let (lower, below) = (g.tril(inner, 0)?, g.tril(inner, -1)?);
    let both = g.add(lower, below)?;
    let phi = g.mul(both, half)?;
    g.matmul(l, phi)
}

/// `tr(A^-1 dA)` beside 0 for the sign.
fn log_det(g: &mut Graph, a: NodeId, y: NodeId, da: NodeId) -> Result<NodeId> {
    let ratio = g.solve(a, da)?;
    let diagonal = g.diagonal(ratio, 0)?;
    let last = g.ty(y).shape.rank() - 1;
    let trace = g.sum_keep(diagonal, &[last])?;
    let mut low = vec![0; last];
    low.push(1);
    g.pad(trace, &low, &vec![0; last + 1])
}

/// With M = L^-1 P dA U^-1 over the square part: dL = L tril(M, -1), dU = triu(M) U; the rest from P dA = dL U + L dU.
fn lu(g: &mut Graph, a: NodeId, y: NodeId, da: NodeId) -> Result<NodeId> {
    let [m, n] = fixed_matrix("lu", &g.ty(a).shape)?;
    let k = m.min(n);
    let parts = g.lu_parts(y, m, n)?;
    let swapped = g.matmul(parts.exchange, da)?; // P dA
    let (l1, u1) = (g.corner(parts.l, k, k)?, g.corner(parts.u, k, k)?);
    let square = g.corner(swapped, k, k)?;
    let left = g.apply(Kind::Linalg(Linalg::Triangular { upper: false, transposed: false, unit: true }), &[l1, square])?;
    let inner = g.right_divide_upper(left, u1)?; // M
    let (below, above) = (g.tril(inner, -1)?, g.triu(inner, 0)?);
    let du = if n > m {
        // L^-1 P dA - tril(M, -1) U, whose first columns are triu(M) U1
        let all = g.apply(Kind::Linalg(Linalg::Triangular { upper: false, transposed: false, unit: true }), &[l1, swapped])?;
        let taken = g.matmul(below, parts.u)?;
        g.sub(all, taken)?
    } else {
        g.matmul(above, parts.u)?
    };
    let dl = if m > n {
        let all = g.right_divide_upper(swapped, u1)?;
        let taken = g.matmul(parts.l, above)?;
        g.sub(all, taken)?
    } else {
        g.matmul(parts.l, below)?
    };
    let (dl, du) = (g.tril(dl, -1)?, g.triu(du, 0)?);
    let (dl, du) = (g.widened(dl, m, n)?, g.widened(du, m, n)?);
    let both = g.add(dl, du)?;
    g.widened(both, m, n + 2)
}

/// Over the first k columns: dQ = Q (W - Q' dA R^-1) + dA R^-1 with W = tril(.., -1) made antisymmetric; dR = Q' (dA - dQ R).
fn qr(g: &mut Graph, a: NodeId, y: NodeId, da: NodeId) -> Result<NodeId> {
    let [m, n] = fixed_matrix("qr", &g.ty(a).shape)?;
    let k = m.min(n);
    let (q, r) = g.qr_parts(y, m, n)?;
    let (r1, da1) = (g.corner(r, k, k)?, g.corner(da, m, k)?);
    let ratio = g.right_divide_upper(da1, r1)?; // dA R^-1
    let qt = g.transpose(q)?;
    let inner = g.matmul(qt, ratio)?;
    let below = g.tril(inner, -1)?;
    let above = g.transpose(below)?;
    let turn = g.sub(below, above)?;
    let change = g.sub(turn, inner)?;
    let along = g.matmul(q, change)?;
    let dq = g.add(along, ratio)?;
    let taken = g.matmul(dq, r)?;
    let rest = g.sub(da, taken)?;
    let dr = g.matmul(qt, rest)?;
    let dr = g.triu(dr, 0)?;
    g.packed(&[dq, dr])
}

/// `1 / (w_j - w_i)`, 0 where they are equal.
fn gaps(g: &mut Graph, w: NodeId) -> Result<NodeId> {
    let last = g.ty(w).shape.rank() - 1;
    let (row, column) = (g.insert_axis(w, last)?, g.insert_axis(w, last + 1)?);
    let gap = g.sub(row, column)?;
    let (zero, one) = (g.scalar_like(gap, 0.0)?, g.scalar_like(gap, 1.0)?);
    let same = g.eq(gap, zero)?;
    let held = g.select(same, one, gap)?;
    let inverse = g.div(one, held)?;
    g.select(same, zero, inverse)
}

/// With G = V' dA V: dw = diag(G), dV = V (G / (w_j - w_i)).
fn eigh(g: &mut Graph, y: NodeId, da: NodeId) -> Result<NodeId> {
    let (w, v) = g.eigh_parts(y)?;
    let da = mirrored(g, da)?;
    let vt = g.transpose(v)?;
    let left = g.matmul(vt, da)?;
    let inner = g.matmul(left, v)?;
    let gaps = gaps(g, w)?;
    let turn = g.mul(gaps, inner)?;
    let dv = g.matmul(v, turn)?;
    let dw = g.diagonal(inner, 0)?;
    let last = g.ty(dw).shape.rank();
    let dw = g.insert_axis(dw, last)?;
    g.concat(&[dv, dw], last)
}

/// With P = U' dA V and F = 1 / (s_j^2 - s_i^2): ds = diag(P), dU = U F (P s + s P'), dV = V F (s P + P' s), and what
/// leaves the spaces of U and V.
fn svd(g: &mut Graph, a: NodeId, y: NodeId, da: NodeId) -> Result<NodeId> {
    let [m, n] = fixed_matrix("svd", &g.ty(a).shape)?;
    let (u, s, vt) = g.svd_parts(y, m, n)?;
    let (ut, v) = (g.transpose(u)?, g.transpose(vt)?);
    let dav = g.matmul(da, v)?;
    let p = g.matmul(ut, dav)?;
    let squares = g.mul(s, s)?;
    let gaps = gaps(g, squares)?;
    let last = g.ty(s).shape.rank() - 1;
    let (row, column) = (g.insert_axis(s, last)?, g.insert_axis(s, last + 1)?);
    let (right, left) = (g.mul(p, row)?, g.mul(p, column)?);
    let (right, left) = (with_transpose(g, right)?, with_transpose(g, left)?);
    let (right, left) = (g.mul(gaps, right)?, g.mul(gaps, left)?);
    let (mut du, mut dv) = (g.matmul(u, right)?, g.matmul(v, left)?);
    if m > n {
        du = outside(g, du, u, dav, row)?;
    }
    if n > m {
        let dat = g.transpose(da)?;
        let dau = g.matmul(dat, u)?;
        dv = outside(g, dv, v, dau, row)?;
    }
    let (ds, dvt) = (g.diagonal(p, 0)?, g.transpose(dv)?);
    g.packed(&[du, ds, dvt])
}

fn with_transpose(g: &mut Graph, x: NodeId) -> Result<NodeId> {
    let turned = g.transpose(x)?;
    g.add(x, turned)
}

/// `change + (1 - B B') x / s`.
fn outside(g: &mut Graph, change: NodeId, basis: NodeId, x: NodeId, s: NodeId) -> Result<NodeId> {
    let turned = g.transpose(basis)?;
    let along = g.matmul(turned, x)?;
    let inside = g.matmul(basis, along)?;
    let rest = g.sub(x, inside)?;
    let scaled = g.div(rest, s)?;
    g.add(change, scaled)
}

/// `-Y dA Y + Y Y' dA' (1 - A Y) + (1 - Y A) dA' Y' Y`.
fn pinv(g: &mut Graph, a: NodeId, y: NodeId, da: NodeId) -> Result<NodeId> {
    let (yt, dat) = (g.transpose(y)?, g.transpose(da)?);
    let left = g.matmul(y, da)?;
    let middle = g.matmul(left, y)?;
    let yyt = g.matmul(y, yt)?;
    let second = g.matmul(yyt, dat)?; // Y Y' dA'
    let (ay, ya) = (g.matmul(a, y)?, g.matmul(y, a)?);
    let taken = g.matmul(second, ay)?;
    let second = g.sub(second, taken)?;
    let yty = g.matmul(yt, y)?;
    let third = g.matmul(dat, yty)?; // dA' Y' Y
    let taken = g.matmul(ya, third)?;
    let third = g.sub(third, taken)?;
    let both = g.add(second, third)?;
    g.sub(both, middle)
}
