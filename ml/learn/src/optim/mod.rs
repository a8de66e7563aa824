//! Optimisers: state machines over a flat vector of parameters, fed with losses and gradients from outside.

mod lbfgs;
mod line_search;

pub use lbfgs::{Lbfgs, LbfgsOptions, Next, Stop};
