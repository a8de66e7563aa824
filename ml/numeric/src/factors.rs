//! Factorizations.

use faer::linalg::solvers::{PartialPivLu, Svd};
use faer::{Mat, Side};

use super::{is_finite, matrix, row_major, signs};

/// The lower factor of a symmetric matrix [n, n], of which the lower triangle is read; NaN if it is not positive definite.
pub fn cholesky(a: &[f64], n: usize) -> Vec<f64> {
    if n == 0 {
        return Vec::new();
    }
    match matrix(a, [n, n]).llt(Side::Lower) {
        Ok(factor) if is_finite(a) => row_major(factor.L()),
        _ => vec![f64::NAN; n * n],
    }
}

/// [m, n + 2]: both triangles, the row in each place, the row exchanged with.
pub fn lu(a: &[f64], [m, n]: [usize; 2]) -> Vec<f64> {
    if m == 0 {
        return Vec::new();
    }
    let factors = matrix(a, [m, n]).partial_piv_lu();
    let (rows, pivots) = (rows_of(&factors), pivots_of(&factors, m.min(n)));
    let (l, u) = (factors.L(), factors.U());
    let mut packed = Vec::with_capacity(m * (n + 2));
    for i in 0..m {
        packed.extend((0..n).map(|j| if j < i { l[(i, j)] } else { u[(i, j)] }));
        packed.push(rows[i] as f64);
        packed.push(pivots.get(i).map_or(0.0, |&p| p as f64));
    }
    packed
}

/// The row of the matrix that stands in each place.
pub(crate) fn rows_of(factors: &PartialPivLu<f64>) -> Vec<usize> {
    factors.P().arrays().0.to_vec()
}

/// The exchanges, one after the other, that put the rows there.
pub(crate) fn pivots_of(factors: &PartialPivLu<f64>, steps: usize) -> Vec<usize> {
    let wanted = rows_of(factors);
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    let mut place = order.clone(); // where each row stands now
    let mut pivots = Vec::with_capacity(steps);
    for (step, &row) in wanted.iter().enumerate().take(steps) {
        let from = place[row];
        let moved = order[step];
        order.swap(step, from);
        (place[row], place[moved]) = (step, from);
        pivots.push(from);
    }
    pivots
}

/// Q [m, k] then R [k, n], with no negative number on R's diagonal.
pub fn qr(a: &[f64], [m, n]: [usize; 2]) -> Vec<f64> {
    let k = m.min(n);
    if k == 0 {
        return Vec::new();
    }
    let factors = matrix(a, [m, n]).qr();
    let (mut q, mut r) = (factors.compute_thin_Q(), factors.thin_R().to_owned());
    for i in 0..k {
        if r[(i, i)] < 0.0 {
            (0..n).for_each(|j| r[(i, j)] = -r[(i, j)]);
            (0..m).for_each(|j| q[(j, i)] = -q[(j, i)]);
        }
        (0..i).for_each(|j| r[(i, j)] = 0.0);
    }
    [row_major(q.as_ref()), row_major(r.as_ref())].concat()
}

/// [n, n + 1]: eigenvectors as columns, then the eigenvalues, ascending.
pub fn eigh(a: &[f64], n: usize) -> Vec<f64> {
    if n == 0 {
        return Vec::new();
    }
    let found = if is_finite(a) { matrix(a, [n, n]).self_adjoint_eigen(Side::Lower).ok() } else { None };
    let Some(found) = found else { return vec![f64::NAN; n * (n + 1)] };
    let mut vectors = found.U().to_owned();
    signs::fixed(&mut vectors);
    let values = found.S().column_vector();
    let row = |i: usize| (0..n).map(|j| vectors[(i, j)]).chain([values[i]]).collect::<Vec<_>>();
    (0..n).flat_map(row).collect()
}

fn thin_svd(a: &[f64], shape: [usize; 2]) -> Option<(Mat<f64>, Vec<f64>, Mat<f64>)> {
    let found: Svd<f64> = if is_finite(a) { matrix(a, shape).thin_svd().ok()? } else { return None };
    let (mut u, mut v) = (found.U().to_owned(), found.V().to_owned());
    for (j, sign) in signs::fixed(&mut u).into_iter().enumerate() {
        (0..v.nrows()).for_each(|i| v[(i, j)] *= sign);
    }
    let values = found.S().column_vector();
    Some((u, (0..values.nrows()).map(|i| values[i]).collect(), v))
}

/// U [m, k], s [k], V' [k, n] one after the other.
pub fn svd(a: &[f64], [m, n]: [usize; 2]) -> Vec<f64> {
    let k = m.min(n);
    if k == 0 {
        return Vec::new();
    }
    match thin_svd(a, [m, n]) {
        Some((u, s, v)) => [row_major(u.as_ref()), s, row_major(v.as_ref().transpose())].concat(),
        None => vec![f64::NAN; m * k + k + k * n],
    }
}

/// The pseudoinverse [n, m]; singular values of at most `rtol` times the largest count as zero.
pub fn pinv(a: &[f64], [m, n]: [usize; 2], rtol: f64) -> Vec<f64> {
    if m.min(n) == 0 {
        return Vec::new();
    }
    let Some((u, s, mut v)) = thin_svd(a, [m, n]) else { return vec![f64::NAN; m * n] };
    let least = s.first().copied().unwrap_or(0.0) * rtol;
    for (j, &value) in s.iter().enumerate() {
        let factor = if value > least { 1.0 / value } else { 0.0 };
        (0..n).for_each(|i| v[(i, j)] *= factor);
    }
    row_major((&v * u.as_ref().transpose()).as_ref())
}
