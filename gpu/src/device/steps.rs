//! The steps of a training on a device: weights and the optimiser's state stay there, and are updated in place.

use std::sync::Arc;

use cudarc::driver::CudaEvent;
use gradframe_ml_core::{Error, Result, Tensor};
use gradframe_ml_kernels::{Backend, Program, Steps};

use super::loaded::Unfinished;
use super::{Device, DeviceTensor, OnDevice, failed};
use crate::nvrtc::Width;

struct OnStream {
    device: Device,
    source: Program,
    program: OnDevice,
    /// The same, compiled at the first step whose positions need 64 bits.
    wide: Option<OnDevice>,
    /// How many tensors the state is.
    count: usize,
    /// None of them after a step that failed while it ran.
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
        let (source, program) = (program.clone(), self.load(program, Width::Narrow)?);
        let (device, count, state) = (self.clone(), state.len(), self.put_all(&state)?);
        Ok(Box::new(OnStream { device, source, program, wide: None, count, state, rest: None, batches: [None, None] }))
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

    fn run(&mut self, arguments: Vec<DeviceTensor>) -> std::result::Result<Vec<DeviceTensor>, Unfinished> {
        match self.program_for(&arguments) {
            Ok(program) => program.run_given(arguments),
            Err(error) => Err(Unfinished { error, inputs: Some(arguments) }),
        }
    }

    /// The program as it counts the positions of these arguments.
    fn program_for(&mut self, arguments: &[DeviceTensor]) -> Result<&OnDevice> {
        if self.program.width_for(arguments)? == Width::Narrow {
            return Ok(&self.program);
        }
        let wide = match self.wide.take() {
            Some(wide) => wide,
            None => self.device.load(&self.source, Width::Wide)?,
        };
        Ok(self.wide.insert(wide))
    }

    fn check_state(&self) -> Result<()> {
        match self.state.len() == self.count {
            true => Ok(()),
            false => Err(Error::external("cuda", "a step failed while it ran, and the state is lost")
                .hint("go on from the last checkpoint")),
        }
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
        self.check_state()?;
        let [older, _] = &mut self.batches;
        let older = older.take();
        let batch = self.sent(&batch, older)?;
        let state = std::mem::take(&mut self.state);
        match self.run(state.into_iter().chain(batch.tensors.iter().cloned()).collect()) {
            Ok(results) => self.state = results,
            Err(Unfinished { error, inputs }) => {
                self.state = inputs.unwrap_or_default();
                self.state.truncate(self.count);
                return Err(error);
            }
        }
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
        self.check_state()?;
        self.device.get_all(&self.state)
    }
}
