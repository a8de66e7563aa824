//! Llama: a decoder with rotary positions, heads of keys that several of queries share, and a gated perceptron. Source: Touvron et al.
//! 2023; grouped heads: Ainslie et al. 2023; the gate: Shazeer 2020.
//!
//! The blocks are those of [`super::decoder`], which this is the plain form of.

use gradframe_ml_core::Result;

use super::Architecture;
use super::decoder::{Biases, Decoder};
use crate::config::Config;

pub fn read(config: &Config) -> Result<Box<dyn Architecture>> {
    let (attention, inner) = (config.flag_or("attention_bias", false)?, config.flag_or("mlp_bias", false)?);
    let biases = Biases { inputs: attention, seen: attention, inner };
    Ok(Box::new(Decoder { biases, ..Decoder::read("llama", config, None)? }))
}
