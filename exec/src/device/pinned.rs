//! Columns that lie on a device, and folds of rows over them.

use std::fmt;

use arrow::buffer::MutableBuffer;
use gradframe_gpu::device::{ColumnBuilder, DeviceTensor, Measured};
use gradframe_ml_core::{DType, Error, Result, Tensor};
use gradframe_ml_kernels::grouped::{Folded, Grouped};

/// A column on a device.
#[derive(Debug, Clone)]
pub enum There {
    /// Of a device that is the CPU.
    Host(Tensor),
    /// Of a CUDA device.
    Cuda(DeviceTensor),
}

/// A column on its way to a device, in parts.
pub trait PinnedColumn: Send {
    /// Appends elements. Errors: `Internal` for those of another type, or too many; the device's own.
    fn append(&mut self, part: &Tensor) -> Result<()>;

    /// The column. Errors: `Internal` if elements are missing; the device's own.
    fn finish(self: Box<Self>) -> Result<There>;
}

/// Folds that are ready to run on a device.
pub trait LoadedFolds: fmt::Debug + Send + Sync {
    /// What they give of these columns' rows, what was moved and how long that took.
    /// Errors: `Internal` for columns of another device; `Resources` if the device's memory is short.
    fn run(&self, columns: &[There]) -> Result<(Vec<Folded>, Measured)>;
}

/// A column in the CPU's memory.
pub(super) struct HostColumn {
    dtype: DType,
    rows: usize,
    bytes: MutableBuffer,
}

impl HostColumn {
    pub fn new(dtype: DType, rows: usize) -> Self {
        HostColumn { dtype, rows, bytes: MutableBuffer::new(rows * dtype.size_bytes()) }
    }
}

impl PinnedColumn for HostColumn {
    fn append(&mut self, part: &Tensor) -> Result<()> {
        if part.dtype() != self.dtype {
            return Err(Error::internal("pinned column", "a part of another type"));
        }
        self.bytes.extend_from_slice(part.buffer().as_slice());
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<There> {
        Ok(There::Host(Tensor::try_new(self.dtype, &[self.rows], self.bytes.into())?))
    }
}

impl PinnedColumn for ColumnBuilder {
    fn append(&mut self, part: &Tensor) -> Result<()> {
        ColumnBuilder::append(self, part)
    }

    fn finish(self: Box<Self>) -> Result<There> {
        ColumnBuilder::finish(*self).map(There::Cuda)
    }
}

/// Folds of a device that is the CPU.
#[derive(Debug)]
pub(super) struct HostFolds(pub Grouped);

impl LoadedFolds for HostFolds {
    fn run(&self, columns: &[There]) -> Result<(Vec<Folded>, Measured)> {
        let of = |column: &There| match column {
            There::Host(tensor) => Ok(tensor.clone()),
            There::Cuda(_) => Err(elsewhere()),
        };
        let folded = self.0.run(&columns.iter().map(of).collect::<Result<Vec<_>>>()?)?;
        let bytes_from_device = self.0.groups() * self.0.folds().len() * 16;
        Ok((folded, Measured { bytes_from_device, ..Measured::default() }))
    }
}

/// The error of a column that another device has.
pub(super) fn elsewhere() -> Error {
    Error::internal("device", "a column that lies on another device")
}
