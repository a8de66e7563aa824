//! Nodes by their plain meaning: rare kinds and element types, always right and never fast.

use gradframe_ml_core::Result;
use gradframe_ml_core::ops::Realised;

use super::memory::Memory;
use crate::kernel::Plain;

/// Evaluates the node over its operands.
pub fn run(plain: &Plain, memory: &mut Memory) -> Result<()> {
    let operands = plain.operands.iter().map(|&id| memory.tensor(id)).collect::<Result<Vec<_>>>()?;
    let references: Vec<_> = operands.iter().collect();
    let shape = memory.shape(plain.out)?;
    let value = plain.kind.rules().evaluate(&references, &Realised { dtype: memory.dtype(plain.out), shape: &shape })?;
    let mut out = memory.take(plain.out)?;
    let bytes = value.buffer().as_slice();
    out.bytes.as_slice_mut()[..bytes.len()].copy_from_slice(bytes);
    memory.put(out);
    Ok(())
}
