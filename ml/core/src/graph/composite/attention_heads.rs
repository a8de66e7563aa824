//! Attention whose heads all have keys of their own: its derivative is written down, and both are composites that a back end may
//! compute as a whole, without the weights of T x S in memory.
//!
//! With weights P = softmax(S), S = scale q k' and value P v, of a cotangent c of the value: that of v is P' c, that of P is D = c v', that
//! of S is P (D - the sum of P D over each row). Source: Dao et al. 2022, appendix B. Queries that see nothing have P = 0.

use std::sync::Arc;

use crate::error::Result;
use crate::graph::{Attention, Call, DotDims, Function, Graph, Heads, Kind, NodeId, Whole};

/// [B, H, T, D] as [B, T, H, D], and back.
const TURNED: [usize; 4] = [0, 2, 1, 3];
const NAME: &str = "attention";

impl Graph {
    /// True if these are as the kernels of back ends want them: as many heads on all sides, as wide values as keys.
    pub(super) fn is_of_heads(&self, q: NodeId, k: NodeId, v: NodeId) -> bool {
        let [q, k, v] = [q, k, v].map(|x| self.ty(x));
        let fits = |a: &crate::Shape, b: &crate::Shape, axes: [usize; 3]| axes.iter().all(|&i| a.dims()[i] == b.dims()[i]);
        k == v
            && q.dtype == k.dtype
            && q.shape.rank() == 4
            && fits(&q.shape, &k.shape, [0, 1, 3])
            && q.shape.dims()[3].as_fixed().is_some()
    }

    pub(super) fn attention_by_heads(&mut self, q: NodeId, k: NodeId, v: NodeId, how: Attention) -> Result<NodeId> {
        let width = self.ty(q).shape.dims()[3].as_fixed().unwrap_or(1) as f64;
        let scale = how.scale.unwrap_or(1.0 / width.sqrt());
        let heads = Heads { causal: how.causal, scale_bits: scale.to_bits() };
        let body = |g: &mut Graph, x: &[NodeId]| {
            let weights = g.weights(x[0], x[1], None, how)?;
            let value = g.dot(weights, x[2], along(3, 2))?;
            g.permute(value, &TURNED)
        };
        let rule = |g: &mut Graph, x: &[NodeId], value: NodeId, t: &[NodeId]| g.attention_tangent(x, value, t, how, heads);
        let call = self.composite_with_tangent(NAME, &[q, k, v], body, rule)?;
        let call = Call { whole: Some(Whole::Attention(heads)), ..call };
        let value = self.apply(Kind::Call(Arc::new(call)), &[q, k, v])?;
        self.permute(value, &TURNED)
    }

    /// Of q, k, v, the value and their tangents: that of the value.
    fn attention_tangent(&mut self, x: &[NodeId], value: NodeId, t: &[NodeId], how: Attention, heads: Heads) -> Result<NodeId> {
        let operands = [x, &[value], t].concat();
        let body = self.function_over(&operands, |g, x| {
            let [q, k, v, _, tq, tk, tv] = *x else { return Err(crate::Error::internal(NAME, "expected seven operands")) };
            let weights = g.weights(q, k, None, how)?;
            let (by_query, by_key) = (g.dot(tq, k, along(3, 3))?, g.dot(q, tk, along(3, 3))?);
            let scores = g.add(by_query, by_key)?;
            let slopes = g.weight_slopes(weights, scores, heads)?;
            let (by_weights, by_value) = (g.dot(slopes, v, along(3, 2))?, g.dot(weights, tv, along(3, 2))?);
            let tangent = g.add(by_weights, by_value)?;
            Ok(vec![g.permute(tangent, &TURNED)?])
        })?;
        let transposes = (0..3).map(|operand| self.attention_cotangent(x, value, how, heads, operand)).collect::<Result<_>>()?;
        self.apply(Kind::Call(Arc::new(Call { transposes, ..Call::of("attention_tangent", body) })), &operands)
    }

    /// Of q, k, v, the value and its cotangent: the cotangent of an operand.
    fn attention_cotangent(
        &mut self,
        x: &[NodeId],
        value: NodeId,
        how: Attention,
        heads: Heads,
        operand: usize,
    ) -> Result<Function> {
        let operands = [x, &[value, value]].concat(); // the cotangent is of the value's type
        let body = self.function_over(&operands, |g, x| {
            let [q, k, v, _, cotangent] = *x else { return Err(crate::Error::internal(NAME, "expected five operands")) };
            let weights = g.weights(q, k, None, how)?;
            let cotangent = g.permute(cotangent, &TURNED)?;
            let of_operand = if operand == 2 {
                g.dot(weights, cotangent, along(2, 2))?
            } else {
                let of_weights = g.dot(cotangent, v, along(3, 3))?;
                let of_scores = g.weight_slopes(weights, of_weights, heads)?;
                if operand == 0 { g.dot(of_scores, k, along(3, 2))? } else { g.dot(of_scores, q, along(2, 2))? }
            };
            Ok(vec![g.permute(of_operand, &TURNED)?])
        })?;
        let whole = Some(Whole::AttentionCotangent { heads, operand });
        self.function_over(&operands, |g, x| {
            let call = Call { whole, ..Call::of("attention_cotangent", body) };
            let value = g.apply(Kind::Call(Arc::new(call)), x)?;
            Ok(vec![g.permute(value, &TURNED)?])
        })
    }

    /// `scale P (d - sum of P d)`: a softmax's tangent, and its own transpose.
    fn weight_slopes(&mut self, weights: NodeId, d: NodeId, heads: Heads) -> Result<NodeId> {
        let product = self.mul(weights, d)?;
        let mean = self.sum_keep(product, &[3])?;
        let centred = self.sub(d, mean)?;
        let slopes = self.mul(weights, centred)?;
        self.scaled_by(slopes, heads.scale())
    }
}

/// Of [B, H, .., ..] and [B, H, .., ..]: by heads, along these axes.
fn along(left: usize, right: usize) -> DotDims {
    DotDims { batch: [(0, 0), (1, 1)].into_iter().collect(), contract: [(left, right)].into_iter().collect() }
}
