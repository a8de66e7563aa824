//! Kernels started on a device.

use std::collections::HashMap;
use std::sync::Arc;

use cudarc::driver::{CudaFunction, LaunchConfig, PushKernelArg};
use gradframe_ml_core::{Error, Result};

use super::failed;
use super::memory::Memory;
use super::pool::Allocation;
use crate::launch::{Argument, CudaKernel, Launch, Place};
use crate::nvrtc::Width;

/// Blocks of a launch, at most: more work is walked over.
const BLOCKS_MAX: usize = 1 << 16;

/// The entries of a module, and how they count positions.
pub struct Entries {
    pub functions: HashMap<String, CudaFunction>,
    pub width: Width,
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

/// A kernel in a run.
struct Launching<'a> {
    entries: &'a Entries,
    memory: &'a Memory<'a>,
    temporaries: Vec<Arc<Allocation>>,
}

/// Starts all launches of a kernel, one after the other in the stream of its memory.
pub fn start(entries: &Entries, kernel: &CudaKernel, memory: &Memory) -> Result<()> {
    started(entries, kernel, memory).map(drop) // temporaries go back in the order of the stream
}

/// As [`start`]; the kernel's temporaries.
pub fn started(entries: &Entries, kernel: &CudaKernel, memory: &Memory) -> Result<Vec<Arc<Allocation>>> {
    let launching = Launching { entries, memory, temporaries: memory.temporaries(kernel)? };
    kernel.launches.iter().try_for_each(|launch| launching.launch_all(launch))?;
    Ok(launching.temporaries)
}

impl Launching<'_> {
    fn launch_all(&self, launch: &Launch) -> Result<()> {
        let Some(doubling) = &launch.doubling else { return self.launch(launch, None) };
        let widths = doubling.widths(self.memory.sizes)?;
        if doubling.is_first {
            let start = doubling.place(0, widths.len());
            return self.launch(launch, Some(Pass { from: start, into: start, width: 1 }));
        }
        for (pass, &width) in widths.iter().enumerate() {
            let (from, into) = (doubling.place(pass, widths.len()), doubling.place(pass + 1, widths.len()));
            self.launch(launch, Some(Pass { from, into, width }))?;
        }
        Ok(())
    }

    fn launch(&self, launch: &Launch, pass: Option<Pass>) -> Result<()> {
        let tasks = launch.tasks.eval(self.memory.sizes)?;
        let blocks = tasks.div_ceil(launch.tasks_per_block as usize).min(BLOCKS_MAX) as u32;
        if blocks == 0 {
            return Ok(());
        }
        let values: Vec<Value> = launch.arguments.iter().map(|a| self.value(a, pass)).collect::<Result<_>>()?;
        let missing = || Error::internal("cuda", format!("no entry {}", launch.entry));
        let function = self.entries.functions.get(&launch.entry).ok_or_else(missing)?;
        let mut builder = self.memory.stream.launch_builder(function);
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

    fn value(&self, argument: &Argument, pass: Option<Pass>) -> Result<Value> {
        let is_narrow = self.entries.width == Width::Narrow;
        let position = |n: usize| if is_narrow { Value::Narrow(n as i32) } else { Value::Wide(n as i64) };
        match (argument, pass) {
            (Argument::Array(place), _) => self.address(*place),
            (Argument::From, Some(pass)) => self.address(pass.from),
            (Argument::Into, Some(pass)) => self.address(pass.into),
            (Argument::Width, Some(pass)) => Ok(position(pass.width)),
            (Argument::Number(number), _) => Ok(position(*number)),
            (Argument::Size(symbol), _) => Ok(position(self.memory.sizes.get(symbol)?)),
            _ => Err(Error::internal("cuda", "an argument of a pass outside of one")),
        }
    }

    fn address(&self, place: Place) -> Result<Value> {
        Ok(Value::Address(match place {
            Place::Buffer(id) => self.memory.address(id)?,
            Place::Temporary(n) => self.temporaries[n].address(self.memory.stream),
        }))
    }
}
