//! Compiling takes work in proportion to the function: counted, as time depends on the machine.

use gradframe_ml_core::graph::{CellWeights, Type};
use gradframe_ml_core::transform::value_and_grad;
use gradframe_ml_core::{DType, Function, Graph, NodeId, Result, Shape};
use gradframe_ml_kernels::compile::{Work, compile_counted};

/// Nodes searched, lowered and values compared for each node of the function, at most.
const WORK_PER_NODE_MAX: usize = 24;

fn f64s(shape: &[usize]) -> Type {
    Type::new(DType::F64, Shape::fixed(shape))
}

fn total(work: &Work) -> usize {
    work.searched + work.lowered + work.compared
}

/// Fails unless a function of four times the steps takes about four times the work, and not too much of it.
fn assert_linear(name: &str, build: impl Fn(usize) -> Result<Function>) {
    let work = |steps: usize| compile_counted(&build(steps).unwrap()).unwrap().1;
    let (short, long) = (work(128), work(512)); // beyond what one kernel holds
    let grown = |f: fn(&Work) -> usize| f(&long) as f64 / f(&short) as f64;
    assert!(grown(total) < 1.2 * grown(|work| work.nodes), "{name}: {short:?} for 128 steps, {long:?} for 512");
    assert!(total(&long) < WORK_PER_NODE_MAX * long.nodes, "{name}: {long:?}");
}

/// The gradients in `wrt` of the sum of what `step` makes of a state, again and again.
fn recurrence(
    types: &[Type],
    wrt: &[usize],
    step: impl Fn(&mut Graph, &[NodeId]) -> Result<NodeId>,
    steps: usize,
) -> Result<Function> {
    let mut g = Graph::new();
    let arguments: Vec<NodeId> = types.iter().enumerate().map(|(i, ty)| g.input(&format!("x{i}"), ty.clone())).collect();
    let mut state = arguments.clone();
    for _ in 0..steps {
        state[0] = step(&mut g, &state)?;
    }
    let loss = g.sum_all(state[0])?;
    value_and_grad(&Function::new(g, vec![loss])?, wrt)
}

#[test]
fn a_chain_of_pointwise_functions_of_any_length_compiles_in_proportion() {
    let types = [f64s(&[4, 3]), f64s(&[4, 3])];
    assert_linear("pointwise", |steps| {
        recurrence(
            &types,
            &[0, 1],
            |g, x| {
                let product = g.mul(x[0], x[1])?;
                let shifted = g.add(product, x[1])?;
                g.tanh(shifted)
            },
            8 * steps,
        )
    });
}

#[test]
fn a_recurrent_network_of_any_length_compiles_in_proportion() {
    let types = [f64s(&[4, 8]), f64s(&[8, 8]), f64s(&[8])];
    assert_linear("recurrent", |steps| {
        recurrence(
            &types,
            &[1, 2],
            |g, x| {
                let product = g.matmul(x[0], x[1])?;
                let shifted = g.add(product, x[2])?;
                g.tanh(shifted)
            },
            steps,
        )
    });
}

#[test]
fn norms_and_softmaxes_one_above_the_other_compile_in_proportion() {
    assert_linear("rows", |steps| {
        recurrence(
            &[f64s(&[4, 8])],
            &[0],
            |g, x| {
                let normal = g.layer_norm(x[0], 1, None, None, 1e-5)?;
                let soft = g.softmax(normal, 1)?;
                g.add(soft, x[0])
            },
            steps,
        )
    });
}

#[test]
fn a_long_short_term_memory_over_slices_compiles_in_proportion() {
    assert_linear("lstm", |steps| {
        let mut g = Graph::new();
        let (w, u, x) = (g.input("w", f64s(&[16, 4])), g.input("u", f64s(&[16, 4])), g.input("x", f64s(&[steps, 2, 4])));
        let weights = CellWeights { input: w, state: u, input_bias: None, state_bias: None };
        let mut state = (g.zeros(&f64s(&[2, 4]))?, g.zeros(&f64s(&[2, 4]))?);
        for step in 0..steps {
            let now = g.slice_axis(x, 0, step, (step + 1).into())?;
            let now = g.reshape(now, &Shape::fixed(&[2, 4]))?;
            state = g.lstm_cell(now, state.0, state.1, &weights)?;
        }
        let loss = g.sum_all(state.0)?;
        value_and_grad(&Function::new(g, vec![loss])?, &[0, 1, 2])
    });
}
