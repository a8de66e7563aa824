//! Buffers that never live together share a slot of working memory.

use crate::kernel::{Buffer, BufferId, Home, Kernel};

/// Gives each made buffer its slot; says how many slots there are. Results keep slots of their own.
pub fn plan(mut buffers: Vec<Buffer>, kernels: &[Kernel], outputs: &[BufferId]) -> (Vec<Buffer>, usize) {
    let last_use = last_uses(buffers.len(), kernels, outputs);
    let mut placed = vec![false; buffers.len()];
    let mut free: Vec<usize> = Vec::new();
    let mut slots = 0;
    for (step, kernel) in kernels.iter().enumerate() {
        for id in kernel.writes() {
            if std::mem::replace(&mut placed[id.0 as usize], true) {
                continue;
            }
            let slot = if outputs.contains(&id) { None } else { free.pop() };
            let slot = slot.unwrap_or_else(|| {
                slots += 1;
                slots - 1
            });
            buffers[id.0 as usize].home = Home::Made { slot };
        }
        for id in kernel.reads() {
            if let (Home::Made { slot }, true) = (&buffers[id.0 as usize].home, last_use[id.0 as usize] == step)
                && !free.contains(slot)
            {
                free.push(*slot);
            }
        }
    }
    (buffers, slots)
}

/// The step after which each buffer is no longer read; never for results.
fn last_uses(count: usize, kernels: &[Kernel], outputs: &[BufferId]) -> Vec<usize> {
    let mut last = vec![0; count];
    for (step, kernel) in kernels.iter().enumerate() {
        kernel.reads().iter().for_each(|id| last[id.0 as usize] = step);
    }
    outputs.iter().for_each(|id| last[id.0 as usize] = usize::MAX);
    last
}
