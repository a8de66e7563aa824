//! A = Q R by Householder reflections. Source: Golub and Van Loan, Matrix Computations, 5.2.

use super::Matrix;

/// Q [m, k] then R [k, n], with no negative number on R's diagonal.
pub fn packed_qr(a: &Matrix) -> Vec<f64> {
    let (m, n) = (a.rows, a.columns);
    let k = m.min(n);
    let (mut r, mut q) = (a.clone(), Matrix::identity(m)); // q holds Q' until the end
    for j in 0..k {
        if let Some(mirror) = mirror_of(&r, j) {
            reflect(&mut r, &mirror, j);
            reflect(&mut q, &mirror, j);
        }
    }
    for i in (0..k).filter(|&i| r.at(i, i) < 0.0).collect::<Vec<_>>() {
        (0..n).for_each(|j| r.set(i, j, -r.at(i, j)));
        (0..m).for_each(|j| q.set(i, j, -q.at(i, j)));
    }
    let mut packed = Vec::with_capacity(m * k + k * n);
    for i in 0..m {
        packed.extend((0..k).map(|j| q.at(j, i)));
    }
    for i in 0..k {
        packed.extend((0..n).map(|j| if j < i { 0.0 } else { r.at(i, j) }));
    }
    packed
}

/// The unit vector across which column j, from row j on, is mirrored onto its first element.
fn mirror_of(r: &Matrix, j: usize) -> Option<Vec<f64>> {
    let mut v: Vec<f64> = (j..r.rows).map(|i| r.at(i, j)).collect();
    let size = v.iter().map(|x| x * x).sum::<f64>().sqrt();
    v[0] += if v[0] < 0.0 { -size } else { size };
    let norm = v.iter().map(|x| x * x).sum::<f64>().sqrt();
    (norm > 0.0).then(|| v.into_iter().map(|x| x / norm).collect())
}

fn reflect(x: &mut Matrix, mirror: &[f64], j: usize) {
    for column in 0..x.columns {
        let along: f64 = mirror.iter().enumerate().map(|(i, v)| v * x.at(j + i, column)).sum();
        mirror.iter().enumerate().for_each(|(i, v)| x.set(j + i, column, x.at(j + i, column) - 2.0 * along * v));
    }
}
