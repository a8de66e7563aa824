//! What reverse mode keeps, in planned bytes: all of a chain, what is between its parts, or of a loop what each step, or
//! every so many, begin with.

use gradframe_ml_core::graph::Type;
use gradframe_ml_core::transform::{checkpoint, value_and_grad};
use gradframe_ml_core::{DType, Function, Graph, NodeId, Result, Shape, Sizes, Tensor};
use gradframe_ml_kernels::{Program, compile};

use super::filled;
use crate::check::{check, function};

const SIDE: usize = 32;
const BYTES: usize = SIDE * SIDE * 8;
const LAYERS: usize = 36;

fn layer(g: &mut Graph, x: NodeId, w: NodeId) -> Result<NodeId> {
    let product = g.matmul(x, w)?;
    g.tanh(product)
}

fn inputs() -> [Tensor; 2] {
    [filled(&[SIDE, SIDE], 1), filled(&[SIDE, SIDE], 2)]
}

/// The gradient in `wrt` of a chain that `chain` builds, compiled, and its peak in matrices.
fn compiled(wrt: &[usize], chain: impl Fn(&mut Graph, NodeId, NodeId) -> Result<NodeId>) -> (Program, usize) {
    let types = [0, 1].map(|_| Type::new(DType::F64, Shape::fixed(&[SIDE, SIDE])));
    let loss = function(&types, |g, x| {
        let end = chain(g, x[0], x[1])?;
        Ok(vec![g.sum_all(end)?])
    });
    let program = compile(&value_and_grad(&loss, wrt).unwrap()).unwrap();
    let peak = program.peak_bytes(&Sizes::new()).unwrap().div_ceil(BYTES);
    (program, peak)
}

/// The loss and the slope of what goes through the chain are the same to the bit; that of the weights is a sum over all
/// layers, in another order.
fn agree(a: &Program, b: &Program) {
    let (a, b) = (a.run(&inputs()).unwrap(), b.run(&inputs()).unwrap());
    assert!(a[..2] == b[..2], "{:?} and {:?}", a[0].to_f64(), b[0].to_f64());
    let (a, b) = (a[2].to_f64(), b[2].to_f64());
    let largest = a.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() <= 1e-12 * largest));
}

fn whole(g: &mut Graph, x: NodeId, w: NodeId) -> Result<NodeId> {
    (0..LAYERS).try_fold(x, |x, _| layer(g, x, w))
}

fn in_parts(g: &mut Graph, x: NodeId, w: NodeId) -> Result<NodeId> {
    (0..6).try_fold(x, |x, _| {
        Ok(g.checkpoint(&[x, w], |g, x| Ok(vec![(0..LAYERS / 6).try_fold(x[0], |y, _| layer(g, y, x[1]))?]))?[0])
    })
}

#[test]
fn a_checkpointed_chain_has_the_same_gradient_and_keeps_less() {
    let ((kept, peak_kept), (again, peak_again)) = (compiled(&[0], whole), compiled(&[0], in_parts));
    assert!(kept.run(&inputs()).unwrap() == again.run(&inputs()).unwrap(), "to the bit");
    assert!(peak_kept >= LAYERS, "{peak_kept} matrices");
    assert!(peak_again <= 20, "{peak_again} matrices, in place of {peak_kept}");
    let flops = |program: &Program| program.flops(&Sizes::new()).unwrap() as f64;
    assert!(flops(&again) / flops(&kept) < 1.51, "one more pass forward, to one forward and one backward");
}

#[test]
fn a_loop_saves_what_its_steps_begin_with_or_every_so_many() {
    let step = |g: &mut Graph, _: NodeId, x: &[NodeId], w: &[NodeId]| Ok(vec![layer(g, x[0], w[0])?]);
    let (saved, peak_saved) = compiled(&[0, 1], |g, x, w| Ok(g.repeat(LAYERS, &[x], &[w], step)?[0]));
    let (again, peak_again) = compiled(&[0, 1], |g, x, w| Ok(g.repeat_recomputed(LAYERS, 6, &[x], &[w], step)?[0]));
    let (unrolled, _) = compiled(&[0, 1], whole);
    agree(&saved, &again);
    agree(&saved, &unrolled);
    assert!(peak_again < peak_saved * 7 / 10, "{peak_again} matrices, in place of {peak_saved}");
}

#[test]
fn steps_that_do_not_divide_are_all_done() {
    let step = |g: &mut Graph, n: NodeId, x: &[NodeId], w: &[NodeId]| {
        let (next, time) = (layer(g, x[0], w[0])?, g.cast(n, DType::F64)?);
        Ok(vec![g.add(next, time)?])
    };
    let types = [0, 1].map(|_| Type::new(DType::F64, Shape::fixed(&[4, 4])));
    let inputs = [filled(&[4, 4], 1), filled(&[4, 4], 2)];
    for (count, every) in [(7, 3), (3, 7), (6, 2), (0, 2), (5, 1)] {
        let plain = function(&types, |g, x| g.repeat(count, &x[..1], &x[1..], step));
        let again = function(&types, |g, x| g.repeat_recomputed(count, every, &x[..1], &x[1..], step));
        let program = check(&again, &inputs);
        assert_eq!(program.run(&inputs).unwrap(), compile(&plain).unwrap().run(&inputs).unwrap(), "{count} by {every}");
    }
}

#[test]
fn a_checkpointed_function_is_the_same_function() {
    let types = [Type::new(DType::F64, Shape::fixed(&[3]))];
    let f = function(&types, |g, x| {
        let sine = g.sin(x[0])?;
        let e = g.exp(sine)?;
        Ok(vec![g.sum_all(e)?])
    });
    let again: Function = checkpoint(&f).unwrap();
    let both = |f: &Function| {
        let slope = value_and_grad(f, &[0]).unwrap();
        compile(&slope).unwrap().run(&[filled(&[3], 1)]).unwrap()
    };
    assert_eq!(both(&f), both(&again));
}
