//! Runs that are repeated: what one starts is captured as a graph of CUDA's, and the next ones replay it with one call.
//!
//! A graph has the addresses of its arrays in it. So a run is replayed if its arguments lie where they lay in an earlier one and
//! its results come to lie where they came to lie then, as in a loop whose arrays are freed and made again in the same order; what
//! is between the kernels stays in place by itself. Any other run starts its kernels one by one. Programs with loops or choices,
//! which the host drives, always do.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use cudarc::driver::{CudaGraph, CudaStream, result, sys};
use gradframe_ml_core::{DType, Error, Result, Sizes};
use parking_lot::Mutex;

use super::loaded::{OnDevice, Unfinished};
use super::memory::Memory;
use super::space::Space;
use super::{Device, DeviceTensor, failed};

/// Programs of fewer kernels gain nothing.
const KERNELS_MIN: usize = 2;
/// Places of arguments that are kept with their graphs, and graphs of each; the oldest go.
const PLACES_MAX: usize = 4;
const GRAPHS_MAX: usize = 4;
/// Places of arguments that are remembered: those that come again are kept.
const SEEN_MAX: usize = 8;

/// What the runs of a device's programs have left for the next ones.
#[derive(Debug, Default)]
pub struct AllReplays(Mutex<Vec<Weak<Replays>>>);

/// What a program's runs have left for the next ones.
#[derive(Default)]
pub struct Replays {
    state: Mutex<State>,
}

/// What has become of a run.
pub enum Run {
    Done(Vec<DeviceTensor>),
    /// Its arguments: it is none that is repeated, and starts its kernels one by one in memory of its own.
    New(Vec<DeviceTensor>),
}

#[derive(Default)]
struct State {
    seen: VecDeque<Vec<Argument>>,
    kept: VecDeque<Repeated>,
    /// Whether capturing has failed, so that it is not tried again.
    is_off: bool,
    replayed: usize,
}

/// What a graph depends on of an argument.
#[derive(PartialEq)]
struct Argument {
    dtype: DType,
    shape: Vec<usize>,
    address: u64,
    start: usize,
    /// Whether a result may take its place.
    is_free: bool,
}

/// Runs whose arguments lie in the same places.
struct Repeated {
    arguments: Vec<Argument>,
    sizes: Sizes,
    /// Shared by all that have arguments of the same shapes.
    space: Arc<Space>,
    results: Vec<Made>,
    graphs: VecDeque<Replayed>,
}

/// A result that a kernel computes.
struct Made {
    buffer: usize,
    dtype: DType,
    shape: Vec<usize>,
    /// The argument in whose place it lies.
    argument: Option<usize>,
}

/// Runs whose results lie in the same places, too.
struct Replayed {
    results: Vec<u64>,
    /// None: seen once.
    graph: Option<Graph>,
}

struct Graph(CudaGraph);

// SAFETY: a graph belongs to no thread; the lock around all of a program's lets one thread at a time use them.
unsafe impl Send for Graph {}

impl AllReplays {
    /// Of one more program.
    pub fn added(&self) -> Arc<Replays> {
        let own = Arc::default();
        let mut all = self.0.lock();
        all.retain(|other| other.strong_count() > 0);
        all.push(Arc::downgrade(&own));
        own
    }

    /// Gives back what is kept by programs of which no run is being started; says whether there was something.
    pub fn give_back(&self) -> bool {
        let all: Vec<Arc<Replays>> = self.0.lock().iter().filter_map(Weak::upgrade).collect();
        let mut found = false;
        for own in &all {
            found |= own.give_back();
        }
        found
    }
}

impl Replays {
    /// Runs that were replayed.
    pub fn replayed(&self) -> usize {
        self.state.lock().replayed
    }

    /// Runs the program on arguments that are given away.
    /// Errors: those of the run.
    pub fn run(&self, program: &OnDevice, inputs: Vec<DeviceTensor>) -> std::result::Result<Run, Unfinished> {
        let device = program.device();
        let arguments: Vec<Argument> = inputs.iter().map(|input| Argument::of(device, input)).collect();
        let mut state = self.state.lock();
        if state.is_off {
            return Ok(Run::New(inputs));
        }
        if let Some(at) = state.kept.iter().position(|repeated| repeated.arguments == arguments) {
            return state.again(program, at, inputs);
        }
        let Some(at) = state.seen.iter().position(|seen| *seen == arguments) else {
            push(&mut state.seen, arguments, SEEN_MAX);
            return Ok(Run::New(inputs));
        };
        state.seen.remove(at);
        let (sizes, space) = match state.space(program, &arguments, &inputs) {
            Ok(Some(space)) => space,
            Ok(None) => return Ok(Run::New(inputs)),
            Err(error) => return Err(Unfinished { error, inputs: Some(inputs) }),
        };
        let mut repeated = Repeated { arguments, sizes, space, results: Vec::new(), graphs: VecDeque::new() };
        let run = repeated.first(program, inputs)?;
        if matches!(run, Run::Done(_)) && repeated.is_sound() {
            push(&mut state.kept, repeated, PLACES_MAX);
        }
        Ok(run)
    }

    /// As [`AllReplays::give_back`].
    fn give_back(&self) -> bool {
        let kept = self.state.try_lock().map(|mut state| std::mem::take(&mut state.kept));
        kept.is_some_and(|kept| !kept.is_empty())
    }
}

impl State {
    fn space(&self, program: &OnDevice, arguments: &[Argument], inputs: &[DeviceTensor]) -> Result<Option<(Sizes, Arc<Space>)>> {
        let shapes = |arguments: &[Argument]| arguments.iter().map(|argument| argument.shape.clone()).collect::<Vec<_>>();
        let alike = self.kept.iter().find(|repeated| shapes(&repeated.arguments) == shapes(arguments));
        match alike {
            Some(repeated) => Ok(Some((repeated.sizes.clone(), Arc::clone(&repeated.space)))),
            None => Ok(program.space_to_stay(inputs)?.map(|(sizes, space)| (sizes, Arc::new(space)))),
        }
    }

    fn again(&mut self, program: &OnDevice, at: usize, inputs: Vec<DeviceTensor>) -> std::result::Result<Run, Unfinished> {
        let Repeated { sizes, space, results, graphs, .. } = &mut self.kept[at];
        let mut memory = program.memory(space, inputs, sizes);
        for result in results.iter() {
            // Without room for a result, it goes by itself: what is kept here can then be given back.
            let Ok(tensor) = result.tensor(program.device(), &memory.inputs) else { return Ok(Run::New(memory.given_back())) };
            memory.made.insert(result.buffer, tensor);
        }
        let addresses = addresses(results, &memory, &program.device().stream);
        let how = started(program, graphs, addresses, &mut memory);
        let done = how.and_then(|how| Ok((how, memory.results()?)));
        let (how, results) = done.map_err(|error| Unfinished { error, inputs: None })?;
        self.replayed += usize::from(how == How::Replayed);
        if how == How::NotCaptured {
            self.is_off = true;
            self.kept.clear();
        }
        Ok(Run::Done(results))
    }
}

/// How a run was started.
#[derive(PartialEq)]
enum How {
    Replayed,
    OneByOne,
    NotCaptured,
}

/// Replays a run whose results come to lie where they did before. The second time it is captured.
fn started(program: &OnDevice, graphs: &mut VecDeque<Replayed>, results: Vec<u64>, memory: &mut Memory) -> Result<How> {
    let Some(replayed) = graphs.iter_mut().find(|replayed| replayed.results == results) else {
        push(graphs, Replayed { results, graph: None }, GRAPHS_MAX);
        return program.start_all(memory).map(|()| How::OneByOne);
    };
    if replayed.graph.is_none() {
        replayed.graph = captured(program, memory).ok();
    }
    match &replayed.graph {
        Some(graph) => launch(graph, &program.device().stream).map(|()| How::Replayed),
        None => program.start_all(memory).map(|()| How::NotCaptured),
    }
}

impl Repeated {
    /// Whether each argument that a result lies in was free when the run was asked for: another thread may have let go of one since,
    /// and runs in which somebody holds it look the same.
    fn is_sound(&self) -> bool {
        self.results.iter().filter_map(|made| made.argument).all(|argument| self.arguments[argument].is_free)
    }

    /// The run that finds out where results lie.
    fn first(&mut self, program: &OnDevice, inputs: Vec<DeviceTensor>) -> std::result::Result<Run, Unfinished> {
        let mut memory = program.memory(&self.space, inputs, &self.sizes);
        if memory.prepare().is_err() {
            return Ok(Run::New(memory.given_back()));
        }
        let made = |(&buffer, tensor): (&usize, &DeviceTensor)| {
            let argument = memory.inputs.iter().position(|input| Arc::ptr_eq(&input.memory, &tensor.memory));
            Made { buffer, dtype: tensor.dtype(), shape: tensor.shape().to_vec(), argument }
        };
        self.results = memory.made.iter().map(made).collect();
        self.results.sort_by_key(|made| made.buffer);
        let results = addresses(&self.results, &memory, &program.device().stream);
        self.graphs.push_back(Replayed { results, graph: None });
        let started = program.start_all(&mut memory).and_then(|()| memory.results());
        started.map(Run::Done).map_err(|error| Unfinished { error, inputs: None })
    }
}

impl Argument {
    fn of(device: &Device, input: &DeviceTensor) -> Self {
        Argument {
            dtype: input.dtype(),
            shape: input.shape().to_vec(),
            address: input.address(&device.stream),
            start: input.start,
            is_free: Arc::strong_count(&input.memory) == 1,
        }
    }
}

impl Made {
    fn tensor(&self, device: &Device, inputs: &[DeviceTensor]) -> Result<DeviceTensor> {
        let bytes = self.shape.iter().product::<usize>() * self.dtype.size_bytes();
        let memory = match self.argument {
            Some(argument) => Arc::clone(&inputs[argument].memory),
            None => device.allocated(bytes)?,
        };
        Ok(DeviceTensor::new(self.dtype, self.shape.clone(), 0, memory))
    }
}

fn addresses(results: &[Made], memory: &Memory, stream: &CudaStream) -> Vec<u64> {
    results.iter().filter_map(|made| Some(memory.made.get(&made.buffer)?.address(stream))).collect()
}

/// A graph of what the program starts.
fn captured(program: &OnDevice, memory: &mut Memory) -> Result<Graph> {
    let device = program.device();
    let stream = device.captured.lock();
    // Other threads may do what they like meanwhile, and this one may load a kernel that a library has not needed before.
    stream.begin_capture(sys::CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_RELAXED).map_err(failed)?;
    let started = program.start_all(&mut memory.in_stream(&stream));
    let graph = stream.end_capture(sys::CUgraphInstantiate_flags(0)).map_err(failed);
    started?;
    graph?.map(Graph).ok_or_else(|| Error::internal("cuda", "nothing was captured"))
}

fn launch(graph: &Graph, stream: &CudaStream) -> Result<()> {
    stream.context().bind_to_thread().map_err(failed)?;
    // SAFETY: the graph is there; its arrays are, too, until the stream has come so far, and it runs in no other stream.
    unsafe { result::graph::launch(graph.0.cu_graph_exec(), stream.cu_stream()) }.map_err(failed)
}

fn push<T>(list: &mut VecDeque<T>, item: T, most: usize) {
    if list.len() == most {
        list.pop_front();
    }
    list.push_back(item);
}

/// Whether runs of so many kernels, all of which the device starts by itself, are worth being captured.
pub fn pays(kernels: usize) -> bool {
    kernels >= KERNELS_MIN
}
