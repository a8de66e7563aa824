//! The order in which rows are learned: by a keyed hash of their content, or by the query's ORDER BY.
//!
//! Neither depends on the partition that a row came from, nor on what had to spill. Rows of equal content are
//! interchangeable, so any order among them is the same one. The rows to learn from and the rows to evaluate on are each
//! in this order, and each are cut into chunks from their first row on.

use std::sync::Arc;

use gradframe_ml_core::Result;

use super::CHUNK_ROWS;
use super::disk::{Disk, Run};
use super::merge::{Merge, Round};
use super::rows::{Piece, Place, RawBatch};
use super::sorter::{Sorted, Sorter};
use super::split::SplitRule;
use crate::memory::Memory;

/// The training rows in their order, read as often as needed.
#[derive(Debug)]
pub(super) struct OrderedRows {
    rows: usize,
    bytes: usize,
    split: SplitRule,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Memory { batches: Arc<[Arc<RawBatch>]>, train: Vec<Place>, eval: Vec<Place>, memory: Memory },
    Runs { runs: Vec<Run> },
}

impl OrderedRows {
    /// Sorts the rows. Errors: `Resources` if disk or disk limit are full.
    pub fn new(rows: Sorter, split: SplitRule) -> Result<Self> {
        let (count, bytes) = (rows.rows(), rows.bytes());
        let source = match rows.finish()? {
            Sorted::Runs { runs } => Source::Runs { runs },
            Sorted::Memory { batches, places, memory } => {
                let (train, eval) = parted(&batches, places, &split)?;
                Source::Memory { batches, train, eval, memory }
            }
        };
        Ok(OrderedRows { rows: count, bytes, split, source })
    }

    /// The same rows, out of memory. Errors: `Resources` if disk or disk limit are full.
    pub fn on_disk(self, disk: &Disk) -> Result<Self> {
        let Source::Memory { batches, train, eval, .. } = &self.source else { return Ok(self) };
        let sides = [train, eval].into_iter().filter(|places| !places.is_empty());
        let runs = sides.map(|places| disk.write_places(batches, places)).collect::<Result<_>>()?;
        Ok(OrderedRows { source: Source::Runs { runs }, ..self })
    }

    /// Whether rows are kept for evaluation.
    pub fn is_split(&self) -> bool {
        !matches!(self.split, SplitRule::None)
    }

    /// Bytes of a row as it was read, about.
    pub fn bytes_a_row(&self) -> usize {
        self.bytes.div_ceil(self.rows.max(1))
    }

    /// Rows of the largest chunk.
    pub fn chunk_rows(&self) -> usize {
        self.rows.min(CHUNK_ROWS)
    }

    /// Number of rows, those to evaluate on included.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes that the rows take of the session's memory.
    pub fn memory_bytes(&self) -> usize {
        match &self.source {
            Source::Memory { memory, .. } => memory.bytes(),
            Source::Runs { .. } => 0,
        }
    }

    /// All rows from the first on, chunk after chunk.
    pub fn pass(&self) -> Result<Pass<'_>> {
        let source = match &self.source {
            Source::Memory { batches, train, eval, .. } => {
                let chunks = train.chunks(CHUNK_ROWS).map(|places| (false, places));
                let chunks = chunks.chain(eval.chunks(CHUNK_ROWS).map(|places| (true, places)));
                PassSource::Memory { batches, chunks: chunks.collect::<Vec<_>>().into_iter() }
            }
            Source::Runs { runs } => PassSource::Runs { merge: Merge::new(runs)?, cutter: Cutter::new(&self.split) },
        };
        Ok(Pass { source })
    }
}

/// The places of rows to learn from, and of those to evaluate on.
fn parted(batches: &[Arc<RawBatch>], places: Vec<Place>, split: &SplitRule) -> Result<(Vec<Place>, Vec<Place>)> {
    if let SplitRule::None = split {
        return Ok((places, vec![]));
    }
    let flags = batches.iter().map(|batch| split.evaluated(batch)).collect::<Result<Vec<_>>>()?;
    let evaluated = |place: &Place| flags[place.0 as usize].as_ref().is_some_and(|flags| flags.value(place.1 as usize));
    let (eval, train) = places.into_iter().partition(evaluated);
    Ok((train, eval))
}

/// A pass over ordered rows.
#[derive(Debug)]
pub(super) struct Pass<'a> {
    source: PassSource<'a>,
}

#[derive(Debug)]
enum PassSource<'a> {
    Memory { batches: &'a Arc<[Arc<RawBatch>]>, chunks: std::vec::IntoIter<(bool, &'a [Place])> },
    Runs { merge: Merge, cutter: Cutter<'a> },
}

impl Pass<'_> {
    /// The next chunks, `wanted` if there are so many left; none at the end. Chunks to learn from are in order, and so are
    /// those to evaluate on. Errors: `Execution` if a temporary file is damaged.
    pub fn next(&mut self, wanted: usize) -> Result<Vec<Piece>> {
        match &mut self.source {
            PassSource::Memory { batches, chunks } => {
                let piece =
                    |(eval, places): (bool, &[Place])| Piece { eval, batches: Arc::clone(batches), places: places.to_vec() };
                Ok(chunks.take(wanted).map(piece).collect())
            }
            PassSource::Runs { merge, cutter } => {
                while cutter.ready.len() < wanted && !cutter.ended {
                    cutter.add(merge.next(CHUNK_ROWS)?)?;
                }
                let wanted = wanted.min(cutter.ready.len());
                Ok(cutter.ready.drain(..wanted).collect())
            }
        }
    }
}

/// Cuts merged rows into chunks of one side each.
#[derive(Debug)]
struct Cutter<'a> {
    split: &'a SplitRule,
    train: Side,
    eval: Side,
    ready: Vec<Piece>,
    ended: bool,
}

impl<'a> Cutter<'a> {
    fn new(split: &'a SplitRule) -> Self {
        let side = |eval| Side { eval, batches: vec![], places: vec![] };
        Cutter { split, train: side(false), eval: side(true), ready: vec![], ended: false }
    }

    /// Takes the next rows, at most a chunk; None after the last.
    fn add(&mut self, round: Option<Round>) -> Result<()> {
        let Some(Round { batches, places }) = round else {
            self.ended = true;
            self.ready.extend(self.train.rest().into_iter().chain(self.eval.rest()));
            return Ok(());
        };
        let (train, eval) = parted(&batches, places, self.split)?;
        self.ready.extend(self.train.add(&batches, &train)?);
        self.ready.extend(self.eval.add(&batches, &eval)?);
        Ok(())
    }
}

/// Rows of one side that do not fill a chunk yet.
#[derive(Debug)]
struct Side {
    eval: bool,
    batches: Vec<Arc<RawBatch>>,
    places: Vec<Place>,
}

impl Side {
    /// Adds rows, at most a chunk; gives a chunk if that fills one.
    fn add(&mut self, batches: &[Arc<RawBatch>], places: &[Place]) -> Result<Option<Piece>> {
        if places.is_empty() {
            return Ok(None);
        }
        let before = self.batches.len() as u32;
        self.batches.extend(batches.iter().cloned());
        self.places.extend(places.iter().map(|&(batch, row)| (before + batch, row)));
        let full = (self.places.len() >= CHUNK_ROWS).then(|| self.cut(CHUNK_ROWS));
        self.compact()?;
        Ok(full)
    }

    /// What is left.
    fn rest(&mut self) -> Option<Piece> {
        (!self.places.is_empty()).then(|| self.cut(self.places.len()))
    }

    fn cut(&mut self, rows: usize) -> Piece {
        let places = self.places.drain(..rows).collect();
        Piece { eval: self.eval, batches: self.batches.as_slice().into(), places }
    }

    /// Copies the rows that wait, so that they hold no batches in which most rows are on the other side.
    fn compact(&mut self) -> Result<()> {
        let own = if self.places.is_empty() { vec![] } else { vec![Arc::new(RawBatch::gather(&self.batches, &self.places)?)] };
        self.places = (0..self.places.len() as u32).map(|row| (0, row)).collect();
        self.batches = own;
        Ok(())
    }
}
