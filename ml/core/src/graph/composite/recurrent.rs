//! Cells of recurrent networks: one step each. A sequence is a [`Graph::repeat`] of them.

use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::shape::Dim;

/// The weights of a cell: x [B, I] W_x [G H, I], h [B, H] W_h [G H, H], and a bias [G H] for each or none; G gates one
/// after the other.
#[derive(Debug, Clone, Copy)]
pub struct CellWeights {
    /// Of the input.
    pub input: NodeId,
    /// Of the state.
    pub state: NodeId,
    /// Added to the input's product.
    pub input_bias: Option<NodeId>,
    /// Added to the state's product.
    pub state_bias: Option<NodeId>,
}

impl Graph {
    /// The next state of an Elman cell, `tanh(W_x x + W_h h)`: [B, H]. Errors: `Shape` if the weights do not fit.
    pub fn rnn_cell(&mut self, x: NodeId, h: NodeId, weights: &CellWeights) -> Result<NodeId> {
        let (own, back) = self.cell_products("rnn_cell", x, h, weights)?;
        let sum = self.add(own, back)?;
        self.tanh(sum)
    }

    /// The same with another activation, `relu(W_x x + W_h h)`: [B, H]. Errors: `Shape` if the weights do not fit. Source: Le et al. 2015.
    pub fn rnn_relu_cell(&mut self, x: NodeId, h: NodeId, weights: &CellWeights) -> Result<NodeId> {
        let (own, back) = self.cell_products("rnn_relu_cell", x, h, weights)?;
        let sum = self.add(own, back)?;
        self.relu(sum)
    }

    /// The next output and memory of a long short-term memory; gates in the order input, forget, cell, output:
    /// [B, H] each. Errors: `Shape` if the weights do not fit. Source: Hochreiter and Schmidhuber 1997.
    pub fn lstm_cell(&mut self, x: NodeId, h: NodeId, c: NodeId, weights: &CellWeights) -> Result<(NodeId, NodeId)> {
        let (own, back) = self.cell_products("lstm_cell", x, h, weights)?;
        let sum = self.add(own, back)?;
        let gates = self.gates("lstm_cell", sum, 4)?;
        let (input, forget) = (self.sigmoid(gates[0])?, self.sigmoid(gates[1])?);
        let (cell, output) = (self.tanh(gates[2])?, self.sigmoid(gates[3])?);
        let (kept, written) = (self.mul(forget, c)?, self.mul(input, cell)?);
        let memory = self.add(kept, written)?;
        let bent = self.tanh(memory)?;
        Ok((self.mul(output, bent)?, memory))
    }

    /// The next state of a gated recurrent unit; gates in the order reset, update, new: [B, H]. Errors: `Shape` if the
    /// weights do not fit. Source: Cho et al. 2014, with the reset after the product.
    pub fn gru_cell(&mut self, x: NodeId, h: NodeId, weights: &CellWeights) -> Result<NodeId> {
        let (own, back) = self.cell_products("gru_cell", x, h, weights)?;
        let (own, back) = (self.gates("gru_cell", own, 3)?, self.gates("gru_cell", back, 3)?);
        let (reset, update) = (self.add(own[0], back[0])?, self.add(own[1], back[1])?);
        let (reset, update) = (self.sigmoid(reset)?, self.sigmoid(update)?);
        let past = self.mul(reset, back[2])?;
        let sum = self.add(own[2], past)?;
        let new = self.tanh(sum)?;
        self.lerp(new, h, update)
    }

    fn cell_products(&mut self, op: &str, x: NodeId, h: NodeId, weights: &CellWeights) -> Result<(NodeId, NodeId)> {
        let mut product = |x: NodeId, w: NodeId, bias: Option<NodeId>| {
            let turned = self.transpose(w)?;
            let product = self
                .matmul(x, turned)
                .map_err(|e| Error::shape(op, format!("{} and weights {}", self.ty(x).shape, self.ty(w).shape)).because(e))?;
            bias.map_or(Ok(product), |b| self.add(product, b))
        };
        Ok((product(x, weights.input, weights.input_bias)?, product(h, weights.state, weights.state_bias)?))
    }

    /// [B, count H] in `count` parts. Errors: `Shape` if the last axis is no multiple of fixed size.
    fn gates(&mut self, op: &str, x: NodeId, count: usize) -> Result<Vec<NodeId>> {
        let shape = self.ty(x).shape.clone();
        let last = shape.rank() - 1;
        let size = shape.dims()[last].as_fixed().filter(|n| n % count == 0).map(|n| n / count);
        let size = size.ok_or_else(|| Error::shape(op, format!("expected {count} gates of one fixed size, got {shape}")))?;
        (0..count).map(|i| self.slice_axis(x, last, i * size, Dim::fixed((i + 1) * size))).collect()
    }
}
