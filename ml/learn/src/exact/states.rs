//! States of groups, to be merged elsewhere: a group of one row as that row, in columns, so that rows that nothing was added to are
//! states as they lie; any other as bytes.

use arrow_buffer::NullBuffer;
use gradframe_ml_core::Result;

use super::{Row, Tally};
use crate::fitting::{Reader, broken};

/// States that were made.
#[derive(Debug, Default)]
pub struct States {
    /// The row of each group that is one, a column for each of its numbers.
    pub rows: Vec<Vec<f64>>,
    /// Which groups those are.
    pub is_row: Vec<bool>,
    /// The bytes of the groups with more rows.
    pub bytes: Vec<u8>,
    /// Where those of each group end.
    pub ends: Vec<usize>,
    /// Which groups have bytes.
    pub is_bytes: Vec<bool>,
}

/// States that come in.
#[derive(Debug, Clone, Copy)]
pub struct StatesView<'a> {
    /// See [`States`].
    pub rows: &'a [&'a [f64]],
    /// Which states are a row.
    pub is_row: Option<&'a NullBuffer>,
    /// The bytes of all that are bytes.
    pub bytes: &'a [u8],
    /// Where those of each state begin, and at last where they end.
    pub offsets: &'a [i64],
    /// Which states are bytes.
    pub is_bytes: Option<&'a NullBuffer>,
}

/// What the bytes of a state are.
#[derive(Debug)]
pub(super) enum Part<'a, T> {
    /// Rows, each as its numbers.
    Rows(&'a [u8]),
    Sums(T),
}

impl States {
    pub(super) fn new(width: usize, groups: usize) -> Self {
        let rows = vec![Vec::with_capacity(groups); width];
        let (is_row, is_bytes) = (Vec::with_capacity(groups), Vec::with_capacity(groups));
        States { rows, is_row, bytes: vec![], ends: Vec::with_capacity(groups), is_bytes }
    }

    /// The state of a group of these rows.
    pub(super) fn push_rows<R: Row>(&mut self, rows: &[R]) {
        let one = if let [row] = rows { Some(*row) } else { None };
        if rows.len() > 1 {
            write_rows(rows, &mut self.bytes);
        }
        self.push(one, rows.len() > 1);
    }

    /// The state of a group of these sums.
    pub(super) fn push_sums<T: Tally>(&mut self, sums: &T) {
        write_state(sums, &mut self.bytes);
        self.push(None::<T::Row>, true);
    }

    fn push<R: Row>(&mut self, row: Option<R>, is_bytes: bool) {
        let numbers = row.unwrap_or_default();
        self.rows.iter_mut().enumerate().for_each(|(at, column)| column.push(numbers.number(at)));
        self.is_row.push(row.is_some());
        self.ends.push(self.bytes.len());
        self.is_bytes.push(is_bytes);
    }
}

impl<'a> StatesView<'a> {
    /// Hands over what has bytes, with its place. Errors: `Internal` if the bytes are of no state.
    pub(super) fn each_bytes<T: Tally>(&self, mut part: impl FnMut(usize, Part<'a, T>)) -> Result<()> {
        let count = self.offsets.len().saturating_sub(1);
        let mut read = |at: usize| -> Result<()> {
            let range = usize::try_from(self.offsets[at]).ok().zip(usize::try_from(self.offsets[at + 1]).ok());
            let bytes = range.and_then(|(from, to)| self.bytes.get(from..to)).ok_or_else(broken)?;
            part(at, read_part(bytes)?);
            Ok(())
        };
        match self.is_bytes {
            None => (0..count).try_for_each(read),
            Some(is_bytes) => is_bytes.valid_indices().take_while(|at| *at < count).try_for_each(&mut read),
        }
    }
}

/// The bytes of sums.
pub fn write_state<T: Tally>(sums: &T, out: &mut Vec<u8>) {
    out.push(0);
    sums.write(out);
}

/// Merges what the bytes of a state are into sums. Errors: `Internal` if they are of no state.
pub fn merge_state<T: Tally>(sums: &mut T, bytes: &[u8]) -> Result<()> {
    match read_part(bytes)? {
        Part::Rows(rows) => read_rows(rows).for_each(|row| sums.add(row)),
        Part::Sums(other) => sums.merge(&other),
    }
    Ok(())
}

fn write_rows<R: Row>(rows: &[R], out: &mut Vec<u8>) {
    out.push(rows.len() as u8);
    rows.iter().for_each(|row| (0..R::WIDTH).for_each(|at| out.extend(row.number(at).to_le_bytes())));
}

fn read_part<T: Tally>(bytes: &[u8]) -> Result<Part<'_, T>> {
    let (count, rest) = bytes.split_first().ok_or_else(broken)?;
    match usize::from(*count) * T::Row::WIDTH * size_of::<f64>() {
        0 => T::read(rest).map(Part::Sums),
        expected if expected == rest.len() => Ok(Part::Rows(rest)),
        _ => Err(broken()),
    }
}

/// The rows that [`write_rows`] has written.
pub(super) fn read_rows<R: Row>(bytes: &[u8]) -> impl Iterator<Item = R> {
    let number = |bytes: &[u8]| Reader(bytes).f64().unwrap_or_default();
    bytes.chunks_exact(R::WIDTH * size_of::<f64>()).map(move |row| R::of(|at| number(&row[at * size_of::<f64>()..])))
}
