//! Fused kernels without rows: one thread an element.

use gradframe_ml_core::{Result, Shape};
use gradframe_ml_kernels::schedule::{Loop, Schedule, ValueId};

use super::chain::ChainText;
use super::index;
use super::text::{Entry, c_type};
use crate::launch::{Count, CudaKernel};

/// Threads of a block of kernels in which each thread works for itself.
pub const THREADS: u32 = 256;

/// Prints the kernel under this name.
pub fn print(schedule: &Schedule, name: &str, kernel: &Loop) -> Result<CudaKernel> {
    let mut entry = Entry::new(schedule, name.into(), THREADS);
    let (outer, row) = (&kernel.outer, &Shape::scalar());
    let text = ChainText { chain: &kernel.chain, outer, row, at: "i", at_row: "i" };
    let count = entry.count(outer.dims());
    entry.code.line(format!("const at_t count = {count};"));
    entry.code.open("for (at_t i = first_thread(); i < count; i += all_threads())");
    let used = text.used_axes();
    index::declare(&mut entry, outer, 0, "i", |axis| used.contains(&axis));
    values(&mut entry, &text)?;
    for (value, buffer) in &kernel.stores {
        let buffer = entry.write(*buffer);
        let value = text.inlined(*value).unwrap_or_else(|| value.to_string());
        entry.code.line(format!("{buffer}[i] = {value};"));
    }
    entry.code.close();
    let (source, launch) = entry.finish(Count::of(outer), THREADS, None);
    Ok(CudaKernel { source, temporaries: Vec::new(), launches: vec![launch] })
}

/// All values of one element, each a variable of its name.
pub fn values(entry: &mut Entry, text: &ChainText) -> Result<()> {
    for (v, value) in text.chain.ids().zip(&text.chain.values) {
        if text.inlined(v).is_some() {
            continue;
        }
        let name = |v: ValueId| text.inlined(v).unwrap_or_else(|| v.to_string());
        let expression = text.expression(entry, v, &name)?;
        entry.code.line(format!("const {} {v} = {expression};", c_type(value.dtype)));
    }
    Ok(())
}
