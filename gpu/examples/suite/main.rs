//! The GPU suite: one binary without files, for a machine with a GPU and neither network nor compiler. It makes its own
//! data on the device, checks each task against float64 on the processor, times it, and prints a short table.
//!
//! `cargo build --release -p gradframe-gpu --example suite`, then `strip`. There: `suite [--profile] [PART OF A NAME ...]`, with
//! `GRADFRAME_NVRTC` naming the folder of libnvrtc where the system does not know it. `tests/bench/gpu_peers.py` times what
//! others take, and lays both side by side. `--profile` adds to each training step a table of its kernels' times, and
//! `suite --schedule "GPT step"` prints a step's kernels, `--source` their CUDA C, for which no GPU is needed.
//!
//! Prints `task | error | milliseconds | share of copy bandwidth | TFLOP/s`. Ends with 1 if a task is wrong.

mod adam;
mod bus;
mod cnn;
mod compaction;
mod gpt;
mod launched;
mod mlp;
mod profile;
mod tasks;
mod tpch;
mod training;

use std::collections::HashMap;
use std::process::ExitCode;

use gradframe_gpu::device::{Device, DeviceTensor, OnDevice};
use gradframe_gpu::nvrtc::Width;
use gradframe_ml_core::graph::Type;
use gradframe_ml_core::{DType, Dim, Function, Graph, Result, Shape, Tensor, random};
use gradframe_ml_kernels::schedule::Schedule;
use gradframe_ml_kernels::{Program, compile};

use self::tasks::{Fill, Given, Task};

/// Timings of a task; the median counts.
const TIMINGS: usize = 7;
/// Seconds of one timing, about.
const TIMING_S: f64 = 0.02;

fn main() -> ExitCode {
    let (options, wanted): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|a| a.starts_with("--"));
    let wants = |option: &str| options.iter().any(|o| o == option);
    let done = if wants("--schedule") {
        print_steps(&wanted, |schedule| Ok(schedule.to_string()))
    } else if wants("--source") {
        print_steps(&wanted, |schedule| Ok(gradframe_gpu::print::program(schedule)?.source))
    } else {
        Suite::open().and_then(|mut suite| suite.run(&wanted, wants("--profile")))
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// A training step: its name, the run that checks and times it, and its program.
struct Step {
    name: &'static str,
    run: fn(&Suite, bool) -> Result<bool>,
    function: fn() -> Result<Function>,
}

const STEPS: [Step; 3] = [
    Step { name: "MLP step", run: mlp::run, function: mlp::step },
    Step { name: "CNN step", run: cnn::run, function: cnn::step },
    Step { name: "GPT step", run: gpt::run, function: gpt::step },
];

fn is_wanted(wanted: &[String], name: &str) -> bool {
    wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str()))
}

/// Prints the steps that are asked for, in some form.
fn print_steps(wanted: &[String], form: impl Fn(&Schedule) -> Result<String>) -> Result<bool> {
    for step in STEPS.iter().filter(|step| is_wanted(wanted, step.name)) {
        println!("// {}\n{}", step.name, form(&*compiled(&(step.function)()?)?.for_device()?)?);
    }
    Ok(true)
}

struct Suite {
    device: Device,
    /// Of a copy on this very device, bytes read and bytes written a second.
    bandwidth: f64,
    filled: HashMap<String, DeviceTensor>,
}

impl Suite {
    fn open() -> Result<Self> {
        let device = Device::open(0)?;
        Ok(Suite { device, bandwidth: f64::INFINITY, filled: HashMap::new() })
    }

    fn run(&mut self, wanted: &[String], is_profiled: bool) -> Result<bool> {
        println!("{}, {:.1} GB free", self.device.name()?, self.device.memory()?.0 as f64 * 1e-9);
        self.copy()?;
        let mut is_right = true;
        for task in tasks::all().into_iter().filter(|task| is_wanted(wanted, task.name)) {
            match self.task(&task) {
                Ok(right) => is_right &= right,
                Err(error) => {
                    println!("{} | {error}", task.name);
                    is_right = false;
                }
            }
        }
        if is_wanted(wanted, "compaction") {
            let values = self.given(&Given::new(&[], Fill::Normal), tasks::LARGE, DType::F32, 0)?;
            is_right &= compaction::run(&self.device, &values, self.bandwidth)?;
        }
        for step in STEPS.iter().filter(|step| is_wanted(wanted, step.name)) {
            self.filled.clear(); // its memory is the step's
            match (step.run)(self, is_profiled) {
                Ok(right) => is_right &= right,
                Err(error) => {
                    println!("{} | {error}", step.name);
                    is_right = false;
                }
            }
        }
        if is_wanted(wanted, "launches") {
            launched::run(&self.device)?;
        }
        if is_wanted(wanted, "bus") {
            self.filled.clear();
            bus::run(&self.device)?;
        }
        if is_wanted(wanted, "TPC-H") {
            self.filled.clear();
            is_right &= tpch::run(&self.device, self.bandwidth)?;
        }
        Ok(is_right)
    }

    /// What a copy by the driver takes: the ceiling of what memory bounds.
    fn copy(&mut self) -> Result<()> {
        let from = self.given(&Given::new(&[], Fill::Normal), tasks::LARGE, DType::F32, 0)?;
        let seconds = median(&self.device, || self.device.copy(&from))?;
        self.bandwidth = 2.0 * from.size_bytes() as f64 / seconds;
        println!("copy | - | {:.4} ms | {:.0} GB/s", 1e3 * seconds, 1e-9 * self.bandwidth);
        Ok(())
    }

    fn task(&mut self, task: &Task) -> Result<bool> {
        let program = compile(&task.function(task.dtype)?)?;
        let error = self.error(task, &self.device.load(&program, Width::Narrow)?)?;
        let loaded = self.device.load(&program, task.width())?;
        let numbered = task.inputs.iter().enumerate();
        let inputs = numbered.map(|(n, given)| self.given(given, task.rows, task.dtype, n as u64)).collect::<Result<Vec<_>>>()?;
        let seconds = median(&self.device, || loaded.run_there(&inputs))?;
        let share = task.bytes / seconds / self.bandwidth;
        let rate = if task.flop > 0.0 { format!(" | {:.1} TFLOP/s", 1e-12 * task.flop / seconds) } else { String::new() };
        let verdict = if error <= task.tolerance { "" } else { " WRONG" };
        println!("{} | {error:.1e}{verdict} | {:.4} ms | {:.0} %{rate}", task.name, 1e3 * seconds, 100.0 * share);
        Ok(error <= task.tolerance)
    }

    /// The distance to float64 on the processor, in proportion; of integers, 1 if one differs.
    fn error(&self, task: &Task, loaded: &OnDevice) -> Result<f64> {
        let inputs = task.inputs.iter().enumerate().map(|(n, given)| given.on_host(task.checked_rows, task.dtype, n as u64));
        let inputs = inputs.collect::<Result<Vec<Tensor>>>()?;
        let ours = loaded.run(&inputs)?;
        let wide: Vec<Tensor> = inputs
            .iter()
            .map(|t| if t.dtype().is_float() { t.cast(DType::F64) } else { Ok(t.clone()) })
            .collect::<Result<_>>()?;
        let reference = compile(&task.function(DType::F64)?)?.run(&wide)?;
        Ok(ours.iter().zip(&reference).map(|(ours, theirs)| distance(ours, theirs)).fold(0.0, f64::max))
    }

    /// An input of so many rows, on the device; the same one for every task that asks for it under this number.
    fn given(&mut self, given: &Given, rows: usize, dtype: DType, number: u64) -> Result<DeviceTensor> {
        let ty = given.ty(&Dim::fixed(rows), dtype);
        let name = format!("{number} {given:?} {ty}");
        if let Some(known) = self.filled.get(&name) {
            return Ok(known.clone());
        }
        if self.filled.len() > 6 {
            self.filled.clear(); // memory of a few gigabytes each
        }
        let program = compile(&filling(given.fill, &ty, number)?)?;
        let made = self.device.load(&program, Width::Wide)?.run_there(&[])?.remove(0);
        self.filled.insert(name, made.clone());
        Ok(made)
    }
}

fn filling(fill: Fill, ty: &Type, seed: u64) -> Result<Function> {
    let mut g = Graph::new();
    let key = random::key(&mut g, seed);
    let filled = match fill {
        Fill::Normal => {
            let numbers = random::normal(&mut g, key, DType::F32, &ty.shape)?;
            g.cast(numbers, ty.dtype)?
        }
        Fill::Below(high) => {
            let numbers = random::integers(&mut g, key, 0, high, &ty.shape)?;
            g.cast(numbers, ty.dtype)?
        }
    };
    Function::new(g, vec![filled])
}

fn distance(ours: &Tensor, theirs: &Tensor) -> f64 {
    if !ours.dtype().is_float() {
        return f64::from(u8::from(ours != theirs));
    }
    let (ours, theirs) = (ours.to_f64(), theirs.to_f64());
    let squares = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let off = squares(&mut ours.iter().zip(&theirs).map(|(a, b)| a - b));
    let distance = off / squares(&mut theirs.iter().copied());
    if distance.is_nan() { f64::INFINITY } else { distance }
}

/// Seconds of one call, by the device's own clock: the median of several groups of calls.
fn median<T>(device: &Device, mut work: impl FnMut() -> Result<T>) -> Result<f64> {
    work()?;
    let (_, once) = device.timed(&mut work)?;
    let calls = ((TIMING_S / once) as usize).clamp(1, 500);
    let mut times = Vec::new();
    for _ in 0..TIMINGS {
        let group = || (0..calls).try_for_each(|_| work().map(drop));
        times.push(device.timed(group)?.1 / calls as f64);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[TIMINGS / 2])
}

/// A program that takes tensors of these types.
fn function(
    types: &[Type],
    build: impl FnOnce(&mut Graph, &[gradframe_ml_core::NodeId]) -> Result<Vec<gradframe_ml_core::NodeId>>,
) -> Result<Function> {
    let mut g = Graph::new();
    let inputs: Vec<_> = types.iter().enumerate().map(|(n, ty)| g.input(&format!("x{n}"), ty.clone())).collect();
    let outputs = build(&mut g, &inputs)?;
    Function::new(g, outputs)
}

fn compiled(function: &Function) -> Result<Program> {
    compile(function)
}

fn shape(dims: &[Dim]) -> Shape {
    Shape::new(dims.iter().cloned())
}
