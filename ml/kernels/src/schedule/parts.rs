//! Parts of arrays at a place known at run time.

use gradframe_ml_core::{Dim, Shape};

use super::BufferId;

/// `[outer, n, inner]`, start -> `[outer, size, inner]`; zeros where the part leaves the axis.
#[derive(Debug, Clone)]
pub struct DynSlice {
    /// What is cut from.
    pub source: BufferId,
    /// Its shape.
    pub shape: Shape,
    /// The axis along which is cut.
    pub axis: usize,
    /// The first place, i64 [].
    pub start: BufferId,
    /// The number of places.
    pub size: Dim,
    /// Result.
    pub output: BufferId,
}

/// `[outer, n, inner]` with `[outer, size, inner]` in place of its elements from a start on; what leaves the axis is
/// dropped. Where the target's memory becomes the result's (see [`super::Donation`]), only the part is written.
#[derive(Debug, Clone)]
pub struct DynUpdate {
    /// What the rest is taken from.
    pub target: BufferId,
    /// Its shape, and that of the result.
    pub shape: Shape,
    /// The axis along which the part lies.
    pub axis: usize,
    /// The part.
    pub part: BufferId,
    /// Its size along the axis.
    pub size: Dim,
    /// The first place, i64 [].
    pub start: BufferId,
    /// Result.
    pub output: BufferId,
}
