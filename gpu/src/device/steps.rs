//! The steps of a training on a device: weights and the optimiser's state stay there, and are updated in place.

use gradframe_ml_core::{Error, Result, Tensor};
use gradframe_ml_kernels::{Backend, Program, Steps};

use super::{Device, DeviceTensor, OnDevice};
use crate::nvrtc::Width;

struct OnStream {
    device: Device,
    program: OnDevice,
    /// How many tensors the state is.
    count: usize,
    state: Vec<DeviceTensor>,
    /// What the step under way gives beside the state.
    rest: Option<Vec<DeviceTensor>>,
}

impl Backend for Device {
    fn begin(&self, program: &Program, state: Vec<Tensor>) -> Result<Box<dyn Steps>> {
        let program = self.load(program, Width::Narrow)?;
        let count = state.len();
        let state = state.iter().map(|part| self.put(part)).collect::<Result<_>>()?;
        Ok(Box::new(OnStream { device: self.clone(), program, count, state, rest: None }))
    }
}

impl Steps for OnStream {
    fn start(&mut self, batch: Vec<Tensor>) -> Result<()> {
        let batch = batch.iter().map(|part| self.device.put(part)).collect::<Result<Vec<_>>>()?;
        self.state = self.program.run_owned(self.state.drain(..).chain(batch).collect())?;
        self.rest = Some(self.state.split_off(self.count));
        Ok(())
    }

    fn finish(&mut self) -> Result<Vec<Tensor>> {
        let rest = self.rest.take().ok_or_else(|| Error::internal("cuda", "no step was started"))?;
        rest.iter().map(|part| self.device.get(part)).collect()
    }

    fn state(&self) -> Result<Vec<Tensor>> {
        self.state.iter().map(|part| self.device.get(part)).collect()
    }
}
