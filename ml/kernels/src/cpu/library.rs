//! Routines over whole arrays: factorizations, solvers and Fourier transforms.

use arrow_buffer::MutableBuffer;
use gradframe_ml_core::ops::Realised;
use gradframe_ml_core::{Error, Result, Tensor};

use super::Env;
use crate::schedule::Library;

/// Runs the kernel.
pub fn run(kernel: &Library, env: &Env, output: &mut [u8]) -> Result<()> {
    let definition = &env.schedule.buffers[kernel.output.index()];
    let shape = definition.shape.eval(env.sizes)?;
    let operands: Vec<Tensor> = kernel
        .operands
        .iter()
        .map(|(buffer, shape)| {
            let bytes = env.bytes(buffer.index());
            let mut copy = MutableBuffer::with_capacity(bytes.len());
            copy.extend_from_slice(bytes);
            Tensor::try_new(env.schedule.buffers[buffer.index()].dtype, &shape.eval(env.sizes)?, copy.into())
        })
        .collect::<Result<_>>()?;
    let operands: Vec<&Tensor> = operands.iter().collect();
    let kind = kernel.routine.kind();
    let value = kind.rules().evaluate(&operands, &Realised { dtype: definition.dtype, shape: &shape })?;
    if value.buffer().len() != output.len() {
        return Err(Error::internal(kernel.routine.name(), "the result does not fill its buffer"));
    }
    output.copy_from_slice(value.buffer().as_slice());
    Ok(())
}
