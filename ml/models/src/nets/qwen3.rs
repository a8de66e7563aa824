//! Qwen3: a decoder as Qwen2 is, whose heads of queries and keys are normalised instead of shifted, and have a width of their own.
//! Source: Yang et al. 2025.

use gradframe_ml_core::Result;

use super::Architecture;
use super::decoder::{Biases, Decoder};
use super::qwen2::windows;
use crate::config::Config;

/// Numbers of a head where the configuration says nothing.
const HEAD_WIDTH: usize = 128;

pub fn read(config: &Config) -> Result<Box<dyn Architecture>> {
    let attention = config.flag_or("attention_bias", false)?;
    let biases = Biases { inputs: attention, seen: attention, inner: false };
    let decoder = Decoder::read("qwen3", config, Some(HEAD_WIDTH))?;
    Ok(Box::new(Decoder { biases, normal_heads: true, windows: windows(config)?, ..decoder }))
}
