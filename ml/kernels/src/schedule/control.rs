//! Loops and choices: kernels that run schedules of their own. Their symbols are those of the program around them.

use gradframe_ml_core::Shape;

use super::{BufferId, Schedule};

/// A body run again and again. Its inputs are the step's number (i64 []), the carried values and the constants; its outputs
/// the next carried values.
#[derive(Debug, Clone)]
pub struct Repeat {
    /// One step.
    pub body: Schedule,
    /// How often it is run.
    pub trips: Trips,
    /// The carried values before the first step, and their shapes.
    pub carried: Vec<(BufferId, Shape)>,
    /// What every step is given, and their shapes.
    pub constants: Vec<(BufferId, Shape)>,
    /// Which of the carried values are results after the last step, and where they go.
    pub results: Vec<(usize, BufferId)>,
}

/// The number of steps.
#[derive(Debug, Clone)]
pub enum Trips {
    /// Known.
    Count(usize),
    /// As long as a condition holds.
    While {
        /// Its inputs are those of the body, its output is bool [].
        condition: Box<Schedule>,
        /// Steps after which it is an error that it still does.
        limit: usize,
    },
}

/// One of two schedules of the same inputs, as a condition says.
#[derive(Debug, Clone)]
pub struct Choose {
    /// bool [].
    pub condition: BufferId,
    /// What runs if it is true, and if it is false.
    pub branches: [Schedule; 2],
    /// Their inputs, and the shapes under which they are read.
    pub operands: Vec<(BufferId, Shape)>,
    /// Which of the outputs are results, and where they go.
    pub results: Vec<(usize, BufferId)>,
}
