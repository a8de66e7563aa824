//! Pretrained models in the layout of the Hugging Face hub, as networks of our own graph and kernels.
//!
//! - [`files`]: a model's directory; [`Weights`]: its tensors, where their files are mapped;
//! - [`nets`]: architectures, one file each; [`Model`]: a directory with its architecture;
//! - [`text`]: tokenizers and templates of conversations;
//! - [`Embedder`], [`Classifier`], [`Answerer`], [`Generator`]: texts in, vectors, labels, answers and texts out.
//!
//! ```no_run
//! use gradframe_ml_models::{EmbedOptions, Embedder, Model};
//!
//! let model = Model::open("all-MiniLM-L6-v2".as_ref())?;
//! let embedder = Embedder::new(&model, &EmbedOptions::default())?;
//! let embedded = embedder.embed(&["a cat", "a dog"])?;
//! assert_eq!(embedded.vectors.len(), 2 * embedder.width());
//! # Ok::<(), gradframe_ml_core::Error>(())
//! ```

mod answer;
mod batches;
mod classify;
pub mod config;
mod embed;
pub mod files;
pub mod generate;
mod model;
mod net;
pub mod nets;
mod pooling;
mod precision;
mod rows;
mod runner;
mod task;
pub mod text;
mod weights;

pub use answer::{AnswerOptions, AnswerSpan, Answered, Answerer};
pub use batches::Work;
pub use classify::{Classified, Classifier};
pub use embed::{EmbedOptions, Embedded, Embedder};
pub use generate::{GenerateOptions, Generated, Generator};
pub use model::Model;
pub use precision::{DtypeChoice, Precision};
pub use runner::Observe;
pub use task::Task;
pub use weights::{Weight, Weights};
