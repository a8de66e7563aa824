//! Mistral: a decoder as Llama is, each of whose tokens looks at a window of last ones. Source: Jiang et al. 2023.

use gradframe_ml_core::Result;

use super::Architecture;
use super::decoder::Decoder;
use crate::config::Config;

pub fn read(config: &Config) -> Result<Box<dyn Architecture>> {
    let window = if config.is_null("sliding_window") { None } else { Some(config.size_or("sliding_window", 4096)?) };
    let decoder = Decoder::read("mistral", config, None)?;
    Ok(Box::new(Decoder { windows: vec![window; decoder.layers], ..decoder }))
}
