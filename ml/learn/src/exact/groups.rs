//! The exact sums of many groups at once. A group of few rows is those rows: to keep them takes less room than their sums, and most
//! groups of a query with many are of few rows.

use std::mem::take;

use arrow_buffer::NullBuffer;
use gradframe_ml_core::Result;

use super::row::each_row;
use super::states::{Part, States, StatesView, read_rows};
use super::{Row, Tally};

/// Rows that a group is kept as: eight numbers with the count, a line of the cache.
const FEW: usize = 7;

/// A statistic of each group.
pub trait Grouped: Send {
    /// Adds the rows of columns, of those that are `present`, each to its group. There are `total` groups from now on.
    fn add(&mut self, columns: &[&[f64]], present: Option<&NullBuffer>, groups: &[usize], total: usize);
    /// Merges states, each into its group. Errors: `Internal` if they are none.
    fn merge(&mut self, states: StatesView<'_>, groups: &[usize], total: usize) -> Result<()>;
    /// The statistic of the first groups, or of all, which are then gone.
    fn values(&mut self, first: Option<usize>) -> Vec<Option<f64>>;
    /// The states of the first groups, or of all, which are then gone.
    fn states(&mut self, first: Option<usize>) -> States;
    /// Bytes held.
    fn memory_bytes(&self) -> usize;
}

/// See [`Grouped`].
pub(super) struct Groups<T: Tally> {
    groups: Vec<Group<T>>,
    value: fn(&T) -> Option<f64>,
    /// Bytes that groups hold beside themselves, kept along: to ask all of them each time would cost more than to add.
    heap_bytes: usize,
}

enum Group<T: Tally> {
    Few { count: u8, rows: [T::Row; FEW] },
    Many(Box<T>),
}

impl<T: Tally> Default for Group<T> {
    fn default() -> Self {
        Group::Few { count: 0, rows: [T::Row::default(); FEW] }
    }
}

impl<T: Tally> Group<T> {
    /// Adds a row; how many bytes more are held.
    #[inline]
    fn add(&mut self, row: T::Row) -> usize {
        match self {
            Group::Few { count, rows } if usize::from(*count) < FEW => {
                rows[usize::from(*count)] = row;
                *count += 1;
                0
            }
            _ => self.change(|sums| sums.add(row)),
        }
    }

    /// Changes its sums; how many bytes more are held.
    fn change(&mut self, change: impl FnOnce(&mut T)) -> usize {
        let before = self.heap_bytes();
        match self {
            Group::Many(sums) => change(sums),
            Group::Few { count, rows } => {
                let mut sums = Box::new(sums(&rows[..usize::from(*count)]));
                change(&mut sums);
                *self = Group::Many(sums);
            }
        }
        self.heap_bytes() - before
    }

    #[inline]
    fn heap_bytes(&self) -> usize {
        match self {
            Group::Few { .. } => 0,
            Group::Many(sums) => size_of::<T>() + sums.heap_bytes(),
        }
    }
}

fn sums<T: Tally>(rows: &[T::Row]) -> T {
    let mut sums = T::default();
    rows.iter().for_each(|row| sums.add(*row));
    sums
}

impl<T: Tally> Groups<T> {
    pub(super) fn new(value: fn(&T) -> Option<f64>) -> Self {
        Groups { groups: vec![], value, heap_bytes: 0 }
    }

    fn take(&mut self, first: Option<usize>) -> Vec<Group<T>> {
        let Some(first) = first else {
            self.heap_bytes = 0;
            return take(&mut self.groups);
        };
        let taken: Vec<Group<T>> = self.groups.drain(..first.min(self.groups.len())).collect();
        self.heap_bytes -= taken.iter().map(Group::heap_bytes).sum::<usize>();
        taken
    }
}

impl<T: Tally> Grouped for Groups<T> {
    fn add(&mut self, columns: &[&[f64]], present: Option<&NullBuffer>, groups: &[usize], total: usize) {
        self.groups.resize_with(total, Group::default);
        let mut more_bytes = 0;
        each_row(columns, present, |at, row| more_bytes += self.groups[groups[at]].add(row));
        self.heap_bytes += more_bytes;
    }

    fn merge(&mut self, states: StatesView<'_>, groups: &[usize], total: usize) -> Result<()> {
        self.add(states.rows, states.is_row, groups, total);
        let mut more_bytes = 0;
        let merged = states.each_bytes::<T>(|at, part| {
            let group = &mut self.groups[groups[at]];
            more_bytes += match part {
                Part::Rows(rows) => read_rows(rows).map(|row| group.add(row)).sum(),
                Part::Sums(other) => group.change(|sums| sums.merge(&other)),
            };
        });
        self.heap_bytes += more_bytes;
        merged
    }

    fn values(&mut self, first: Option<usize>) -> Vec<Option<f64>> {
        let value = self.value;
        let of_group = |group: &Group<T>| match group {
            Group::Few { count, rows } => value(&sums(&rows[..usize::from(*count)])),
            Group::Many(sums) => value(sums),
        };
        self.take(first).iter().map(of_group).collect()
    }

    fn states(&mut self, first: Option<usize>) -> States {
        let groups = self.take(first);
        let mut states = States::new(T::Row::WIDTH, groups.len());
        groups.iter().for_each(|group| match group {
            Group::Few { count, rows } => states.push_rows(&rows[..usize::from(*count)]),
            Group::Many(sums) if sums.count() > 0 => states.push_sums(&**sums),
            Group::Many(_) => states.push_rows::<T::Row>(&[]),
        });
        states
    }

    fn memory_bytes(&self) -> usize {
        self.groups.capacity() * size_of::<Group<T>>() + self.heap_bytes
    }
}
