//! Encoded rows, chunk by chunk: what the fit reads, as often as it likes and in any order.

use std::io::Write;
use std::sync::Arc;

use arrow::buffer::Buffer;
use datafusion::error::DataFusionError;
use datafusion::execution::{SpillFile, SpillWriter};
use gradframe_ml_core::{DType, Error, Result, Tensor};
use gradframe_ml_learn::Chunk;
use gradframe_plan::error::from_datafusion;

use super::OP;
use super::disk::Disk;
use crate::memory::Memory;
use crate::spill::map;

/// Where a tensor may start in a file: enough for every element type and vector register.
const ALIGNMENT_BYTES: usize = 64;

/// Encoded rows in chunks of `CHUNK_ROWS`; the last may have fewer.
#[derive(Default)]
pub(super) struct Chunks {
    chunks: Vec<Stored>,
    rows: usize,
    bytes: usize,
    /// The bytes of chunks that are not in memory, and the file that they are mapped from.
    mapped: Option<(Buffer, Arc<dyn SpillFile>)>,
}

enum Stored {
    InMemory(Chunk),
    InFile { rows: usize, dense: Region, codes: Vec<Region>, label: Region, weight: Option<Region> },
}

/// A tensor's place in a file.
struct Region {
    dtype: DType,
    shape: Box<[usize]>,
    from: usize,
    bytes: usize,
}

impl Chunks {
    /// Number of chunks.
    pub fn len(&self) -> usize {
        self.chunks.len()
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes of the chunks, wherever they are.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// A chunk. Its tensors are shared with whoever else has it; those of a chunk on the disk lie in the mapped file.
    /// Errors: `Internal` if there is no such chunk.
    pub fn get(&self, index: usize) -> Result<Chunk> {
        match self.chunks.get(index) {
            Some(Stored::InMemory(chunk)) => Ok(chunk.clone()),
            Some(Stored::InFile { rows, dense, codes, label, weight }) => {
                let codes = codes.iter().map(|region| self.tensor(region)).collect::<Result<_>>()?;
                let weight = weight.as_ref().map(|region| self.tensor(region)).transpose()?;
                Ok(Chunk { rows: *rows, dense: self.tensor(dense)?, codes, label: self.tensor(label)?, weight })
            }
            None => Err(Error::internal(OP, format!("chunk {index} of {}", self.len()))),
        }
    }

    fn tensor(&self, region: &Region) -> Result<Tensor> {
        let (bytes, _) = self.mapped.as_ref().ok_or_else(|| Error::internal(OP, "a chunk in no file"))?;
        Tensor::try_new(region.dtype, &region.shape, bytes.slice_with_length(region.from, region.bytes))
    }
}

/// Takes chunks in order, into memory while there is room and into a file after that.
pub(super) struct ChunkWriter {
    chunks: Chunks,
    disk: Disk,
    file: Option<ChunkFile>,
}

impl ChunkWriter {
    /// No chunks yet.
    pub fn new(disk: Disk) -> Self {
        ChunkWriter { chunks: Chunks::default(), disk, file: None }
    }

    /// Adds a chunk; `memory` is the share of the session's memory that all chunks of a training may take together.
    /// Errors: `Resources` if disk or disk limit are full.
    pub fn push(&mut self, chunk: Chunk, memory: &CacheMemory) -> Result<()> {
        let bytes = bytes(&chunk);
        self.chunks.rows += chunk.rows;
        self.chunks.bytes += bytes;
        let stored = if memory.take(bytes) { Stored::InMemory(chunk) } else { self.store(&chunk)? };
        self.chunks.chunks.push(stored);
        Ok(())
    }

    fn store(&mut self, chunk: &Chunk) -> Result<Stored> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(ChunkFile::create(&self.disk)?),
        };
        let before = file.length;
        let codes = chunk.codes.iter().map(|codes| file.write(codes)).collect::<Result<_>>()?;
        let (dense, label) = (file.write(&chunk.dense)?, file.write(&chunk.label)?);
        let weight = chunk.weight.as_ref().map(|weight| file.write(weight)).transpose()?;
        self.disk.wrote(chunk.rows, file.length - before);
        Ok(Stored::InFile { rows: chunk.rows, dense, codes, label, weight })
    }

    /// The chunks, to be read from now on.
    pub fn finish(mut self) -> Result<Chunks> {
        self.chunks.mapped = self.file.map(ChunkFile::finish).transpose()?;
        Ok(self.chunks)
    }
}

/// Bytes of a chunk's tensors.
fn bytes(chunk: &Chunk) -> usize {
    chunk.arguments().map(|tensor| tensor.buffer().len()).sum()
}

/// What encoded rows may take of the session's memory: half of it, so that the fit has room to work.
#[derive(Debug)]
pub(super) struct CacheMemory {
    memory: Memory,
    most: usize,
}

impl CacheMemory {
    /// A share that is still empty; `memory` can spill.
    pub fn new(memory: Memory) -> Self {
        let most = memory.limit_bytes().map_or(usize::MAX, |limit| limit / 2);
        CacheMemory { memory, most }
    }

    /// Bytes taken.
    pub fn bytes(&self) -> usize {
        self.memory.bytes()
    }

    fn take(&self, bytes: usize) -> bool {
        self.bytes().saturating_add(bytes) <= self.most && self.memory.try_grow(bytes)
    }
}

/// A file of tensors that is being written.
struct ChunkFile {
    file: Arc<dyn SpillFile>,
    writer: Box<dyn SpillWriter>,
    length: usize,
}

impl ChunkFile {
    fn create(disk: &Disk) -> Result<Self> {
        let file = disk.create("encoded training rows")?;
        let writer = file.open_writer().map_err(from_datafusion)?;
        Ok(ChunkFile { file, writer, length: 0 })
    }

    fn write(&mut self, tensor: &Tensor) -> Result<Region> {
        let from = self.length.next_multiple_of(ALIGNMENT_BYTES);
        self.append(&[0; ALIGNMENT_BYTES][..from - self.length])?;
        self.append(tensor.buffer())?;
        Ok(Region { dtype: tensor.dtype(), shape: tensor.shape().into(), from, bytes: tensor.buffer().len() })
    }

    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.length += bytes.len();
        self.writer.write_all(bytes).map_err(|error| from_datafusion(DataFusionError::IoError(error)))
    }

    fn finish(mut self) -> Result<(Buffer, Arc<dyn SpillFile>)> {
        self.writer.finish().map_err(from_datafusion)?;
        drop(self.writer);
        Ok((map(self.file.as_ref())?.into(), self.file))
    }
}
