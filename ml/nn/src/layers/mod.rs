//! Layers, one matter a file: a struct of its parameters, its options by [`builder!`](crate::options::builder), its `forward`.

mod activations;
mod attention;
mod batch_norm;
mod convolution;
mod dropout;
mod embedding;
mod linear;
mod norms;
mod pooling;
mod recurrent;
mod sequential;
mod transformer;

pub use activations::*;
pub use attention::{AttentionMasks, MultiheadAttention, MultiheadAttentionBuilder};
pub use batch_norm::{BatchNorm, BatchNorm1d, BatchNorm2d, BatchNormBuilder};
pub use convolution::{
    Conv, Conv1d, Conv2d, ConvBuilder, ConvTranspose, ConvTranspose1d, ConvTranspose2d, ConvTransposeBuilder, Padding,
    PaddingMode,
};
pub use dropout::Dropout;
pub use embedding::{Embedding, EmbeddingBuilder};
pub use linear::{Flatten, Identity, Linear, LinearBuilder};
pub use norms::{GroupNorm, GroupNormBuilder, LayerNorm, LayerNormBuilder, RMSNorm, RMSNormBuilder};
pub use pooling::*;
pub use recurrent::{GRU, GRUBuilder, LSTM, LSTMBuilder, RNN, RNNBuilder};
pub use sequential::{Function, ModuleList, Sequential};
pub use transformer::{Activation, TransformerEncoder, TransformerEncoderLayer, TransformerEncoderLayerBuilder};
