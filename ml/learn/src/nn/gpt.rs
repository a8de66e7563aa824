//! A decoder that predicts the next of a row of tokens, as GPT-2 does (Radford et al. 2019): learned positions, blocks of
//! `x + attention(norm x)` and `x + mlp(norm x)`, a last norm, and scores without a bias.
//!
//! Names: `token.table [V, C]`, `position.table [T, C]`; in block i from 1 `block.<i>.norm_1.scale | shift`,
//! `query_key_value.weight [C, 3 C] | bias`, `projection.weight [C, C] | bias`, `norm_2.scale | shift`, `up.weight [C, 4 C] |
//! bias`, `down.weight [4 C, C] | bias`; `norm.scale | shift`, `head.weight [C, V]`.

use gradframe_ml_core::graph::Attention;
use gradframe_ml_core::{Dim, Graph, NodeId, Result, Shape};

use super::Init;
use super::network::Values;
use super::part::{Part, Role, part_of};

/// Of the first weights. Source: Radford et al. 2019.
const DEVIATION: f64 = 0.02;
const EPSILON: f64 = 1e-5;

/// What the network is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gpt {
    /// Different tokens.
    pub vocabulary: usize,
    /// Tokens that it looks back on, at most.
    pub context: usize,
    /// Numbers a token between blocks; a multiple of `heads`.
    pub width: usize,
    /// Heads of an attention.
    pub heads: usize,
    /// Blocks.
    pub layers: usize,
}

impl Gpt {
    /// The parts, from the tokens on.
    pub fn parts(&self) -> Vec<Part> {
        let width = self.width;
        let mut parts =
            vec![weight("token.table".into(), self.vocabulary, width), weight("position.table".into(), self.context, width)];
        for i in 1..=self.layers {
            let name = |part: &str| format!("block.{i}.{part}");
            parts.extend(norm(&name("norm_1"), width));
            parts.extend(dense(&name("query_key_value"), width, 3 * width));
            parts.extend(dense(&name("projection"), width, width));
            parts.extend(norm(&name("norm_2"), width));
            parts.extend(dense(&name("up"), width, 4 * width));
            parts.extend(dense(&name("down"), 4 * width, width));
        }
        parts.extend(norm("norm", width));
        parts.push(weight("head.weight".into(), width, self.vocabulary));
        parts
    }

    /// Tokens (i64) [B, T] -> scores of the token after each [B, T, V]; T is fixed and at most the context.
    /// Errors: `Execution` if a part is missing among `values`; `Shape` if the tokens do not fit.
    pub fn scores(&self, g: &mut Graph, values: &Values, tokens: NodeId) -> Result<NodeId> {
        let length = g.ty(tokens).shape.dims().get(1).cloned().unwrap_or(Dim::fixed(self.context));
        let token = g.gather(part_of(values, "token.table")?, tokens, 0)?; // [B, T, C]
        let position = g.slice_axis(part_of(values, "position.table")?, 0, 0, length)?; // [T, C]
        let mut x = g.add(token, position)?;
        for i in 1..=self.layers {
            x = Block { gpt: self, values, name: format!("block.{i}") }.apply(g, x)?;
        }
        let last = normalised(g, values, "norm", x)?;
        g.matmul(last, part_of(values, "head.weight")?)
    }
}

/// One block.
struct Block<'a> {
    gpt: &'a Gpt,
    values: &'a Values,
    name: String,
}

impl Block<'_> {
    fn apply(&self, g: &mut Graph, x: NodeId) -> Result<NodeId> {
        let normal = normalised(g, self.values, &format!("{}.norm_1", self.name), x)?;
        let seen = self.attention(g, normal)?;
        let x = g.add(x, seen)?;
        let normal = normalised(g, self.values, &format!("{}.norm_2", self.name), x)?;
        let up = self.linear(g, "up", normal)?;
        let active = g.gelu(up)?;
        let down = self.linear(g, "down", active)?;
        g.add(x, down)
    }

    /// [B, T, C] -> [B, T, C].
    fn attention(&self, g: &mut Graph, x: NodeId) -> Result<NodeId> {
        let own = g.ty(x).shape.clone();
        let all = self.linear(g, "query_key_value", x)?; // [B, T, 3 C]
        let mut heads = Vec::with_capacity(3);
        for part in 0..3 {
            heads.push(self.heads_of(g, all, part)?);
        }
        let seen = g.attention(heads[0], heads[1], heads[2], None, Attention { causal: true, scale: None })?;
        let joined = g.permute(seen, &[0, 2, 1, 3])?;
        let joined = g.reshape(joined, &own)?;
        self.linear(g, "projection", joined)
    }

    /// A third of [B, T, 3 C], by heads: [B, H, T, C / H].
    fn heads_of(&self, g: &mut Graph, all: NodeId, part: usize) -> Result<NodeId> {
        let Gpt { width, heads, .. } = *self.gpt;
        let own = g.slice_axis(all, 2, part * width, Dim::fixed((part + 1) * width))?;
        let dims = g.ty(own).shape.dims();
        let split = Shape::new([dims[0].clone(), dims[1].clone(), heads.into(), (width / heads.max(1)).into()]);
        let split = g.reshape(own, &split)?;
        g.permute(split, &[0, 2, 1, 3])
    }

    fn linear(&self, g: &mut Graph, name: &str, x: NodeId) -> Result<NodeId> {
        let product = g.matmul(x, part_of(self.values, &format!("{}.{name}.weight", self.name))?)?;
        g.add(product, part_of(self.values, &format!("{}.{name}.bias", self.name))?)
    }
}

fn normalised(g: &mut Graph, values: &Values, name: &str, x: NodeId) -> Result<NodeId> {
    let (scale, shift) = (part_of(values, &format!("{name}.scale"))?, part_of(values, &format!("{name}.shift"))?);
    g.layer_norm(x, 1, Some(scale), Some(shift), EPSILON)
}

fn weight(name: String, inputs: usize, outputs: usize) -> Part {
    Part::new(name, vec![inputs, outputs], Init::Normal { deviation: DEVIATION }, Role::Weight)
}

fn dense(name: &str, inputs: usize, outputs: usize) -> [Part; 2] {
    let bias = Part::new(format!("{name}.bias"), vec![outputs], Init::Zeros, Role::Offset);
    [weight(format!("{name}.weight"), inputs, outputs), bias]
}

fn norm(name: &str, width: usize) -> [Part; 2] {
    let part = |part: &str, init| Part::new(format!("{name}.{part}"), vec![width], init, Role::Offset);
    [part("scale", Init::Ones), part("shift", Init::Zeros)]
}
