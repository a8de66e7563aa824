//! Attention of several heads.

use gradframe_ml_array::{Array, Index};
use gradframe_ml_core::{Error, Result};

use super::linear::Linear;
use super::norms::{array_of, filled};
use crate::functional::{Masks, attention_weights, dropout, linear, one, pair, scaled_dot_product_attention, select};
use crate::init::xavier_uniform;
use crate::module::{Module, Parts};
use crate::options::{at_least, builder, divides, probability};
use crate::parameter::{Mode, Parameter};
use crate::random::keys;

/// Where a query may not look.
#[derive(Debug, Clone, Copy, Default)]
pub struct AttentionMasks<'a> {
    /// True where a query may *not* look, as in PyTorch, or floats that are added: [time, source], or [batch heads, time, source].
    pub attn_mask: Option<&'a Array>,
    /// Keys that no query may look at, likewise: [batch, source].
    pub key_padding_mask: Option<&'a Array>,
    /// A query sees the places up to its own.
    pub is_causal: bool,
}

/// Attention of several heads: query [time, batch, embed_dim], key [source, batch, kdim] and value [source, batch, vdim], or with
/// `batch_first` the batch before time, -> [time, batch, embed_dim]. Weights have PyTorch's names and shapes. Source: Vaswani et al. 2017.
///
/// ```
/// use gradframe_ml_array::Array;
/// use gradframe_ml_nn::{AttentionMasks, MultiheadAttention};
///
/// let attention = MultiheadAttention::builder(8, 2).batch_first(true).build()?;
/// let x = Array::from_vec(&[1, 5, 8], vec![0.5f32; 40])?;
/// let causal = AttentionMasks { is_causal: true, ..AttentionMasks::default() };
/// assert_eq!(attention.forward(&x, &x, &x, causal)?.shape(), [1, 5, 8]);
/// # Ok::<(), gradframe_ml_core::Error>(())
/// ```
#[derive(Debug)]
pub struct MultiheadAttention {
    projections: Projections,
    in_proj_bias: Option<Parameter>,
    /// [embed_dim, embed_dim].
    pub out_proj: Linear,
    training: Mode,
    sizes: [usize; 3],
    num_heads: usize,
    batch_first: bool,
    dropout: f64,
}

/// Of query, key and value.
#[derive(Debug)]
enum Projections {
    /// One over the other: [3 embed_dim, embed_dim].
    Joint(Parameter),
    /// [embed_dim, size] each.
    Apart([Parameter; 3]),
}

impl Module for Projections {
    fn parts(&self, parts: &mut Parts<'_>) {
        match self {
            Projections::Joint(weight) => parts.part("in_proj_weight", weight),
            Projections::Apart(weights) => {
                let names = ["q_proj_weight", "k_proj_weight", "v_proj_weight"];
                names.into_iter().zip(weights).for_each(|(name, weight)| parts.part(name, weight));
            }
        }
    }
}

impl Module for MultiheadAttention {
    fn parts(&self, parts: &mut Parts<'_>) {
        self.projections.parts(parts);
        parts.part("in_proj_bias", &self.in_proj_bias);
        parts.part("out_proj", &self.out_proj);
        parts.part("training", &self.training);
    }
}

builder! {
    /// Makes a [`MultiheadAttention`]. Projections begin as [`xavier_uniform`] gives them, biases with zeros.
    MultiheadAttentionBuilder of MultiheadAttention(embed_dim: usize, num_heads: usize) {
        /// The probability with which weights of attention are dropped in training; unless said 0.
        dropout: f64 = 0.0;
        /// Whether there are biases; unless said there are.
        bias: bool = true;
        /// Whether the batch comes before time; unless said it does not.
        batch_first: bool = false;
    } {
        /// The size of keys; unless said `embed_dim`.
        into kdim: Option<usize> = None;
        /// The size of values; unless said `embed_dim`.
        into vdim: Option<usize> = None;
        /// What the parameters are drawn from; unless said the global stream.
        into key: Option<Array> = None;
    }
}

const LAYER: &str = "MultiheadAttention";

impl MultiheadAttentionBuilder {
    /// The layer. Errors: `Plan` for sizes of 0, heads that do not divide `embed_dim`, and a `dropout` that is no probability.
    pub fn build(self) -> Result<MultiheadAttention> {
        let size = self.embed_dim;
        let sizes = [size, self.kdim.unwrap_or(size), self.vdim.unwrap_or(size)];
        for (name, size) in ["embed_dim", "kdim", "vdim"].into_iter().zip(sizes) {
            at_least(LAYER, name, size, 1)?;
        }
        divides(LAYER, "num_heads", self.num_heads, &[("embed_dim", size)])?;
        let keys_of_two = keys(self.key.as_ref(), 2)?;
        let out_proj = Linear::builder(size, size).bias(self.bias).key(keys_of_two[1].clone()).build()?;
        if let Some(bias) = &out_proj.bias {
            bias.set(&crate::init::constant(&[size], 0.0)?)?;
        }
        Ok(MultiheadAttention {
            projections: projections(&keys_of_two[0], sizes)?,
            in_proj_bias: filled(self.bias, &[3 * size], 0.0)?,
            out_proj,
            training: Mode::default(),
            sizes,
            num_heads: self.num_heads,
            batch_first: self.batch_first,
            dropout: probability(LAYER, "dropout", self.dropout)?,
        })
    }
}

fn projections(key: &Array, sizes: [usize; 3]) -> Result<Projections> {
    let [embed_dim, ..] = sizes;
    if sizes == [embed_dim; 3] {
        return Ok(Projections::Joint(Parameter::new(&xavier_uniform(key, &[3 * embed_dim, embed_dim], 1.0)?)?));
    }
    let keys = keys(Some(key), 3)?;
    let one = |i: usize| Parameter::new(&xavier_uniform(&keys[i], &[embed_dim, sizes[i]], 1.0)?);
    Ok(Projections::Apart([one(0)?, one(1)?, one(2)?]))
}

impl MultiheadAttention {
    /// What the heads see. Errors: `Shape` for shapes that do not go together, and masks of other shapes; `DType` for masks of integers.
    pub fn forward(&self, query: &Array, key: &Array, value: &Array, masks: AttentionMasks<'_>) -> Result<Array> {
        let heads = self.heads([query, key, value])?;
        let mask = self.combined(masks, &heads)?;
        let masks = Masks { mask: mask.as_ref(), is_causal: masks.is_causal };
        let silent = if self.training.is_training() { self.dropout } else { 0.0 };
        let [q, k, v] = &heads;
        self.joined(&scaled_dot_product_attention(q, k, v, masks, silent)?)
    }

    /// As [`forward`](Self::forward), and the weights of attention: [batch, heads, time, source], whole in memory.
    pub fn forward_with_weights(
        &self,
        query: &Array,
        key: &Array,
        value: &Array,
        masks: AttentionMasks<'_>,
    ) -> Result<(Array, Array)> {
        let heads = self.heads([query, key, value])?;
        let mask = self.combined(masks, &heads)?;
        let [q, k, v] = &heads;
        let weights = attention_weights(q, k, Masks { mask: mask.as_ref(), is_causal: masks.is_causal })?;
        let weights = dropout(&weights, self.dropout, self.training.is_training())?;
        Ok((self.joined(&weights.matmul(v)?)?, weights))
    }

    /// Each projected and parted: [batch, heads, time, depth].
    fn heads(&self, given: [&Array; 3]) -> Result<[Array; 3]> {
        for (x, size) in given.into_iter().zip(self.sizes) {
            if x.shape().len() != 3 || x.shape()[2] != size {
                return Err(Error::shape(LAYER, format!("expected [.., .., {size}], got shape {:?}", x.shape())));
            }
        }
        let (batch, time) = if self.batch_first { (0, 1) } else { (1, 0) };
        let [query, key, value] = given.map(Array::shape);
        if key[..2] != value[..2] || query[batch] != key[batch] {
            let what = format!(
                "query {query:?}, key {key:?} and value {value:?} have not the same batch, or key and value not one length"
            );
            return Err(Error::shape(LAYER, what));
        }
        let head = |number: usize| {
            let own = self.projected(given[number], number)?;
            let [batch, time] = [own.shape()[batch], own.shape()[time]];
            let depth = self.sizes[0] / self.num_heads;
            let own = if self.batch_first { own } else { own.permute_dims(&[1, 0, 2])? };
            own.reshape(&[batch as i64, time as i64, self.num_heads as i64, depth as i64])?.permute_dims(&[0, 2, 1, 3])
        };
        Ok([head(0)?, head(1)?, head(2)?])
    }

    fn projected(&self, x: &Array, number: usize) -> Result<Array> {
        let size = self.sizes[0] as i64;
        let rows = |array: &Array| {
            array.index(&[Index::Slice { start: Some(number as i64 * size), stop: Some((number as i64 + 1) * size), step: None }])
        };
        let weight = match &self.projections {
            Projections::Joint(weight) => rows(&weight.array())?,
            Projections::Apart(weights) => weights[number].array(),
        };
        let bias = array_of(self.in_proj_bias.as_ref()).map(|bias| rows(&bias)).transpose()?;
        linear(x, &weight, bias.as_ref())
    }

    /// [batch, heads, time, depth] as the layer gives it.
    fn joined(&self, mixed: &Array) -> Result<Array> {
        let (batch, time) = (mixed.shape()[0] as i64, mixed.shape()[2] as i64);
        let rows = mixed.permute_dims(&[0, 2, 1, 3])?.reshape(&[batch, time, self.sizes[0] as i64])?;
        let result = crate::Layer::forward(&self.out_proj, &rows)?;
        if self.batch_first { Ok(result) } else { result.permute_dims(&[1, 0, 2]) }
    }

    /// Both masks as one for scores [batch, heads, time, source]: truth values that are true where a query may look, or floats.
    fn combined(&self, masks: AttentionMasks<'_>, heads: &[Array; 3]) -> Result<Option<Array>> {
        let [batch, heads, time, source] = [heads[0].shape()[0], heads[0].shape()[1], heads[0].shape()[2], heads[1].shape()[2]];
        let mut parts = Vec::new();
        if let Some(mask) = masks.attn_mask {
            let is_fit = mask.shape() == [time, source] || mask.shape() == [batch * heads, time, source];
            check_mask("attn_mask", mask, is_fit, format!("[{time}, {source}] or [{}, {time}, {source}]", batch * heads))?;
            let four = [batch, heads, time, source].map(|size| size as i64);
            parts.push(if mask.shape().len() == 3 { mask.reshape(&four)? } else { mask.clone() });
        }
        if let Some(mask) = masks.key_padding_mask {
            check_mask("key_padding_mask", mask, mask.shape() == [batch, source], format!("[{batch}, {source}]"))?;
            parts.push(mask.reshape(&[batch as i64, 1, 1, source as i64])?);
        }
        let are_truths = parts.iter().all(|part| !part.element().is_float());
        let as_one = |part: &Array| match are_truths {
            true => one("logical_not", &[part], []),
            false if part.element().is_float() => Ok(part.clone()),
            false => select(part, f64::NEG_INFINITY, 0.0),
        };
        let parts = parts.iter().map(as_one).collect::<Result<Vec<_>>>()?;
        let both = if are_truths { "logical_and" } else { "add" };
        parts.into_iter().map(Ok).reduce(|a, b| pair(both, &a?, &b?)).transpose()
    }
}

fn check_mask(name: &str, mask: &Array, is_fit: bool, expected: String) -> Result<()> {
    if mask.element().is_integer() {
        let what =
            format!("`{name}` is of {}, expected truth values, true where a query may not look, or floats", mask.element());
        return Err(Error::dtype(LAYER, what));
    }
    if is_fit {
        Ok(())
    } else {
        Err(Error::shape(LAYER, format!("expected `{name}` of shape {expected}, got {:?}", mask.shape())))
    }
}
