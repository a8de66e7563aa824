//! The elements that a mask keeps.

use cudarc::driver::{LaunchConfig, PushKernelArg};
use gradframe_ml_core::{DType, Error, Result};

use super::memory::NARROW_ELEMENTS;
use super::{Device, DeviceTensor, failed};
use crate::nvrtc::Width;
use crate::print::compact::{BLOCKS_MAX, CLEAR, PICK, THREADS, TILE, WORDS, entries};
use crate::print::prelude;

impl Device {
    /// The elements of a line whose place in the mask is true, in their order: `[n]` of any type and `[n]` bool ->
    /// `[kept]`. Waits until they are counted. The result holds the memory of `[n]`.
    /// Errors: `Shape` if the two are not lines of one length; `DType` if the mask is not bool; `Resources` if the device's
    /// memory is short; `External` if the driver fails.
    pub fn filtered(&self, values: &DeviceTensor, mask: &DeviceTensor) -> Result<DeviceTensor> {
        let [count] = values.shape() else {
            return Err(Error::shape("filtered", format!("values are {:?}, not a line", values.shape()))
                .hint("filter the places and gather rows by them"));
        };
        if mask.shape() != values.shape() {
            return Err(Error::shape("filtered", format!("a mask of {:?} for values of {:?}", mask.shape(), values.shape())));
        }
        if mask.dtype() != DType::Bool {
            return Err(Error::dtype("filtered", format!("the mask is {}, not bool", mask.dtype())));
        }
        let memory = self.allocated(values.size_bytes())?;
        let output = DeviceTensor::new(values.dtype(), vec![*count], 0, memory.clone());
        let kept = if *count == 0 { 0 } else { self.pick(*count, values, mask, &output)? };
        Ok(DeviceTensor::new(values.dtype(), vec![kept], 0, memory))
    }

    /// How many of the elements, one at least, went to the output.
    fn pick(&self, count: usize, values: &DeviceTensor, mask: &DeviceTensor, output: &DeviceTensor) -> Result<usize> {
        let width = if count < NARROW_ELEMENTS { Width::Narrow } else { Width::Wide };
        let entries = entries(values.dtype());
        let module = self.module(&format!("{}\n{entries}", prelude(&entries)), width)?;
        let [clear, pick] = [CLEAR, PICK].map(|name| module.load_function(name));
        let (clear, pick) = (clear.map_err(failed)?, pick.map_err(failed)?);
        let tiles = count.div_ceil(TILE);
        let words = self.allocated(8 * WORDS * tiles)?;
        let kept = DeviceTensor::new(DType::I64, vec![1], 0, self.allocated(8)?);
        let [values, mask, output, into] = [values, mask, output, &kept].map(|tensor| tensor.address(&self.stream));
        let shared = words.address(&self.stream);
        let config =
            LaunchConfig { grid_dim: (tiles.min(BLOCKS_MAX) as u32, 1, 1), block_dim: (THREADS, 1, 1), shared_mem_bytes: 0 };
        let (elements, of_tiles) = (count as i64, (WORDS * tiles) as i64);
        let mut builder = self.stream.launch_builder(&clear);
        builder.arg(&shared).arg(&of_tiles);
        // SAFETY: the entry takes an address and a number; there are so many words at it.
        unsafe { builder.launch(config) }.map_err(failed)?;
        let mut builder = self.stream.launch_builder(&pick);
        builder.arg(&values).arg(&mask).arg(&elements).arg(&output).arg(&into).arg(&shared);
        // SAFETY: the entry takes these; values, mask and output have so many elements, and the words are cleared.
        unsafe { builder.launch(config) }.map_err(failed)?;
        let kept = self.get(&kept)?;
        Ok(kept.values::<i64>()?.first().map_or(0, |&n| n as usize))
    }
}
