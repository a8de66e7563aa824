//! Folds of long axes: fixed chunks, then the chunks in a fixed order. The same bits in every run.

use gradframe_ml_core::{Result, Shape};
use gradframe_ml_kernels::schedule::{Fold, Schedule, ValueId};

use super::chain::ChainText;
use super::index;
use super::pointwise::{THREADS, values};
use super::text::{Entry, accumulator, c_type, fold_name, neutral, product};
use crate::launch::{Argument, Count, CudaKernel, Launch, Place, Temporary};

/// Folded elements of a thread's chunk.
const THREAD_CHUNK: usize = 64;
/// Folded elements of a block's chunk.
const BLOCK_CHUNK: usize = 8192;

/// Prints the kernel under this name: neighbours on the inner axes are neighbouring threads; where there is one number for
/// each outer position, a block folds together.
pub fn print(schedule: &Schedule, name: &str, kernel: &Fold) -> Result<CudaKernel> {
    let folded: Option<usize> = kernel.folded.as_fixed().map(|sizes| sizes.iter().product());
    let is_short = |chunk: usize| folded.is_some_and(|n| n <= chunk);
    let by_block = kernel.inner.dims().iter().all(|d| d.is_one()) && !is_short(THREAD_CHUNK);
    let chunk = if by_block { BLOCK_CHUNK } else { THREAD_CHUNK };
    let printer = Folds { schedule, kernel, by_block, chunk };
    if is_short(chunk) {
        let (source, launch) = printer.chunks(name.into(), None)?;
        return Ok(CudaKernel { source, temporaries: Vec::new(), launches: vec![launch] });
    }
    let (chunks, first) = printer.chunks(format!("{name}_chunks"), Some(0))?;
    let (joined, second) = printer.joined(format!("{name}_joined"));
    let of = Shape::new(kernel.outer.dims().iter().chain(kernel.inner.dims()).cloned());
    let temporary = Temporary { dtype: printer.accumulator(), count: Count::with_pieces(&of, &kernel.folded, chunk) };
    Ok(CudaKernel { source: format!("{chunks}\n{joined}"), temporaries: vec![temporary], launches: vec![first, second] })
}

struct Folds<'a> {
    schedule: &'a Schedule,
    kernel: &'a Fold,
    by_block: bool,
    chunk: usize,
}

impl<'a> Folds<'a> {
    fn accumulator(&self) -> gradframe_ml_core::DType {
        accumulator(self.kernel.op, self.kernel.chain.value(self.kernel.value).dtype)
    }

    fn kept(&self) -> Shape {
        Shape::new(self.kernel.outer.dims().iter().chain(self.kernel.inner.dims()).cloned())
    }

    /// The fold of each chunk into a temporary, or of all there is into the result.
    fn chunks(&self, name: String, temporary: Option<usize>) -> Result<(String, Launch)> {
        let kernel = self.kernel;
        let domain = Shape::new(kernel.outer.dims().iter().chain(kernel.folded.dims()).chain(kernel.inner.dims()).cloned());
        let scalar = Shape::scalar();
        let text = ChainText { chain: &kernel.chain, outer: &domain, row: &scalar, at: "i", at_row: "i" };
        let mut entry = Entry::new(self.schedule, name, THREADS);
        let (acc, op) = (c_type(self.accumulator()), fold_name(kernel.op));
        let (kept, folded, inner) =
            (entry.count(self.kept().dims()), entry.count(kernel.folded.dims()), entry.count(kernel.inner.dims()));
        entry.code.line(format!("const at_t folded = {folded}, chunks = pieces(folded, {});", self.chunk));
        let tasks = if temporary.is_some() { product(&[&kept, "chunks"]) } else { kept };
        let (first, step) = if self.by_block { ("(at_t)blockIdx.x", "gridDim.x") } else { ("first_thread()", "all_threads()") };
        entry.code.open(format!("for (at_t task = {first}; task < {tasks}; task += {step})"));
        self.chunk_bounds(&mut entry, &inner, temporary.is_some());
        let output = entry.dtype(kernel.output);
        entry.code.line(format!("{acc} total = {};", neutral(kernel.op, output)));
        let (from, by) = if self.by_block { ("start + threadIdx.x", format!("f += {THREADS}")) } else { ("start", "++f".into()) };
        entry.code.open(format!("for (at_t f = {from}; f < end; {by})"));
        let at = if inner == "1" { "first + f".into() } else { format!("first + f * {inner}") };
        entry.code.line(format!("const at_t i = {at};"));
        let used = text.used_axes();
        index::declare(&mut entry, &domain, 0, "i", |axis| used.contains(&axis));
        values(&mut entry, &text)?;
        let value = text.inlined(kernel.value).unwrap_or_else(|| ValueId::to_string(&kernel.value));
        entry.code.line(format!("total = {op}::of(total, ({acc}){value});"));
        entry.code.close();
        let total = if self.by_block { format!("block_fold<{op}, {THREADS}>(total)") } else { "total".into() };
        let stored = match temporary {
            Some(n) => {
                entry.named(format!("{acc}* __restrict__ partial"), Argument::Array(Place::Temporary(n)));
                ("partial".to_string(), total)
            }
            None => (entry.write(kernel.output), format!("convert<{}>({total})", c_type(output))),
        };
        let dtype = if temporary.is_some() { acc } else { c_type(output) };
        store(&mut entry, self.by_block, &stored.0, &stored.1, dtype);
        entry.code.close();
        let count = match temporary {
            Some(_) => Count::with_pieces(&self.kept(), &kernel.folded, self.chunk),
            None => Count::of(&self.kept()),
        };
        Ok(entry.finish(count, if self.by_block { 1 } else { THREADS }, None))
    }

    /// Which part of the folded axes a task takes, and where its first element would be.
    fn chunk_bounds(&self, entry: &mut Entry, inner: &str, is_chunked: bool) {
        let (outer, column) = match inner {
            "1" => ("task", None),
            _ => ("task / inner", Some("task % inner")),
        };
        if inner != "1" {
            entry.code.line(format!("const at_t inner = {inner};"));
        }
        let column = column.map_or(String::new(), |c| format!(" + {c}"));
        if is_chunked {
            let of_outer = if inner == "1" { "task / chunks" } else { "task / inner / chunks" };
            let of_chunk = if inner == "1" { "task % chunks" } else { "task / inner % chunks" };
            let scaled = if inner == "1" { "" } else { " * inner" };
            entry.code.line(format!("const at_t first = {of_outer} * folded{scaled}{column};"));
            entry.code.line(format!("const at_t start = {of_chunk} * {};", self.chunk));
            let chunk = self.chunk;
            entry.code.line(format!("const at_t end = start + {chunk} < folded ? start + {chunk} : folded;"));
        } else {
            let scaled = if inner == "1" { "" } else { " * inner" };
            entry.code.line(format!("const at_t first = {outer} * folded{scaled}{column}, start = 0, end = folded;"));
        }
    }

    /// The chunks of each result, one after the other; by a block, a thread's share of them and then the threads.
    fn joined(&self, name: String) -> (String, Launch) {
        let kernel = self.kernel;
        let mut entry = Entry::new(self.schedule, name, THREADS);
        let (acc, op) = (c_type(self.accumulator()), fold_name(kernel.op));
        let (kept, folded, inner) =
            (entry.count(self.kept().dims()), entry.count(kernel.folded.dims()), entry.count(kernel.inner.dims()));
        entry.named(format!("const {acc}* __restrict__ partial"), Argument::Array(Place::Temporary(0)));
        entry.code.line(format!("const at_t chunks = pieces({folded}, {}), inner = {inner};", self.chunk));
        let (first, step) = if self.by_block { ("(at_t)blockIdx.x", "gridDim.x") } else { ("first_thread()", "all_threads()") };
        entry.code.open(format!("for (at_t task = {first}; task < {kept}; task += {step})"));
        let output = entry.dtype(kernel.output);
        entry.code.line(format!("{acc} total = {};", neutral(kernel.op, output)));
        let (from, by) =
            if self.by_block { ("threadIdx.x".to_string(), format!("c += {THREADS}")) } else { ("0".into(), "++c".into()) };
        entry.code.open(format!("for (at_t c = {from}; c < chunks; {by})"));
        entry.code.line(format!("total = {op}::of(total, partial[(task / inner * chunks + c) * inner + task % inner]);"));
        entry.code.close();
        let total = if self.by_block { format!("block_fold<{op}, {THREADS}>(total)") } else { "total".into() };
        let buffer = entry.write(kernel.output);
        store(
            &mut entry,
            self.by_block,
            &buffer,
            &format!("convert<{}>({total})", c_type(output)),
            if self.by_block { c_type(output) } else { "" },
        );
        entry.code.close();
        entry.finish(Count::of(&self.kept()), if self.by_block { 1 } else { THREADS }, None)
    }
}

/// Every thread of a block folds; one stores.
fn store(entry: &mut Entry, by_block: bool, array: &str, value: &str, dtype: &str) {
    if by_block {
        entry.code.line(format!("const {dtype} all = {value};"));
        entry.code.line(format!("if (threadIdx.x == 0) {array}[task] = all;"));
    } else {
        entry.code.line(format!("{array}[task] = {value};"));
    }
}
