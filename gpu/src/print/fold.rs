//! Folds of long axes: fixed chunks, then the chunks in a fixed order. The same bits in every run.
//!
//! Where there is one number for each outer position, a block folds a chunk of a line; else threads side by side fold
//! columns side by side, and groups of them rows far apart. The chunks of a result are then joined by a block or a warp.

mod columns;
mod joined;
mod lines;

use gradframe_ml_core::graph::ReduceOp;
use gradframe_ml_core::{DType, Result, Shape};
use gradframe_ml_kernels::schedule::{Fold, Schedule};

use self::columns::Columns;
use super::chain::ChainText;
use super::text::{Entry, accumulator, c_type, fold_name, neutral};
use crate::launch::{Argument, Count, CudaKernel, Place, Temporary};

/// Bytes of loads that a thread has in flight, at least.
const IN_FLIGHT_BYTES: usize = 64;
/// Axes of so many elements are folded by one thread, where neighbours lie side by side.
const SHORT: usize = 64;

/// Prints the kernel under this name.
pub fn print(schedule: &Schedule, name: &str, kernel: &Fold) -> Result<CudaKernel> {
    let folds = Folds::new(schedule, kernel);
    let is_short = folds.length().is_some_and(|n| n <= SHORT);
    let is_line = !is_short && kernel.inner.dims().iter().all(|d| d.is_one());
    let (chunk, columns) = match is_line {
        true => (lines::CHUNK, None),
        false => {
            let columns = Columns::of(&folds);
            (columns.rows_of_chunk(), Some(columns))
        }
    };
    let print = |name: String, chunk: Option<usize>| match &columns {
        Some(columns) => columns.print(&folds, name, chunk),
        None => lines::print(&folds, name, chunk),
    };
    if folds.is_one_chunk(chunk) {
        let (source, launch) = print(name.into(), None)?;
        return Ok(CudaKernel { source, temporaries: Vec::new(), launches: vec![launch] });
    }
    let (chunks, first) = print(format!("{name}_chunks"), Some(chunk))?;
    let (joined, second) = joined::print(&folds, format!("{name}_joined"), chunk, is_line);
    let temporary = Temporary { dtype: folds.accumulator, count: Count::with_pieces(&folds.kept, &kernel.folded, chunk) };
    Ok(CudaKernel { source: format!("{chunks}\n{joined}"), temporaries: vec![temporary], launches: vec![first, second] })
}

/// A fold and what all its launches share.
struct Folds<'a> {
    schedule: &'a Schedule,
    kernel: &'a Fold,
    /// Outer, folded and inner axes.
    domain: Shape,
    /// Outer and inner axes.
    kept: Shape,
    accumulator: DType,
    /// The type of the result.
    output: DType,
}

impl<'a> Folds<'a> {
    fn new(schedule: &'a Schedule, kernel: &'a Fold) -> Self {
        let (outer, folded, inner) = (kernel.outer.dims(), kernel.folded.dims(), kernel.inner.dims());
        Folds {
            schedule,
            kernel,
            domain: Shape::new(outer.iter().chain(folded).chain(inner).cloned()),
            kept: Shape::new(outer.iter().chain(inner).cloned()),
            accumulator: accumulator(kernel.op, kernel.chain.value(kernel.value).dtype),
            output: schedule.buffers[kernel.output.index()].dtype,
        }
    }

    /// The number of folded elements, if it is fixed.
    fn length(&self) -> Option<usize> {
        self.kernel.folded.as_fixed().map(|sizes| sizes.iter().product())
    }

    /// True if folding whole axes keeps a device busy: they are short, or there are many of them.
    fn is_one_chunk(&self, chunk: usize) -> bool {
        let many = self.kernel.outer.as_fixed().is_none_or(|sizes| sizes.iter().product::<usize>() >= 512);
        self.length().is_some_and(|n| n <= chunk || (many && n <= 4 * chunk))
    }

    fn text<'t>(&'t self, scalar: &'t Shape) -> ChainText<'t> {
        ChainText { chain: &self.kernel.chain, outer: &self.domain, row: scalar, at: "i", at_row: "i" }
    }

    fn acc(&self) -> &'static str {
        c_type(self.accumulator)
    }

    fn op(&self) -> &'static str {
        fold_name(self.kernel.op)
    }

    fn neutral(&self) -> String {
        neutral(self.kernel.op, self.output)
    }

    /// A sum of single floats: elements that a thread has at hand are added in pairs, in float; these sums in double.
    fn is_paired(&self) -> bool {
        self.kernel.op == ReduceOp::Sum && self.kernel.chain.value(self.kernel.value).dtype == DType::F32
    }

    /// Where a launch leaves a total: the name of the array, and how the total is written there.
    fn target(&self, entry: &mut Entry, is_chunk: bool, total: &str) -> (String, String) {
        if is_chunk {
            entry.named(format!("{}* __restrict__ partial", self.acc()), Argument::Array(Place::Temporary(0)));
            return ("partial".into(), total.into());
        }
        (entry.write(self.kernel.output), format!("convert<{}>({total})", c_type(self.output)))
    }
}
