//! Each element folded with all before it along an axis. Lines of neighbours are scanned in one pass over the whole array
//! (`scan.cuh`), whatever their length; lines side by side in chunks (`scan_columns`).

use gradframe_ml_core::{DType, Result, Shape};
use gradframe_ml_kernels::schedule::{Scan, Schedule};

use super::moves::lines;
use super::pointwise::THREADS;
use super::scan_columns;
use super::text::{Entry, accumulator, fold_name, neutral, product};
use crate::launch::{Argument, Count, CudaKernel, Launch, Place, Temporary};

/// Blocks that take tiles in turn, at most; no device runs more at once.
const BLOCKS_MAX: usize = 2048;

/// Prints the kernel under this name.
pub fn print(schedule: &Schedule, name: &str, kernel: &Scan) -> Result<CudaKernel> {
    let is_after = kernel.shape.dims()[kernel.axis + 1..].iter().any(|d| !d.is_one());
    if is_after {
        return scan_columns::print(schedule, name, kernel);
    }
    let dtype = schedule.buffers[kernel.values.index()].dtype;
    let scan = Tiles { schedule, kernel, dtype, acc: accumulator(kernel.op.fold(), dtype) };
    let (clearing, clear) = scan.clear(format!("{name}_clear"));
    let (scanning, tiles) = scan.scan(format!("{name}_tiles"));
    Ok(CudaKernel {
        source: format!("{clearing}\n{scanning}"),
        temporaries: vec![Temporary { dtype: DType::U64, count: scan.tiles(WORDS) }],
        launches: vec![clear, tiles],
    })
}

/// Words that blocks share, for each tile: two of the tile, two of a group (there are fewer), one ticket (there is one).
const WORDS: usize = 5;

struct Tiles<'a> {
    schedule: &'a Schedule,
    kernel: &'a Scan,
    dtype: DType,
    acc: DType,
}

impl<'a> Tiles<'a> {
    /// Elements of a tile, as `scans::Tile` has it.
    fn elements(&self) -> usize {
        if self.dtype.size_bytes() == 8 { 4096 } else { 8192 }
    }

    /// So many for each tile.
    fn tiles(&self, each: usize) -> Count {
        Count::with_pieces(&Shape::fixed(&[each]), &self.kernel.shape, self.elements())
    }

    fn clear(&self, name: String) -> (String, Launch) {
        let mut entry = Entry::new(self.schedule, name, THREADS);
        let count = entry.count(self.kernel.shape.dims());
        entry.named("u64* words", Argument::Array(Place::Temporary(0)));
        entry.code.line(format!("scans::clear(words, {WORDS} * pieces({count}, {}));", self.elements()));
        entry.finish(self.tiles(WORDS), THREADS, None)
    }

    fn scan(&self, name: String) -> (String, Launch) {
        let mut entry = Entry::new(self.schedule, name, THREADS);
        entry.blocks = 3; // registers are short
        let ([outer, size, _], _) = lines(&mut entry, &self.kernel.shape, self.kernel.axis);
        let (values, output) = (entry.read(self.kernel.values), entry.write(self.kernel.output));
        entry.named("u64* words", Argument::Array(Place::Temporary(0)));
        let (op, start) = (self.kernel.op.fold(), neutral(self.kernel.op.fold(), self.acc));
        let (fold, are_many) = (fold_name(op), outer != "1");
        let count = product(&[&outer, &size]);
        let call = format!("scans::scan<{fold}, {are_many}>({values}, {output}, {count}, {size}, {start}, words);");
        entry.code.line(call);
        entry.finish(self.tiles(1).at_most(BLOCKS_MAX), 1, None)
    }
}
