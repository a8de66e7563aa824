//! Long columns, copied to a device in parts as they come.

use std::sync::Arc;

use gradframe_ml_core::{DType, Error, Result, Tensor};

use super::pool::Allocation;
use super::{Device, DeviceTensor};

/// A column on its way to a device: so many elements, copied one part after the other.
pub struct ColumnBuilder {
    device: Device,
    dtype: DType,
    rows: usize,
    /// Elements that are there.
    filled: usize,
    memory: Arc<Allocation>,
}

impl Device {
    /// Memory for a column of so many elements, which are not there yet. Errors: `Resources` if the device's memory is short.
    pub fn column(&self, dtype: DType, rows: usize) -> Result<ColumnBuilder> {
        let memory = self.allocated(rows * dtype.size_bytes())?;
        Ok(ColumnBuilder { device: self.clone(), dtype, rows, filled: 0, memory })
    }
}

impl ColumnBuilder {
    /// Copies the next elements there. Errors: `Internal` if they are of another type, or more than there is room for;
    /// `External` if the driver fails.
    pub fn append(&mut self, part: &Tensor) -> Result<()> {
        if part.dtype() != self.dtype || part.len() > self.rows - self.filled {
            return Err(Error::internal("cuda", "a part that does not fit its column"));
        }
        if !part.is_empty() {
            let start = self.filled * self.dtype.size_bytes();
            let place = DeviceTensor::new(self.dtype, vec![part.len()], start, Arc::clone(&self.memory));
            self.device.sent_into(&[(part.buffer().as_slice(), &place)], &self.device.mark()?)?;
        }
        self.filled += part.len();
        Ok(())
    }

    /// The column. Errors: `Internal` if elements are missing; `External` if a copy failed.
    pub fn finish(self) -> Result<DeviceTensor> {
        if self.filled != self.rows {
            return Err(Error::internal("cuda", format!("{} of {} elements of a column", self.filled, self.rows)));
        }
        self.device.synchronize()?; // what was copied may go now
        Ok(DeviceTensor::new(self.dtype, vec![self.rows], 0, self.memory))
    }
}
