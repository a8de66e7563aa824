//! Qwen2: a decoder as Llama is, with biases of queries, keys and values; some layers may look at a window of last tokens. Source:
//! Yang et al. 2024.

use gradframe_ml_core::Result;

use super::Architecture;
use super::decoder::{Biases, Decoder};
use crate::config::Config;

pub fn read(config: &Config) -> Result<Box<dyn Architecture>> {
    let biases = Biases { inputs: true, ..Biases::default() };
    Ok(Box::new(Decoder { biases, windows: windows(config)?, ..Decoder::read("qwen2", config, None)? }))
}

/// Of each layer the last tokens that one looks at: `layer_types`, else from `max_window_layers` on, and only with
/// `use_sliding_window`.
pub(super) fn windows(config: &Config) -> Result<Vec<Option<usize>>> {
    let layers = config.layers("num_hidden_layers")?;
    if !config.flag_or("use_sliding_window", false)? || config.get("sliding_window").is_none() {
        return Ok(Vec::new());
    }
    let (window, first) = (config.count("sliding_window")?, config.size_or("max_window_layers", 28)?);
    let types = config.get("layer_types").and_then(|v| v.as_array());
    let slides = |layer: usize| match types.and_then(|types| types.get(layer)) {
        Some(kind) => kind.as_str() == Some("sliding_attention"),
        None => layer >= first,
    };
    Ok((0..layers).map(|layer| slides(layer).then_some(window)).collect())
}
