//! Trainings whose state stays on the device from step to step.

use gradframe_gpu::device::{Device, DeviceTensor, OnDevice};
use gradframe_gpu::nvrtc::Width;
use gradframe_ml_core::{Error, Function, Result, Tensor};

use crate::{compiled, distance, median, profile};

/// A program `(state.., data..) -> (state.., loss)` under way.
pub struct Training<'a> {
    device: &'a Device,
    loaded: OnDevice,
    state: Vec<DeviceTensor>,
    data: Vec<DeviceTensor>,
}

impl<'a> Training<'a> {
    pub fn new(device: &'a Device, step: &Function, state: &[Tensor], data: &[Tensor]) -> Result<Self> {
        let program = compiled(step)?;
        let loaded = device.load(&program, Width::Narrow)?;
        let put = |tensors: &[Tensor]| tensors.iter().map(|tensor| device.put(tensor)).collect::<Result<Vec<_>>>();
        Ok(Training { device, state: put(state)?, data: put(data)?, loaded })
    }

    fn arguments(&mut self) -> Vec<DeviceTensor> {
        std::mem::take(&mut self.state).into_iter().chain(self.data.iter().cloned()).collect()
    }

    /// A step; its loss stays on the device.
    pub fn advance(&mut self) -> Result<DeviceTensor> {
        let arguments = self.arguments();
        self.state = self.loaded.run_owned(arguments)?;
        self.state.pop().ok_or_else(|| Error::internal("suite", "a step without a loss"))
    }

    /// A step; its loss, copied back.
    pub fn loss(&mut self) -> Result<f64> {
        let loss = self.advance()?;
        Ok(self.device.get(&loss)?.to_f64()[0])
    }

    /// Seconds of a step.
    pub fn seconds(&mut self) -> Result<f64> {
        let device = self.device;
        median(device, || self.advance())
    }

    /// Kernels of a step.
    pub fn kernels(&self) -> usize {
        self.loaded.schedule().kernels.len()
    }

    /// A step, and a table of where its time went.
    pub fn profile(&mut self) -> Result<()> {
        let arguments = self.arguments();
        let (results, times) = self.loaded.run_profiled(arguments)?;
        self.state = results;
        self.state.pop();
        profile::print(&self.loaded, &times);
        Ok(())
    }
}

/// The largest distance of a function's results on the device to those of another, in float64 on the processor.
pub fn error(device: &Device, ours: (&Function, &[Tensor]), theirs: (&Function, &[Tensor])) -> Result<f64> {
    let ours = device.load(&compiled(ours.0)?, Width::Narrow)?.run(ours.1)?;
    let theirs = compiled(theirs.0)?.run(theirs.1)?;
    let distances = ours.iter().zip(&theirs).map(|(a, b)| distance(a, b));
    Ok(distances.fold(0.0, |most, d| if d <= most { most } else { d })) // a NaN stays
}
