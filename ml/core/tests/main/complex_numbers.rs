//! Complex arrays: their types, and matrices against what defines their factors.

use gradframe_ml_core::complex::{Complex, ComplexType};
use gradframe_ml_core::transform::evaluate;
use gradframe_ml_core::{DType, Function, Graph, Result, Shape, Tensor};

const BOTH: [ComplexType; 2] = [ComplexType::Complex64, ComplexType::Complex128];

/// Deterministic pairs [.., 2].
fn pairs(ty: ComplexType, shape: &[usize]) -> Tensor {
    let whole = [shape, &[2]].concat();
    let count: usize = whole.iter().product();
    let values = (0..count).map(|i| (0.37 * (i * i) as f64 + 0.3).sin()).collect();
    Tensor::from_vec(&whole, values).unwrap().cast(ty.part()).unwrap()
}

/// What `build` makes of such a matrix.
fn of_matrix(ty: ComplexType, shape: &[usize], build: impl FnOnce(&mut Graph, Complex) -> Result<Complex>) -> Vec<f64> {
    let mut g = Graph::new();
    let a = Complex::input(&mut g, "a", ty, &Shape::fixed(shape)).unwrap();
    let result = build(&mut g, a).unwrap();
    assert_eq!(result.ty(&g).unwrap(), ty);
    let output = result.pairs(&mut g).unwrap();
    evaluate(&Function::new(g, vec![output]).unwrap(), &[pairs(ty, shape)]).unwrap()[0].to_f64()
}

fn is_zero(ty: ComplexType, values: &[f64]) {
    let tolerance = if ty == ComplexType::Complex128 { 1e-12 } else { 1e-4 };
    assert!(!values.is_empty() && values.iter().all(|v| v.abs() < tolerance), "{ty}: {values:?}");
}

#[test]
fn types_are_named_by_their_parts() {
    for ty in BOTH {
        assert_eq!(ComplexType::of(ty.part()).unwrap(), ty);
    }
    assert_eq!(BOTH.map(ComplexType::name), ["complex64", "complex128"]);
    let error = ComplexType::of(DType::BF16).unwrap_err().to_string();
    assert_eq!(error, "complex: expected parts of f16, f32 or f64, got bf16");
}

#[test]
fn new_arrays_hold_what_they_are_asked_for() {
    let mut g = Graph::new();
    let shape = Shape::fixed(&[2]);
    let z = Complex::full(&mut g, ComplexType::Complex64, &shape, 1.0, -2.0).unwrap();
    let known = Complex::constant(&mut g, Tensor::from_vec(&[2, 2], vec![1.0f32, 2.0, 3.0, 4.0]).unwrap()).unwrap();
    let sum = z.add(&mut g, known).unwrap().cast(&mut g, ComplexType::Complex128).unwrap();
    let ones = Complex::ones(&mut g, ComplexType::Complex128, &shape).unwrap();
    let output = sum.sub(&mut g, ones).unwrap().pairs(&mut g).unwrap();
    assert_eq!(crate::value(g, output).values::<f64>().unwrap(), [1.0, 0.0, 3.0, 2.0]);
}

#[test]
fn a_determinant_is_that_of_the_inverse_upside_down_and_multiplies() {
    for ty in BOTH {
        for n in [1, 2, 3, 5] {
            is_zero(
                ty,
                &of_matrix(ty, &[2, n, n], |g, a| {
                    let (det, inverse) = (a.det(g)?, a.inv(g)?.det(g)?);
                    let shape = det.shape(g).clone();
                    let ones = Complex::ones(g, ty, &shape)?;
                    det.mul(g, inverse)?.sub(g, ones)
                }),
            );
            is_zero(
                ty,
                &of_matrix(ty, &[2, n, n], |g, a| {
                    let (det, square) = (a.det(g)?, a.matmul(g, a)?.det(g)?);
                    let product = det.mul(g, det)?;
                    square.sub(g, product)
                }),
            );
        }
    }
}

#[test]
fn determinants_by_hand() {
    let det = |values: Vec<f64>, n: usize| {
        let mut g = Graph::new();
        let a = Complex::constant(&mut g, Tensor::from_vec(&[n, n, 2], values).unwrap()).unwrap();
        let output = a.det(&mut g).unwrap().pairs(&mut g).unwrap();
        crate::value(g, output).to_f64()
    };
    // [[0, 1], [i, 0]]: -i. [[1, i], [i, -1]]: 0. The three rows in turn: an even permutation.
    assert_eq!(det(vec![0., 0., 1., 0., 0., 1., 0., 0.], 2), [0., -1.]);
    assert_eq!(det(vec![1., 0., 0., 1., 0., 1., -1., 0.], 2), [0., 0.]);
    let turned = [0., 1., 0., 0., 0., 1., 1., 0., 0.].iter().flat_map(|&v| [v, 0.]).collect();
    assert_eq!(det(turned, 3), [1., 0.]);
}

#[test]
fn factors_multiply_to_their_matrix() {
    for ty in BOTH {
        is_zero(
            ty,
            &of_matrix(ty, &[2, 3, 4], |g, a| {
                let adjoint = a.adjoint(g)?;
                let square = a.matmul(g, adjoint)?;
                let l = square.cholesky(g)?;
                let turned = l.adjoint(g)?;
                l.matmul(g, turned)?.sub(g, square)
            }),
        );
        for shape in [[3, 4], [4, 3], [3, 3]] {
            is_zero(
                ty,
                &of_matrix(ty, &shape, |g, a| {
                    let inverse = a.pinv(g, 1e-6)?;
                    a.matmul(g, inverse)?.matmul(g, a)?.sub(g, a)
                }),
            );
        }
    }
}

#[test]
fn matrices_that_are_not_square_are_refused_by_name() {
    let mut g = Graph::new();
    let a = Complex::input(&mut g, "a", ComplexType::Complex64, &Shape::fixed(&[2, 3])).unwrap();
    assert_eq!(a.det(&mut g).unwrap_err().to_string(), "det: expected square matrices [.., n, n], got [2, 3]");
    assert_eq!(a.cholesky(&mut g).unwrap_err().to_string(), "cholesky: expected square matrices [.., n, n], got [2, 3]");
}
