//! Batches of rows, gathered out of chunks in the order of an epoch.

use arrow_buffer::MutableBuffer;
use gradframe_ml_core::{Result, Tensor};

use super::ChunkSource;
use super::order::{chunk_order, row_order};
use crate::estimator::Chunk;

/// The batches of an epoch, one after the other. A batch goes on into the next chunk; only the last one may be short.
pub struct Batches<'a> {
    source: &'a dyn ChunkSource,
    key: u64,
    epoch: u64,
    chunks: Vec<u32>,
    /// The next chunk to open, by its place in `chunks`.
    next: usize,
    open: Option<Open>,
}

/// A chunk that is being read.
struct Open {
    chunk: Chunk,
    order: Vec<u32>,
    /// The next row, by its place in `order`.
    next: usize,
}

impl<'a> Batches<'a> {
    /// The batches of an epoch after its first `skip` rows.
    /// Errors: those of reading a chunk.
    pub fn new(source: &'a dyn ChunkSource, key: u64, epoch: u64, skip: usize) -> Result<Self> {
        let chunks = chunk_order(key, epoch, source.chunks());
        let mut batches = Batches { source, key, epoch, chunks, next: 0, open: None };
        batches.skip(skip)?;
        Ok(batches)
    }

    /// The next batch of at most `rows` rows; None at the end. Errors: those of reading a chunk.
    pub fn next(&mut self, rows: usize) -> Result<Option<Chunk>> {
        let mut batch: Option<Builder> = None;
        let mut wanted = rows;
        while wanted > 0 && self.open_next()? {
            let Some(open) = self.open.as_mut() else { break };
            let taken = &open.order[open.next..open.order.len().min(open.next + wanted)];
            batch.get_or_insert_with(|| Builder::like(&open.chunk, rows)).push(&open.chunk, taken);
            wanted -= taken.len();
            open.next += taken.len();
        }
        batch.map(Builder::finish).transpose()
    }

    /// Passes over whole chunks without reading them.
    fn skip(&mut self, mut rows: usize) -> Result<()> {
        while let Some(&chunk) = self.chunks.get(self.next)
            && rows >= self.source.rows_of(chunk as usize)
        {
            rows -= self.source.rows_of(chunk as usize);
            self.next += 1;
        }
        if rows > 0 && self.open_next()? {
            self.open.iter_mut().for_each(|open| open.next += rows);
        }
        Ok(())
    }

    /// Sees to it that a chunk with rows is open; false at the end.
    fn open_next(&mut self) -> Result<bool> {
        while self.open.as_ref().is_none_or(|open| open.next == open.order.len()) {
            let Some(&chunk) = self.chunks.get(self.next) else { return Ok(false) };
            self.next += 1;
            let order = row_order(self.key, self.epoch, chunk as usize, self.source.rows_of(chunk as usize));
            self.open = Some(Open { chunk: self.source.get(chunk as usize)?, order, next: 0 });
        }
        Ok(true)
    }
}

/// The rows of a batch without reading any: chunks with their rows, in the order in which they are gathered. It begins after
/// the first `skip` rows of the epoch and has at most `rows`; `rows_of` says how many each chunk has.
pub fn batch_places(key: u64, epoch: u64, rows_of: &[usize], skip: usize, rows: usize) -> Vec<(usize, Vec<u32>)> {
    let (mut skip, mut wanted) = (skip, rows);
    let mut found = Vec::new();
    for chunk in chunk_order(key, epoch, rows_of.len()) {
        let (chunk, held) = (chunk as usize, rows_of[chunk as usize]);
        if skip >= held {
            skip -= held;
            continue;
        }
        if wanted == 0 {
            break;
        }
        let order = row_order(key, epoch, chunk, held);
        let taken = &order[skip..held.min(skip + wanted)];
        wanted -= taken.len();
        skip = 0;
        found.push((chunk, taken.to_vec()));
    }
    found
}

/// The columns of a batch while it grows.
struct Builder {
    rows: usize,
    dense: Rows,
    codes: Vec<Rows>,
    label: Rows,
    weight: Option<Rows>,
}

impl Builder {
    fn like(chunk: &Chunk, rows: usize) -> Self {
        let column = |tensor: &Tensor| Rows::like(tensor, rows);
        let (codes, weight) = (chunk.codes.iter().map(column).collect(), chunk.weight.as_ref().map(column));
        Builder { rows: 0, dense: column(&chunk.dense), codes, label: column(&chunk.label), weight }
    }

    fn push(&mut self, chunk: &Chunk, rows: &[u32]) {
        self.rows += rows.len();
        self.dense.push(&chunk.dense, rows);
        self.codes.iter_mut().zip(&chunk.codes).for_each(|(column, tensor)| column.push(tensor, rows));
        self.label.push(&chunk.label, rows);
        self.weight.iter_mut().zip(&chunk.weight).for_each(|(column, tensor)| column.push(tensor, rows));
    }

    fn finish(self) -> Result<Chunk> {
        let rows = self.rows;
        Ok(Chunk {
            rows,
            dense: self.dense.finish(rows)?,
            codes: self.codes.into_iter().map(|column| column.finish(rows)).collect::<Result<_>>()?,
            label: self.label.finish(rows)?,
            weight: self.weight.map(|column| column.finish(rows)).transpose()?,
        })
    }
}

/// Rows of one tensor.
struct Rows {
    /// A tensor of the same type and row shape.
    like: Tensor,
    row_bytes: usize,
    bytes: MutableBuffer,
}

impl Rows {
    fn like(tensor: &Tensor, rows: usize) -> Self {
        let row_bytes = tensor.shape()[1..].iter().product::<usize>() * tensor.dtype().size_bytes();
        Rows { like: tensor.clone(), row_bytes, bytes: MutableBuffer::with_capacity(rows * row_bytes) }
    }

    fn push(&mut self, tensor: &Tensor, rows: &[u32]) {
        let source = tensor.buffer().as_slice();
        match self.row_bytes {
            // Copies of a size known beforehand are a load and a store.
            4 => self.push_fixed::<4>(source, rows),
            8 => self.push_fixed::<8>(source, rows),
            width => rows.iter().for_each(|&r| self.bytes.extend_from_slice(&source[r as usize * width..][..width])),
        }
    }

    fn push_fixed<const WIDTH: usize>(&mut self, source: &[u8], rows: &[u32]) {
        let (items, _) = source.as_chunks::<WIDTH>();
        let start = self.bytes.len();
        self.bytes.resize(start + rows.len() * WIDTH, 0);
        let (targets, _) = self.bytes.as_slice_mut()[start..].as_chunks_mut::<WIDTH>();
        targets.iter_mut().zip(rows).for_each(|(target, &row)| *target = items[row as usize]);
    }

    fn finish(self, rows: usize) -> Result<Tensor> {
        let shape: Vec<usize> = std::iter::once(rows).chain(self.like.shape()[1..].iter().copied()).collect();
        Tensor::try_new(self.like.dtype(), &shape, self.bytes.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Chunks of these sizes, rows numbered through.
    fn chunks(sizes: &[usize]) -> Vec<Chunk> {
        let mut first = 0;
        let chunk = |&rows: &usize| {
            let numbers: Vec<f64> = (first..first + rows).map(|i| i as f64).collect();
            first += rows;
            let doubled = numbers.iter().flat_map(|&x| [x as f32, 2.0 * x as f32, 0.0]).collect();
            Chunk {
                rows,
                dense: Tensor::from_vec(&[rows, 3], doubled).unwrap(),
                codes: vec![Tensor::from_vec(&[rows], numbers.iter().map(|&x| x as i32).collect()).unwrap()],
                label: Tensor::from_vec(&[rows], numbers.clone()).unwrap(),
                weight: Some(Tensor::from_vec(&[rows], numbers.iter().map(|&x| x as f32 + 1.0).collect()).unwrap()),
            }
        };
        sizes.iter().map(chunk).collect()
    }

    fn labels(source: &[Chunk], skip: usize, rows: usize) -> Vec<Vec<f64>> {
        let mut batches = Batches::new(&source, 5, 1, skip).unwrap();
        let mut all = Vec::new();
        while let Some(batch) = batches.next(rows).unwrap() {
            assert_eq!(batch.rows, batch.label.len());
            for (i, &label) in batch.label.values::<f64>().unwrap().iter().enumerate() {
                let dense = &batch.dense.values::<f32>().unwrap()[3 * i..3 * i + 3];
                assert_eq!(dense, [label as f32, 2.0 * label as f32, 0.0]);
                assert_eq!(batch.codes[0].values::<i32>().unwrap()[i], label as i32);
                assert_eq!(batch.weight.as_ref().unwrap().values::<f32>().unwrap()[i], label as f32 + 1.0);
            }
            all.push(batch.label.values::<f64>().unwrap().to_vec());
        }
        all
    }

    #[test]
    fn batches_cross_chunks_and_every_row_comes_once() {
        let batches = labels(&chunks(&[10, 10, 3]), 0, 4);
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [4, 4, 4, 4, 4, 3]);
        let mut all = batches.concat();
        all.sort_by(f64::total_cmp);
        assert!(all.into_iter().eq((0..23).map(f64::from)));
    }

    #[test]
    fn places_are_those_of_the_rows_that_are_gathered() {
        let (sizes, firsts) = ([10, 10, 3], [0, 10, 20]);
        for (i, batch) in labels(&chunks(&sizes), 0, 4).iter().enumerate() {
            let places = batch_places(5, 1, &sizes, 4 * i, 4).into_iter();
            let numbers = places.flat_map(|(chunk, rows)| rows.into_iter().map(move |row| f64::from(firsts[chunk] + row)));
            assert_eq!(numbers.collect::<Vec<_>>(), *batch);
        }
        assert_eq!(batch_places(5, 1, &sizes, 23, 4), []);
    }

    #[test]
    fn skipping_gives_the_same_rows_as_reading() {
        let source = chunks(&[10, 10, 3]);
        let whole = labels(&source, 0, 4);
        for batch in 0..6 {
            assert_eq!(labels(&source, batch * 4, 4), whole[batch..]);
        }
        assert!(labels(&source, 23, 4).is_empty());
    }
}
