//! The steps of a training on a device: weights and the optimiser's state stay there, and are updated in place.

use std::sync::Arc;

use cudarc::driver::CudaEvent;
use gradframe_ml_core::{Error, Result, Tensor};
use gradframe_ml_kernels::{Backend, Program, Steps};

use super::{Device, DeviceTensor, OnDevice, failed};
use crate::nvrtc::Width;

struct OnStream {
    device: Device,
    program: OnDevice,
    /// How many tensors the state is.
    count: usize,
    state: Vec<DeviceTensor>,
    /// What the step under way gives beside the state.
    rest: Option<Vec<DeviceTensor>>,
    /// Those of the last two steps, in turn: while one computes, the next one's is copied.
    batches: [Option<Batch>; 2],
}

/// A step's arguments after the state. They stay in their places, so that steps are replayed.
struct Batch {
    tensors: Vec<DeviceTensor>,
    /// When the step has read them.
    read: CudaEvent,
}

impl Backend for Device {
    fn begin(&self, program: &Program, state: Vec<Tensor>) -> Result<Box<dyn Steps>> {
        let program = self.load(program, Width::Narrow)?;
        let (count, state) = (state.len(), self.put_all(&state)?);
        Ok(Box::new(OnStream { device: self.clone(), program, count, state, rest: None, batches: [None, None] }))
    }
}

impl OnStream {
    fn sent(&self, batch: &[Tensor], place: Option<Batch>) -> Result<Batch> {
        if let Some(place) = place.filter(|place| place.holds(batch)) {
            let bytes = batch.iter().map(|part| part.buffer().as_slice());
            self.device.sent_into(&bytes.zip(&place.tensors).collect::<Vec<_>>(), &place.read)?;
            return Ok(place);
        }
        let read = self.device.context.new_event(None).map_err(failed)?;
        Ok(Batch { tensors: self.device.put_all(batch)?, read })
    }
}

impl Batch {
    /// Whether it has room for just these. What a step has given back as a part of its state, or of the rest, stays as it is.
    fn holds(&self, batch: &[Tensor]) -> bool {
        let is_own = |own: &DeviceTensor| Arc::strong_count(&own.memory) == 1;
        let is_alike = |own: &DeviceTensor, given: &Tensor| own.dtype() == given.dtype() && own.shape() == given.shape();
        let fits = |(own, given): (&DeviceTensor, &Tensor)| is_own(own) && is_alike(own, given);
        self.tensors.len() == batch.len() && self.tensors.iter().zip(batch).all(fits)
    }
}

impl Steps for OnStream {
    fn start(&mut self, batch: Vec<Tensor>) -> Result<()> {
        let [older, _] = &mut self.batches;
        let older = older.take();
        let batch = self.sent(&batch, older)?;
        self.state = self.program.run_owned(self.state.drain(..).chain(batch.tensors.iter().cloned()).collect())?;
        batch.read.record(&self.device.stream).map_err(failed)?;
        self.batches = [self.batches[1].take(), Some(batch)];
        self.rest = Some(self.state.split_off(self.count));
        Ok(())
    }

    fn finish(&mut self) -> Result<Vec<Tensor>> {
        let rest = self.rest.take().ok_or_else(|| Error::internal("cuda", "no step was started"))?;
        self.device.get_all(&rest)
    }

    fn state(&self) -> Result<Vec<Tensor>> {
        self.device.get_all(&self.state)
    }
}
