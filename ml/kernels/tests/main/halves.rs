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

/// What a decoder does with keys or values that are kept in bf16: [B, P, K, D], of which [B, T, K, D] are new.
fn over_kept(width: usize, contracts_width: bool) -> Function {
    let mut g = Graph::new();
    let symbols = |names: [&str; 2]| names.map(Dim::symbol);
    let ([rows, slots], new) = (symbols(["B", "P"]), Dim::symbol("T"));
    let kept = g.input("kept", Type::new(DType::BF16, Shape::new([rows.clone(), slots.clone(), 2.into(), width.into()])));
    let own = g.input("own", Type::new(DType::F32, Shape::new([rows.clone(), new.clone(), 2.into(), width.into()])));
    let at = g.input("at", Type::new(DType::I64, Shape::scalar()));
    let last: Dim = if contracts_width { width.into() } else { slots };
    let asked = g.input("asked", Type::new(DType::F32, Shape::new([rows, 2.into(), new, 3.into(), last])));
    let own = g.cast(own, DType::BF16).unwrap();
    let all = g.dyn_update(kept, own, at, 1).unwrap();
    let wide = g.cast(all, DType::F32).unwrap();
    let contract = [(4, if contracts_width { 3 } else { 1 })].into_iter().collect();
    let dims = DotDims { batch: [(0, 0), (1, 2)].into_iter().collect(), contract };
    let product = g.dot(asked, wide, dims).unwrap();
    Function::new(g, vec![product, all]).unwrap()
}

#[test]
fn few_rows_times_what_is_kept_in_bf16() {
    for (width, contracts_width) in [(32, true), (64, false), (5, true), (5, false), (24, false)] {
        let f = over_kept(width, contracts_width);
        let program = compile(&f).unwrap();
        for [rows, slots, new] in [[1, 9, 1], [3, 70, 1], [2, 40, 2], [2, 40, 20]] {
            let last = if contracts_width { width } else { slots };
            check_program(
                &program,
                &f,
                &[
                    tensor(DType::BF16, &[rows, slots, 2, width], numbers(rows * slots * 2 * width, 1)),
                    tensor(DType::F32, &[rows, new, 2, width], numbers(rows * new * 2 * width, 2)),
                    tensor(DType::I64, &[], vec![3.0]),
                    tensor(
                        DType::F32,
                        &[rows, 2, new, 3, last],
                        numbers(rows * new * 6 * last, 3).iter().map(|v| v / 8.0).collect(),
                    ),
                ],
            );
        }
    }
}
