//! Optimisers. [`Lbfgs`] is a state machine over a flat vector of parameters, fed with losses and gradients over all
//! rows. Those for mini-batches are [`UpdateRule`]s: graph builders, one file each, whose update becomes part of the
//! program that makes the gradient; [`Schedule`] gives their learning rate.

mod adagrad;
mod adam;
mod adamw;
mod lbfgs;
mod line_search;
mod lion;
mod named;
mod rmsprop;
mod rule;
mod schedule;
mod sgd;

pub use adagrad::Adagrad;
pub use adam::Adam;
pub use adamw::AdamW;
pub use lbfgs::{Lbfgs, LbfgsOptions, Next, Stop};
pub use lion::Lion;
pub use named::NamedRule;
pub use rmsprop::RmsProp;
pub use rule::{Moment, Parameter, Setting, UpdateRule, Updated};
pub use schedule::{Decay, Schedule};
pub use sgd::Sgd;
