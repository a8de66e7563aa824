//! Attention by heads as one kernel, and the cotangents of its operands as another: weights are never in memory.

use gradframe_ml_core::Shape;
use gradframe_ml_core::graph::Heads;

use super::{BufferId, Load};

/// `softmax(scale q k') v`, computed in f32 or wider and rounded once; see [`gradframe_ml_core::graph::Whole`].
#[derive(Debug, Clone)]
pub struct Attention {
    /// Scale, and what a query sees.
    pub heads: Heads,
    /// q [B, H, T, D], k and v [B, H, S, D], each a map from its own axes.
    pub operands: [(Load, Shape); 3],
    /// Result [B, T, H, D].
    pub output: BufferId,
    /// f32 [B, H, T]: the logarithm to base 2 of what a query's weights were divided by.
    pub divisors: BufferId,
}

/// The cotangents of q, k and v.
#[derive(Debug, Clone)]
pub struct AttentionCotangents {
    /// Scale, and what a query sees.
    pub heads: Heads,
    /// As of the attention.
    pub operands: [(Load, Shape); 3],
    /// The value [B, T, H, D].
    pub value: BufferId,
    /// The divisors that came with it.
    pub divisors: BufferId,
    /// The value's cotangent, a map from the axes [B, T, H, D].
    pub cotangent: (Load, Shape),
    /// Results: of q [B, T, H, D], of k and v [B, S, H, D].
    pub outputs: [BufferId; 3],
}
