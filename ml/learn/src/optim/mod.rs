//! Optimisers. [`Lbfgs`] is a state machine over a flat vector of parameters, fed with losses and gradients over all
//! rows. Those for mini-batches are [`UpdateRule`]s: graph builders, one file each, whose update becomes part of the
//! program that makes the gradient; [`Schedule`] gives their learning rate.

mod adadelta;
mod adagrad;
mod adam;
mod adamax;
mod adamw;
mod asgd;
mod lbfgs;
mod line_search;
mod lion;
mod nadam;
mod named;
mod radam;
mod rmsprop;
mod rprop;
mod rule;
mod schedule;
mod sgd;

pub use adadelta::Adadelta;
pub use adagrad::Adagrad;
pub use adam::Adam;
pub use adamax::Adamax;
pub use adamw::AdamW;
pub use asgd::Asgd;
pub use lbfgs::{Lbfgs, LbfgsOptions, Next, Stop};
pub use lion::Lion;
pub use nadam::NAdam;
pub use named::NamedRule;
pub use radam::RAdam;
pub use rmsprop::RmsProp;
pub use rprop::Rprop;
pub use rule::{Moment, Parameter, Setting, UpdateRule, Updated};
pub use schedule::{Decay, Schedule};
pub use sgd::Sgd;
