//! Recurrent layers over a sequence: one loop, compiled once for any state, run as often as the sequence is long.

use gradframe_ml_core::graph::{CellWeights, StackedStep};
use gradframe_ml_core::{Error, Graph, NodeId, Result};
use smallvec::SmallVec;

use super::value::{Value, floats};
use super::{Row, Values, row};
use crate::node::Args;

/// Each is given x [T, B, I], the state before the first step [B, H] (of an LSTM the output, then the memory), the weights
/// of the input [G H, I] and of the state [G H, H], and their biases [G H], both or none. Each gives the outputs [T, B, H], and
/// then the last state.
pub const ROWS: &[Row] = &[
    row("rnn", |g, x, args| sequence(g, "rnn", x, args, 1, |g, x, state, weights| Ok(vec![g.rnn_cell(x, state[0], weights)?]))),
    row("rnn_relu", |g, x, args| {
        sequence(g, "rnn_relu", x, args, 1, |g, x, state, weights| Ok(vec![g.rnn_relu_cell(x, state[0], weights)?]))
    }),
    row("gru", |g, x, args| sequence(g, "gru", x, args, 1, |g, x, state, weights| Ok(vec![g.gru_cell(x, state[0], weights)?]))),
    row("lstm", |g, x, args| {
        sequence(g, "lstm", x, args, 2, |g, x, state, weights| {
            let (output, memory) = g.lstm_cell(x, state[0], state[1], weights)?;
            Ok(vec![output, memory])
        })
    }),
];

type Cell = fn(&mut Graph, NodeId, &[NodeId], &CellWeights) -> Result<Vec<NodeId>>;

/// A cell over the steps of a sequence; `states` values go from step to step, the first of which is the output.
fn sequence(g: &mut Graph, op: &str, operands: &[Value], _: &Args, states: usize, cell: Cell) -> Result<Values> {
    let nodes = floats(g, op, operands)?.iter().map(|value| value.real(op, g)).collect::<Result<Vec<_>>>()?;
    let (given, biases) = nodes.split_at(nodes.len().min(states + 3));
    if given.len() < states + 3 || !matches!(biases.len(), 0 | 2) {
        return Err(Error::plan(op, format!("{} arrays, expected {} or {}", nodes.len(), states + 3, states + 5)));
    }
    let shape = g.ty(given[0]).shape.clone();
    let steps = shape.dims().first().and_then(|dim| dim.as_fixed()).filter(|_| shape.rank() == 3);
    let steps = steps.ok_or_else(|| Error::shape(op, format!("expected a sequence [time, batch, inputs], got {shape}")))?;
    let (first, weights) = given[1..].split_at(states);
    let constants = [weights, biases].concat();
    let (last, outputs) = g.repeat_stacked(steps, first, &given[..1], &constants, |g, step: StackedStep| {
        let [input, state, biases @ ..] = step.constants else { return Err(Error::internal(op, "no weights")) };
        let (input_bias, state_bias) = (biases.first().copied(), biases.get(1).copied());
        let weights = CellWeights { input: *input, state: *state, input_bias, state_bias };
        let next = cell(g, step.rows[0], step.carried, &weights)?;
        let output = next[0];
        Ok((next, vec![output]))
    })?;
    Ok(outputs.into_iter().chain(last).map(Value::Real).collect::<SmallVec<_>>())
}
