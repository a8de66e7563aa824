//! Arrays in a device's memory.

use std::fmt;
use std::sync::Arc;

use arrow_buffer::MutableBuffer;
use cudarc::driver::{CudaSlice, CudaStream, DevicePtr};
use gradframe_ml_core::{DType, Error, Result, Tensor};

use super::{Device, failed};

/// A row-major array in a device's memory. Clones share it; nobody writes to what is shared.
#[derive(Clone)]
pub struct DeviceTensor {
    dtype: DType,
    shape: Vec<usize>,
    /// Where it begins in its memory, in bytes.
    pub(super) start: usize,
    pub(super) memory: Arc<CudaSlice<u8>>,
}

impl DeviceTensor {
    pub(super) fn new(dtype: DType, shape: Vec<usize>, start: usize, memory: Arc<CudaSlice<u8>>) -> Self {
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
        // One stream: what the guard would wait for has been started before.
        self.memory.device_ptr(stream).0 + self.start as u64
    }
}

impl fmt::Debug for DeviceTensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceTensor({} {:?})", self.dtype, self.shape)
    }
}

impl Device {
    /// A copy on the device.
    /// Errors: `Resources` if its memory is short; `External` if the driver fails.
    pub fn put(&self, tensor: &Tensor) -> Result<DeviceTensor> {
        let memory = self.copied(tensor.buffer().as_slice())?;
        Ok(DeviceTensor::new(tensor.dtype(), tensor.shape().to_vec(), 0, memory))
    }

    /// A copy on the host. Waits for what computes it.
    /// Errors: `External` if the driver fails, or what computes it failed.
    pub fn get(&self, tensor: &DeviceTensor) -> Result<Tensor> {
        let mut bytes = MutableBuffer::from_len_zeroed(tensor.size_bytes()); // aligned to any element
        if !bytes.is_empty() {
            let part = tensor.memory.slice(tensor.start..tensor.start + bytes.len());
            self.stream.memcpy_dtoh(&part, bytes.as_slice_mut()).map_err(failed)?;
        }
        self.synchronize()?;
        Tensor::try_new(tensor.dtype, &tensor.shape, bytes.into())
    }

    /// Another array of the same elements.
    /// Errors: `Resources` if the device's memory is short; `External` if the driver fails.
    pub fn copy(&self, tensor: &DeviceTensor) -> Result<DeviceTensor> {
        let bytes = tensor.size_bytes();
        let mut memory = self.allocated(bytes)?;
        if let (true, Some(memory)) = (bytes > 0, Arc::get_mut(&mut memory)) {
            let part = tensor.memory.slice(tensor.start..tensor.start + bytes);
            self.stream.memcpy_dtod(&part, memory).map_err(failed)?;
        }
        Ok(DeviceTensor::new(tensor.dtype, tensor.shape.clone(), 0, memory))
    }

    pub(super) fn copied(&self, bytes: &[u8]) -> Result<Arc<CudaSlice<u8>>> {
        let mut memory = self.allocated(bytes.len())?;
        if let (false, Some(memory)) = (bytes.is_empty(), Arc::get_mut(&mut memory)) {
            self.stream.memcpy_htod(bytes, memory).map_err(failed)?;
        }
        Ok(memory)
    }
}
