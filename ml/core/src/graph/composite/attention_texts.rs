//! Attention of texts that are filled up to one length: a composite that a back end may compute head by head, without the weights of T x T in
//! memory and without the keys that nobody sees.

use std::sync::Arc;

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Call, DotDims, Graph, Kind, NodeId, Whole};
use crate::shape::Shape;

const NAME: &str = "attention_of_texts";

impl Graph {
    /// `softmax(scale q k') v` by heads, where a token of text b looks at the first `lengths[b]` tokens of it: q, k, v [B, T, H, D], lengths
    /// i64 [B], at least 1 -> [B, T, H, D]. Errors: `Shape` if ranks or sizes do not fit. Source: Vaswani et al. 2017.
    pub fn attention_of_texts(&mut self, [q, k, v]: [NodeId; 3], lengths: NodeId, scale: f64) -> Result<NodeId> {
        let shapes = [q, k, v, lengths].map(|x| self.ty(x).shape.clone());
        let are_alike = shapes[0].rank() == 4 && shapes[0] == shapes[1] && shapes[1] == shapes[2];
        if !are_alike || shapes[3].dims() != &shapes[0].dims()[..1] {
            let [q, k, v, lengths] = shapes;
            let what = format!("expected three of [B, T, H, D] and lengths [B], got {q}, {k}, {v} and {lengths}");
            return Err(Error::shape(NAME, what));
        }
        let operands = [q, k, v, lengths];
        let body = self.function_over(&operands, |g, x| {
            let (batches, keys) = (shapes[0].dims()[0].clone(), shapes[0].dims()[1].clone());
            let products = g.dot(x[0], x[1], by_heads([(0, 0), (2, 2)], (3, 3)))?; // [B, H, T, T]
            let scores = g.scaled_by(products, scale)?;
            let places = g.iota(DType::I64, &Shape::new([1.into(), 1.into(), 1.into(), keys]), 3)?;
            let lengths = g.reshape(x[3], &Shape::new([batches, 1.into(), 1.into(), 1.into()]))?;
            let is_seen = g.lt(places, lengths)?;
            let lowest = g.scalar_like(scores, f64::NEG_INFINITY)?;
            let scores = g.select(is_seen, scores, lowest)?;
            let weights = g.softmax(scores, 3)?;
            let value = g.dot(weights, x[2], by_heads([(0, 0), (1, 2)], (3, 1)))?; // [B, H, T, D]
            Ok(vec![g.permute(value, &[0, 2, 1, 3])?])
        })?;
        let whole = Some(Whole::AttentionOfTexts { scale_bits: scale.to_bits() });
        self.apply(Kind::Call(Arc::new(Call { whole, ..Call::of(NAME, body) })), &operands)
    }
}

fn by_heads(batch: [(usize, usize); 2], contract: (usize, usize)) -> DotDims {
    DotDims { batch: batch.into_iter().collect(), contract: [contract].into_iter().collect() }
}
