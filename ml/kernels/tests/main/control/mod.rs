//! Loops and choices, which run schedules of their own; and what reverse mode keeps of them. They have no form that is
//! printed, so these tests are no case for the back end that prints.

mod memory;

use gradframe_ml_core::graph::Type;
use gradframe_ml_core::transform::{grad, value_and_grad, vmap};
use gradframe_ml_core::{DType, Dim, Error, Function, Graph, NodeId, Result, Shape, Tensor};
use gradframe_ml_kernels::schedule::Kernel;
use gradframe_ml_kernels::{CompileOptions, compile, compile_with};

use crate::check::{check, check_program, function, numbers};

fn f64s(dims: &[Dim]) -> Type {
    Type::new(DType::F64, Shape::new(dims.iter().cloned()))
}

fn filled(shape: &[usize], seed: u64) -> Tensor {
    let values = numbers(shape.iter().product(), seed).iter().map(|v| v / 9.0).collect();
    Tensor::from_vec(shape, values).unwrap()
}

/// Compares as [`check`] does, and all steps one after the other, to the bit.
fn check_unrolled(f: &Function, inputs: &[Tensor]) {
    let program = check(f, inputs);
    let unrolled = compile_with(f, CompileOptions { unroll: true, ..CompileOptions::default() }).unwrap();
    assert_eq!(program.run(inputs).unwrap(), unrolled.run(inputs).unwrap(), "{program}\nunrolled\n{unrolled}");
}

/// One step of a recurrent network: h [3, N] -> tanh(w h + step).
fn step(g: &mut Graph, number: NodeId, h: NodeId, w: NodeId) -> Result<NodeId> {
    let (product, time) = (g.matmul(w, h)?, g.cast(number, DType::F64)?);
    let shifted = g.add(product, time)?;
    g.tanh(shifted)
}

fn network(count: usize) -> Function {
    let types = [f64s(&[3.into(), 3.into()]), f64s(&[3.into(), Dim::symbol("N")])];
    function(&types, |g, x| {
        let ends = g.repeat(count, &[x[1]], &[x[0]], |g, n, carried, weights| Ok(vec![step(g, n, carried[0], weights[0])?]))?;
        Ok(vec![g.sum_all(ends[0])?])
    })
}

#[test]
fn loops_and_their_gradients_are_their_steps_to_the_bit() {
    for count in [0, 1, 2, 7] {
        let loss = network(count);
        let both = value_and_grad(&loss, &[0, 1]).unwrap();
        for columns in [1, 70] {
            let inputs = [filled(&[3, 3], 1), filled(&[3, columns], 2)];
            check_unrolled(&loss, &inputs);
            check_unrolled(&both, &inputs);
        }
    }
}

#[test]
fn a_body_is_compiled_once_however_many_steps() {
    let kernels = |count| compile(&value_and_grad(&network(count), &[0]).unwrap()).unwrap().to_string().lines().count();
    assert_eq!(kernels(3), kernels(100_000));
}

#[test]
fn many_steps_are_the_body_called_many_times() {
    let program = compile(&network(5000)).unwrap();
    let types = [Type::new(DType::I64, Shape::scalar()), f64s(&[3.into(), 3.into()]), f64s(&[3.into(), 4.into()])];
    let one = compile(&function(&types, |g, x| Ok(vec![step(g, x[0], x[2], x[1])?]))).unwrap();
    let (w, mut h) = (filled(&[3, 3], 1), filled(&[3, 4], 2));
    let got = program.run(&[w.clone(), h.clone()]).unwrap();
    for number in 0..5000 {
        h = one.run(&[Tensor::scalar(number as i64), w.clone(), h]).unwrap().remove(0);
    }
    let total = compile(&function(&[f64s(&[3.into(), 4.into()])], |g, x| Ok(vec![g.sum_all(x[0])?]))).unwrap();
    assert_eq!(got, total.run(&[h]).unwrap());
}

/// Running products of rows: the last one, all of them, and the gradient of both.
#[test]
fn rows_in_and_rows_out() {
    let types = [f64s(&[6.into(), 3.into()]), f64s(&[3.into()])];
    let build = |g: &mut Graph, x: &[NodeId]| {
        let (ends, rows) = g.repeat_stacked(6, &[x[1]], &[x[0]], &[], |g, step| {
            let next = g.mul(step.carried[0], step.rows[0])?;
            Ok((vec![next], vec![g.sin(next)?, step.number]))
        })?;
        Ok([ends, rows].concat())
    };
    let inputs = [filled(&[6, 3], 1), filled(&[3], 2)];
    check_unrolled(&function(&types, build), &inputs);
    let loss = function(&types, |g, x| {
        let all = build(g, x)?;
        let (end, rows) = (g.exp(all[0])?, g.mul(all[1], all[1])?);
        let (end, rows) = (g.sum_all(end)?, g.sum_all(rows)?);
        Ok(vec![g.add(end, rows)?])
    });
    check_unrolled(&value_and_grad(&loss, &[0, 1]).unwrap(), &inputs);
}

#[test]
fn results_of_one_loop_are_one_kernel_and_transposed_together() {
    let f = function(&[f64s(&[4.into()]), f64s(&[4.into()])], |g, x| {
        let ends = g.repeat(9, &[x[0], x[1]], &[], |g, _, carried, _| {
            let (sine, product) = (g.sin(carried[1])?, g.mul(carried[0], carried[1])?);
            Ok(vec![sine, product])
        })?;
        let product = g.mul(ends[0], ends[1])?;
        Ok(vec![g.sum_all(product)?])
    });
    let loops = |f: &Function| compile(f).unwrap().kernels().iter().filter(|k| matches!(k, Kernel::Repeat(_))).count();
    let both = value_and_grad(&f, &[0, 1]).unwrap();
    assert_eq!(loops(&f), 1);
    assert_eq!(loops(&both), 2, "{}", compile(&both).unwrap()); // forward, which saves, and backward
    check_unrolled(&both, &[filled(&[4], 1), filled(&[4], 2)]);
}

#[test]
fn gradients_of_gradients_and_batches_of_both() {
    let f = function(&[f64s(&[2.into(), 2.into()]), f64s(&[2.into()])], |g, x| {
        let ends = g.repeat(3, &[x[1]], &[x[0]], |g, n, carried, w| Ok(vec![step(g, n, carried[0], w[0])?]))?;
        Ok(vec![g.sum_all(ends[0])?])
    });
    let mut slope = grad(&f, &[1]).unwrap();
    let total = slope.graph.sum_all(slope.outputs[0]).unwrap();
    slope.outputs = vec![total];
    let second = grad(&slope, &[0, 1]).unwrap();
    check(&second, &[filled(&[2, 2], 1), filled(&[2], 2)]);
    let batched = vmap(&second, &[None, Some(0)], &Dim::symbol("B")).unwrap();
    check(&batched, &[filled(&[2, 2], 1), filled(&[5, 2], 2)]);
    let of_weights = vmap(&value_and_grad(&f, &[0]).unwrap(), &[Some(2), None], &Dim::symbol("B")).unwrap();
    check(&of_weights, &[filled(&[2, 2, 5], 1), filled(&[2], 2)]);
}

#[test]
fn what_a_loop_hands_on_as_it_was_given() {
    let f = function(&[f64s(&[4.into()]), f64s(&[4.into()])], |g, x| {
        let e = g.exp(x[0])?;
        let swapped = g.repeat(3, &[e, x[1]], &[], |_, _, carried, _| Ok(vec![carried[1], carried[0]]))?;
        let held = g.repeat(2, &[e, e], &[x[1]], |_, _, carried, constants| Ok(vec![carried[0], constants[0]]))?;
        Ok([swapped, held, vec![e]].concat())
    });
    check(&f, &[filled(&[4], 1), filled(&[4], 2)]);
}

/// Halved until it is at most one: another number of steps for each argument.
fn halved(limit: usize) -> Function {
    function(&[f64s(&[])], |g, x| {
        let (two, one) = (g.scalar(DType::F64, 2.0)?, g.scalar(DType::F64, 1.0)?);
        let start = g.scalar(DType::I64, 0.0)?;
        g.repeat_while(
            limit,
            &[x[0], start],
            &[two, one],
            |g, _, carried, given| g.gt(carried[0], given[1]),
            |g, _, carried, given| {
                let one = g.scalar(DType::I64, 1.0)?;
                Ok(vec![g.div(carried[0], given[0])?, g.add(carried[1], one)?])
            },
        )
    })
}

#[test]
fn a_loop_ends_when_its_condition_does() {
    let program = compile(&halved(100)).unwrap();
    for (x, steps) in [(0.5, 0), (1.5, 1), (1000.0, 10)] {
        let x = Tensor::scalar(x);
        check_program(&program, &halved(100), std::slice::from_ref(&x));
        assert_eq!(program.run(&[x]).unwrap()[1].values::<i64>().unwrap(), [steps]);
    }
    let batched = vmap(&halved(100), &[Some(0)], &Dim::symbol("B")).unwrap();
    check(&batched, &[Tensor::from_vec(&[4], vec![0.5, 1.5, 1000.0, 77.0]).unwrap()]);
}

#[test]
fn a_loop_that_would_not_end_is_an_error() {
    let program = compile(&halved(9)).unwrap();
    assert!(program.run(&[Tensor::scalar(512.0)]).is_ok());
    for endless in [513.0, f64::INFINITY] {
        let error = program.run(&[Tensor::scalar(endless)]).unwrap_err();
        assert!(matches!(error, Error::Execution(_)) && error.to_string().contains("after 9 steps"), "{error}");
        assert!(program.run(&[Tensor::scalar(512.0)]).is_ok(), "and the program still runs");
    }
}

#[test]
fn reverse_mode_through_a_condition_is_refused_by_name() {
    let f = function(&[f64s(&[])], |g, x| {
        let one = g.scalar(DType::F64, 1.0)?;
        g.repeat_while(9, &[x[0]], &[one], |g, _, c, k| g.gt(c[0], k[0]), |g, _, c, _| Ok(vec![g.scaled_by(c[0], 0.5)?]))
    });
    let error = grad(&f, &[0]).unwrap_err();
    assert!(matches!(error, Error::NotImplemented(_)), "{error}");
    assert!(error.to_string().contains("while") && format!("{error:?}").contains("repeat"), "{error:?}");
}

#[test]
fn only_the_chosen_branch_is_run() {
    // The other one would not end.
    let f = function(&[Type::new(DType::Bool, Shape::scalar()), f64s(&[Dim::symbol("N")])], |g, x| {
        g.cond(
            x[0],
            &x[1..],
            |g, x| Ok(vec![g.sin(x[0])?, g.exp(x[0])?]),
            |g, x| {
                let forever = g.repeat_while(3, &[x[0]], &[], |g, n, _, _| g.eq(n, n), |_, _, c, _| Ok(c.to_vec()))?;
                Ok(vec![forever[0], x[0]])
            },
        )
    });
    let program = compile(&f).unwrap();
    let x = filled(&[1000], 1);
    check_program(&program, &f, &[Tensor::from_bools(&[], &[true]).unwrap(), x.clone()]);
    assert!(program.run(&[Tensor::from_bools(&[], &[false]).unwrap(), x]).is_err());
}

/// What comes after a choice may be written over arguments, but not over one that the branch has passed on.
#[test]
fn an_argument_that_a_branch_passes_on_stays_as_it_is() {
    let f = function(&[Type::new(DType::Bool, Shape::scalar()), f64s(&[Dim::symbol("N")])], |g, x| {
        let chosen = g.cond(x[0], &x[1..], |_, x| Ok(x.to_vec()), |g, x| Ok(vec![g.scaled_by(x[0], 2.0)?]))?;
        Ok(vec![chosen[0], g.exp(x[1])?])
    });
    for condition in [true, false] {
        check(&f, &[Tensor::from_bools(&[], &[condition]).unwrap(), filled(&[300], 1)]);
    }
}

#[test]
fn choices_and_their_gradients() {
    let types = [Type::new(DType::Bool, Shape::scalar()), f64s(&[3.into()]), f64s(&[3.into()])];
    let loss = function(&types, |g, x| {
        let both =
            g.cond(x[0], &x[1..], |g, x| Ok(vec![g.mul(x[0], x[1])?, x[0]]), |g, x| Ok(vec![g.sin(x[0])?, g.exp(x[1])?]))?;
        let product = g.mul(both[0], both[1])?;
        Ok(vec![g.sum_all(product)?])
    });
    let slopes = value_and_grad(&loss, &[1, 2]).unwrap();
    for condition in [true, false] {
        check(&slopes, &[Tensor::from_bools(&[], &[condition]).unwrap(), filled(&[3], 1), filled(&[3], 2)]);
    }
    let batched = vmap(&slopes, &[Some(0), Some(0), None], &Dim::symbol("B")).unwrap();
    check(&batched, &[Tensor::from_bools(&[2], &[true, false]).unwrap(), filled(&[2, 3], 1), filled(&[3], 2)]);
}

#[test]
fn bad_bodies_are_named() {
    let mut g = Graph::new();
    let x = g.input("x", f64s(&[3.into()]));
    let error = g.repeat(2, &[x], &[], |g, _, c, _| Ok(vec![g.cast(c[0], DType::F32)?])).unwrap_err();
    assert_eq!(error.to_string(), "loop: carried value 0 is f64[3] before a step and f32[3] after it");
    let error = g.repeat(2, &[x], &[], |_, _, _, _| Ok(vec![])).unwrap_err();
    assert_eq!(error.to_string(), "loop: expected 1 values after a step, got 0");
    let error = g.cond(x, &[x], |_, x| Ok(x.to_vec()), |_, x| Ok(x.to_vec())).unwrap_err();
    assert_eq!(error.to_string(), "cond: expected a condition of bool[], got f64[3]");
    let error = g.repeat_while(2, &[x], &[], |_, _, c, _| Ok(c[0]), |_, _, c, _| Ok(c.to_vec())).unwrap_err();
    assert_eq!(error.to_string(), "while: expected a condition of bool[], got f64[3]");
    let error = g.repeat_stacked(2, &[], &[x], &[], |_, s| Ok((vec![], s.rows.to_vec()))).unwrap_err();
    assert_eq!(error.to_string(), "loop: expected rows for 2 steps, got [3]");
}
