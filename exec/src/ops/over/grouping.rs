//! Groups of equal keys as numbers, and rows put together by them.

use arrow::array::{ArrayRef, UInt32Array};
use arrow::datatypes::{Field, Schema};
use datafusion::error::Result;
use datafusion::physical_plan::aggregates::group_values::{GroupValues, new_group_values};
use datafusion::physical_plan::aggregates::order::GroupOrdering;
use gradframe_ml_core::Error;
use gradframe_plan::error::to_datafusion;

/// Rows whose keys are looked up at once: what is made of them stays in the processor's cache.
const PIECE_ROWS: usize = 1 << 14;

/// The groups that were seen so far.
pub(super) struct Groups {
    values: Box<dyn GroupValues>,
    found: Vec<usize>,
}

impl Groups {
    /// None yet, of keys of these columns' types.
    pub fn of(keys: &[ArrayRef]) -> Result<Self> {
        let field = |(at, key): (usize, &ArrayRef)| Field::new(at.to_string(), key.data_type().clone(), true);
        let schema = Schema::new(keys.iter().enumerate().map(field).collect::<Vec<_>>());
        Ok(Groups { values: new_group_values(schema.into(), &GroupOrdering::None)?, found: vec![] })
    }

    /// The number of each row's group; new ones get the next numbers.
    pub fn numbers(&mut self, keys: &[ArrayRef], rows: usize) -> Result<Vec<u32>> {
        let mut numbers = Vec::with_capacity(rows);
        for start in (0..rows).step_by(PIECE_ROWS) {
            let piece = PIECE_ROWS.min(rows - start);
            let keys: Vec<ArrayRef> = keys.iter().map(|key| key.slice(start, piece)).collect();
            self.values.intern(&keys, &mut self.found)?;
            numbers.extend(self.found.iter().map(|group| *group as u32));
        }
        match u32::try_from(self.values.len()) {
            Ok(_) => Ok(numbers),
            Err(_) => Err(too_many("groups")),
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.values.len()
    }

    pub fn bytes(&self) -> usize {
        self.values.size() + self.found.capacity() * size_of::<usize>()
    }
}

fn too_many(what: &str) -> datafusion::error::DataFusionError {
    let error = Error::resources("window", format!("there are more {what} than 32 bits can number"));
    to_datafusion(error.hint("select fewer rows"))
}

/// All rows, one group after the other, each in the order in which its rows came.
pub(super) struct Order {
    rows: UInt32Array,
    /// Where the groups begin, and where the last one ends.
    starts: Vec<u32>,
}

impl Order {
    /// From the groups of all rows. Errors: `Resources` for more rows than 32 bits number.
    pub fn of<'a>(groups: impl Iterator<Item = &'a [u32]> + Clone, count: usize) -> Result<Self> {
        let mut starts = vec![0_u32; count + 1];
        let mut rows = 0_u32;
        for part in groups.clone() {
            let len = u32::try_from(part.len()).map_err(|_| too_many("rows"))?;
            rows = rows.checked_add(len).ok_or_else(|| too_many("rows"))?;
            part.iter().for_each(|group| starts[*group as usize + 1] += 1);
        }
        for at in 0..count {
            starts[at + 1] += starts[at];
        }
        let (mut next, mut places) = (starts.clone(), vec![0_u32; rows as usize]);
        for (row, group) in (0_u32..).zip(groups.flatten()) {
            let place = &mut next[*group as usize];
            places[*place as usize] = row;
            *place += 1;
        }
        Ok(Order { rows: places.into(), starts })
    }

    /// The rows in this order.
    pub fn rows(&self) -> &UInt32Array {
        &self.rows
    }

    /// Where each group begins in this order, and how many rows it has.
    pub fn groups(&self) -> impl Iterator<Item = (usize, usize)> {
        self.starts.windows(2).map(|ends| (ends[0] as usize, (ends[1] - ends[0]) as usize))
    }

    /// For each row its place in this order.
    pub fn places(&self) -> UInt32Array {
        let mut places = vec![0_u32; self.rows.len()];
        for (place, row) in (0_u32..).zip(self.rows.values()) {
            places[*row as usize] = place;
        }
        places.into()
    }

    /// Bytes of an order of so many rows, and of its reverse.
    pub fn bytes(rows: usize) -> usize {
        rows * 2 * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_keeps_the_rows_of_a_group_as_they_came() {
        let parts: [&[u32]; 2] = [&[1, 0, 1], &[2, 0]];
        let order = Order::of(parts.into_iter(), 3).unwrap();
        assert_eq!(order.rows().values(), &[1, 4, 0, 2, 3]);
        assert_eq!(order.groups().collect::<Vec<_>>(), [(0, 2), (2, 2), (4, 1)]);
        assert_eq!(order.places().values(), &[2, 0, 3, 4, 1]);
    }
}
