//! TensorBoard's event files, written from runs of a store and taken in as runs.
//!
//! - [`wire`], [`records`]: what the files are made of, protobuf and checked records; [`file`]: one that is being written;
//! - [`event`]: what they say; [`encode`], [`decode`] are its messages and [`tensor`] the values of newer ones;
//! - [`mod@export`]: a run as a file; [`survey`], [`mod@import`]: files read through, then taken in as runs; [`grown`]: those that go on;
//! - [`names`], [`bins`]: tags as paths and back, histograms as tables and back.
//!
//! Both generations of summaries are read (`simple_value`, `histo`, `image` and tensors with the name of a plugin). Written is what
//! every reader understands: the older ones where there are such. Sources: TensorFlow's `event.proto`, `summary.proto` and
//! `tensor.proto`, TensorBoard's `plugin_data.proto` of hyper-parameters.

mod bins;
mod decode;
mod encode;
mod event;
mod export;
mod file;
mod grown;
mod import;
mod names;
mod records;
mod survey;
mod tensor;
mod wire;

pub use export::export;
pub use import::import;
pub use survey::has_events;

const OP: &str = "tensorboard";
/// Is in the name of every event file.
const MARK: &str = "tfevents";

#[cfg(test)]
mod tests;
