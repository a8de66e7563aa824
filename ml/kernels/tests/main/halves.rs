//! Products of bf16 with results in f32: both sides are read where they lie, in their own type.

use gradframe_ml_core::graph::{DotDims, Type};
use gradframe_ml_core::{DType, Dim, Function, Graph, Shape, Tensor};
use gradframe_ml_kernels::compile;
use gradframe_ml_kernels::schedule::Kernel;

use crate::check::{check, check_program, numbers, tensor};

/// x f32 [N, I] rounded, times the rows of w bf16 [O, I]; the result, and what is rounded as f32 too.
fn linear([inputs, outputs]: [usize; 2]) -> Function {
    let mut g = Graph::new();
    let x = g.input("x", Type::new(DType::F32, Shape::new([Dim::symbol("N"), inputs.into()])));
    let w = g.input("w", Type::new(DType::BF16, Shape::fixed(&[outputs, inputs])));
    let x = g.tanh(x).unwrap();
    let rounded = g.cast(x, DType::BF16).unwrap();
    let (left, right) = (g.cast(rounded, DType::F32).unwrap(), g.cast(w, DType::F32).unwrap());
    let dims = DotDims { batch: Default::default(), contract: [(1, 1)].into_iter().collect() };
    let y = g.dot(left, right, dims).unwrap();
    Function::new(g, vec![y, x]).unwrap()
}

fn arguments([rows, inputs, outputs]: [usize; 3]) -> Vec<Tensor> {
    let scaled = |n: usize, seed| numbers(n, seed).iter().map(|v| v / 4.0).collect();
    vec![
        tensor(DType::F32, &[rows, inputs], scaled(rows * inputs, 1)),
        tensor(DType::BF16, &[outputs, inputs], scaled(outputs * inputs, 2)),
    ]
}

#[test]
fn every_number_of_rows_and_odd_sizes() {
    for [inputs, outputs] in [[1, 1], [7, 5], [32, 33], [64, 100], [130, 31], [96, 64]] {
        let f = linear([inputs, outputs]);
        let program = compile(&f).unwrap();
        for rows in [1, 2, 3, 8, 17, 40] {
            check_program(&program, &f, &arguments([rows, inputs, outputs]));
        }
    }
}

#[test]
fn nothing_is_widened_into_memory() {
    let program = compile(&linear([32, 16])).unwrap();
    let dtype = |id: gradframe_ml_kernels::schedule::BufferId| program.schedule().buffers[id.index()].dtype;
    let product = program.kernels().iter().find_map(|k| if let Kernel::Dot(k) = k { Some(k) } else { None }).unwrap();
    assert_eq!(
        [dtype(product.left.buffer), dtype(product.right.buffer), dtype(product.output)],
        [DType::BF16, DType::BF16, DType::F32]
    );
    assert_eq!(program.kernels().len(), 2, "{program}"); // tanh, stored in both types, and the product
}

#[test]
fn a_short_side_beside_a_wide_one_and_matrices_the_other_way_round() {
    for (left, right) in
        [(DType::F32, DType::BF16), (DType::F16, DType::F32), (DType::F16, DType::BF16), (DType::BF16, DType::BF16)]
    {
        for contract in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let mut g = Graph::new();
            let x = g.input("x", Type::new(left, Shape::fixed(&[6, 6])));
            let y = g.input("y", Type::new(right, Shape::fixed(&[6, 6])));
            let (x, y) = (g.cast(x, DType::F32).unwrap(), g.cast(y, DType::F32).unwrap());
            let dims = DotDims { batch: Default::default(), contract: [contract].into_iter().collect() };
            let product = g.dot(x, y, dims).unwrap();
            let f = Function::new(g, vec![product]).unwrap();
            check(&f, &[tensor(left, &[6, 6], numbers(36, 1)), tensor(right, &[6, 6], numbers(36, 2))]);
        }
    }
}
