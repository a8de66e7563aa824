//! Factorizations into triangles, and what they solve. Source: Golub and Van Loan, Matrix Computations, 3.1, 3.4, 4.2.

use super::Matrix;

/// The lower factor of a symmetric matrix, read from its lower triangle; all NaN where that is not positive definite.
pub fn cholesky(a: &Matrix) -> Matrix {
    let n = a.rows;
    let mut l = Matrix::zeros(n, n);
    for j in 0..n {
        let left: f64 = (0..j).map(|k| l.at(j, k) * l.at(j, k)).sum();
        let pivot = a.at(j, j) - left;
        if pivot.is_nan() || pivot <= 0.0 {
            return Matrix { values: vec![f64::NAN; n * n], ..l };
        }
        l.set(j, j, pivot.sqrt());
        for i in j + 1..n {
            let left: f64 = (0..j).map(|k| l.at(i, k) * l.at(j, k)).sum();
            l.set(i, j, (a.at(i, j) - left) / l.at(j, j));
        }
    }
    l
}

/// X with T X = B (or T' X = B), by substitution.
pub fn solve(t: &Matrix, mut b: Matrix, upper: bool, transposed: bool, unit: bool) -> Matrix {
    let n = t.rows;
    let element = |i: usize, j: usize| if transposed { t.at(j, i) } else { t.at(i, j) };
    let from_below = upper != transposed;
    let order: Vec<usize> = if from_below { (0..n).rev().collect() } else { (0..n).collect() };
    for (done, &i) in order.iter().enumerate() {
        for k in 0..b.columns {
            let known: f64 = order[..done].iter().map(|&j| element(i, j) * b.at(j, k)).sum();
            let rest = b.at(i, k) - known;
            b.set(i, k, if unit { rest } else { rest / element(i, i) });
        }
    }
    b
}

/// Both triangles in one matrix, the row of A in each place, and the row that each step exchanged with.
pub struct Lu {
    pub factors: Matrix,
    pub rows: Vec<usize>,
    pub pivots: Vec<usize>,
}

/// Gaussian elimination, rows exchanged for the largest pivot (the first of equal ones).
pub fn lu(a: &Matrix) -> Lu {
    let (m, n) = (a.rows, a.columns);
    let mut lu = Lu { factors: a.clone(), rows: (0..m).collect(), pivots: Vec::new() };
    for j in 0..m.min(n) {
        let f = &mut lu.factors;
        let pivot = (j + 1..m).fold(j, |best, i| if f.at(i, j).abs() > f.at(best, j).abs() { i } else { best });
        f.swap_rows(j, pivot);
        lu.rows.swap(j, pivot);
        lu.pivots.push(pivot);
        if f.at(j, j) == 0.0 {
            continue;
        }
        for i in j + 1..m {
            let factor = f.at(i, j) / f.at(j, j);
            f.set(i, j, factor);
            (j + 1..n).for_each(|k| f.set(i, k, f.at(i, k) - factor * f.at(j, k)));
        }
    }
    lu
}

/// [m, n + 2]: factors, rows, pivots.
pub fn packed_lu(a: &Matrix) -> Vec<f64> {
    let lu = lu(a);
    let mut packed = Matrix::zeros(a.rows, a.columns + 2);
    for i in 0..a.rows {
        (0..a.columns).for_each(|j| packed.set(i, j, lu.factors.at(i, j)));
        packed.set(i, a.columns, lu.rows[i] as f64);
        packed.set(i, a.columns + 1, lu.pivots.get(i).map_or(0.0, |&p| p as f64));
    }
    packed.values
}

/// X with A X = B (or A' X = B).
pub fn solve_any(a: &Matrix, b: Matrix, transposed: bool) -> Matrix {
    let turned = if transposed { a.transposed() } else { a.clone() };
    let lu = lu(&turned);
    let mut ordered = Matrix::zeros(b.rows, b.columns);
    for (i, &row) in lu.rows.iter().enumerate() {
        (0..b.columns).for_each(|k| ordered.set(i, k, b.at(row, k)));
    }
    let below = solve(&lu.factors, ordered, false, false, true);
    solve(&lu.factors, below, true, false, false)
}

/// Sign and logarithm of the size of the determinant.
pub fn log_det(a: &Matrix) -> Vec<f64> {
    let lu = lu(a);
    let exchanged = lu.pivots.iter().enumerate().filter(|&(i, &p)| i != p).count();
    let start = if exchanged.is_multiple_of(2) { 1.0 } else { -1.0 };
    let diagonal = (0..a.rows).map(|i| lu.factors.at(i, i));
    let sign = diagonal.clone().fold(start, |sign, d| if d == 0.0 { 0.0 } else { sign * d.signum() });
    vec![sign, diagonal.fold(0.0, |sum, d| sum + d.abs().ln())]
}
