//! A CUDA device: its memory, its stream, and programs that run on it.
//!
//! Not run on a GPU yet: see `docs/gpu.md`. What it launches, with which arguments and in which order, is what the tests
//! launch on the host.

use std::collections::HashMap;
use std::sync::Arc;

use cudarc::driver::{
    CudaContext, CudaFunction, CudaSlice, CudaStream, DevicePtr, DriverError, LaunchConfig, PushKernelArg, sys,
};
use cudarc::nvrtc::Ptx;
use gradframe_ml_core::{Error, Result, Shape, Sizes, Tensor};
use gradframe_ml_kernels::Program;
use gradframe_ml_kernels::schedule::{BufferId, Source};

use crate::launch::{Argument, CudaKernel, Launch, Place};
use crate::nvrtc::{Nvrtc, Width};
use crate::print;

/// Arrays of fewer elements are addressed with 32 bits.
const NARROW_ELEMENTS: usize = 1 << 30;
/// Blocks of a launch, at most: more work is walked over.
const BLOCKS_MAX: usize = 1 << 16;

/// A device that is there, with a stream of its own.
#[derive(Debug, Clone)]
pub struct Device {
    context: Arc<CudaContext>,
    stream: Arc<CudaStream>,
    nvrtc: Nvrtc,
    architecture: String,
}

impl Device {
    /// The device of this number, from 0.
    /// Errors: `NoDevice` if the driver, the compiler or the device is missing.
    pub fn open(number: usize) -> Result<Self> {
        // SAFETY: looks for the driver's library, and nothing else: calling it where it is missing would panic.
        if !unsafe { sys::is_culib_present() } {
            return Err(Error::no_device("cuda", "libcuda was not found").hint("it comes with NVIDIA's driver"));
        }
        let nvrtc = Nvrtc::find(&[])?;
        let none = |e: DriverError| Error::no_device("cuda", format!("device {number} cannot be used")).because(e);
        let context = CudaContext::new(number).map_err(none)?;
        let (major, minor) = context.compute_capability().map_err(none)?;
        let stream = context.new_stream().map_err(none)?;
        Ok(Device { context, stream, nvrtc, architecture: format!("sm_{major}{minor}") })
    }

    /// The device's name and architecture.
    /// Errors: `External` if the driver does not say.
    pub fn name(&self) -> Result<String> {
        Ok(format!("{} ({})", self.context.name().map_err(failed)?, self.architecture))
    }

    /// The program with its kernels compiled for this device. Arrays of 2^30 elements and more need `Width::Wide`.
    /// Errors: `NotImplemented` for what has no CUDA form; `Internal` if a kernel does not compile.
    pub fn load<'p>(&self, program: &'p Program, width: Width) -> Result<OnDevice<'p>> {
        let printed = print::program(program.schedule())?;
        let code = self.nvrtc.compile(&printed.source, &self.architecture, width)?;
        let module = self.context.load_module(Ptx::from_binary(code)).map_err(failed)?;
        let mut functions = HashMap::new();
        for launch in printed.kernels.iter().flat_map(|k| &k.launches) {
            functions.insert(launch.entry.clone(), module.load_function(&launch.entry).map_err(failed)?);
        }
        Ok(OnDevice { device: self.clone(), program, kernels: printed.kernels, functions, width })
    }
}

/// A program on a device.
pub struct OnDevice<'p> {
    device: Device,
    program: &'p Program,
    kernels: Vec<CudaKernel>,
    functions: HashMap<String, CudaFunction>,
    width: Width,
}

impl OnDevice<'_> {
    /// The function's results: arguments are copied to the device and results back. The same bits in every run.
    /// Errors: `Shape` or `DType` naming the argument that does not fit; `Resources` if the device's memory is short.
    pub fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let sizes = self.program.bind(inputs)?;
        let memory = Memory::new(self, inputs, &sizes)?;
        for kernel in &self.kernels {
            self.run_kernel(kernel, &memory, &sizes)?;
        }
        self.program.schedule().outputs.iter().map(|(id, shape)| memory.result(*id, shape, &sizes)).collect()
    }

    fn run_kernel(&self, kernel: &CudaKernel, memory: &Memory, sizes: &Sizes) -> Result<()> {
        let mut temporaries = Vec::new();
        for temporary in &kernel.temporaries {
            temporaries.push(memory.allocated(temporary.count.eval(sizes)? * temporary.dtype.size_bytes())?);
        }
        let arrays = Arrays { memory, temporaries: &temporaries };
        for launch in &kernel.launches {
            let Some(doubling) = &launch.doubling else {
                self.launch(launch, &arrays, None, sizes)?;
                continue;
            };
            let widths = doubling.widths(sizes)?;
            if doubling.is_first {
                let start = doubling.place(0, widths.len());
                self.launch(launch, &arrays, Some(Pass { from: start, into: start, width: 1 }), sizes)?;
                continue;
            }
            for (pass, &width) in widths.iter().enumerate() {
                let (from, into) = (doubling.place(pass, widths.len()), doubling.place(pass + 1, widths.len()));
                self.launch(launch, &arrays, Some(Pass { from, into, width }), sizes)?;
            }
        }
        Ok(()) // temporaries go back in the order of the stream
    }

    fn launch(&self, launch: &Launch, arrays: &Arrays, pass: Option<Pass>, sizes: &Sizes) -> Result<()> {
        let blocks = launch.tasks.eval(sizes)?.div_ceil(launch.tasks_per_block as usize).min(BLOCKS_MAX) as u32;
        if blocks == 0 {
            return Ok(());
        }
        let values: Vec<Value> = launch.arguments.iter().map(|a| self.value(a, arrays, pass, sizes)).collect::<Result<_>>()?;
        let missing = || Error::internal("cuda", format!("no entry {}", launch.entry));
        let function = self.functions.get(&launch.entry).ok_or_else(missing)?;
        let mut builder = self.device.stream.launch_builder(function);
        for value in &values {
            match value {
                Value::Address(address) => builder.arg(address),
                Value::Narrow(number) => builder.arg(number),
                Value::Wide(number) => builder.arg(number),
            };
        }
        let config = LaunchConfig { grid_dim: (blocks, 1, 1), block_dim: (launch.threads, 1, 1), shared_mem_bytes: 0 };
        // SAFETY: the entry was printed to take these arguments; each array has the elements that its shape says, and the
        // stream runs its launches one after the other.
        unsafe { builder.launch(config) }.map_err(failed)?;
        Ok(())
    }

    fn value(&self, argument: &Argument, arrays: &Arrays, pass: Option<Pass>, sizes: &Sizes) -> Result<Value> {
        let position = |n: usize| if self.width == Width::Narrow { Value::Narrow(n as i32) } else { Value::Wide(n as i64) };
        match (argument, pass) {
            (Argument::Array(place), _) => arrays.address(*place),
            (Argument::From, Some(pass)) => arrays.address(pass.from),
            (Argument::Into, Some(pass)) => arrays.address(pass.into),
            (Argument::Width, Some(pass)) => Ok(position(pass.width)),
            (Argument::Size(symbol), _) => Ok(position(sizes.get(symbol)?)),
            _ => Err(Error::internal("cuda", "an argument of a pass outside of one")),
        }
    }
}

/// One pass of a doubling.
#[derive(Clone, Copy)]
struct Pass {
    from: Place,
    into: Place,
    width: usize,
}

/// What an entry is called with.
enum Value {
    Address(u64),
    Narrow(i32),
    Wide(i64),
}

/// What a kernel's launches may reach.
struct Arrays<'a> {
    memory: &'a Memory<'a>,
    temporaries: &'a [CudaSlice<u8>],
}

impl Arrays<'_> {
    fn address(&self, place: Place) -> Result<Value> {
        let array = match place {
            Place::Buffer(id) => self.memory.array(id)?,
            Place::Temporary(n) => &self.temporaries[n],
        };
        // One stream: what the guard would wait for has been launched before.
        Ok(Value::Address(array.device_ptr(&self.memory.stream).0))
    }
}

/// The buffers of a run on the device. Buffers of one slot share memory.
struct Memory<'a> {
    program: &'a Program,
    stream: Arc<CudaStream>,
    buffers: Vec<Option<CudaSlice<u8>>>,
    slots: Vec<CudaSlice<u8>>,
}

impl<'a> Memory<'a> {
    fn new(on: &'a OnDevice, inputs: &[Tensor], sizes: &Sizes) -> Result<Self> {
        let schedule = on.program.schedule();
        let stream = Arc::clone(&on.device.stream);
        let mut memory = Memory { program: on.program, stream, buffers: Vec::new(), slots: Vec::new() };
        let mut slots = vec![0; schedule.slots];
        for buffer in &schedule.buffers {
            let count = buffer.shape.count(sizes)?;
            if count >= NARROW_ELEMENTS && on.width == Width::Narrow {
                return Err(Error::internal("cuda", format!("{count} elements are more than 32 bits address")));
            }
            let bytes = count * buffer.dtype.size_bytes();
            memory.buffers.push(match &buffer.source {
                Source::Input(n) => Some(memory.copied(inputs[*n].buffer().as_slice())?),
                Source::Const(value) => Some(memory.copied(value.buffer().as_slice())?),
                Source::Output => Some(memory.allocated(bytes)?),
                Source::Slot(slot) => {
                    slots[*slot] = bytes.max(slots[*slot]);
                    None
                }
            });
        }
        for bytes in slots {
            memory.slots.push(memory.allocated(bytes)?);
        }
        Ok(memory)
    }

    fn allocated(&self, bytes: usize) -> Result<CudaSlice<u8>> {
        // SAFETY: bytes have any value; kernels write before they read.
        unsafe { self.stream.alloc::<u8>(bytes.max(1)) }.map_err(failed)
    }

    fn copied(&self, bytes: &[u8]) -> Result<CudaSlice<u8>> {
        let mut array = self.allocated(bytes.len())?;
        if !bytes.is_empty() {
            self.stream.memcpy_htod(bytes, &mut array).map_err(failed)?;
        }
        Ok(array)
    }

    fn array(&self, id: BufferId) -> Result<&CudaSlice<u8>> {
        let array = match self.program.schedule().buffers[id.index()].source {
            Source::Slot(slot) => self.slots.get(slot),
            _ => self.buffers[id.index()].as_ref(),
        };
        array.ok_or_else(|| Error::internal("cuda", format!("{id} has no memory")))
    }

    fn result(&self, id: BufferId, shape: &Shape, sizes: &Sizes) -> Result<Tensor> {
        let buffer = &self.program.schedule().buffers[id.index()];
        let shape = shape.eval(sizes)?;
        let mut bytes = self.stream.clone_dtoh(self.array(id)?).map_err(failed)?;
        self.stream.synchronize().map_err(failed)?;
        bytes.truncate(shape.iter().product::<usize>() * buffer.dtype.size_bytes());
        let mut memory = arrow_buffer::MutableBuffer::new(bytes.len()); // aligned to any element
        memory.extend_from_slice(&bytes);
        Tensor::try_new(buffer.dtype, &shape, memory.into())
    }
}

fn failed(error: DriverError) -> Error {
    match error.0 {
        sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY => Error::resources("cuda", "the device's memory is short").because(error),
        _ => Error::external("cuda", "the driver failed").because(error),
    }
}
