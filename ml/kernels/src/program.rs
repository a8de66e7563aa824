//! A compiled function: what callers hold.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use gradframe_ml_core::graph::Type;
use gradframe_ml_core::{DType, Error, Function, Result, Shape, Sizes, Tensor};

use crate::compile::{CompileOptions, compile_with, flops, peak_bytes};
use crate::cpu::{self, Arguments, OnKernel, Scratch, Threads};
use crate::interpret::interpret;
use crate::schedule::{BufferId, Donation, Kernel, Schedule, Source};

/// A compiled function. It serves every size of the function's symbols, and many threads at once.
///
/// Printed, it lists its kernels.
#[derive(Debug, Clone)]
pub struct Program {
    arguments: Vec<(String, Type)>,
    schedule: Schedule,
    function: Arc<Function>,
    options: CompileOptions,
}

impl Program {
    pub(crate) fn new(function: &Function, options: CompileOptions, schedule: Schedule) -> Self {
        let graph = &function.graph;
        let arguments = graph.arguments().iter().map(|a| (a.name.clone(), graph.ty(a.node).clone())).collect();
        Program { arguments, schedule, function: Arc::new(function.clone()), options }
    }

    /// The function's results for these arguments, computed on the current rayon pool. The bits do not depend on the
    /// number of threads. Errors: `Shape` or `DType` naming the argument that does not fit.
    pub fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        self.run_with(inputs, &mut Scratch::new(), Threads::Pool)
    }

    /// As [`Program::run`], with memory that is kept from run to run, on one thread or the pool.
    pub fn run_with(&self, inputs: &[Tensor], scratch: &mut Scratch, threads: Threads) -> Result<Vec<Tensor>> {
        let sizes = self.bind(inputs)?;
        cpu::run(&self.schedule, Arguments::Borrowed(inputs), &sizes, scratch, threads, None)
    }

    /// As [`Program::run_with`], but the arguments are given away: a result that may take the place of an argument is
    /// written over it, if nobody else holds that tensor, and the memory of the others is kept for later results.
    /// This is how a training step updates its parameters in place: its results are its next arguments.
    pub fn run_owned(&self, inputs: Vec<Tensor>, scratch: &mut Scratch, threads: Threads) -> Result<Vec<Tensor>> {
        let sizes = self.bind(&inputs)?;
        cpu::run(&self.schedule, Arguments::Owned(inputs), &sizes, scratch, threads, None)
    }

    /// As [`Program::run_owned`], but what is not written over stays with the caller, also where the run fails; a number of no meaning is in
    /// the place of what is. Nothing is lost by errors of the arguments' types and of memory, nor of any kernel if [`Program::ends_by_writing`].
    pub fn run_lent(&self, inputs: &mut [Tensor], scratch: &mut Scratch, threads: Threads) -> Result<Vec<Tensor>> {
        let sizes = self.bind(inputs)?;
        cpu::run(&self.schedule, Arguments::Lent(inputs), &sizes, scratch, threads, None)
    }

    /// True if no kernel can fail from the first one on that writes over an argument.
    pub fn ends_by_writing(&self) -> bool {
        let writes_argument = |output: BufferId| {
            let input = |donation: &Donation| &self.schedule.buffers[donation.input.index()].source;
            self.schedule.donations.iter().any(|d| d.output == output && matches!(input(d), Source::Input(_)))
        };
        let kernels = self.schedule.kernels.iter();
        let mut rest = kernels.skip_while(|kernel| !kernel.writes().into_iter().any(writes_argument));
        !rest.any(|kernel| matches!(kernel, Kernel::Library(_) | Kernel::Repeat(_) | Kernel::Choose(_)))
    }

    /// As [`Program::run_owned`]; `on_kernel` is told each kernel's number in [`Program::kernels`] and its time.
    pub fn run_timed(
        &self,
        inputs: Vec<Tensor>,
        scratch: &mut Scratch,
        threads: Threads,
        on_kernel: &mut OnKernel,
    ) -> Result<Vec<Tensor>> {
        let sizes = self.bind(&inputs)?;
        cpu::run(&self.schedule, Arguments::Owned(inputs), &sizes, scratch, threads, Some(on_kernel))
    }

    /// As [`Program::run`], by the interpreter of the scheduled form: slow, for comparison with back ends.
    pub fn interpret(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        interpret(&self.schedule, inputs, &self.bind(inputs)?)
    }

    /// The sizes of the symbols, from the arguments' shapes.
    /// Errors: `Shape` or `DType` naming the argument that does not fit.
    pub fn bind(&self, inputs: &[Tensor]) -> Result<Sizes> {
        let types: Vec<(DType, &[usize])> = inputs.iter().map(|given| (given.dtype(), given.shape())).collect();
        self.bind_types(&types)
    }

    /// As [`Program::bind`], for arguments of which only types and shapes are known.
    pub fn bind_types(&self, given: &[(DType, &[usize])]) -> Result<Sizes> {
        if given.len() != self.arguments.len() {
            return Err(Error::shape("run", format!("expected {} arguments, got {}", self.arguments.len(), given.len())));
        }
        let mut sizes = Sizes::new();
        for ((name, ty), (dtype, shape)) in self.arguments.iter().zip(given) {
            if ty.dtype != *dtype {
                return Err(Error::dtype("run", format!("argument `{name}`: expected {}, got {dtype}", ty.dtype)));
            }
            sizes.bind_shape(&ty.shape, shape).map_err(|e| misfit(name, ty, shape).because(e))?;
        }
        for ((name, ty), (_, shape)) in self.arguments.iter().zip(given) {
            if !fits(&ty.shape, &sizes, shape)? {
                return Err(misfit(name, ty, shape));
            }
        }
        Ok(sizes)
    }

    /// Arithmetic operations of a run: two for a multiply-add, one for any function of an element.
    /// Errors: `Shape` if a symbol is not bound.
    pub fn flops(&self, sizes: &Sizes) -> Result<u64> {
        flops(&self.schedule, sizes)
    }

    /// Bytes of scratch and results that a run holds at once. Errors: `Shape` if a symbol is not bound.
    pub fn peak_bytes(&self, sizes: &Sizes) -> Result<usize> {
        peak_bytes(&self.schedule, sizes)
    }

    /// The kernels, in the order in which they run.
    pub fn kernels(&self) -> &[Kernel] {
        &self.schedule.kernels
    }

    /// The scheduled form, for other back ends.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// The scheduled form for a device (see [`CompileOptions::on_device`]): the same arguments and results, other kernels.
    /// Errors: those of compiling.
    pub fn for_device(&self) -> Result<Cow<'_, Schedule>> {
        if self.options.on_device {
            return Ok(Cow::Borrowed(&self.schedule));
        }
        let options = CompileOptions { on_device: true, ..self.options };
        Ok(Cow::Owned(compile_with(&self.function, options)?.schedule))
    }
}

fn misfit(name: &str, ty: &Type, given: &[usize]) -> Error {
    Error::shape("run", format!("argument `{name}`: expected {}, got {given:?}", ty.shape))
}

fn fits(shape: &Shape, sizes: &Sizes, given: &[usize]) -> Result<bool> {
    for (dim, &size) in shape.dims().iter().zip(given) {
        if dim.eval(sizes)? != size {
            return Ok(false);
        }
    }
    Ok(true) // the ranks agree: the symbols are bound
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.schedule.fmt(f)
    }
}
