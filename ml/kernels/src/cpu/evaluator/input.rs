//! What the values of a chain are read from.

use gradframe_ml_core::Result;

use super::super::bytes::typed_mut;
use super::super::source::{Positions, Source};
use super::Env;
use crate::schedule::Load;

/// What a value is read from.
pub enum Input<'a> {
    None,
    Buffer(Box<Source<'a>>),
    Positions(Positions),
    /// The n-th output, which holds an input until it is written.
    InPlace(usize),
}

impl<'a> Input<'a> {
    /// A load over a domain of these sizes. Errors: `Shape` for a size that is not known.
    pub fn bind(load: &Load, width: usize, domain: &[usize], env: &Env<'a>) -> Result<Self> {
        if let Some((_, output)) = env.in_place.iter().find(|(buffer, _)| *buffer == load.buffer) {
            return Ok(Input::InPlace(*output));
        }
        Ok(Input::Buffer(Box::new(Source::bind(load, env.bytes(load.buffer.index()), width, domain, env.sizes)?)))
    }

    /// Reads the domain's positions from `start` on.
    pub fn read(&self, start: usize, dst: &mut [u8]) {
        match self {
            Input::Buffer(source) => source.read(start, dst),
            Input::Positions(positions) => positions.read(start, typed_mut(dst)),
            Input::None | Input::InPlace(_) => {}
        }
    }

    /// The number of positions with which it repeats; None if it does not.
    pub fn period(&self) -> Option<usize> {
        match self {
            Input::Buffer(source) => source.period(),
            _ => None,
        }
    }
}
