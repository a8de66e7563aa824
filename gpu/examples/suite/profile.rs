//! Where a program's time goes: kernels that do the same are one line, those that take most come first.

use std::collections::HashMap;

use gradframe_gpu::device::OnDevice;
use gradframe_ml_core::Shape;
use gradframe_ml_kernels::schedule::{BufferId, Kernel, Schedule};

/// Lines of the table, at most.
const LINES_MAX: usize = 48;

/// Prints the table; `times` are the seconds of each kernel.
pub fn print(loaded: &OnDevice, times: &[f64]) {
    let schedule = loaded.schedule();
    let mut lines: HashMap<String, (usize, f64)> = HashMap::new();
    for (kernel, seconds) in schedule.kernels.iter().zip(times) {
        let line = lines.entry(described(schedule, kernel)).or_default();
        *line = (line.0 + 1, line.1 + seconds);
    }
    let mut lines: Vec<(String, (usize, f64))> = lines.into_iter().collect();
    lines.sort_by(|a, b| b.1.1.total_cmp(&a.1.1));
    println!("  {:.3} ms in {} kernels, by events:", 1e3 * times.iter().sum::<f64>(), times.len());
    for (name, (count, seconds)) in lines.iter().take(LINES_MAX) {
        println!("  {:8.3} ms {count:4} x {:8.1} us  {name}", 1e3 * seconds, 1e6 * seconds / *count as f64);
    }
    let rest: f64 = lines.iter().skip(LINES_MAX).map(|line| line.1.1).sum();
    println!("  {:8.3} ms in others", 1e3 * rest);
}

/// What a kernel does: kernels of equal layers are described alike.
pub fn described(schedule: &Schedule, kernel: &Kernel) -> String {
    let array = |id: BufferId| format!("{}{}", schedule.buffers[id.index()].dtype, schedule.buffers[id.index()].shape);
    let all = |ids: Vec<BufferId>| {
        let mut names: Vec<String> = Vec::new();
        ids.into_iter().map(array).for_each(|name| match names.contains(&name) {
            true => {}
            false => names.push(name),
        });
        names.join(" ")
    };
    let what = match kernel {
        Kernel::Loop(k) if k.row.rank() == 0 => format!("pointwise over {} ({})", k.outer, k.chain.values.len()),
        Kernel::Loop(k) => format!("rows {} over {} ({})", k.row, k.outer, k.chain.values.len()),
        Kernel::Fold(k) => format!("fold {} x {} x {} ({})", k.outer, k.folded, k.inner, k.chain.values.len()),
        Kernel::Dot(k) => {
            format!("dot {} {}", side(&k.left_shape, &k.dims.contract, 0), side(&k.right_shape, &k.dims.contract, 1))
        }
        other => other.to_string().split(' ').next().unwrap_or_default().to_owned(),
    };
    format!("{what}: {} -> {}", all(kernel.reads()), all(kernel.writes()))
}

fn side(shape: &Shape, contract: &[(usize, usize)], which: usize) -> String {
    let axes: Vec<usize> = contract.iter().map(|pair| if which == 0 { pair.0 } else { pair.1 }).collect();
    format!("{shape} along {axes:?}")
}
