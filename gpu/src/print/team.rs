//! The threads that hold one row, and how their folds come together.

use gradframe_ml_kernels::schedule::ValueId;

use super::text::{Code, Entry};

/// Lanes of a warp.
const WARP: usize = 32;
/// Threads of a block whose warps hold rows of their own.
const WARPS_THREADS: usize = 256;
/// Packs of a lane, from which on a row is given more lanes.
const LANE_PACKS: usize = 2;
/// Elements of a lane, beyond which a row is a block's: rows of warps wait for no barrier.
const LANE_ELEMENTS_MAX: usize = 32;
/// Bytes that a thread keeps of its row in registers, at most.
const KEPT_BYTES_MAX: usize = 256;

/// The threads that hold one row: lanes of one warp, or a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Team {
    /// Threads of a row: a power of two.
    pub threads: usize,
}

impl Team {
    /// For rows of so many elements in packs of `lanes`, of each of which so many bytes stay in registers.
    pub fn of(row: usize, lanes: usize, kept_bytes: usize) -> Self {
        let packs = row.div_ceil(lanes);
        let of_warp = packs.div_ceil(LANE_PACKS).next_power_of_two().min(WARP);
        let elements = |threads: usize| packs.div_ceil(threads) * lanes;
        if elements(WARP) <= LANE_ELEMENTS_MAX && elements(of_warp) * kept_bytes <= KEPT_BYTES_MAX {
            return Team { threads: of_warp };
        }
        let fits =
            |(threads, most): &(usize, usize)| elements(*threads) <= *most && elements(*threads) * kept_bytes <= KEPT_BYTES_MAX;
        let threads = [(128, 16), (256, 16), (512, 32)].into_iter().find(fits).map_or(1024, |(threads, _)| threads);
        Team { threads }
    }

    /// True if a row is a block's.
    pub fn is_block(self) -> bool {
        self.threads > WARP
    }

    /// Threads of a block.
    pub fn block(self) -> usize {
        if self.is_block() { self.threads } else { WARPS_THREADS }
    }

    /// Rows that a block holds at once.
    pub fn rows(self) -> usize {
        self.block() / self.threads
    }

    /// Opens the walk over the rows: `row`, a thread's `lane` in its team, and where rows are short `is_row`, false for a
    /// team of the last warp that has none left and does another's work again, so that all lanes meet in folds.
    pub fn open(self, code: &mut Code) {
        let threads = self.threads;
        if self.is_block() {
            code.line("const int lane = threadIdx.x;");
            code.open("for (at_t row = (at_t)blockIdx.x; row < rows; row += gridDim.x)");
            return;
        }
        code.line(format!("const int lane = threadIdx.x % {threads};"));
        if threads == WARP {
            code.open(format!("for (at_t row = first_thread() / {WARP}; row < rows; row += all_threads() / {WARP})"));
            return;
        }
        let of_warp = WARP / threads;
        code.open(format!(
            "for (at_t first = first_thread() / {WARP} * {of_warp}; first < rows; first += all_threads() / {threads})"
        ));
        code.line(format!("const at_t own = first + (at_t)threadIdx.x % {WARP} / {threads};"));
        code.line("const bool is_row = own < rows;");
        code.line("const at_t row = is_row ? own : rows - 1;");
    }

    /// True if `is_row` has to be asked before a store.
    pub fn is_partial(self) -> bool {
        self.threads < WARP
    }

    /// Where a block's warps meet: memory for each fold, of these types.
    pub fn shared(self, entry: &mut Entry, folds: &[(ValueId, &'static str)]) {
        for (fold, dtype) in folds.iter().filter(|_| self.is_block()) {
            let line = format!("__shared__ {dtype} warps{}[{}];", fold.index(), self.threads / WARP);
            entry.code.line(line);
        }
    }

    /// Brings the folds of one phase together: `fold<n>` of all threads.
    pub fn meet(self, code: &mut Code, folds: &[ValueId]) {
        let names: Vec<String> = folds.iter().map(|fold| format!("fold{}", fold.index())).collect();
        if folds.is_empty() || self.threads == 1 {
            return;
        }
        code.line(format!("team_fold<{}>({});", self.threads.min(WARP), names.join(", ")));
        if self.is_block() {
            let stores = folds.iter().map(|f| format!("warps{0}[lane / {WARP}] = fold{0}.total;", f.index()));
            code.open(format!("if (lane % {WARP} == 0)"));
            stores.for_each(|store| code.line(store));
            code.close();
            code.line("__syncthreads();");
        }
    }

    /// The fold over the whole row, as an expression.
    pub fn total(self, fold: ValueId, op: &str) -> String {
        match self.is_block() {
            true => format!("fold_of<{op}, {}>(warps{})", self.threads / WARP, fold.index()),
            false => format!("fold{}.total", fold.index()),
        }
    }
}
