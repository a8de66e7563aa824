//! Fused kernels without rows: a thread takes several elements side by side, a few times, all loads before the first use.

use gradframe_ml_core::{Result, Shape};
use gradframe_ml_kernels::schedule::{Loop, Schedule};

use super::chain::ChainText;
use super::elements::{Elements, Limits, unrolled};
use super::pack;
use super::text::{Entry, c_type};
use crate::launch::{Count, CudaKernel};

/// Threads of a block of kernels in which each thread works for itself.
pub const THREADS: u32 = 256;
/// Bytes of loads that a thread has in flight, at least.
const IN_FLIGHT_BYTES: usize = 32;

/// Prints the kernel under this name.
pub fn print(schedule: &Schedule, name: &str, kernel: &Loop) -> Result<CudaKernel> {
    let row = Shape::scalar();
    let text = ChainText { chain: &kernel.chain, outer: &kernel.outer, row: &row, at: "i", at_row: "i" };
    let mut entry = Entry::new(schedule, name.into(), THREADS);
    let stored_bytes = kernel.stores.iter().map(|s| entry.dtype(s.1).size_bytes()).max().unwrap_or(1);
    let elements = Elements::of(text, &Limits { stored_bytes, start_factor: 0, in_flight_bytes: IN_FLIGHT_BYTES });
    let packs = if elements.lanes == 1 { 1 } else { elements.packs };
    let per_block = THREADS * (elements.lanes * packs) as u32;
    Printer { entry: &mut entry, kernel, elements }.print()?;
    let (source, launch) = entry.finish(Count::of(&kernel.outer), per_block, None);
    Ok(CudaKernel { source, temporaries: Vec::new(), launches: vec![launch] })
}

struct Printer<'e, 'a> {
    entry: &'e mut Entry<'a>,
    kernel: &'a Loop,
    elements: Elements<'e>,
}

impl Printer<'_, '_> {
    fn print(&mut self) -> Result<()> {
        let dims = self.kernel.outer.dims();
        let count = self.entry.count(dims);
        self.entry.code.line(format!("const at_t count = {count};"));
        self.elements.constants(self.entry)?;
        let lanes = self.elements.lanes;
        if lanes == 1 {
            return self.single_elements("0");
        }
        let has_tail = pack::shared(lanes, pack::factor_of_count(dims)) < lanes;
        let whole = if has_tail { format!("count / {lanes} * {lanes}") } else { "count".into() };
        self.entry.code.line(format!("const at_t whole = {whole};"));
        self.packs()?;
        if has_tail { self.single_elements("whole") } else { Ok(()) }
    }

    /// A walk over elements from a place on, one at a time.
    fn single_elements(&mut self, from: &str) -> Result<()> {
        let from = if from == "0" { "first_thread()".into() } else { format!("{from} + first_thread()") };
        self.entry.code.open(format!("for (at_t i = {from}; i < count; i += all_threads())"));
        self.elements.single(self.entry)?;
        for (value, buffer) in &self.kernel.stores {
            let buffer = self.entry.write(*buffer);
            self.entry.code.line(format!("{buffer}[i] = {};", self.elements.single_name(*value)));
        }
        self.entry.code.close();
        Ok(())
    }

    /// The walk over packs.
    fn packs(&mut self) -> Result<()> {
        let (lanes, packs) = (self.elements.lanes, self.elements.packs);
        if packs == 1 {
            let walk = format!("for (at_t i = first_thread() * {lanes}; i < whole; i += all_threads() * {lanes})");
            self.entry.code.open(walk);
            self.elements.loads(self.entry, true)?;
            self.stored_elements(true)?;
            self.entry.code.close();
            return Ok(());
        }
        let tile = THREADS as usize * lanes * packs;
        let walk = format!("for (at_t tile = (at_t)blockIdx.x * {tile}; tile < whole; tile += (at_t)gridDim.x * {tile})");
        self.entry.code.open(walk);
        self.elements.held(self.entry);
        self.open_packs();
        self.elements.loads(self.entry, false)?;
        self.entry.code.close();
        self.open_packs();
        self.stored_elements(false)?;
        self.entry.code.close();
        self.entry.code.close();
        Ok(())
    }

    fn open_packs(&mut self) {
        let (lanes, packs) = (self.elements.lanes, self.elements.packs);
        unrolled(&mut self.entry.code, "u", packs);
        self.entry.code.line(format!("const at_t i = tile + (u * {THREADS} + (at_t)threadIdx.x) * {lanes};"));
        self.entry.code.line("if (i >= whole) continue;");
    }

    /// The elements of one pack, and their stores.
    fn stored_elements(&mut self, is_declared: bool) -> Result<()> {
        let stores = &self.kernel.stores;
        for (_, buffer) in stores {
            let dtype = c_type(self.entry.dtype(*buffer));
            self.entry.code.line(format!("Pack<{dtype}, {}> out_{buffer};", self.elements.lanes));
        }
        self.elements.each(self.entry, is_declared, |entry, name| {
            let lines = stores.iter().map(|(value, buffer)| format!("out_{buffer}.at[k] = {};", name(*value)));
            lines.for_each(|line| entry.code.line(line));
        })?;
        for (_, buffer) in stores {
            let buffer = self.entry.write(*buffer);
            self.entry.code.line(format!("unpacked(&{buffer}[i], out_{buffer});"));
        }
        Ok(())
    }
}
