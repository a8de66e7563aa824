//! Merges row kernels over the same space: what one stores and another loads at the same place stays in a register.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::kernel::{BufferId, Instruction, Kernel, Op, Register, Rows};

/// The kernels, fewer of them; stores that nobody reads any more are gone.
pub fn merge(kernels: Vec<Kernel>, outputs: &[BufferId]) -> Vec<Kernel> {
    let mut merged: Vec<Kernel> = Vec::new();
    for kernel in kernels {
        let at = (0..merged.len()).rev().find_map(|at| Some((at, try_merge(&merged, at, &kernel)?)));
        match at {
            Some((at, both)) => merged[at] = Kernel::Rows(Box::new(both)),
            None => merged.push(kernel),
        }
    }
    drop_dead_stores(&mut merged, outputs);
    merged
}

/// The kernel at `at` with `next` in it, if `next` may run there: it reads nothing that is made after `at`.
fn try_merge(merged: &[Kernel], at: usize, next: &Kernel) -> Option<Rows> {
    let (Kernel::Rows(first), Kernel::Rows(next)) = (&merged[at], next) else { return None };
    let later: FxHashSet<BufferId> = merged[at + 1..].iter().flat_map(Kernel::writes).collect();
    let overwritten = next.stores.iter().any(|s| merged[at + 1..].iter().any(|k| k.reads().contains(&s.buffer)));
    if overwritten || next.loads().any(|load| later.contains(&load.buffer)) {
        return None;
    }
    let space = common_space(first, next)?;
    joined(first, next, space)
}

/// How two kernels share one iteration.
struct Space {
    /// True if the first kernel takes the second's division into outer axes and row.
    takes_second: bool,
    /// True if the second kernel has one value a row of the first.
    second_per_row: bool,
}

fn common_space(first: &Rows, second: &Rows) -> Option<Space> {
    let all = |rows: &Rows| rows.outer.dims().iter().chain(rows.row.dims()).cloned().collect::<Vec<_>>();
    if first.outer == second.outer && first.row == second.row {
        return Some(Space { takes_second: false, second_per_row: false });
    }
    if first.row.rank() > 0 && second.row.rank() == 0 && first.outer == second.outer {
        return Some(Space { takes_second: false, second_per_row: true });
    }
    // A pointwise kernel over the other's whole space. Not over one long row: its pieces are folded in parallel.
    if second.row.rank() == 0 && all(first) == all(second) && first.outer.rank() > 0 {
        return Some(Space { takes_second: false, second_per_row: false });
    }
    if first.row.rank() == 0 && all(first) == all(second) {
        return Some(Space { takes_second: true, second_per_row: false });
    }
    None
}

fn joined(first: &Rows, second: &Rows, space: Space) -> Option<Rows> {
    let mut both = first.clone();
    if space.takes_second {
        both.outer = second.outer.clone();
        both.row = second.row.clone();
    }
    let mut known: FxHashMap<Instruction, Register> = both.body.iter().cloned().enumerate().map(|(r, i)| (i, r)).collect();
    let mut registers: Vec<Register> = Vec::with_capacity(second.body.len());
    for instruction in &second.body {
        let register = match forwarded(first, instruction)? {
            Some(register) => register,
            None => {
                let instruction = Instruction { op: instruction.op.renumbered(&registers), dtype: instruction.dtype };
                *known.entry(instruction.clone()).or_insert_with(|| {
                    both.body.push(instruction);
                    both.body.len() - 1
                })
            }
        };
        registers.push(register);
    }
    for store in &second.stores {
        let mut store = store.clone();
        store.register = registers[store.register];
        store.per_row |= space.second_per_row;
        both.stores.push(store);
    }
    Some(both)
}

/// The register of `first` that holds what the instruction loads; None if it loads nothing of `first`'s.
/// The outer None: it loads something of `first`'s from another place, so the kernels must stay apart.
fn forwarded(first: &Rows, instruction: &Instruction) -> Option<Option<Register>> {
    let Op::Load(load) = &instruction.op else { return Some(None) };
    let mut stores = first.stores.iter().filter(|s| s.buffer == load.buffer).peekable();
    if stores.peek().is_none() {
        return Some(None);
    }
    let same_place = |s: &&crate::kernel::Store| load.gathered.is_none() && s.shape == load.shape && axes_agree(s, load);
    stores.find(same_place).map(|s| Some(s.register))
}

fn axes_agree(store: &crate::kernel::Store, load: &crate::kernel::Load) -> bool {
    let pairs = store.axes.iter().zip(&load.axes).zip(store.shape.dims());
    pairs.into_iter().all(|((stored, loaded), dim)| stored == loaded || dim.is_one())
}

fn drop_dead_stores(kernels: &mut Vec<Kernel>, outputs: &[BufferId]) {
    let mut read: FxHashSet<BufferId> = outputs.iter().copied().collect();
    read.extend(kernels.iter().flat_map(Kernel::reads));
    for kernel in kernels.iter_mut() {
        if let Kernel::Rows(rows) = kernel {
            rows.stores.retain(|store| read.contains(&store.buffer));
        }
    }
    kernels.retain(|kernel| !matches!(kernel, Kernel::Rows(rows) if rows.stores.is_empty()));
}
