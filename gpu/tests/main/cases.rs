//! Every program that the tests of `ml/kernels` run, and the kernels in them.

use std::collections::HashMap;
use std::sync::Mutex;

use gradframe_gpu::launch::CudaKernel;
use gradframe_gpu::print::kernel_named;

use crate::check::{Case, collected, keep_loops};
use crate::kernel_tests;

/// All programs with their arguments, and for each its kernels as numbers of [`Kernels::all`].
pub struct Cases {
    pub cases: Vec<(Case, Vec<usize>)>,
    pub kernels: Kernels,
}

/// Printed kernels, each once. The name of the n-th one's entries begins with `g<n>_`.
#[derive(Default)]
pub struct Kernels {
    pub all: Vec<CudaKernel>,
    known: HashMap<String, usize>,
}

/// Set to `full` by `cargo xtask test`: every program. `both` compiles each kernel for both targets of NVRTC besides, which
/// takes twice as long. Else, of each test, the first and every 23rd after it; all of those tests alone whose names
/// (`softmax::a_test`) begin with what it says.
const VARIABLE: &str = "GRADFRAME_GPU_TESTS";

/// What the names of the tests begin with that are asked for.
fn prefix() -> String {
    asked().filter(|v| v != "full" && v != "both").unwrap_or_default()
}

/// Whether every program is asked for.
pub fn is_full() -> bool {
    asked().is_some_and(|v| v == "full" || v == "both")
}

/// Whether NVRTC compiles each kernel for both targets.
pub fn wants_both() -> bool {
    asked().is_some_and(|v| v == "both")
}

fn asked() -> Option<String> {
    std::env::var(VARIABLE).ok()
}

/// Which tests' programs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Which {
    /// All.
    All,
    /// Those that are the same in every run: no random graphs, whose kernels are of the same kinds.
    Fixed,
}

/// They meet in one collection.
static ONE: Mutex<()> = Mutex::new(());

/// Programs with loops and choices, with their arguments.
pub fn loops() -> Vec<Case> {
    let _one = ONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    keep_loops(true);
    kernel_tests::loops::ALL.iter().for_each(|(_, test)| test());
    keep_loops(false);
    collected()
}

/// Runs the tests and prints what they compile.
pub fn cases(which: Which) -> Cases {
    let _one = ONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let prefix = prefix();
    let sample = if is_full() || !prefix.is_empty() { 1 } else { 23 };
    let mut programs = Vec::new();
    for (name, test) in kernel_tests::ALL.iter().copied().flatten() {
        if which == Which::Fixed && name.starts_with("random_graphs") || !name.starts_with(&prefix) {
            continue;
        }
        test();
        programs.extend(collected().into_iter().step_by(sample));
    }
    let mut kernels = Kernels::default();
    let numbered = |case: Case| {
        let schedule = case.program.schedule();
        let numbers = schedule.kernels.iter().map(|kernel| {
            let print = |name: &str| kernel_named(schedule, name, kernel).unwrap();
            kernels.number(print)
        });
        let numbers = numbers.collect();
        (case, numbers)
    };
    let cases = programs.into_iter().map(numbered).collect();
    Cases { cases, kernels }
}

impl Kernels {
    /// The number of the kernel that `print` prints under a name; the same for the same source.
    fn number(&mut self, print: impl Fn(&str) -> CudaKernel) -> usize {
        let next = self.all.len();
        let number = *self.known.entry(print("g").source).or_insert(next);
        if number == next {
            self.all.push(print(&format!("g{number}")));
        }
        number
    }
}
