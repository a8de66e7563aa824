//! Programs on a device: compiled once, run for any sizes.

use std::collections::HashMap;
use std::sync::Arc;

use cudarc::driver::CudaEvent;
use gradframe_ml_core::{DType, Error, Result, Sizes, Tensor};
use gradframe_ml_kernels::Program;
use gradframe_ml_kernels::schedule::{Kernel, Schedule};

use super::body::{Body, Work};
use super::launches::{Entries, start};
use super::memory::{Memory, positions_max};
use super::replay::{Replays, Run, pays};
use super::space::Space;
use super::span::seconds_between;
use super::{Device, DeviceTensor, Span, failed};
use crate::nvrtc::Width;
use crate::print;

/// A program on a device.
pub struct OnDevice {
    program: Program,
    schedule: Schedule,
    code: Code,
    body: Body,
    /// None: its kernels are started one by one in every run.
    replays: Option<Arc<Replays>>,
}

/// A run that failed.
pub struct Unfinished {
    pub error: Error,
    /// Its arguments, if it has started nothing: what was started may have written over them.
    pub inputs: Option<Vec<DeviceTensor>>,
}

/// Where a run's time went, and what it moved.
#[derive(Debug, Clone, Copy, Default)]
pub struct Measured {
    /// Bytes of arguments that were copied to the device.
    pub bytes_to_device: usize,
    /// Bytes of results that were copied back.
    pub bytes_from_device: usize,
    /// Seconds of the copies there; 0 if they are of a few bytes alone.
    pub to_device_s: f64,
    /// Seconds of the kernels.
    pub kernels_s: f64,
    /// Seconds of the copies back; 0 if they are of a few bytes alone.
    pub from_device_s: f64,
}

/// A module on a device.
pub struct Code {
    pub device: Device,
    entries: Entries,
}

impl Device {
    /// The program with its kernels compiled for this device. Arrays of 2^30 elements and more need `Width::Wide`.
    /// Errors: `NotImplemented` for what has no CUDA form; `Internal` if a kernel does not compile; `Resources` if the
    /// device has no memory for its constants.
    pub fn load(&self, program: &Program, width: Width) -> Result<OnDevice> {
        let schedule = program.for_device()?.into_owned();
        let printed = print::program(&schedule)?;
        let module = self.module(&printed.source, width)?;
        let mut functions = HashMap::new();
        for launch in printed.launches() {
            functions.insert(launch.entry.clone(), module.load_function(&launch.entry).map_err(failed)?);
        }
        let body = Body::new(self, &schedule, printed.steps)?;
        let code = Code { device: self.clone(), entries: Entries { functions, width } };
        let is_driven = body.steps.iter().any(|work| !matches!(work, Work::Kernel(_)));
        let replays = (self.has_graphs && !is_driven && pays(body.steps.len())).then(|| self.replays.added());
        Ok(OnDevice { program: program.clone(), schedule, code, body, replays })
    }
}

impl OnDevice {
    /// The function's results: arguments are copied to the device and results back. The same bits in every run.
    /// Errors: `Shape` or `DType` naming the argument that does not fit; `Resources` if the device's memory is short.
    pub fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        self.program.bind(inputs)?;
        let there = self.code.device.put_all(inputs)?;
        self.code.device.get_all(&self.run_owned(there)?)
    }

    /// As [`OnDevice::run`]; says what it moved and how long that took. A few threads' runs are under way at once: the copies of
    /// one go over the bus while another's kernels run.
    pub fn run_measured(&self, inputs: &[Tensor]) -> Result<(Vec<Tensor>, Measured)> {
        self.program.bind(inputs)?;
        self.code.device.turns.run(|| self.measured(inputs))
    }

    fn measured(&self, inputs: &[Tensor]) -> Result<(Vec<Tensor>, Measured)> {
        let device = &self.code.device;
        let (there, to_device) = device.put_timed(inputs)?;
        let (results, kernels) = {
            let _one = device.starting.lock(); // others' kernels are not between its own
            Span::around(&device.stream, || self.run_owned(there))?
        };
        let (back, from_device) = device.get_timed(&results)?;
        let seconds = |span: Option<Span>| span.map_or(Ok(0.0), |span| span.seconds());
        let measured = Measured {
            bytes_to_device: inputs.iter().map(|input| input.buffer().len()).sum(),
            bytes_from_device: results.iter().map(DeviceTensor::size_bytes).sum(),
            to_device_s: seconds(to_device)?,
            kernels_s: kernels.seconds()?,
            from_device_s: seconds(from_device)?,
        };
        Ok((back, measured))
    }

    /// As [`OnDevice::run`], for arguments on the device; the results stay there. Comes back before they are computed.
    pub fn run_there(&self, inputs: &[DeviceTensor]) -> Result<Vec<DeviceTensor>> {
        self.run_owned(inputs.to_vec())
    }

    /// As [`OnDevice::run_there`], but the arguments are given away: a result that may take the place of an argument which
    /// nobody else holds is written over it. So a training step updates its parameters in place.
    pub fn run_owned(&self, inputs: Vec<DeviceTensor>) -> Result<Vec<DeviceTensor>> {
        self.run_given(inputs).map_err(|unfinished| unfinished.error)
    }

    /// As [`OnDevice::run_owned`]; who has not begun gives the arguments back.
    pub(super) fn run_given(&self, inputs: Vec<DeviceTensor>) -> std::result::Result<Vec<DeviceTensor>, Unfinished> {
        let Some(replays) = &self.replays else { return self.run_once(inputs) };
        match replays.run(self, inputs)? {
            Run::Done(results) => Ok(results),
            Run::New(inputs) => self.run_once(inputs),
        }
    }

    /// Runs of this program that were replayed: what an earlier one had started was started again with one call.
    pub fn replayed(&self) -> usize {
        self.replays.as_ref().map_or(0, |replays| replays.replayed())
    }

    fn run_once(&self, inputs: Vec<DeviceTensor>) -> std::result::Result<Vec<DeviceTensor>, Unfinished> {
        match self.sizes(&inputs) {
            Ok(sizes) => self.code.run_given(&self.schedule, &self.body, inputs, &sizes),
            Err(error) => Err(Unfinished { error, inputs: Some(inputs) }),
        }
    }

    fn sizes(&self, inputs: &[DeviceTensor]) -> Result<Sizes> {
        let sizes = self.bound(inputs)?;
        self.code.check_width(&self.schedule, &sizes)?;
        Ok(sizes)
    }

    fn bound(&self, inputs: &[DeviceTensor]) -> Result<Sizes> {
        let types: Vec<(DType, &[usize])> = inputs.iter().map(|input| (input.dtype(), input.shape())).collect();
        self.program.bind_types(&types)
    }

    /// How a run of these arguments has to count positions.
    pub(super) fn width_for(&self, inputs: &[DeviceTensor]) -> Result<Width> {
        let is_narrow = positions_max(&self.schedule, &self.bound(inputs)?)? < self.device().narrow_positions;
        Ok(if is_narrow { Width::Narrow } else { Width::Wide })
    }

    /// As [`OnDevice::run_owned`]; with it the seconds of each kernel of [`OnDevice::schedule`], by the device's own events.
    /// Errors: as there.
    pub fn run_profiled(&self, inputs: Vec<DeviceTensor>) -> Result<(Vec<DeviceTensor>, Vec<f64>)> {
        let sizes = self.sizes(&inputs)?;
        let device = self.device();
        let space = Space::for_once(device, &self.schedule, self.body.kernels(), &sizes)?;
        let mut memory = self.memory(&space, inputs, &sizes);
        memory.prepare()?;
        let mut marks = vec![device.mark()?];
        for number in 0..self.schedule.kernels.len() {
            self.code.step(number, &self.body, &mut memory)?;
            marks.push(device.mark()?);
        }
        let results = memory.results()?;
        device.synchronize()?;
        let seconds = |pair: &[CudaEvent]| seconds_between(&pair[0], &pair[1]);
        Ok((results, marks.windows(2).map(seconds).collect::<Result<_>>()?))
    }

    /// The kernels that a run starts.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    pub(super) fn device(&self) -> &Device {
        &self.code.device
    }

    /// Memory for runs of these arguments' sizes, one after the other; None if that is more than may stay.
    pub(super) fn space_to_stay(&self, inputs: &[DeviceTensor]) -> Result<Option<(Sizes, Space)>> {
        let sizes = self.sizes(inputs)?;
        let space = Space::to_stay(&self.code.device, &self.schedule, self.body.kernels(), &sizes)?;
        Ok(space.map(|space| (sizes, space)))
    }

    pub(super) fn memory<'a>(&'a self, space: &'a Space, inputs: Vec<DeviceTensor>, sizes: &'a Sizes) -> Memory<'a> {
        Memory::new(&self.code.device, &self.schedule, &self.body.constants, space, inputs, sizes)
    }

    pub(super) fn start_all(&self, memory: &mut Memory) -> Result<()> {
        self.code.start_all(&self.body, memory)
    }
}

impl Code {
    /// A schedule's results for these arguments.
    pub fn run_body(
        &self,
        schedule: &Schedule,
        body: &Body,
        inputs: Vec<DeviceTensor>,
        sizes: &Sizes,
    ) -> Result<Vec<DeviceTensor>> {
        self.check_width(schedule, sizes)?;
        self.run_given(schedule, body, inputs, sizes).map_err(|unfinished| unfinished.error)
    }

    /// As [`Code::run_body`]; has all of its memory before it starts anything.
    fn run_given(
        &self,
        schedule: &Schedule,
        body: &Body,
        inputs: Vec<DeviceTensor>,
        sizes: &Sizes,
    ) -> std::result::Result<Vec<DeviceTensor>, Unfinished> {
        let space = match Space::for_once(&self.device, schedule, body.kernels(), sizes) {
            Ok(space) => space,
            Err(error) => return Err(Unfinished { error, inputs: Some(inputs) }),
        };
        let mut memory = Memory::new(&self.device, schedule, &body.constants, &space, inputs, sizes);
        if let Err(error) = memory.prepare().and_then(|()| self.device.prepare_products(schedule)) {
            return Err(Unfinished { error, inputs: Some(memory.given_back()) });
        }
        let started = self.start_all(body, &mut memory).and_then(|()| memory.results());
        started.map_err(|error| Unfinished { error, inputs: None })
    }

    fn check_width(&self, schedule: &Schedule, sizes: &Sizes) -> Result<()> {
        let positions = positions_max(schedule, sizes)?;
        match positions >= self.device.narrow_positions && self.entries.width == Width::Narrow {
            true => Err(Error::resources("cuda", format!("{positions} positions are more than one run counts"))
                .hint("run fewer rows at once")),
            false => Ok(()),
        }
    }

    fn start_all(&self, body: &Body, memory: &mut Memory) -> Result<()> {
        (0..memory.schedule.kernels.len()).try_for_each(|number| self.step(number, body, memory))
    }

    /// Starts a kernel of the schedule.
    fn step(&self, number: usize, body: &Body, memory: &mut Memory) -> Result<()> {
        let schedule = memory.schedule;
        match (&schedule.kernels[number], &body.steps[number]) {
            (kernel, Work::Kernel(printed)) => {
                let is_done = matches!(kernel, Kernel::Dot(dot) if self.device.multiplies(dot, memory)?);
                if is_done { Ok(()) } else { start(&self.entries, printed, memory) }
            }
            (Kernel::Repeat(own), Work::Repeat { condition, body }) => self.repeat(own, condition.as_ref(), body, memory),
            (Kernel::Choose(own), Work::Choose(branches)) => self.choose(own, branches, memory),
            _ => Err(Error::internal("cuda", "a step that is not its kernel's")),
        }
    }
}
