//! Results written over arguments that are given away, and kernels that share what they read.

use gradframe_ml_core::graph::Type;
use gradframe_ml_core::{DType, Dim, Function, Shape, Sizes, Tensor};
use gradframe_ml_kernels::schedule::Kernel;
use gradframe_ml_kernels::{Program, Scratch, Threads, compile};

use crate::check::{check, copied, function, numbers};

const WIDTH: usize = 3000; // more than a block

fn vector() -> Type {
    Type::new(DType::F32, Shape::new([Dim::symbol("N")]))
}

fn filled(seed: u64) -> Tensor {
    let values = numbers(WIDTH, seed).iter().map(|&v| v as f32).collect();
    copied(&Tensor::from_vec(&[WIDTH], values).unwrap())
}

/// p, m, v, gradient -> p, m, v: a step like Adam's.
fn step() -> Function {
    function(&[vector(), vector(), vector(), vector()], |g, x| {
        let (kept, taken, rest) = (g.scalar_like(x[0], 0.9)?, g.scalar_like(x[0], 0.1)?, g.scalar_like(x[0], 1.0)?);
        let (old, new) = (g.mul(x[1], kept)?, g.mul(x[3], taken)?);
        let m = g.add(old, new)?;
        let square = g.mul(x[3], x[3])?;
        let (old, new) = (g.mul(x[2], kept)?, g.mul(square, taken)?);
        let v = g.add(old, new)?;
        let magnitude = g.abs(v)?;
        let root = g.sqrt(magnitude)?;
        let below = g.add(root, rest)?;
        let change = g.div(m, below)?;
        Ok(vec![g.sub(x[0], change)?, m, v])
    })
}

fn places(tensors: &[Tensor]) -> Vec<*const u8> {
    tensors.iter().map(|t| t.buffer().as_ptr()).collect()
}

fn run(program: &Program, arguments: Vec<Tensor>) -> Vec<Tensor> {
    program.run_owned(arguments, &mut Scratch::new(), Threads::One).unwrap()
}

#[test]
fn an_optimisers_step_is_one_kernel_with_three_results() {
    let program = check(&step(), &[filled(1), filled(2), filled(3), filled(4)]);
    assert!(matches!(program.kernels(), [Kernel::Loop(k)] if k.stores.len() == 3), "{program}");
}

#[test]
fn a_step_writes_its_results_over_arguments_that_are_given_away() {
    let program = compile(&step()).unwrap();
    let arguments: Vec<Tensor> = (1..5).map(filled).collect();
    let expected = program.run(&arguments).unwrap();
    let own = places(&arguments);
    let results = run(&program, arguments);
    assert_eq!(results, expected);
    assert!(places(&results).iter().all(|p| own.contains(p)), "no new memory");
}

#[test]
fn an_argument_that_somebody_else_holds_stays_as_it_is() {
    let program = compile(&step()).unwrap();
    let arguments: Vec<Tensor> = (1..5).map(filled).collect();
    let (held, before) = (arguments.clone(), arguments.iter().map(copied).collect::<Vec<_>>());
    let results = run(&program, arguments);
    assert_eq!(held, before);
    assert_eq!(results, program.run(&held).unwrap());
}

#[test]
fn an_argument_given_twice_is_not_written_over() {
    let program = compile(&step()).unwrap();
    let x = filled(1);
    let expected = program.run(&[x.clone(), x.clone(), x.clone(), x.clone()]).unwrap();
    assert_eq!(run(&program, vec![x.clone(), x.clone(), x.clone(), x]), expected);
}

#[test]
fn what_is_read_elsewhere_or_returned_is_not_written_over() {
    let f = function(&[vector(), vector()], |g, x| {
        let (turned, total) = (g.flip(x[0], &[0])?, g.sum_all(x[1])?);
        let sum = g.add(x[0], turned)?; // reads other places of x0 than it writes
        let shifted = g.add(x[1], total)?;
        let halved = g.mul(shifted, total)?;
        Ok(vec![sum, halved, x[1]])
    });
    check(&f, &[filled(1), filled(2)]);
}

#[test]
fn memory_of_a_result_serves_again() {
    let program = compile(&function(&[vector()], |g, x| Ok(vec![g.exp(x[0])?]))).unwrap();
    let (x, mut scratch) = (filled(1), Scratch::new());
    let first = program.run_with(std::slice::from_ref(&x), &mut scratch, Threads::One).unwrap().remove(0);
    let (place, expected) = (first.buffer().as_ptr(), copied(&first));
    scratch.recycle(first);
    let second = program.run_with(&[x], &mut scratch, Threads::One).unwrap().remove(0);
    assert_eq!((second.buffer().as_ptr(), &second), (place, &expected));
}

#[test]
fn kernels_that_read_the_same_rows_are_one() {
    let rows = Type::new(DType::F64, Shape::new([Dim::symbol("N"), 70.into()]));
    let f = function(&[rows], |g, x| {
        let (soft, total) = (g.softmax(x[0], 1)?, g.sum(x[0], &[1])?);
        let half = g.scalar_like(x[0], 0.5)?;
        Ok(vec![soft, total, g.mul(x[0], half)?])
    });
    let x = Tensor::from_vec(&[40, 70], numbers(40 * 70, 3)).unwrap();
    let program = check(&f, &[x]);
    assert_eq!(program.kernels().len(), 1, "{program}");
}

#[test]
fn an_intermediate_result_takes_the_memory_of_the_one_that_it_is_made_of() {
    let square = Type::new(DType::F32, Shape::fixed(&[64, 64]));
    let f = function(&[square.clone(), square], |g, x| {
        let product = g.matmul(x[0], x[1])?;
        let active = g.gelu(product)?;
        let second = g.matmul(active, x[1])?;
        let sum = g.add(second, active)?; // and is read once more
        let sum = g.tanh(sum)?;
        Ok(vec![g.matmul(sum, x[1])?])
    });
    let numbers = |seed| {
        let values: Vec<f32> = numbers(64 * 64, seed).iter().map(|&v| v as f32 / 32.0).collect();
        Tensor::from_vec(&[64, 64], values).unwrap()
    };
    check(&f, &[numbers(1), numbers(2)]);
    // On the processor: a program of the other device keeps them apart.
    let program = compile(&f).unwrap();
    assert_eq!(program.peak_bytes(&Sizes::new()).unwrap(), 3 * 64 * 64 * 4, "two slots and the result: {program}");
}
