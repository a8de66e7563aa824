//! The values of a row that a statistic is of, and the columns that they lie in.

use std::fmt::Debug;

use arrow_buffer::NullBuffer;

/// One number, or a pair `(y, x)`.
pub trait Row: Copy + Default + Debug + Send + Sync + 'static {
    /// How many numbers it is.
    const WIDTH: usize;

    /// Of its numbers, each by its place.
    fn of(number: impl FnMut(usize) -> f64) -> Self;
    /// The number at a place.
    fn number(self, at: usize) -> f64;
}

impl Row for f64 {
    const WIDTH: usize = 1;

    #[inline]
    fn of(mut number: impl FnMut(usize) -> f64) -> Self {
        number(0)
    }

    #[inline]
    fn number(self, _at: usize) -> f64 {
        self
    }
}

impl Row for (f64, f64) {
    const WIDTH: usize = 2;

    #[inline]
    fn of(mut number: impl FnMut(usize) -> f64) -> Self {
        (number(0), number(1))
    }

    #[inline]
    fn number(self, at: usize) -> f64 {
        if at == 0 { self.0 } else { self.1 }
    }
}

/// Hands over the rows of columns of the same length that are `present`, with their places; all of them if nothing says which.
#[inline]
pub fn each_row<R: Row>(columns: &[&[f64]], present: Option<&NullBuffer>, mut row: impl FnMut(usize, R)) {
    let rows = columns.iter().map(|column| column.len()).min().unwrap_or(0);
    let mut hand_over = |at: usize| row(at, R::of(|column| columns[column][at]));
    match present {
        None => (0..rows).for_each(hand_over),
        Some(present) if present.null_count() == 0 => (0..rows).for_each(hand_over),
        Some(present) => present.valid_indices().take_while(|at| *at < rows).for_each(&mut hand_over),
    }
}
