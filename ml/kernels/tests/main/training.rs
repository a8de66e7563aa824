//! Gradients as training runs them: one program, several chunk sizes, many threads at once.

use gradframe_ml_core::graph::Type;
use gradframe_ml_core::transform::value_and_grad;
use gradframe_ml_core::{DType, Dim, Function, Shape, Tensor};
use gradframe_ml_kernels::{Scratch, Threads, compile};
use std::sync::Arc;

use crate::check::{check_program, function, numbers};

/// Sum over rows of log(1 + exp(-y (X w + u[code] + b))), with its gradient in w, u and b.
fn logistic() -> Function {
    let n = || Dim::symbol("N");
    let f64s = |dims: Vec<Dim>| Type::new(DType::F64, Shape::new(dims));
    let codes = Type::new(DType::I32, Shape::new([n()]));
    let types = [f64s(vec![4.into()]), f64s(vec![6.into()]), f64s(vec![]), f64s(vec![n(), 4.into()]), codes, f64s(vec![n()])];
    let loss = function(&types, |g, x| {
        let linear = g.matmul(x[3], x[0])?;
        let level = g.gather(x[1], x[4], 0)?;
        let with_level = g.add(linear, level)?;
        let score = g.add(with_level, x[2])?;
        let margin = g.mul(score, x[5])?;
        let negative = g.neg(margin)?;
        let row_loss = g.softplus(negative)?;
        Ok(vec![g.sum_all(row_loss)?])
    });
    value_and_grad(&loss, &[0, 1, 2]).unwrap()
}

fn arguments(rows: usize) -> Vec<Tensor> {
    let f64s = |shape: &[usize], seed| Tensor::from_vec(shape, numbers(shape.iter().product(), seed)).unwrap();
    let codes: Vec<i32> = numbers(rows, 5).iter().map(|v| v.abs() as i32).collect();
    let labels = numbers(rows, 6).iter().map(|v| if *v > 0.0 { 1.0 } else { -1.0 }).collect::<Vec<f64>>();
    let codes = Tensor::from_vec(&[rows], codes).unwrap();
    vec![f64s(&[4], 1), f64s(&[6], 2), f64s(&[], 3), f64s(&[rows, 4], 4), codes, Tensor::from_vec(&[rows], labels).unwrap()]
}

#[test]
fn loss_and_gradient_agree_at_several_sizes() {
    let function = logistic();
    let program = compile(&function).unwrap();
    for rows in [1, 17, 4097, 65_536] {
        check_program(&program, &function, &arguments(rows));
    }
}

#[test]
fn many_threads_share_one_program() {
    let program = Arc::new(compile(&logistic()).unwrap());
    let inputs = arguments(20_000);
    let expected = program.run(&inputs).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut scratch = Scratch::new();
                for _ in 0..3 {
                    assert_eq!(program.run_with(&inputs, &mut scratch, Threads::One).unwrap(), expected);
                }
            });
        }
    });
}
