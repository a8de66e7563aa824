//! A program run again and again, whose state stays where it runs.

use std::fmt::Debug;

use gradframe_ml_core::{DType, Error, Result, Tensor};

use crate::{Program, Scratch, Threads};

/// Where programs run: the processor ([`Threads`]), or a device.
pub trait Backend: Debug + Sync {
    /// A program `(state.., batch..) -> (state.., rest..)`, to be run step by step from this state on.
    /// Errors: `NotImplemented` for a program that it cannot run; `Resources` if its memory is short.
    fn begin(&self, program: &Program, state: Vec<Tensor>) -> Result<Box<dyn Steps>>;
}

/// The steps of one program. What one leaves as its state, the next one begins with.
pub trait Steps {
    /// Starts a step with these arguments after the state; it may still be under way when this comes back.
    /// Errors: `Shape` or `DType` naming the argument that does not fit; `Resources` if memory is short. After these the state
    /// is that of before, and other steps may follow; but for memory that is short midway (on a device within a loop, on the processor when
    /// the allocator refuses): that takes the state with it, and every later call says so.
    fn start(&mut self, batch: Vec<Tensor>) -> Result<()>;

    /// What the step that was started gives beside the state. Waits for it.
    /// Errors: `Internal` if none was started; those of the step.
    fn finish(&mut self) -> Result<Vec<Tensor>>;

    /// A copy of the state after the last finished step.
    /// Errors: those of copying it.
    fn state(&self) -> Result<Vec<Tensor>>;
}

impl Backend for Threads {
    fn begin(&self, program: &Program, state: Vec<Tensor>) -> Result<Box<dyn Steps>> {
        let count = state.len();
        Ok(Box::new(OnThreads { program: program.clone(), count, state, rest: None, scratch: Scratch::new(), threads: *self }))
    }
}

/// Steps on the processor; a step is done when `start` comes back.
struct OnThreads {
    program: Program,
    /// How many tensors the state is.
    count: usize,
    state: Vec<Tensor>,
    rest: Option<Vec<Tensor>>,
    scratch: Scratch,
    threads: Threads,
}

impl Steps for OnThreads {
    fn start(&mut self, batch: Vec<Tensor>) -> Result<()> {
        self.check_state()?;
        let types: Vec<(DType, &[usize])> = self.state.iter().chain(&batch).map(|own| (own.dtype(), own.shape())).collect();
        self.program.bind_types(&types)?; // before the state is given away
        let arguments = self.state.drain(..).chain(batch).collect();
        self.state = self.program.run_owned(arguments, &mut self.scratch, self.threads)?;
        self.rest = Some(self.state.split_off(self.count));
        Ok(())
    }

    fn finish(&mut self) -> Result<Vec<Tensor>> {
        self.rest.take().ok_or_else(|| Error::internal("run", "no step was started"))
    }

    fn state(&self) -> Result<Vec<Tensor>> {
        self.check_state()?;
        Ok(self.state.clone())
    }
}

impl OnThreads {
    /// Errors: `Internal` if a step that failed midway took the state with it: it had been given away, to be written over.
    fn check_state(&self) -> Result<()> {
        match self.state.len() == self.count {
            true => Ok(()),
            false => Err(Error::internal("run", "the state is lost with a step that failed")),
        }
    }
}
