//! What does not fit in memory: temporary files, and their bytes mapped back.
//!
//! - [`SpillSpace`]: the directory of temporary files, with the session's limit on their size. The engine gives it to
//!   DataFusion's disk manager, so that its operators and ours share one directory and one limit;
//! - `repartition`: what repartitioning spills, a file a batch, and `part`: such short files as parts of one;
//! - `file`: one temporary file, which has no name and is gone when nobody holds it, however the process ends;
//! - `map`: a finished file as bytes that the operating system reads when they are looked at.

mod file;
mod map;
mod part;
mod repartition;
mod space;

pub(crate) use map::map;
pub use repartition::with_repartition_files;
pub use space::SpillSpace;
