//! Our side of `cargo xtask bench tensors`: training steps and their memory, rows, reductions, chains, orders, and what the
//! library itself costs.
//!
//! `cargo run --release -p gradframe-ml-learn --example tensors -- [--data FOLDER] [--kernels] TASK..`, where FOLDER holds
//! MNIST's unpacked files (else images are made up) and TASK is one of those below. Prints `task | figure | unit` lines:
//! medians of several runs after one that does not count. `--kernels` lists where a training step's time goes, on one
//! thread.

mod arrays;
mod costs;
mod memory;
mod networks;
mod numbers;
mod timing;

use gradframe_ml_core::Result;

/// A task's name, and what measures it.
type Task = (&'static str, fn(&Options) -> Result<()>);

const TASKS: &[Task] = &[
    ("mlp", networks::mlp),
    ("cnn", networks::cnn),
    ("gpt", networks::gpt),
    ("chain", arrays::chain),
    ("rows", arrays::rows),
    ("reductions", arrays::reductions),
    ("sorts", arrays::sorts),
    ("costs", costs::all),
    ("mlp_memory", networks::mlp_memory),
    ("cnn_memory", networks::cnn_memory),
    ("gpt_memory", networks::gpt_memory),
];

/// What was asked for.
pub struct Options {
    /// Where MNIST lies.
    pub data: Option<String>,
    /// True to list what each kernel takes.
    pub kernels: bool,
}

fn main() -> Result<()> {
    let mut options = Options { data: None, kernels: false };
    let mut tasks = Vec::new();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--data" => options.data = words.next(),
            "--kernels" => options.kernels = true,
            name => tasks.push(*TASKS.iter().find(|task| task.0 == name).unwrap_or_else(|| usage())),
        }
    }
    if tasks.is_empty() {
        usage();
    }
    tasks.iter().try_for_each(|(_, measure)| measure(&options))
}

fn usage() -> ! {
    let names: Vec<&str> = TASKS.iter().map(|task| task.0).collect();
    eprintln!("usage: tensors [--data FOLDER] [--kernels] TASK..; tasks: {}", names.join(", "));
    std::process::exit(2)
}
