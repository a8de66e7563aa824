//! How the rows of an epoch are cut into batches.

/// Rows of an epoch, and how many a batch takes of them. The last batch may be shorter, but it has not one row alone, of which the
/// statistics of batch normalisation would be nonsense: that row is of the batch before it, unless batches of one are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    pub rows: usize,
    pub batch_rows: usize,
}

impl Cut {
    /// Batches of an epoch, at least one.
    pub fn batches(&self) -> usize {
        let each = self.batch_rows.max(1);
        let leaves_one = each > 1 && self.rows > each && self.rows % each == 1;
        (self.rows.div_ceil(each) - usize::from(leaves_one)).max(1)
    }

    /// Rows of a batch, of which the first has number 0; none beyond the last.
    pub fn rows_of(&self, batch: usize) -> usize {
        let left = self.rows.saturating_sub(batch.saturating_mul(self.batch_rows));
        if batch + 1 < self.batches() { left.min(self.batch_rows) } else { left }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_rows_are_in_one_batch_each_and_none_is_alone() {
        for rows in 0..40 {
            for batch_rows in 1..12 {
                let cut = Cut { rows, batch_rows };
                let sizes: Vec<usize> = (0..cut.batches()).map(|batch| cut.rows_of(batch)).collect();
                assert_eq!(sizes.iter().sum::<usize>(), rows, "{cut:?}");
                let is_alone = sizes.len() > 1 && batch_rows > 1 && sizes.contains(&1);
                assert!(!is_alone && sizes.iter().all(|&size| size <= batch_rows + 1), "{cut:?}: {sizes:?}");
            }
        }
        assert_eq!(Cut { rows: 401, batch_rows: 100 }.batches(), 4);
        assert_eq!(Cut { rows: 402, batch_rows: 100 }.batches(), 5);
    }
}
