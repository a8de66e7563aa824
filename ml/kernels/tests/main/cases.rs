//! One case a kind and function, and the shapes of kernels that training meets.

use gradframe_ml_core::graph::{DotDims, Fn1, Fn2, Graph, NodeId, ReduceOp, ScatterOp, Span};
use gradframe_ml_core::transform::{grad, value_and_grad};
use gradframe_ml_core::{DType, Dim, Shape};
use gradframe_ml_kernels::compile;
use gradframe_ml_kernels::kernel::Kernel;

use crate::{arguments, check, check_sizes, function};

const N: Option<usize> = None;

#[test]
fn every_function_of_one_operand() {
    for &f in Fn1::ALL {
        for dtype in DType::ALL {
            let floats = !matches!(f, Fn1::Neg | Fn1::Abs | Fn1::Sign | Fn1::Not);
            let fits = match f {
                Fn1::Not => !dtype.is_float(),
                _ if floats => dtype.is_float(),
                _ => dtype != DType::Bool,
            };
            if fits {
                let case = function(&[(dtype, &[N])], |g, x| vec![g.map1(f, x[0]).unwrap()]);
                let tolerance = match dtype {
                    DType::F64 => 1e-15,
                    DType::F32 => 1e-6,
                    _ => 0.0,
                };
                check(&case, &arguments(&case, 1025), tolerance);
            }
        }
    }
}

#[test]
fn every_function_of_two_operands() {
    for &f in Fn2::ALL {
        for dtype in DType::ALL {
            let mut g = Graph::new();
            let ty = gradframe_ml_core::graph::Type::new(dtype, Shape::new([Dim::symbol("N")]));
            let (a, b) = (g.input("a", ty.clone()), g.input("b", ty));
            let Ok(out) = g.map2(f, a, b) else { continue };
            let case = gradframe_ml_core::Function::new(g, vec![out]).unwrap();
            check(&case, &arguments(&case, 1025), if dtype == DType::F32 { 1e-6 } else { 1e-15 });
        }
    }
}

#[test]
fn casts_between_all_types() {
    for from in DType::ALL {
        for to in DType::ALL {
            let case = function(&[(from, &[N])], |g, x| vec![g.cast(x[0], to).unwrap()]);
            check(&case, &arguments(&case, 33), 0.0);
        }
    }
}

#[test]
fn views_become_index_maps() {
    let case = function(&[(DType::F64, &[N, Some(3), Some(4)])], |g, x| {
        let permuted = g.permute(x[0], &[2, 0, 1]).unwrap();
        let flipped = g.flip(permuted, &[0]).unwrap();
        let span = |start, stop: usize, step| Span { start, stop: Dim::fixed(stop), step };
        let all = Span::all(&Dim::symbol("N"));
        let sliced = g.slice(permuted, &[span(1, 4, 2), all, span(0, 3, 2)]).unwrap();
        let flat = g.reshape(x[0], &Shape::new([Dim::symbol("N"), Dim::fixed(12)])).unwrap();
        let doubled = g.add(flat, flat).unwrap();
        let padded = g.pad(flat, &[0, 1], &[0, 2]).unwrap();
        vec![permuted, flipped, sliced, doubled, padded]
    });
    check_sizes(&case, 0.0);
}

#[test]
fn broadcasting_and_selection() {
    let case = function(&[(DType::F64, &[N, Some(5)]), (DType::F64, &[Some(5)]), (DType::F64, &[N, Some(1)])], |g, x| {
        let sum = g.add(x[0], x[1]).unwrap();
        let product = g.mul(sum, x[2]).unwrap();
        let positive = g.gt(product, x[1]).unwrap();
        let chosen = g.select(positive, product, sum).unwrap();
        let rows = g.iota(DType::F64, &Shape::new([Dim::symbol("N"), Dim::fixed(5)]), 0).unwrap();
        vec![chosen, g.add(chosen, rows).unwrap()]
    });
    check_sizes(&case, 1e-15);
}

#[test]
fn folds_over_any_axes() {
    for axes in [vec![0], vec![1], vec![2], vec![0, 1], vec![1, 2], vec![0, 2], vec![0, 1, 2]] {
        for op in [ReduceOp::Sum, ReduceOp::Prod, ReduceOp::Max, ReduceOp::Min] {
            for dtype in [DType::F64, DType::F32, DType::I32, DType::I64, DType::F16, DType::U8] {
                if op == ReduceOp::Prod && dtype == DType::F16 {
                    continue; // overflows on the way in one order and not in another
                }
                let case = function(&[(dtype, &[N, Some(3), Some(2)])], |g, x| vec![g.reduce(op, x[0], &axes).unwrap()]);
                for n in [0, 1, 7, 700] {
                    check(&case, &arguments(&case, n), if dtype == DType::F32 { 1e-5 } else { 1e-12 });
                }
            }
        }
    }
}

#[test]
fn bools_fold_with_all_and_any() {
    let case = function(&[(DType::Bool, &[N, Some(3)])], |g, x| {
        vec![g.reduce(ReduceOp::All, x[0], &[1]).unwrap(), g.reduce(ReduceOp::Any, x[0], &[0]).unwrap()]
    });
    check_sizes(&case, 0.0);
}

#[test]
fn softmax_is_one_kernel() {
    let case = function(&[(DType::F64, &[N, Some(10)])], |g, x| {
        let y = g.softmax(x[0], 1).unwrap();
        vec![y, g.log_softmax(x[0], 1).unwrap()]
    });
    check_sizes(&case, 1e-14);
    let single = function(&[(DType::F64, &[N, Some(10)])], |g, x| vec![g.softmax(x[0], 1).unwrap()]);
    assert_eq!(compile(&single).unwrap().kernels().len(), 1, "{}", compile(&single).unwrap());
}

#[test]
fn rows_longer_than_a_register() {
    let case = function(&[(DType::F64, &[Some(3), N])], |g, x| {
        let y = g.softmax(x[0], 1).unwrap();
        let mean = g.mean_keep(x[0], &[1]).unwrap();
        let centred = g.sub(x[0], mean).unwrap();
        let square = g.mul(centred, centred).unwrap();
        vec![y, centred, g.mean(square, &[1]).unwrap()]
    });
    for n in [1, 1000, 1025, 70_000, 140_001] {
        check(&case, &arguments(&case, n), 1e-12);
    }
}

#[test]
fn a_pointwise_chain_is_one_kernel() {
    let case = function(&[(DType::F64, &[N]), (DType::F64, &[N])], |g, x| {
        let sum = g.add(x[0], x[1]).unwrap();
        let tanh = g.tanh(sum).unwrap();
        let scaled = g.mul(tanh, x[0]).unwrap();
        vec![scaled, g.sum(scaled, &[0]).unwrap()]
    });
    check_sizes(&case, 1e-12);
    let program = compile(&case).unwrap();
    assert_eq!(program.kernels().len(), 1, "{program}");
}

#[test]
fn contractions() {
    let dims = |batch: &[(usize, usize)], contract: &[(usize, usize)]| DotDims {
        batch: batch.iter().copied().collect(),
        contract: contract.iter().copied().collect(),
    };
    for dtype in [DType::F64, DType::F32, DType::I32, DType::F16] {
        let tolerance = match dtype {
            DType::F64 => 1e-13,
            DType::F32 => 1e-5,
            _ => 0.0,
        };
        let case =
            function(&[(dtype, &[N, Some(5)]), (dtype, &[Some(5), Some(3)]), (dtype, &[Some(5)]), (dtype, &[N])], |g, x| {
                vec![
                    g.matmul(x[0], x[1]).unwrap(),
                    g.dot(x[0], x[2], dims(&[], &[(1, 0)])).unwrap(),
                    g.dot(x[0], x[3], dims(&[], &[(0, 0)])).unwrap(),
                    g.dot(x[3], x[3], dims(&[], &[(0, 0)])).unwrap(),
                    g.dot(x[2], x[3], dims(&[], &[])).unwrap(),
                ]
            });
        for n in [0, 1, 7, 300] {
            check(&case, &arguments(&case, n), tolerance);
        }
        let batched = function(&[(dtype, &[Some(2), N, Some(4)]), (dtype, &[Some(4), Some(2), Some(3)])], |g, x| {
            vec![g.dot(x[0], x[1], dims(&[(0, 1)], &[(2, 0)])).unwrap(), g.dot(x[0], x[1], dims(&[], &[(2, 0), (0, 1)])).unwrap()]
        });
        for n in [0, 1, 7, 300] {
            check(&batched, &arguments(&batched, n), tolerance);
        }
    }
}

#[test]
fn gathers_and_scatters_drop_what_is_outside() {
    for index in [DType::I32, DType::I64] {
        let case = function(
            &[(DType::F64, &[Some(4)]), (index, &[N]), (DType::F64, &[N, Some(2)]), (DType::F64, &[Some(3), Some(4)])],
            |g, x| {
                let size = Dim::fixed(4);
                vec![
                    g.gather(x[0], x[1], 0).unwrap(),
                    g.gather(x[3], x[1], 1).unwrap(),
                    g.scatter(ScatterOp::Sum, x[2], x[1], 0, &size).unwrap(),
                    g.scatter(ScatterOp::Max, x[2], x[1], 0, &size).unwrap(),
                    g.argmax(x[2], 1).unwrap(),
                ]
            },
        );
        check_sizes(&case, 1e-12);
    }
}

#[test]
fn concatenation_writes_each_part_once() {
    let case = function(&[(DType::F64, &[N]), (DType::F64, &[N]), (DType::I32, &[N])], |g, x| {
        let codes = g.cast(x[2], DType::F64).unwrap();
        let product = g.mul(x[0], x[1]).unwrap();
        vec![g.stack(&[x[0], product, codes, x[0]], 1).unwrap()]
    });
    check_sizes(&case, 0.0);
    let program = compile(&case).unwrap();
    assert_eq!(program.kernels().len(), 1, "{program}");
}

#[test]
fn random_bits() {
    let case = function(&[(DType::U64, &[N]), (DType::U64, &[N])], |g, x| vec![g.threefry(x[0], x[1]).unwrap()]);
    check_sizes(&case, 0.0);
}

#[test]
fn results_that_are_arguments_constants_or_twice_the_same() {
    let case = function(&[(DType::F64, &[N])], |g, x| {
        let one = g.scalar(DType::F64, 1.0).unwrap();
        let sum = g.add(x[0], one).unwrap();
        vec![x[0], one, sum, sum]
    });
    check_sizes(&case, 0.0);
}

/// The loss of a logistic regression with a one-hot column, and its gradients.
fn logistic_loss(g: &mut Graph, x: &[NodeId]) -> NodeId {
    let [w, c, b, dense, codes, y] = x else { unreachable!() };
    let contract = DotDims { batch: Default::default(), contract: [(1, 0)].into_iter().collect() };
    let linear = g.dot(*dense, *w, contract).unwrap();
    let category = g.gather(*c, *codes, 0).unwrap();
    let sum = g.add(linear, category).unwrap();
    let z = g.add(sum, *b).unwrap();
    let plus = g.softplus(z).unwrap();
    let hit = g.mul(*y, z).unwrap();
    let loss = g.sub(plus, hit).unwrap();
    g.sum(loss, &[0]).unwrap()
}

#[test]
fn a_training_step_is_a_handful_of_kernels() {
    let shapes: [(DType, &[Option<usize>]); 6] = [
        (DType::F64, &[Some(5)]),
        (DType::F64, &[Some(4)]),
        (DType::F64, &[]),
        (DType::F64, &[N, Some(5)]),
        (DType::I32, &[N]),
        (DType::F64, &[N]),
    ];
    let loss = function(&shapes, |g, x| vec![logistic_loss(g, x)]);
    let step = value_and_grad(&loss, &[0, 1, 2]).unwrap();
    check_sizes(&step, 1e-11);
    let program = compile(&step).unwrap();
    assert!(program.kernels().len() <= 5, "{program}");
    assert!(program.kernels().iter().any(|k| matches!(k, Kernel::Dot(_))));
    let hessian_row = grad(&step_sum(&step), &[0]).unwrap();
    check(&hessian_row, &arguments(&hessian_row, 300), 1e-10);
}

/// The sum of the first gradient's components, to differentiate again.
fn step_sum(step: &gradframe_ml_core::Function) -> gradframe_ml_core::Function {
    let mut g = step.graph.clone();
    let sum = g.sum_all(step.outputs[1]).unwrap();
    gradframe_ml_core::Function::new(g, vec![sum]).unwrap()
}

#[test]
fn wrong_arguments_are_refused() {
    let case = function(&[(DType::F64, &[N]), (DType::F64, &[N])], |g, x| vec![g.add(x[0], x[1]).unwrap()]);
    let program = compile(&case).unwrap();
    let good = arguments(&case, 3);
    assert_eq!(program.run(&good[..1]).unwrap_err().kind(), "Shape");
    let wrong = vec![good[0].clone(), good[1].cast(DType::F32).unwrap()];
    assert_eq!(program.run(&wrong).unwrap_err().kind(), "DType");
    let short = vec![good[0].clone(), arguments(&case, 2)[1].clone()];
    assert_eq!(program.run(&short).unwrap_err().kind(), "Shape");
}

#[test]
fn flops_and_bytes_are_counted() {
    let case =
        function(&[(DType::F64, &[N, Some(8)]), (DType::F64, &[Some(8), Some(4)])], |g, x| vec![g.matmul(x[0], x[1]).unwrap()]);
    let program = compile(&case).unwrap();
    let sizes = program.bind(&arguments(&case, 10)).unwrap();
    assert_eq!(program.flops(&sizes).unwrap(), 2 * 10 * 8 * 4);
    assert_eq!(program.peak_bytes(&sizes).unwrap(), 10 * 4 * 8);
}
