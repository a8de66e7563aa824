//! Modules, losses and optimisers against PyTorch's numbers, and what they do with what is wrong.

#![allow(clippy::unwrap_used)]

mod activations;
mod beginnings;
mod layers;
mod losses;
mod modules;
mod optimizers;
mod reference;
mod train_step;
