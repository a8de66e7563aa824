//! Eigenvalues and singular values by Jacobi's rotations. Source: Golub and Van Loan, Matrix Computations, 8.5, 8.6.

use super::Matrix;

/// Far more sweeps than any matrix needs: convergence is quadratic.
const SWEEPS_MAX: usize = 60;

/// V and w of a symmetric matrix, read from its lower triangle: [n, n + 1].
pub fn packed_eigh(a: &Matrix) -> Vec<f64> {
    let n = a.rows;
    let mut d = a.clone();
    for i in 0..n {
        (i + 1..n).for_each(|j| d.set(i, j, a.at(j, i)));
    }
    let mut v = Matrix::identity(n);
    for _ in 0..SWEEPS_MAX {
        if !sweep(&mut d, &mut v) {
            break;
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| d.at(i, i).total_cmp(&d.at(j, j)));
    let mut packed = Matrix::zeros(n, n + 1);
    for (place, &j) in order.iter().enumerate() {
        let sign = sign_of((0..n).map(|i| v.at(i, j)));
        (0..n).for_each(|i| packed.set(i, place, sign * v.at(i, j)));
        packed.set(place, n, d.at(j, j));
    }
    packed.values
}

/// One rotation for each pair; false if there was nothing to turn.
fn sweep(d: &mut Matrix, v: &mut Matrix) -> bool {
    let mut turned = false;
    for p in 0..d.rows {
        for q in p + 1..d.rows {
            let (off, scale) = (d.at(p, q), d.at(p, p).abs() + d.at(q, q).abs());
            if off == 0.0 || off.abs() <= 1e-18 * scale || off.is_nan() {
                continue;
            }
            turned = true;
            let (cosine, sine) = rotation(d.at(p, p), off, d.at(q, q));
            d.rotate_columns(p, q, cosine, sine);
            *d = d.transposed();
            d.rotate_columns(p, q, cosine, sine);
            v.rotate_columns(p, q, cosine, sine);
        }
    }
    turned
}

/// Cosine and sine of the turn that makes [[a, b], [b, c]] diagonal, by the smaller angle.
fn rotation(a: f64, b: f64, c: f64) -> (f64, f64) {
    let tau = (c - a) / (2.0 * b);
    let sign = if tau < 0.0 { -1.0 } else { 1.0 };
    let tangent = sign / (tau.abs() + tau.hypot(1.0));
    let cosine = 1.0 / tangent.hypot(1.0);
    (cosine, tangent * cosine)
}

/// -1 if the first element of at least half the largest size is negative, else 1.
fn sign_of(column: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = column.clone().fold(0.0, |m: f64, x| m.max(x.abs()));
    let first = column.into_iter().find(|x| x.abs() >= 0.5 * largest);
    if first.is_some_and(|x| x < 0.0) { -1.0 } else { 1.0 }
}

/// U [m, k], s [k], V' [k, n].
struct Svd {
    u: Matrix,
    s: Vec<f64>,
    v: Matrix,
}

/// U, s, V' one after the other.
pub fn packed_svd(a: &Matrix) -> Vec<f64> {
    let svd = svd(a);
    [svd.u.values, svd.s, svd.v.values].concat()
}

fn svd(a: &Matrix) -> Svd {
    let any = if a.rows < a.columns { tall_svd(&a.transposed()).turned() } else { tall_svd(a) };
    any.signed()
}

/// Rotates columns until they are orthogonal: their lengths are the singular values.
fn tall_svd(a: &Matrix) -> Svd {
    let n = a.columns;
    let (mut b, mut v) = (a.clone(), Matrix::identity(n));
    for _ in 0..SWEEPS_MAX {
        if !orthogonalised(&mut b, &mut v) {
            break;
        }
    }
    let lengths: Vec<f64> = (0..n).map(|j| b.columns_dot(j, j).sqrt()).collect();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| lengths[j].total_cmp(&lengths[i]));
    collected(&b, &v, &lengths, &order)
}

/// One rotation for each pair of columns; false if all were orthogonal.
fn orthogonalised(b: &mut Matrix, v: &mut Matrix) -> bool {
    let mut turned = false;
    for p in 0..b.columns {
        for q in p + 1..b.columns {
            let (pp, pq, qq) = (b.columns_dot(p, p), b.columns_dot(p, q), b.columns_dot(q, q));
            if pq == 0.0 || pq.abs() <= 1e-16 * (pp * qq).sqrt() || pq.is_nan() {
                continue;
            }
            turned = true;
            let (cosine, sine) = rotation(pp, pq, qq);
            b.rotate_columns(p, q, cosine, sine);
            v.rotate_columns(p, q, cosine, sine);
        }
    }
    turned
}

fn collected(b: &Matrix, v: &Matrix, lengths: &[f64], order: &[usize]) -> Svd {
    let (m, n) = (b.rows, b.columns);
    let mut svd = Svd { u: Matrix::zeros(m, n), s: order.iter().map(|&j| lengths[j]).collect(), v: Matrix::zeros(n, n) };
    let least = svd.s.first().copied().unwrap_or(0.0) * f64::EPSILON;
    for (place, &j) in order.iter().enumerate() {
        (0..n).for_each(|i| svd.v.set(place, i, v.at(i, j)));
        if lengths[j] > least {
            (0..m).for_each(|i| svd.u.set(i, place, b.at(i, j) / lengths[j]));
        } else {
            complete(&mut svd.u, place);
        }
    }
    svd
}

/// A unit column orthogonal to those before it.
fn complete(u: &mut Matrix, place: usize) {
    for unit in 0..u.rows {
        (0..u.rows).for_each(|i| u.set(i, place, f64::from(i == unit)));
        for j in (0..place).chain(0..place) {
            let along = u.columns_dot(j, place);
            (0..u.rows).for_each(|i| u.set(i, place, u.at(i, place) - along * u.at(i, j)));
        }
        let length = u.columns_dot(place, place).sqrt();
        if length > 0.1 {
            (0..u.rows).for_each(|i| u.set(i, place, u.at(i, place) / length));
            return;
        }
    }
}

impl Svd {
    /// That of the transposed matrix.
    fn turned(self) -> Self {
        Svd { u: self.v.transposed(), s: self.s, v: self.u.transposed() }
    }

    fn signed(mut self) -> Self {
        for j in 0..self.s.len() {
            let sign = sign_of((0..self.u.rows).map(|i| self.u.at(i, j)));
            (0..self.u.rows).for_each(|i| self.u.set(i, j, sign * self.u.at(i, j)));
            (0..self.v.columns).for_each(|i| self.v.set(j, i, sign * self.v.at(j, i)));
        }
        self
    }
}

/// V diag(1/s) U', zero for singular values of at most `rtol` times the largest: [n, m].
pub fn pseudoinverse(a: &Matrix, rtol: f64) -> Matrix {
    let svd = svd(a);
    let least = svd.s.first().copied().unwrap_or(0.0) * rtol;
    let mut inverse = Matrix::zeros(a.columns, a.rows);
    for i in 0..a.columns {
        for j in 0..a.rows {
            let kept = (0..svd.s.len()).filter(|&k| svd.s[k] > least);
            inverse.set(i, j, kept.map(|k| svd.v.at(k, i) * svd.u.at(j, k) / svd.s[k]).sum());
        }
    }
    inverse
}
