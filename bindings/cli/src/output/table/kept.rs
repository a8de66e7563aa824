//! The rows of a result that are shown: the first and the last, however many there are.

use std::collections::VecDeque;

use arrow::record_batch::RecordBatch;

/// Keeps half of its rows from the beginning, half from the end.
pub struct KeptRows {
    rows_max: usize,
    /// Rows seen.
    pub rows: usize,
    head: Vec<RecordBatch>,
    head_rows: usize,
    tail: VecDeque<RecordBatch>,
    tail_rows: usize,
}

impl KeptRows {
    /// Keeps at most `rows_max` rows.
    pub fn new(rows_max: usize) -> Self {
        KeptRows { rows_max, rows: 0, head: vec![], head_rows: 0, tail: VecDeque::new(), tail_rows: 0 }
    }

    /// Takes the next rows.
    pub fn push(&mut self, batch: &RecordBatch) {
        self.rows += batch.num_rows();
        let head = self.head_max().saturating_sub(self.head_rows).min(batch.num_rows());
        if head > 0 {
            self.head.push(batch.slice(0, head));
            self.head_rows += head;
        }
        if head < batch.num_rows() {
            self.push_tail(batch.slice(head, batch.num_rows() - head));
        }
    }

    /// Whole batches wait until the last rows that are wanted are in those after them.
    fn push_tail(&mut self, batch: RecordBatch) {
        self.tail_rows += batch.num_rows();
        self.tail.push_back(batch);
        while let Some(first) =
            self.tail.front().map(RecordBatch::num_rows).filter(|first| self.tail_rows - first >= self.tail_max())
        {
            self.tail.pop_front();
            self.tail_rows -= first;
        }
    }

    fn head_max(&self) -> usize {
        self.rows_max.div_ceil(2)
    }

    fn tail_max(&self) -> usize {
        self.rows_max / 2
    }

    /// The rows to show, and how many of them come before the gap, if there is one.
    pub fn shown(&self) -> (Vec<RecordBatch>, Option<usize>) {
        let surplus = self.tail_rows.saturating_sub(self.tail_max());
        let mut shown = self.head.clone();
        let mut skip = surplus;
        for batch in &self.tail {
            let skipped = skip.min(batch.num_rows());
            skip -= skipped;
            shown.push(batch.slice(skipped, batch.num_rows() - skipped));
        }
        (shown, (self.rows > self.rows_max).then_some(self.head_rows))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{AsArray, Int64Array};
    use arrow::datatypes::Int64Type;

    use super::*;

    fn kept(rows_max: usize, batches: &[(i64, i64)]) -> (Vec<i64>, Option<usize>) {
        let mut kept = KeptRows::new(rows_max);
        for &(from, to) in batches {
            let column = Arc::new(Int64Array::from_iter_values(from..to)) as _;
            kept.push(&RecordBatch::try_from_iter([("n", column)]).unwrap());
        }
        let (shown, gap) = kept.shown();
        (shown.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec()).collect(), gap)
    }

    #[test]
    fn few_rows_are_all_kept() {
        assert_eq!(kept(4, &[(0, 2), (2, 4)]), (vec![0, 1, 2, 3], None));
        assert_eq!(kept(5, &[(0, 5)]), (vec![0, 1, 2, 3, 4], None));
        assert_eq!(kept(4, &[]), (vec![], None));
    }

    #[test]
    fn of_many_the_first_and_the_last_are_kept() {
        for batches in [vec![(0, 100)], vec![(0, 1), (1, 50), (50, 99), (99, 100)], (0..100).map(|i| (i, i + 1)).collect()] {
            assert_eq!(kept(4, &batches), (vec![0, 1, 98, 99], Some(2)));
            assert_eq!(kept(3, &batches), (vec![0, 1, 99], Some(2)));
            assert_eq!(kept(1, &batches), (vec![0], Some(1)));
        }
    }
}
