//! Optimisers: parameters, the rules by which they follow their gradients, and what the rules keep beside them.
//!
//! ```
//! use gradframe_ml_array::Array;
//! use gradframe_ml_nn::functional::{Reduction, cross_entropy};
//! use gradframe_ml_nn::optim::{AdamW, CosineAnnealingLR, Schedule, clip_grad_norm};
//! use gradframe_ml_nn::{Layer, Linear, Module};
//!
//! let model = Linear::new(2, 3)?;
//! let mut optimizer = AdamW::new().lr(1e-2).weight_decay(0.1).build(model.parameters())?;
//! let schedule = CosineAnnealingLR::new(10);
//! let (x, labels) = (Array::from_vec(&[2, 2], vec![1.0f32, 0.0, 0.0, 1.0])?, Array::from_vec(&[2], vec![0i64, 2])?);
//! for step in 0..10 {
//!     let mut gradients = cross_entropy(&model.forward(&x)?, &labels, Reduction::Mean)?.backward()?;
//!     clip_grad_norm(&mut gradients, 1.0)?;
//!     schedule.set(&mut optimizer, step)?;
//!     optimizer.step(&gradients)?;
//! }
//! # Ok::<(), gradframe_ml_core::Error>(())
//! ```

mod clipping;
mod compiled;
mod optimizer;
mod plateau;
mod rules;
mod schedules;

pub use clipping::{clip_grad_norm, clip_grad_value};
pub(crate) use compiled::Form;
pub use optimizer::Optimizer;
pub use plateau::ReduceLROnPlateau;
pub use rules::{Adagrad, Adam, AdamW, Lion, RMSprop, Rule, SGD};
pub use schedules::{
    Anneal, ConstantLR, CosineAnnealingLR, ExponentialLR, LinearLR, LinearWarmup, MultiStepLR, OneCycleLR, PolynomialLR,
    Schedule, StepLR,
};
