//! One function for every size.

use gradframe_ml_core::transform::{evaluate, grad, value_and_grad, vmap};
use gradframe_ml_core::{Dim, Tensor};

use crate::{f64s, function, vector};

#[test]
fn means_count_their_rows_at_run_time() {
    let f = function(&[f64s([Dim::symbol("N")])], |g, x| g.mean(x[0], &[0]));
    for values in [vec![1.0], vec![1.0, 3.0], vec![1.0, 3.0, 8.0]] {
        let expected = values.iter().sum::<f64>() / values.len() as f64;
        assert_eq!(evaluate(&f, &[vector(&values)]).unwrap()[0], Tensor::scalar(expected));
    }
}

#[test]
fn gradients_of_slices_and_joins_know_where_parts_began() {
    let n = Dim::symbol("N");
    let f = function(&[f64s([n.clone()]), f64s([n.clone()]), f64s([2.into()])], |g, x| {
        let joined = g.concat(x, 0)?; // [2N + 2]
        let places = g.iota(gradframe_ml_core::DType::F64, &g.ty(joined).shape.clone(), 0)?;
        let weighted = g.mul(joined, places)?;
        g.sum(weighted, &[0])
    });
    let x = [vector(&[1.0, 2.0, 3.0]), vector(&[4.0, 5.0, 6.0]), vector(&[7.0, 8.0])];
    let slopes = evaluate(&grad(&f, &[0, 1, 2]).unwrap(), &x).unwrap();
    assert_eq!(slopes, [vector(&[0.0, 1.0, 2.0]), vector(&[3.0, 4.0, 5.0]), vector(&[6.0, 7.0])]);

    let head = function(&[f64s([n])], |g, x| {
        let part = g.slice_axis(x[0], 0, 1, Dim::fixed(3))?;
        let square = g.mul(part, part)?;
        g.sum(square, &[0])
    });
    let slope = evaluate(&grad(&head, &[0]).unwrap(), &[vector(&[1.0, 2.0, 3.0, 4.0])]).unwrap();
    assert_eq!(slope[0], vector(&[0.0, 4.0, 6.0, 0.0]));
}

#[test]
fn a_regression_learns_over_any_number_of_rows() {
    let (n, d) = (Dim::symbol("N"), Dim::fixed(2));
    let loss = function(&[f64s([d.clone()]), f64s([n.clone(), d]), f64s([n])], |g, x| {
        let predicted = g.matmul(x[1], x[0])?;
        let errors = g.sub(predicted, x[2])?;
        let squares = g.mul(errors, errors)?;
        g.mean(squares, &[0])
    });
    let step = value_and_grad(&loss, &[0]).unwrap();
    let x = Tensor::from_vec(&[3, 2], vec![1.0, 0.0, 1.0, 1.0, 1.0, 2.0]).unwrap();
    let y = vector(&[1.0, 3.0, 5.0]);
    let mut w = vec![0.0, 0.0];
    for _ in 0..400 {
        let slopes = evaluate(&step, &[vector(&w), x.clone(), y.clone()]).unwrap()[1].to_f64();
        w.iter_mut().zip(slopes).for_each(|(w, slope)| *w -= 0.2 * slope);
    }
    assert!((w[0] - 1.0).abs() < 1e-6 && (w[1] - 2.0).abs() < 1e-6, "{w:?}");
}

#[test]
fn batches_of_symbolic_size_over_symbolic_axes_gather_their_own_rows() {
    let n = Dim::symbol("N");
    let indices = gradframe_ml_core::graph::Type::new(gradframe_ml_core::DType::I64, gradframe_ml_core::Shape::fixed(&[2]));
    let pick = function(&[f64s([n]), indices], |g, x| g.gather(x[0], x[1], 0));
    let all = vmap(&pick, &[Some(0), Some(0)], &Dim::symbol("B")).unwrap();
    let x = Tensor::from_vec(&[2, 3], vec![0.0, 1.0, 2.0, 10.0, 11.0, 12.0]).unwrap();
    let i = Tensor::from_vec(&[2, 2], vec![2i64, -1, 0, 3]).unwrap();
    assert_eq!(evaluate(&all, &[x, i]).unwrap()[0].to_f64(), [2.0, 0.0, 10.0, 0.0]);
}

#[test]
fn a_composite_may_have_a_size_that_none_of_its_operands_has() {
    use gradframe_ml_core::graph::Type;
    use gradframe_ml_core::{DType, Shape};
    let labels = Type::new(DType::I64, Shape::new([Dim::symbol("N")]));
    let f = function(&[labels, f64s([Dim::symbol("K")])], |g, x| {
        let hot = g.one_hot(x[0], &Dim::symbol("K"), DType::F64)?;
        g.matmul(hot, x[1])
    });
    let labels = Tensor::from_vec(&[2], vec![2i64, 0]).unwrap();
    assert_eq!(evaluate(&f, &[labels, vector(&[5.0, 6.0, 7.0])]).unwrap()[0], vector(&[7.0, 5.0]));
}
