//! `Call`: a named composite, whose meaning is its body. Every rule goes through the body;
//! `transform::jvp` grafts it itself, so that value and tangent share its inner values.

use std::sync::Arc;

use smallvec::SmallVec;

use super::{Batched, Linear, Realised, Rules, arity, no_rule};
use crate::error::{Error, Result};
use crate::graph::{Call, Graph, Kind, NodeId, Type, bound_type};
use crate::shape::Dim;
use crate::tensor::Tensor;
use crate::transform;

/// The rules of [`crate::graph::Kind::Call`].
pub struct CallBody<'a>(pub &'a Call);

impl Rules for CallBody<'_> {
    fn name(&self) -> &'static str {
        "call"
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type> {
        let bindings = self.0.body.unify(self.0.name, operands)?;
        let [output] = self.0.body.outputs.as_slice() else {
            return Err(Error::internal(self.0.name, "the body of a call has one result"));
        };
        bound_type(self.0.body.graph.ty(*output), &bindings)
    }

    fn evaluate(&self, operands: &[&Tensor], out: &Realised) -> Result<Tensor> {
        let operands: Vec<Tensor> = operands.iter().map(|&x| x.clone()).collect();
        transform::evaluate_body(&self.0.body, &operands, out.shape)
    }

    fn transpose(&self, g: &mut Graph, at: &Linear, cotangent: NodeId) -> Result<SmallVec<[Option<NodeId>; 3]>> {
        if !self.0.transposes.is_empty() {
            return self.transpose_by_own_rules(g, at, cotangent);
        }
        let mut operands = at.operands.to_vec();
        let mut wrt = Vec::new();
        for (i, operand) in operands.iter_mut().enumerate() {
            if at.linear[i] {
                let ty = g.ty(*operand).clone();
                *operand = g.placeholder(i, ty);
                wrt.push(*operand);
            } else if self.0.recomputed {
                *operand = g.barrier(*operand)?; // so that what is made of it here is not what was made of it before
            }
        }
        let value = self.grafted(g, &operands)?;
        let mut cotangents = transform::pull_back(g, &[(value, cotangent)], &wrt)?.into_iter();
        Ok(at.linear.iter().map(|&linear| if linear { cotangents.next().flatten() } else { None }).collect())
    }

    fn batch(&self, g: &mut Graph, operands: &[Batched], size: &Dim) -> Result<NodeId> {
        let axes: Vec<Option<usize>> = operands.iter().map(|o| o.batched.then_some(0)).collect();
        let body = transform::vmap(&self.0.body, &axes, size)?;
        let tangent = self.0.tangent.as_ref().map(|t| {
            let floats = self.0.body.argument_types().map(|ty| ty.dtype.is_float());
            let tangents = axes.iter().zip(floats).filter(|(_, float)| *float).map(|(axis, _)| *axis);
            let all: Vec<Option<usize>> = axes.iter().copied().chain([Some(0)]).chain(tangents).collect();
            transform::vmap(t, &all, size)
        });
        let nodes: Vec<NodeId> = operands.iter().map(|o| o.node).collect();
        let call = Call { tangent: tangent.transpose()?, recomputed: self.0.recomputed, ..Call::of(self.0.name, body) };
        g.apply(Kind::Call(Arc::new(call)), &nodes)
    }
}

impl CallBody<'_> {
    /// The last operands have a function each; the others are what these are given.
    fn transpose_by_own_rules(&self, g: &mut Graph, at: &Linear, cotangent: NodeId) -> Result<SmallVec<[Option<NodeId>; 3]>> {
        let given = at.operands.len() - self.0.transposes.len();
        if at.linear[..given].contains(&true) {
            return Err(no_rule(self.0.name, "transpose"));
        }
        let operands: Vec<NodeId> = at.operands[..given].iter().copied().chain([cotangent]).collect();
        let mut cotangents: SmallVec<[Option<NodeId>; 3]> = SmallVec::from_elem(None, given);
        for (rule, &linear) in self.0.transposes.iter().zip(&at.linear[given..]) {
            cotangents.push(if linear { g.inline(rule, &operands)?.first().copied() } else { None });
        }
        Ok(cotangents)
    }

    fn grafted(&self, g: &mut Graph, operands: &[NodeId]) -> Result<NodeId> {
        let [value] = *arity(self.0.name, &g.inline(&self.0.body, operands)?)?;
        Ok(value)
    }
}

#[cfg(test)]
pub mod rows {
    use crate::ops::proof::{Row, floats, given, others};

    pub fn rows() -> Vec<Row> {
        vec![
            Row::new("call", "of two operands", [floats(&[3]), others(&[3])], |g, x| {
                g.call("sine_product", x, |g, x| {
                    let sine = g.sin(x[0])?;
                    g.mul(sine, x[1])
                })
            }),
            Row::new("call", "with a rule of its own", [floats(&[2, 3]), others(&[2, 3])], |g, x| {
                g.call_with_tangent(
                    "sine_product",
                    x,
                    |g, x| {
                        let sine = g.sin(x[0])?;
                        g.mul(sine, x[1])
                    },
                    |g, x, _, t| {
                        let (sine, cosine) = (g.sin(x[0])?, g.cos(x[0])?);
                        let slope = g.mul(cosine, x[1])?;
                        let (along, across) = (g.mul(slope, t[0])?, g.mul(sine, t[1])?);
                        g.add(along, across)
                    },
                )
            }),
            Row::new("call", "with a slope that is not the body's", [given(&[0.4, 1.6])], |g, x| {
                let straight = |_: &mut crate::Graph, _: &[_], _, t: &[_]| Ok(t[0]);
                g.call_with_tangent("rounded_straight_through", x, |g, x| g.round(x[0]), straight)
            })
            .slopes(&[1.0, 1.0]),
            Row::new("call", "computed again", [floats(&[3]), others(&[3])], |g, x| {
                let inside = g.checkpoint(x, |g, x| {
                    let sine = g.sin(x[0])?;
                    let product = g.mul(sine, x[1])?;
                    Ok(vec![g.exp(product)?, g.tanh(product)?])
                })?;
                g.mul(inside[0], inside[1])
            }),
            Row::new("call", "softmax", [floats(&[2, 3])], |g, x| g.softmax(x[0], 1)),
            Row::new("call", "log_softmax", [floats(&[2, 3])], |g, x| g.log_softmax(x[0], 0)),
            Row::new("call", "logsumexp", [floats(&[2, 3])], |g, x| g.logsumexp(x[0], 1)),
            Row::new("call", "sigmoid", [floats(&[4])], |g, x| g.sigmoid(x[0])),
            Row::new("call", "log_sigmoid", [floats(&[4])], |g, x| g.log_sigmoid(x[0])),
            Row::new("call", "softplus", [floats(&[4])], |g, x| g.softplus(x[0])),
            Row::new("call", "relu", [floats(&[4])], |g, x| g.relu(x[0])),
        ]
    }
}
