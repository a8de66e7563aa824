//! Merges sorted runs: says which row comes next, and leaves it where it is.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use gradframe_ml_core::Result;

use super::disk::{Run, RunReader};
use super::rows::{Place, RawBatch, prefix};

/// Rows of several runs in the order of their keys.
#[derive(Debug)]
pub(super) struct Merge {
    cursors: Vec<Cursor>,
    /// The cursors that have rows left, as a heap: the one with the smallest key first.
    heap: Vec<usize>,
}

/// The next row of a run.
#[derive(Debug)]
struct Cursor {
    reader: RunReader,
    batch: Arc<RawBatch>,
    row: usize,
    prefix: u64,
    /// Where `batch` is in the round that is being made.
    in_round: Option<u32>,
}

/// Rows that follow each other.
#[derive(Debug)]
pub(super) struct Round {
    pub batches: Vec<Arc<RawBatch>>,
    pub places: Vec<Place>,
}

impl Merge {
    /// Reads the runs from their starts.
    pub fn new(runs: &[Run]) -> Result<Self> {
        let cursors = runs.iter().map(|run| Cursor::open(run.read()));
        let cursors: Vec<Cursor> = cursors.filter_map(Result::transpose).collect::<Result<_>>()?;
        let mut merge = Merge { heap: (0..cursors.len()).collect(), cursors };
        for at in (0..merge.heap.len() / 2).rev() {
            merge.sink(at);
        }
        Ok(merge)
    }

    /// The columns of the rows; None if there are none.
    pub fn schema(&self) -> Option<SchemaRef> {
        self.cursors.first().map(|cursor| cursor.batch.schema())
    }

    /// The next rows, at most `rows`; None at the end.
    pub fn next(&mut self, rows: usize) -> Result<Option<Round>> {
        let mut round = Round { batches: vec![], places: Vec::with_capacity(rows) };
        self.cursors.iter_mut().for_each(|cursor| cursor.in_round = None);
        while round.places.len() < rows {
            let Some(&first) = self.heap.first() else { break };
            round.places.push(self.cursors[first].place(&mut round.batches));
            self.advance()?;
        }
        Ok((!round.places.is_empty()).then_some(round))
    }

    /// The key of the row after `skipped` others.
    pub fn key(mut self, skipped: usize) -> Result<Option<Vec<u8>>> {
        for _ in 0..skipped {
            if self.heap.is_empty() {
                return Ok(None);
            }
            self.advance()?;
        }
        Ok(self.heap.first().map(|&first| self.cursors[first].key().to_vec()))
    }

    /// Passes over the first row.
    fn advance(&mut self) -> Result<()> {
        if !self.cursors[self.heap[0]].advance()? {
            self.heap.swap_remove(0);
        }
        self.sink(0);
        Ok(())
    }

    /// Moves a cursor down the heap to where it belongs.
    fn sink(&mut self, mut at: usize) {
        loop {
            let children = (2 * at + 1..self.heap.len()).take(2);
            let Some(least) = children.min_by(|&a, &b| self.compare(a, b)) else { return };
            if self.compare(at, least).is_le() {
                return;
            }
            self.heap.swap(at, least);
            at = least;
        }
    }

    fn compare(&self, a: usize, b: usize) -> Ordering {
        let (a, b) = (&self.cursors[self.heap[a]], &self.cursors[self.heap[b]]);
        a.prefix.cmp(&b.prefix).then_with(|| a.key().cmp(b.key()))
    }
}

impl Cursor {
    /// At the first row; None if there is none.
    fn open(mut reader: RunReader) -> Result<Option<Self>> {
        let Some(batch) = reader.next()? else { return Ok(None) };
        let prefix = prefix(batch.key(0));
        Ok(Some(Cursor { reader, batch: Arc::new(batch), row: 0, prefix, in_round: None }))
    }

    fn key(&self) -> &[u8] {
        self.batch.key(self.row)
    }

    /// Where the row is, its batch among these.
    fn place(&mut self, batches: &mut Vec<Arc<RawBatch>>) -> Place {
        let batch = *self.in_round.get_or_insert_with(|| {
            batches.push(Arc::clone(&self.batch));
            batches.len() as u32 - 1
        });
        (batch, self.row as u32)
    }

    /// To the next row; false if there is none.
    fn advance(&mut self) -> Result<bool> {
        self.row += 1;
        if self.row == self.batch.rows() {
            let Some(batch) = self.reader.next()? else { return Ok(false) };
            (self.batch, self.row, self.in_round) = (Arc::new(batch), 0, None);
        }
        self.prefix = prefix(self.key());
        Ok(true)
    }
}
