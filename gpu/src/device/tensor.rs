//! Arrays in a device's memory.

use std::fmt;
use std::sync::Arc;

use cudarc::driver::CudaStream;
use gradframe_ml_core::{DType, Error, Result, Tensor};

use super::host::Arriving;
use super::pool::Allocation;
use super::span::Span;
use super::{Device, failed};

/// A row-major array in a device's memory. Clones share it; nobody writes to what is shared.
#[derive(Clone)]
pub struct DeviceTensor {
    dtype: DType,
    shape: Vec<usize>,
    /// Where it begins in its memory, in bytes.
    pub(super) start: usize,
    pub(super) memory: Arc<Allocation>,
}

impl DeviceTensor {
    pub(super) fn new(dtype: DType, shape: Vec<usize>, start: usize, memory: Arc<Allocation>) -> Self {
        DeviceTensor { dtype, shape, start, memory }
    }

    /// Element type.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Shape.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Bytes of its elements.
    pub fn size_bytes(&self) -> usize {
        self.shape.iter().product::<usize>() * self.dtype.size_bytes()
    }

    /// The same elements under another shape. Errors: `Shape` if their number differs.
    pub fn reshaped(&self, shape: &[usize]) -> Result<Self> {
        if shape.iter().product::<usize>() != self.shape.iter().product::<usize>() {
            return Err(Error::shape("reshape", format!("{:?} has not as many elements as {shape:?}", self.shape)));
        }
        Ok(DeviceTensor { shape: shape.to_vec(), ..self.clone() })
    }

    pub(super) fn address(&self, stream: &CudaStream) -> u64 {
        self.memory.address(stream) + self.start as u64
    }
}

impl fmt::Debug for DeviceTensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceTensor({} {:?})", self.dtype, self.shape)
    }
}

impl Device {
    /// A copy on the device. Comes back when `tensor` has been read; what is started afterwards waits for the copy.
    /// Errors: `Resources` if its memory is short; `External` if the driver fails.
    pub fn put(&self, tensor: &Tensor) -> Result<DeviceTensor> {
        let memory = self.copied(tensor.buffer().as_slice())?;
        Ok(DeviceTensor::new(tensor.dtype(), tensor.shape().to_vec(), 0, memory))
    }

    /// As [`Device::put`], of several at once.
    pub fn put_all(&self, tensors: &[Tensor]) -> Result<Vec<DeviceTensor>> {
        Ok(self.put_timed(tensors)?.0)
    }

    /// As [`Device::put_all`], with the time that the copies take; None for a few bytes.
    pub(super) fn put_timed(&self, tensors: &[Tensor]) -> Result<(Vec<DeviceTensor>, Option<Span>)> {
        let bytes: Vec<&[u8]> = tensors.iter().map(|tensor| tensor.buffer().as_slice()).collect();
        let (there, span) = self.sent(&bytes)?;
        let there = tensors.iter().zip(there);
        let there = there.map(|(tensor, memory)| DeviceTensor::new(tensor.dtype(), tensor.shape().to_vec(), 0, memory));
        Ok((there.collect(), span))
    }

    /// A copy on the host. Waits for what computes it.
    /// Errors: `External` if the driver fails, or what computes it failed.
    pub fn get(&self, tensor: &DeviceTensor) -> Result<Tensor> {
        let mut back = self.get_all(std::slice::from_ref(tensor))?;
        back.pop().ok_or_else(|| Error::internal("cuda", "a tensor that did not come back"))
    }

    /// As [`Device::get`], of several at once.
    pub fn get_all(&self, tensors: &[DeviceTensor]) -> Result<Vec<Tensor>> {
        Ok(self.get_timed(tensors)?.0)
    }

    /// As [`Device::get_all`], with the time that the copies take; None for a few bytes.
    pub(super) fn get_timed(&self, tensors: &[DeviceTensor]) -> Result<(Vec<Tensor>, Option<Span>)> {
        let mut back: Vec<Arriving> = tensors.iter().map(|tensor| self.blocks.arriving(tensor.size_bytes())).collect();
        let span = self.fetched(tensors, &mut back)?;
        let whole = |(tensor, back): (&DeviceTensor, Arriving)| Tensor::try_new(tensor.dtype, &tensor.shape, back.into_buffer()?);
        Ok((tensors.iter().zip(back).map(whole).collect::<Result<_>>()?, span))
    }

    /// Another array of the same elements.
    /// Errors: `Resources` if the device's memory is short; `External` if the driver fails.
    pub fn copy(&self, tensor: &DeviceTensor) -> Result<DeviceTensor> {
        let bytes = tensor.size_bytes();
        let mut memory = self.allocated(bytes)?;
        if let (true, Some(memory)) = (bytes > 0, Arc::get_mut(&mut memory)) {
            let part = tensor.memory.slice().slice(tensor.start..tensor.start + bytes);
            self.stream.memcpy_dtod(&part, memory.slice_mut()).map_err(failed)?;
        }
        Ok(DeviceTensor::new(tensor.dtype, tensor.shape.clone(), 0, memory))
    }

    pub(super) fn copied(&self, bytes: &[u8]) -> Result<Arc<Allocation>> {
        let (mut there, _) = self.sent(&[bytes])?;
        there.pop().ok_or_else(|| Error::internal("cuda", "bytes that were not sent"))
    }
}
