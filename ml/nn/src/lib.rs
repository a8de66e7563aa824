//! Networks for Rust: modules, their layers and losses, and the optimisers that train them. Names, defaults and the numbers that parameters
//! start from are PyTorch's, and those of `gf.nn` and `gf.optim` in Python.
//!
//! ```
//! use gradframe_ml_array::Array;
//! use gradframe_ml_nn::functional::{Reduction, mse_loss};
//! use gradframe_ml_nn::optim::Adam;
//! use gradframe_ml_nn::{Layer, Linear, Module, Tanh, random, sequential};
//!
//! random::seed(0);
//! let model = sequential![Linear::new(1, 16)?, Tanh, Linear::new(16, 1)?];
//! let mut optimizer = Adam::new().lr(0.02).build(model.parameters())?;
//!
//! let points: Vec<f32> = (0..64).map(|i| i as f32 / 32.0 - 1.0).collect();
//! let y = Array::from_vec(&[64, 1], points.iter().map(|x| (3.0 * x).sin()).collect())?;
//! let x = Array::from_vec(&[64, 1], points)?;
//! let mut last = f32::MAX;
//! for _ in 0..200 {
//!     let loss = mse_loss(&model.forward(&x)?, &y, Reduction::Mean)?;
//!     optimizer.step(&loss.backward()?)?;
//!     last = loss.to_vec::<f32>()?[0];
//! }
//! assert!(last < 0.01, "{last}");
//! # Ok::<(), gradframe_ml_core::Error>(())
//! ```
//!
//! - [`Module`]: a tree of named parameters, made of any struct by [`module!`](crate::module!); its state is a [`StateDict`], which goes to
//!   safetensors and comes from there. [`Layer`]: a module that makes of one array another. [`Sequential`]: layers one after the other;
//! - layers by PyTorch's names: `Linear::new(4, 8)` has its defaults, `Linear::builder(4, 8).bias(false).build()` other options;
//! - [`functional`]: the same without parameters; [`init`]: numbers to start from; [`random`]: keys and the global stream;
//! - [`optim`]: optimisers over [`Gradients`](gradframe_ml_array::Gradients), their schedules, clipping;
//! - [`TrainStep`]: forward, backward and update as one compiled program.
//!
//! A parameter is a shared handle: the module has one, the optimiser another, and a step of the optimiser is seen by the module. Nothing
//! else is shared behind the scenes: gradients are a value that `backward` gives, so there is none to be zeroed.

pub mod functional;
pub mod init;
mod layers;
mod losses;
mod module;
pub mod optim;
mod options;
mod parameter;
pub mod random;
mod state;
pub mod traced;
mod train_step;

pub use layers::*;
pub use losses::*;
pub use module::{Layer, Module, Parts};
pub use options::Along;
pub use parameter::{Buffer, Mode, Parameter};
pub use state::{StateDict, Unmatched};
pub use train_step::TrainStep;
