//! Transformers: layers of attention, and stacks of them.

use std::fmt;
use std::sync::Arc;

use gradframe_ml_array::Array;
use gradframe_ml_core::Result;

use super::activations::ReLU;
use super::attention::{AttentionMasks, MultiheadAttention};
use super::dropout::Dropout;
use super::linear::Linear;
use super::norms::LayerNorm;
use crate::module;
use crate::module::{Layer, Module, Parts};
use crate::options::builder;
use crate::random::keys;

/// A layer that is part of another: every layer becomes one.
#[derive(Clone)]
pub struct Activation(Arc<dyn Layer>);

impl<L: Layer + 'static> From<L> for Activation {
    fn from(layer: L) -> Self {
        Activation(Arc::new(layer))
    }
}

impl fmt::Debug for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Attention and a network of two layers, each beside what it is given, normalised after (or, with `norm_first`, before):
/// [time, batch, d_model], or with `batch_first` the batch before time, -> the same. Source: Vaswani et al. 2017.
///
/// ```
/// use gradframe_ml_array::Array;
/// use gradframe_ml_nn::{GELU, Layer, TransformerEncoderLayer};
///
/// let layer = TransformerEncoderLayer::builder(8, 2).dim_feedforward(16).activation(GELU).batch_first(true).build()?;
/// assert_eq!(layer.forward(&Array::from_vec(&[2, 5, 8], vec![0.1f32; 80])?)?.shape(), [2, 5, 8]);
/// # Ok::<(), gradframe_ml_core::Error>(())
/// ```
///
/// Errors of `forward`: `Shape` for an input or masks of other shapes.
#[derive(Debug)]
pub struct TransformerEncoderLayer {
    /// Attention of the sequence to itself.
    pub self_attn: MultiheadAttention,
    /// [dim_feedforward, d_model].
    pub linear1: Linear,
    /// [d_model, dim_feedforward].
    pub linear2: Linear,
    /// Of attention.
    pub norm1: LayerNorm,
    /// Of the network.
    pub norm2: LayerNorm,
    dropout: [Dropout; 3],
    activation: Activation,
    norm_first: bool,
}

impl Module for TransformerEncoderLayer {
    fn parts(&self, parts: &mut Parts<'_>) {
        parts.part("self_attn", &self.self_attn);
        parts.part("linear1", &self.linear1);
        parts.part("linear2", &self.linear2);
        parts.part("norm1", &self.norm1);
        parts.part("norm2", &self.norm2);
        self.dropout.iter().for_each(|dropout| parts.part("dropout", dropout));
        parts.part("activation", &*self.activation.0);
    }
}

builder! {
    /// Makes a [`TransformerEncoderLayer`].
    TransformerEncoderLayerBuilder of TransformerEncoderLayer(d_model: usize, nhead: usize) {
        /// The size between the two layers of its network; unless said 2048.
        dim_feedforward: usize = 2048;
        /// The probability with which elements are dropped in training; unless said 0.1.
        dropout: f64 = 0.1;
        /// Is added to variances; unless said 1e-5.
        layer_norm_eps: f64 = 1e-5;
        /// Whether the batch comes before time; unless said it does not.
        batch_first: bool = false;
        /// Whether parts are normalised before what they compute, not after; unless said they are not.
        norm_first: bool = false;
        /// Whether there are biases; unless said there are.
        bias: bool = true;
    } {
        /// What stands between the two layers of its network; unless said [`ReLU`].
        into activation: Activation = Activation::from(ReLU);
        /// What the parameters are drawn from; unless said the global stream.
        into key: Option<Array> = None;
    }
}

impl TransformerEncoderLayerBuilder {
    /// The layer. Errors: `Plan` for sizes of 0, heads that do not divide `d_model`, and a `dropout` that is no probability.
    pub fn build(self) -> Result<TransformerEncoderLayer> {
        let keys = keys(self.key.as_ref(), 3)?;
        let (own, inner) = (self.d_model, self.dim_feedforward);
        let attention = MultiheadAttention::builder(own, self.nhead).bias(self.bias).batch_first(self.batch_first);
        let norm = || LayerNorm::builder(own).eps(self.layer_norm_eps).bias(self.bias).build();
        let dropout = || Dropout::new(self.dropout);
        Ok(TransformerEncoderLayer {
            self_attn: attention.key(keys[0].clone()).build()?,
            linear1: Linear::builder(own, inner).bias(self.bias).key(keys[1].clone()).build()?,
            linear2: Linear::builder(inner, own).bias(self.bias).key(keys[2].clone()).build()?,
            norm1: norm()?,
            norm2: norm()?,
            dropout: [dropout()?, dropout()?, dropout()?],
            activation: self.activation,
            norm_first: self.norm_first,
        })
    }
}

impl TransformerEncoderLayer {
    /// As [`Layer::forward`], where queries may not look everywhere. Errors: `Shape` for an input or masks of other shapes.
    pub fn forward_masked(&self, x: &Array, masks: AttentionMasks<'_>) -> Result<Array> {
        let attended = |x: &Array| self.dropout[1].forward(&self.self_attn.forward(x, x, x, masks)?);
        let x = self.beside(x, &self.norm1, attended)?;
        self.beside(&x, &self.norm2, |x| self.dropout[2].forward(&self.network(x)?))
    }

    fn network(&self, x: &Array) -> Result<Array> {
        let inner = self.activation.0.forward(&self.linear1.forward(x)?)?;
        self.linear2.forward(&self.dropout[0].forward(&inner)?)
    }

    /// x and what a part makes of it.
    fn beside(&self, x: &Array, norm: &LayerNorm, part: impl FnOnce(&Array) -> Result<Array>) -> Result<Array> {
        match self.norm_first {
            true => x.add(&part(&norm.forward(x)?)?),
            false => norm.forward(&x.add(&part(x)?)?),
        }
    }
}

impl Layer for TransformerEncoderLayer {
    fn forward(&self, x: &Array) -> Result<Array> {
        self.forward_masked(x, AttentionMasks::default())
    }
}

/// Layers one after the other, and a norm at the end if there is one.
#[derive(Debug)]
pub struct TransformerEncoder {
    /// From the first to the last.
    pub layers: Vec<TransformerEncoderLayer>,
    /// What comes after the last.
    pub norm: Option<LayerNorm>,
}
module!(TransformerEncoder { layers, norm });

impl TransformerEncoder {
    /// So many layers of a kind, each with parameters of its own. Errors: as for the builder's `build`.
    ///
    /// ```
    /// use gradframe_ml_nn::{LayerNorm, Module, TransformerEncoder, TransformerEncoderLayer};
    ///
    /// let encoder = TransformerEncoder::new(&TransformerEncoderLayer::builder(8, 2).dim_feedforward(16), 2, LayerNorm::new(8)?)?;
    /// assert!(encoder.state_dict()?.get("layers.1.self_attn.out_proj.weight").is_some());
    /// # Ok::<(), gradframe_ml_core::Error>(())
    /// ```
    pub fn new(layer: &TransformerEncoderLayerBuilder, num_layers: usize, norm: impl Into<Option<LayerNorm>>) -> Result<Self> {
        let first = match &layer.key {
            Some(key) => keys(Some(key), num_layers)?.into_iter().map(Some).collect(),
            None => vec![None; num_layers],
        };
        let layers = first.into_iter().map(|key| layer.clone().key(key).build()).collect::<Result<_>>()?;
        Ok(TransformerEncoder { layers, norm: norm.into() })
    }

    /// As [`Layer::forward`], where queries may not look everywhere. Errors: `Shape` for an input or masks of other shapes.
    pub fn forward_masked(&self, x: &Array, masks: AttentionMasks<'_>) -> Result<Array> {
        let x = self.layers.iter().try_fold(x.clone(), |x, layer| layer.forward_masked(&x, masks))?;
        self.norm.as_ref().map_or_else(|| Ok(x.clone()), |norm| norm.forward(&x))
    }
}

impl Layer for TransformerEncoder {
    fn forward(&self, x: &Array) -> Result<Array> {
        self.forward_masked(x, AttentionMasks::default())
    }
}
