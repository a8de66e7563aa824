//! Joins fused kernels over the same elements: what one stores and another loads at the same place stays in a register,
//! what both load is loaded once. The three results of an optimiser's step become one kernel.

use gradframe_ml_core::Shape;
use rustc_hash::{FxHashMap, FxHashSet};

use super::registers;
use crate::schedule::{BufferId, Chain, Instr, Kernel, Level, Load, Loop, Value, ValueId};

/// Values of a joined kernel, at most: beyond, its registers leave the cache.
const VALUES_MAX: usize = 96;

/// The kernels, fewer of them; results that nobody reads are not stored.
pub fn merged(kernels: Vec<Kernel>, outputs: &[(BufferId, Shape)]) -> Vec<Kernel> {
    let mut merged: Vec<Kernel> = Vec::with_capacity(kernels.len());
    for kernel in kernels {
        let joined = match &kernel {
            Kernel::Loop(next) => (0..merged.len()).rev().find_map(|at| joined(&merged, at, next)),
            _ => None,
        };
        match joined {
            Some((Place::First(at), both)) => merged[at] = Kernel::Loop(Box::new(both)),
            Some((Place::Next(at), both)) => {
                merged.remove(at);
                merged.push(Kernel::Loop(Box::new(both)));
            }
            None => merged.push(kernel),
        }
    }
    drop_dead_stores(&mut merged, outputs);
    merged
}

/// Where a joined kernel runs: in the place of the first of the two, which stands there, or in that of the next.
enum Place {
    First(usize),
    Next(usize),
}

/// The kernel at `at` and `next` in one, if they have something in common and one may run where the other does.
fn joined(merged: &[Kernel], at: usize, next: &Loop) -> Option<(Place, Loop)> {
    let Kernel::Loop(first) = &merged[at] else { return None };
    let (outer, row) = common_domain(first, next)?;
    if !is_related(first, next) {
        return None;
    }
    let between = &merged[at + 1..];
    let made: FxHashSet<BufferId> = between.iter().flat_map(Kernel::writes).collect();
    let place = if !next.chain.loads().any(|load| made.contains(&load.buffer)) {
        Place::First(at)
    } else if !between.iter().flat_map(Kernel::reads).any(|b| first.stores.iter().any(|s| s.1 == b)) {
        Place::Next(at)
    } else {
        return None;
    };
    let mut joint = Joint::of(first);
    let names = joint.append(&next.chain, first, (&outer, &row))?;
    let mut stores = first.stores.clone();
    for &(value, buffer) in &next.stores {
        let value = names[value.index()];
        if stores.iter().any(|s| s.0 == value) {
            return None; // a value is stored once
        }
        stores.push((value, buffer));
    }
    let chain = Chain { values: joint.values, registers: Vec::new() };
    (chain.values.len() <= VALUES_MAX).then(|| (place, Loop { outer, row, chain: registers::assigned(chain), stores }))
}

/// The domain on which both run: equal ones, or a row kernel's that a pointwise kernel can take over.
fn common_domain(first: &Loop, next: &Loop) -> Option<(Shape, Shape)> {
    let all = |k: &Loop| k.outer.dims().iter().chain(k.row.dims()).cloned().collect::<Vec<_>>();
    let same = first.outer == next.outer && first.row == next.row;
    if !same && all(first) != all(next) {
        return None;
    }
    match (first.row.rank(), next.row.rank()) {
        _ if same => Some((first.outer.clone(), first.row.clone())),
        (_, 0) => Some((first.outer.clone(), first.row.clone())),
        (0, _) => Some((next.outer.clone(), next.row.clone())),
        _ => None,
    }
}

/// True if both read something large, or one what the other makes: kernels without that gain nothing.
fn is_related(first: &Loop, next: &Loop) -> bool {
    let stored = |b: BufferId| first.stores.iter().any(|s| s.1 == b);
    let loaded = |load: &Load| first.chain.loads().any(|l| l.buffer == load.buffer && l.is_whole(&first.outer, &first.row));
    next.chain.loads().any(|load| stored(load.buffer) || loaded(load))
}

/// Two chains becoming one.
struct Joint {
    values: Vec<Value>,
    known: FxHashMap<Value, ValueId>,
}

impl Joint {
    fn of(first: &Loop) -> Self {
        let values = first.chain.values.clone();
        let known = values.iter().cloned().enumerate().map(|(i, v)| (v, ValueId(i as u32))).collect();
        Joint { values, known }
    }

    /// Appends a chain; gives each of its values' new name. None if it loads something that `first` makes from another
    /// place than where it is made.
    fn append(&mut self, chain: &Chain, first: &Loop, (outer, row): (&Shape, &Shape)) -> Option<Vec<ValueId>> {
        let mut names: Vec<ValueId> = Vec::with_capacity(chain.values.len());
        for value in &chain.values {
            let name = match &value.instr {
                Instr::Load(load) => match first.stores.iter().find(|s| s.1 == load.buffer) {
                    Some(&(made, _)) => self.forwarded(made, load, value.level, (outer, row))?,
                    None => self.push(value.clone()),
                },
                instr => self.push(Value { instr: instr.renamed(&names), ..*value }),
            };
            names.push(name);
        }
        Some(names)
    }

    /// The value in place of a load of it, if it is loaded where it is made.
    fn forwarded(&self, made: ValueId, load: &Load, level: Level, (outer, row): (&Shape, &Shape)) -> Option<ValueId> {
        let of_row = Shape::scalar();
        let row = if level == Level::Row { &of_row } else { row };
        (self.values[made.index()].level == level && load.is_whole(outer, row)).then_some(made)
    }

    fn push(&mut self, value: Value) -> ValueId {
        if let Some(&known) = self.known.get(&value) {
            return known;
        }
        let name = ValueId(self.values.len() as u32);
        self.known.insert(value.clone(), name);
        self.values.push(value);
        name
    }
}

fn drop_dead_stores(kernels: &mut Vec<Kernel>, outputs: &[(BufferId, Shape)]) {
    let mut read: FxHashSet<BufferId> = outputs.iter().map(|o| o.0).collect();
    read.extend(kernels.iter().flat_map(Kernel::reads));
    for kernel in kernels.iter_mut() {
        if let Kernel::Loop(kernel) = kernel {
            kernel.stores.retain(|store| read.contains(&store.1));
        }
    }
    kernels.retain(|kernel| !matches!(kernel, Kernel::Loop(kernel) if kernel.stores.is_empty()));
}
