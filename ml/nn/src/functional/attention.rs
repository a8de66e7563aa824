//! Attention: queries that look at keys, and see the values beside them.

use gradframe_ml_array::{Arg, Array};
use gradframe_ml_core::{Error, Result};

use super::{dropout, one, pair, select, softmax};

/// Where queries may look.
#[derive(Debug, Clone, Copy, Default)]
pub struct Masks<'a> {
    /// Truth values, true where a query may look, or floats that are added: they spread over [batch, heads, time, source].
    pub mask: Option<&'a Array>,
    /// A query sees the places up to its own, counted from the first.
    pub is_causal: bool,
}

/// `softmax(query @ key^T / sqrt(depth) + mask) @ value`: [batch, heads, time, depth], [.., source, depth], [.., source, size] ->
/// [batch, heads, time, size]. Weights are dropped with probability `silent`. A query that may look at nothing gives zeros.
/// Source: Vaswani et al. 2017.
/// Errors: `Shape` for shapes that do not go together, and a mask that does not spread over them; `Plan` if `silent` is no probability.
pub fn scaled_dot_product_attention(query: &Array, key: &Array, value: &Array, masks: Masks<'_>, silent: f64) -> Result<Array> {
    check(query, key, value)?;
    let is_added = masks.mask.is_some_and(|mask| mask.element().is_float());
    let is_square = query.shape()[2] == key.shape()[2];
    if silent > 0.0 || is_added || masks.is_causal && !is_square {
        return dropout(&attention_weights(query, key, masks)?, silent, true)?.matmul(value);
    }
    let operands: Vec<&Array> = [query, key, value].into_iter().chain(masks.mask).collect();
    one("attention", &operands, [Arg::Bool(masks.is_causal)])
}

fn check(query: &Array, key: &Array, value: &Array) -> Result<()> {
    let (q, k, v) = (query.shape(), key.shape(), value.shape());
    let four = [q, k, v].iter().all(|shape| shape.len() == 4);
    if four && q[3] == k[3] && k[2] == v[2] && q[..2] == k[..2] && k[..2] == v[..2] {
        return Ok(());
    }
    let expected = "queries [batch, heads, time, depth], keys [.., source, depth] and values [.., source, size]";
    Err(Error::shape("scaled_dot_product_attention", format!("expected {expected}, got {q:?}, {k:?} and {v:?}")))
}

/// The weights of attention, whole: [batch, heads, time, source].
pub(crate) fn attention_weights(query: &Array, key: &Array, masks: Masks<'_>) -> Result<Array> {
    let depth = query.shape().last().copied().unwrap_or(1);
    let bare = query.matmul(&one("matrix_transpose", &[key], [])?)?.multiply(1.0 / (depth as f64).sqrt())?;
    let mut scores = match masks.mask {
        Some(mask) if mask.element().is_float() => bare.add(&mask.astype(bare.element())?)?,
        Some(mask) => select(mask, &bare, f64::NEG_INFINITY)?,
        None => bare.clone(),
    };
    if scores.shape() != bare.shape() {
        let mask = masks.mask.map(Array::shape).unwrap_or_default();
        let what = format!("a mask of shape {mask:?} does not spread over scores of shape {:?}", bare.shape());
        return Err(Error::shape("scaled_dot_product_attention", what));
    }
    if masks.is_causal {
        scores = select(&up_to_itself(&scores)?, &scores, f64::NEG_INFINITY)?;
    }
    let is_blind = pair("equal", &scores.max(Some(&[-1]), true)?, f64::NEG_INFINITY)?;
    let weights = softmax(&select(&is_blind, 0.0, &scores)?, -1)?;
    select(&is_blind, 0.0, &weights)
}

/// Truth values [time, source], true up to each query's own place.
fn up_to_itself(scores: &Array) -> Result<Array> {
    let [.., time, source] = scores.shape() else { return Err(Error::internal("attention", "no scores")) };
    let seen = (0..*time).flat_map(|query| (0..*source).map(move |key| f32::from(u8::from(key <= query))));
    Array::from_vec(&[*time, *source], seen.collect())?.greater(0.5)
}
