//! Scheduled kernels as CUDA C.
//!
//! One file a kind of kernel; `index` prints index maps, `chain` and `functions` instructions, `text` is C as text. What is
//! printed is meant to be read: a variable is named as its value in the printed schedule (`v7`), an array as its buffer
//! (`b3`), a size as its symbol (`size_N`).

mod arg_reduce;
mod attention;
mod chain;
pub mod compact;
mod conv;
mod dot;
mod elements;
mod fold;
mod functions;
pub mod grouped;
mod index;
mod moves;
mod pack;
mod parts;
mod phases;
mod pointwise;
mod radix;
mod rows;
mod scan;
mod scan_columns;
mod scatter;
mod scatter_few;
mod scatter_many;
mod sort;
mod team;
mod text;
mod turned;
mod twins;

use gradframe_ml_core::{Error, Result};
use gradframe_ml_kernels::schedule::{Kernel, Routine, Schedule, Trips};

use self::twins::Twins;
use crate::launch::{CudaKernel, Launch};

/// What every printed kernel may use; comes before them in a module.
pub const PRELUDE: &str = concat!(include_str!("../prelude.cuh"), include_str!("../folds.cuh"), include_str!("../special.cuh"));

/// What only some kernels use: the namespace, and its text.
const PARTS: [(&str, &str); 6] = [
    ("scans::", concat!(include_str!("../told.cuh"), include_str!("../scan.cuh"))),
    ("radix::", include_str!("../radix.cuh")),
    ("groups::", concat!(include_str!("../groups.cuh"), include_str!("../parts.cuh"))),
    ("compact::", include_str!("../compact.cuh")),
    ("attention::", ATTENTION),
    ("grouped::", include_str!("../grouped.cuh")),
];

const ATTENTION: &str = concat!(
    include_str!("../attention/units.cuh"),
    include_str!("../attention/tiles.cuh"),
    include_str!("../attention/value.cuh"),
    include_str!("../attention/of_queries.cuh"),
    include_str!("../attention/of_keys.cuh")
);

/// What comes before these entries in a module.
pub fn prelude(entries: &str) -> String {
    let of_scans = ["radix::", "compact::"].iter().any(|namespace| entries.contains(namespace));
    let is_used = |namespace: &str| entries.contains(namespace) || (namespace == "scans::" && of_scans);
    let parts = PARTS.iter().filter(|(namespace, _)| is_used(namespace));
    [PRELUDE].into_iter().chain(parts.map(|(_, text)| *text)).collect()
}

/// A whole program: one module, and what to launch of it.
#[derive(Debug, Clone)]
pub struct CudaProgram {
    /// The prelude and all entries.
    pub source: String,
    /// One for each kernel of the schedule.
    pub steps: Vec<Step>,
}

/// What a scheduled kernel is on a device.
#[derive(Debug, Clone)]
pub enum Step {
    /// Launches.
    Kernel(CudaKernel),
    /// The steps of a loop's body, and of its condition, of which a loop with a number of trips has none.
    Repeat {
        /// Of the condition.
        condition: Vec<Step>,
        /// Of the body.
        body: Vec<Step>,
    },
    /// The steps of both branches.
    Choose {
        /// If the condition is true, and if it is false.
        branches: [Vec<Step>; 2],
    },
}

/// Prints a program.
/// Errors: `NotImplemented` for what has no CUDA form; `Internal` for a schedule that makes no sense.
pub fn program(schedule: &Schedule) -> Result<CudaProgram> {
    let mut steps = steps_named(schedule, "")?;
    join_twins(&mut steps, &mut Twins::default());
    let sources = kernels_of(&steps).map(|kernel| kernel.source.as_str());
    let entries: Vec<&str> = sources.filter(|source| !source.is_empty()).collect();
    let entries = entries.join("\n");
    Ok(CudaProgram { source: format!("{}\n{entries}", prelude(&entries)), steps })
}

impl CudaProgram {
    /// All launches, those of loops and choices among them.
    pub fn launches(&self) -> impl Iterator<Item = &Launch> {
        kernels_of(&self.steps).flat_map(|kernel| &kernel.launches)
    }
}

fn steps_named(schedule: &Schedule, prefix: &str) -> Result<Vec<Step>> {
    let named = |(n, kernel): (usize, &Kernel)| step_named(schedule, &format!("{prefix}k{n}"), kernel);
    schedule.kernels.iter().enumerate().map(named).collect()
}

fn step_named(schedule: &Schedule, name: &str, kernel: &Kernel) -> Result<Step> {
    Ok(match kernel {
        Kernel::Repeat(own) => {
            let condition = match &own.trips {
                Trips::While { condition, .. } => steps_named(condition, &format!("{name}_while_"))?,
                Trips::Count(_) => Vec::new(),
            };
            Step::Repeat { condition, body: steps_named(&own.body, &format!("{name}_body_"))? }
        }
        Kernel::Choose(own) => {
            let [first, second] = &own.branches;
            let branches = [steps_named(first, &format!("{name}_then_"))?, steps_named(second, &format!("{name}_else_"))?];
            Step::Choose { branches }
        }
        _ => Step::Kernel(kernel_named(schedule, name, kernel)?),
    })
}

fn join_twins(steps: &mut [Step], twins: &mut Twins) {
    for step in steps {
        match step {
            Step::Kernel(kernel) => twins.join(kernel),
            Step::Repeat { condition, body } => [condition, body].into_iter().for_each(|steps| join_twins(steps, twins)),
            Step::Choose { branches } => branches.iter_mut().for_each(|steps| join_twins(steps, twins)),
        }
    }
}

fn kernels_of(steps: &[Step]) -> Box<dyn Iterator<Item = &CudaKernel> + '_> {
    Box::new(steps.iter().flat_map(|step| -> Box<dyn Iterator<Item = &CudaKernel>> {
        match step {
            Step::Kernel(kernel) => Box::new(std::iter::once(kernel)),
            Step::Repeat { condition, body } => Box::new(kernels_of(condition).chain(kernels_of(body))),
            Step::Choose { branches: [first, second] } => Box::new(kernels_of(first).chain(kernels_of(second))),
        }
    }))
}

/// Prints one kernel of a schedule; its entries' names begin with `name`.
/// Errors: as [`program`].
pub fn kernel_named(schedule: &Schedule, name: &str, kernel: &Kernel) -> Result<CudaKernel> {
    match kernel {
        Kernel::Loop(k) if k.row.rank() == 0 => match rows::of_lines(k) {
            Some(lines) => rows::print(schedule, &format!("{name}_rows"), &lines),
            None => match turned::print(schedule, &format!("{name}_turned"), k)? {
                Some(turned) => Ok(turned),
                None => pointwise::print(schedule, &format!("{name}_pointwise"), k),
            },
        },
        Kernel::Loop(k) => rows::print(schedule, &format!("{name}_rows"), k),
        Kernel::Fold(k) => fold::print(schedule, &format!("{name}_fold"), k),
        Kernel::Dot(k) => dot::print(schedule, &format!("{name}_dot"), k),
        Kernel::Gather(k) => moves::gather(schedule, &format!("{name}_gather"), k),
        Kernel::Scatter(k) => scatter::print(schedule, &format!("{name}_scatter"), k),
        Kernel::ArgReduce(k) => arg_reduce::print(schedule, &format!("{name}_arg"), k),
        Kernel::Scan(k) => scan::print(schedule, &format!("{name}_scan"), k),
        Kernel::Sort(k) => sort::print(schedule, &format!("{name}_sort"), k),
        Kernel::Concat(k) => moves::concat(schedule, &format!("{name}_concat"), k),
        Kernel::DynSlice(k) => parts::slice(schedule, &format!("{name}_slice"), k),
        Kernel::DynUpdate(k) => parts::update(schedule, &format!("{name}_update"), k),
        Kernel::Attention(k) => attention::value(schedule, &format!("{name}_attention"), k),
        Kernel::AttentionCotangents(k) => attention::cotangents(schedule, &format!("{name}_cotangents"), k),
        Kernel::Repeat(_) | Kernel::Choose(_) => Err(Error::internal("cuda", "a loop or a choice is not one kernel")),
        Kernel::Library(k) => match &k.routine {
            Routine::Conv(own) => conv::print(schedule, &format!("{name}_conv"), k, own),
            routine => Err(Error::not_implemented(routine.name(), "has no CUDA form").hint("run the program on the CPU")),
        },
    }
}
