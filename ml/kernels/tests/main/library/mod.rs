//! Kernels that are routines of a library: factorizations, solvers, Fourier transforms. They have no form that is printed,
//! so these tests are no case for the back end that prints.

use gradframe_ml_core::complex::{Complex, FftNorm};
use gradframe_ml_core::graph::Type;
use gradframe_ml_core::transform::value_and_grad;
use gradframe_ml_core::{DType, Dim, Graph, NodeId, Result, Shape, Tensor};

use crate::check::{check, function, numbers, tensor};

/// Near a multiple of one: regular, and with distinct eigenvalues.
fn regular(dtype: DType, shape: &[usize], seed: u64) -> Tensor {
    let (m, n) = (shape[shape.len() - 2], shape[shape.len() - 1]);
    let mut values: Vec<f64> = numbers(shape.iter().product(), seed).iter().map(|v| v / 16.0).collect();
    for (at, value) in values.iter_mut().enumerate() {
        let (i, j) = (at / n % m, at % n);
        *value += if i == j { 2.0 + 1.5 * (m + n - i) as f64 } else { 0.0 };
    }
    tensor(dtype, shape, values)
}

/// What `build` makes of a matrix, in both types and with its gradient, for one matrix and for a batch.
fn check_of_matrices(shapes: &[[usize; 2]], build: impl Fn(&mut Graph, NodeId) -> Result<Vec<NodeId>>) {
    for dtype in [DType::F32, DType::F64] {
        for &[m, n] in shapes {
            let single = function(&[Type::new(dtype, Shape::fixed(&[m, n]))], |g, x| build(g, x[0]));
            check(&single, &[regular(dtype, &[m, n], 1)]);
            let batch = Shape::new([Dim::symbol("B"), m.into(), n.into()]);
            let many = function(&[Type::new(dtype, batch)], |g, x| build(g, x[0]));
            for count in [0, 1, 5] {
                check(&many, &[regular(dtype, &[count, m, n], 2)]);
            }
        }
    }
    let [m, n] = shapes[0];
    let loss = function(&[Type::new(DType::F64, Shape::fixed(&[m, n]))], |g, x| {
        let mut total = g.scalar(DType::F64, 0.0)?;
        for part in build(g, x[0])? {
            let bent = g.sin(part)?;
            let sum = g.sum_all(bent)?;
            total = g.add(total, sum)?;
        }
        Ok(vec![total])
    });
    check(&value_and_grad(&loss, &[0]).unwrap(), &[regular(DType::F64, &[m, n], 3)]);
}

const SQUARE: &[[usize; 2]] = &[[4, 4], [1, 1], [17, 17]];
const ANY: &[[usize; 2]] = &[[4, 4], [6, 3], [3, 5]];

#[test]
fn factorizations() {
    check_of_matrices(SQUARE, |g, a| Ok(vec![g.cholesky(a)?]));
    check_of_matrices(SQUARE, |g, a| {
        let (w, v) = g.eigh(a)?;
        Ok(vec![w, v])
    });
    check_of_matrices(ANY, |g, a| {
        let parts = g.lu(a)?;
        Ok(vec![parts.l, parts.u])
    });
    check_of_matrices(ANY, |g, a| {
        let (q, r) = g.qr(a)?;
        Ok(vec![q, r])
    });
    check_of_matrices(ANY, |g, a| {
        let (u, s, vt) = g.svd(a)?;
        Ok(vec![u, s, vt])
    });
}

#[test]
fn solvers_and_what_follows() {
    check_of_matrices(SQUARE, |g, a| Ok(vec![g.inv(a)?, g.det(a)?]));
    check_of_matrices(ANY, |g, a| Ok(vec![g.pinv(a, 1e-12)?]));
    check_of_matrices(&[[3, 3]], |g, a| {
        let small = g.scaled_by(a, 0.1)?;
        Ok(vec![g.matrix_exp(small)?, g.matrix_power(small, -3)?])
    });
}

#[test]
fn matrices_without_elements() {
    check_of_matrices(&[[0, 0]], |g, a| Ok(vec![g.inv(a)?, g.det(a)?, g.cholesky(a)?]));
}

#[test]
fn transforms_of_every_length() {
    for n in [1, 2, 3, 8, 12, 17, 64, 97] {
        let f = function(&[Type::new(DType::F64, Shape::new([Dim::symbol("N"), n.into()]))], |g, x| {
            let z = Complex::rfft(g, x[0], 1, None, FftNorm::Backward)?;
            let back = z.irfft(g, 1, Some(n), FftNorm::Backward)?;
            Ok(vec![z.re, z.im, back])
        });
        for rows in [0, 1, 7] {
            check(&f, &[tensor(DType::F64, &[rows, n], numbers(rows * n, 4))]);
        }
    }
}
