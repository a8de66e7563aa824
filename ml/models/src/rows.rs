//! What a network is given: rows of tokens, who may look at whom, and what was computed of the tokens before.

use gradframe_ml_core::graph::DotDims;
use gradframe_ml_core::{DType, Dim, Error, Graph, NodeId, Result, Shape};

use crate::net::Net;
use crate::precision::Precision;

/// Rows of tokens in a graph.
#[derive(Debug)]
pub struct Rows {
    /// Tokens, i64 [B, T].
    pub ids: NodeId,
    /// Which of two texts each is of, i64 [B, T].
    pub kinds: NodeId,
    /// Place of each in its text from 0, i64 [B, T].
    pub positions: NodeId,
    view: View,
}

/// Who may look at whom.
#[derive(Debug)]
enum View {
    /// Rows filled up at their ends: `lengths` i64 [B] count.
    Whole { lengths: NodeId },
    /// New tokens after those whose keys and values are kept in slots.
    After(Past),
}

/// Keys and values of tokens seen before, in slots: layer by layer [B, P, K, D]. Row b's text begins in slot `first[b]`; the
/// T new tokens take the slots from `at` on.
#[derive(Debug)]
struct Past {
    at: NodeId,
    first: NodeId,
    slots: Dim,
    kept: Vec<[NodeId; 2]>,
    next: Vec<[NodeId; 2]>,
}

/// Sizes of what is kept of each token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheShape {
    /// Blocks.
    pub layers: usize,
    /// Heads of keys and values.
    pub heads: usize,
    /// Numbers of a head.
    pub width: usize,
}

/// What keys and values are kept in: bf16 where products are computed in bf16, which halves what a step reads of them.
pub fn kept_in(precision: Precision) -> DType {
    match precision {
        Precision::F32 => DType::F32,
        Precision::Bf16 => DType::BF16,
    }
}

fn batch() -> Dim {
    Dim::symbol("batch")
}

fn length() -> Dim {
    Dim::symbol("tokens")
}

impl Rows {
    /// Whole rows: ids [B, T], kinds [B, T], lengths [B], in this order. What lies behind a row's length is not looked at.
    pub fn whole(net: &mut Net) -> Result<Self> {
        let ids = net.input("tokens", DType::I64, &[batch(), length()]);
        let kinds = net.input("kinds", DType::I64, &[batch(), length()]);
        let lengths = net.input("lengths", DType::I64, &[batch()]);
        let positions = net.g.iota(DType::I64, &Shape::new([batch(), length()]), 1)?;
        Ok(Rows { ids, kinds, positions, view: View::Whole { lengths } })
    }

    /// New tokens after others: ids [B, T], at [], first [B], then keys and values [B, P, K, D] of each layer, in this order; these in
    /// what [`kept_in`] says.
    pub fn after(net: &mut Net, cache: CacheShape) -> Result<Self> {
        let ids = net.input("tokens", DType::I64, &[batch(), length()]);
        let at = net.input("at", DType::I64, &[]);
        let first = net.input("first", DType::I64, &[batch()]);
        let slots = Dim::symbol("slots");
        let dims = [batch(), slots.clone(), cache.heads.into(), cache.width.into()];
        let dtype = kept_in(net.precision());
        let kept = (0..cache.layers).map(|i| ["keys", "values"].map(|name| net.input(&format!("{name}.{i}"), dtype, &dims)));
        let past = Past { at, first, slots, kept: kept.collect(), next: Vec::new() };
        let g = &mut net.g;
        let own = past.own_slots(g)?;
        let column = g.insert_axis(first, 1)?;
        let place = g.sub(own, column)?;
        let zero = g.scalar_like(place, 0.0)?;
        let positions = g.max(place, zero)?;
        let kinds = g.full_like(ids, 0.0)?;
        Ok(Rows { ids, kinds, positions, view: View::After(past) })
    }

    /// The lengths of whole rows, i64 [B].
    pub fn lengths(&self) -> Option<NodeId> {
        match &self.view {
            View::Whole { lengths } => Some(*lengths),
            View::After(_) => None,
        }
    }

    /// Keys and values of all tokens, layer by layer, once every layer has been through [`Rows::attend`].
    pub fn kept(&self) -> impl Iterator<Item = NodeId> + '_ {
        let next = match &self.view {
            View::Whole { .. } => &[][..],
            View::After(past) => &past.next,
        };
        next.iter().flatten().copied()
    }

    /// True where a token counts: [B, T].
    pub fn counts(&self, g: &mut Graph) -> Result<NodeId> {
        match self.lengths() {
            Some(lengths) => {
                let column = g.insert_axis(lengths, 1)?;
                g.lt(self.positions, column)
            }
            None => g.ge(self.positions, self.positions),
        }
    }

    /// Of each row what belongs to its last token: [B, T, C] -> [B, C].
    /// Errors: `Internal` for rows after others.
    pub fn last_token(&self, g: &mut Graph, x: NodeId) -> Result<NodeId> {
        let lengths = self.lengths().ok_or_else(|| Error::internal("model", "only whole rows have lengths"))?;
        let one = g.scalar_like(lengths, 1.0)?;
        let last = g.sub(lengths, one)?;
        let column = g.insert_axis(last, 1)?;
        let is_last = g.eq(self.positions, column)?;
        let is_last = g.insert_axis(is_last, 2)?;
        let zero = g.scalar_like(x, 0.0)?;
        let only = g.select(is_last, x, zero)?;
        g.sum(only, &[1])
    }

    /// Attention of the next layer: q [B, T, H, D], k and v [B, T, K, D], where K divides H -> [B, T, H D].
    /// `causal`: only at what comes before; `window`: and only at so many last ones. `bias` [1, H, T, T] is added to the scores.
    pub fn attend(&mut self, net: &mut Net, [q, k, v]: [NodeId; 3], how: Look) -> Result<NodeId> {
        if let View::Whole { lengths } = self.view
            && how.is_plain()
            && net.g.ty(q).shape == net.g.ty(k).shape
        {
            return attention_of_texts(&mut net.g, [q, k, v], lengths, how);
        }
        let [k, v] = self.all_keys(&mut net.g, [k, v])?;
        let mask = self.mask(&mut net.g, how)?;
        grouped_attention(&mut net.g, [q, k, v], mask, how)
    }

    fn all_keys(&mut self, g: &mut Graph, new: [NodeId; 2]) -> Result<[NodeId; 2]> {
        let View::After(past) = &mut self.view else { return Ok(new) };
        let kept = past.kept.get(past.next.len()).copied();
        let kept = kept.ok_or_else(|| Error::internal("model", "more layers than caches"))?;
        let mut all = [kept[0]; 2];
        for ((all, kept), new) in all.iter_mut().zip(kept).zip(new) {
            let new = g.cast(new, g.ty(kept).dtype)?;
            *all = g.dyn_update(kept, new, past.at, 1)?;
        }
        past.next.push(all);
        Ok([g.cast(all[0], DType::F32)?, g.cast(all[1], DType::F32)?])
    }

    /// Whom each token may look at, as scores lie: [B, 1, T, 1, S]. A token may always look at itself, so that no row is empty.
    fn mask(&self, g: &mut Graph, how: Look) -> Result<NodeId> {
        match &self.view {
            View::After(past) => past.mask(g, how.window),
            View::Whole { lengths } => {
                let columns = g.iota(DType::I64, &row_of(length()), 4)?;
                let lengths = g.reshape(*lengths, &column_of(batch()))?;
                let mut seen = g.lt(columns, lengths)?;
                if how.causal {
                    let rows = g.iota(DType::I64, &Shape::new([1.into(), 1.into(), length(), 1.into(), 1.into()]), 2)?;
                    let before = no_later(g, columns, rows, how.window)?;
                    seen = g.and(seen, before)?;
                    // Behind a row's end nothing is read, but nothing may be NaN either.
                    let itself = g.eq(columns, rows)?;
                    seen = g.or(seen, itself)?;
                }
                Ok(seen)
            }
        }
    }
}

impl Past {
    /// The slots of the new tokens: i64 [1, T].
    fn own_slots(&self, g: &mut Graph) -> Result<NodeId> {
        let steps = g.iota(DType::I64, &Shape::new([1.into(), length()]), 1)?;
        g.add(steps, self.at)
    }

    fn mask(&self, g: &mut Graph, window: Option<usize>) -> Result<NodeId> {
        let columns = g.iota(DType::I64, &row_of(self.slots.clone()), 4)?;
        let own = self.own_slots(g)?;
        let own = g.reshape(own, &Shape::new([1.into(), 1.into(), length(), 1.into(), 1.into()]))?;
        let first = g.reshape(self.first, &column_of(batch()))?;
        let before = no_later(g, columns, own, window)?;
        let begun = g.ge(columns, first)?;
        let seen = g.and(before, begun)?;
        let itself = g.eq(columns, own)?;
        g.or(seen, itself)
    }
}

/// [1, 1, 1, 1, S].
fn row_of(columns: Dim) -> Shape {
    Shape::new([1.into(), 1.into(), 1.into(), 1.into(), columns])
}

/// [B, 1, 1, 1, 1].
fn column_of(rows: Dim) -> Shape {
    Shape::new([rows, 1.into(), 1.into(), 1.into(), 1.into()])
}

/// `column <= row`, and `column > row - window`.
fn no_later(g: &mut Graph, column: NodeId, row: NodeId, window: Option<usize>) -> Result<NodeId> {
    let before = g.le(column, row)?;
    let Some(window) = window else { return Ok(before) };
    let window = g.scalar_like(row, window as f64)?;
    let start = g.sub(row, window)?;
    let near = g.gt(column, start)?;
    g.and(before, near)
}

/// How a layer looks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Look {
    /// Only at what comes before.
    pub causal: bool,
    /// Only at so many last tokens, its own among them.
    pub window: Option<usize>,
    /// Factor of the scores; None: 1 / sqrt(D).
    pub scale: Option<f64>,
    /// Added to the scores: f32 [1, H, T, T].
    pub bias: Option<NodeId>,
}

impl Look {
    /// True if every token looks at all of its text.
    fn is_plain(&self) -> bool {
        !self.causal && self.window.is_none() && self.bias.is_none()
    }

    /// The factor of the scores of heads so wide.
    fn scale_of(&self, width: &Dim) -> f64 {
        let width = width.as_fixed().unwrap_or(1).max(1) as f64;
        self.scale.unwrap_or(1.0 / width.sqrt())
    }
}

/// Of q, k, v [B, T, H, D], where every token looks at all of its text -> [B, T, H D].
fn attention_of_texts(g: &mut Graph, parts: [NodeId; 3], lengths: NodeId, how: Look) -> Result<NodeId> {
    let dims = g.ty(parts[0]).shape.dims().to_vec();
    let seen = g.attention_of_texts(parts, lengths, how.scale_of(&dims[3]))?;
    let all = dims[2].as_fixed().unwrap_or(1) * dims[3].as_fixed().unwrap_or(1);
    g.reshape(seen, &Shape::new([dims[0].clone(), dims[1].clone(), all.into()]))
}

/// `softmax(q k' scale + bias) v` where K heads of keys each serve H / K of queries, without copies of them: q [B, T, H, D], k and v
/// [B, S, K, D] -> [B, T, H D]. Source: Vaswani et al. 2017; grouped heads: Ainslie et al. 2023.
fn grouped_attention(g: &mut Graph, [q, k, v]: [NodeId; 3], mask: NodeId, how: Look) -> Result<NodeId> {
    let (query, key) = (g.ty(q).shape.dims().to_vec(), g.ty(k).shape.dims().to_vec());
    let heads = |d: &Dim| d.as_fixed().unwrap_or_default();
    let group = heads(&query[2]) / heads(&key[2]).max(1);
    let [batch, tokens] = [query[0].clone(), query[1].clone()];
    let split = Shape::new([batch.clone(), tokens.clone(), key[2].clone(), group.into(), query[3].clone()]);
    let q = g.reshape(q, &split)?;
    let pairs = |pairs: &[(usize, usize)]| pairs.iter().copied().collect();
    let scores = g.dot(q, k, DotDims { batch: pairs(&[(0, 0), (2, 2)]), contract: pairs(&[(4, 3)]) })?; // [B, K, T, G, S]
    let scale = g.scalar_like(scores, how.scale_of(&query[3]))?;
    let mut scores = g.mul(scores, scale)?;
    if let Some(bias) = how.bias {
        let bias = g.insert_axis(bias, 3)?; // every head has keys of its own where there is a bias: G is 1
        scores = g.add(scores, bias)?;
    }
    let lowest = g.scalar_like(scores, f64::NEG_INFINITY)?;
    let scores = g.select(mask, scores, lowest)?;
    let weights = g.softmax(scores, 4)?;
    let seen = g.dot(weights, v, DotDims { batch: pairs(&[(0, 0), (1, 2)]), contract: pairs(&[(4, 1)]) })?; // [B, K, T, G, D]
    let seen = g.permute(seen, &[0, 2, 1, 3, 4])?;
    let all = heads(&query[2]) * heads(&key[3]);
    g.reshape(seen, &Shape::new([batch, tokens, all.into()]))
}
