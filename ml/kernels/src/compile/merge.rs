//! Joins fused kernels over the same elements: what one stores and another loads at the same place stays in a register,
//! what both load is loaded once. The three results of an optimiser's step become one kernel.

use std::cmp::Reverse;

use gradframe_ml_core::{Dim, Shape};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{Work, registers};
use crate::schedule::{AxisMap, BufferId, Chain, Instr, Kernel, Level, Load, Loop, Value, ValueId};

/// Values of a joined kernel, at most: beyond, its registers leave the cache.
const VALUES_MAX: usize = 96;

/// Kernels with something in common that are tried for each one, the nearest first: so the time is in proportion to the
/// number of kernels.
const TRIED_MAX: usize = 16;

/// The kernels, fewer of them; results that nobody reads are not stored.
pub fn merged(kernels: Vec<Kernel>, outputs: &[(BufferId, Shape)], work: &mut Work) -> Vec<Kernel> {
    let mut sequence = Sequence::default();
    for kernel in kernels {
        let joined = match &kernel {
            Kernel::Loop(next) => sequence.related(next).into_iter().find_map(|at| joined(&sequence, at, next, work)),
            _ => None,
        };
        match joined {
            Some((Place::First(at), both)) => sequence.put(at, Kernel::Loop(Box::new(both))),
            Some((Place::Next(at), both)) => {
                sequence.kernels[at] = None;
                sequence.push(Kernel::Loop(Box::new(both)));
            }
            None => sequence.push(kernel),
        }
    }
    let mut merged = sequence.kernels.into_iter().flatten().collect();
    drop_dead_stores(&mut merged, outputs);
    merged
}

/// Kernels in their order, and who touches which buffer.
#[derive(Default)]
struct Sequence {
    /// None where one has moved behind.
    kernels: Vec<Option<Kernel>>,
    writer: FxHashMap<BufferId, usize>,
    last_reader: FxHashMap<BufferId, usize>,
    /// The fused kernels that read each element of a buffer where they compute it.
    whole_readers: FxHashMap<BufferId, Vec<usize>>,
}

impl Sequence {
    fn push(&mut self, kernel: Kernel) {
        self.kernels.push(None);
        self.put(self.kernels.len() - 1, kernel);
    }

    fn put(&mut self, at: usize, kernel: Kernel) {
        for buffer in kernel.reads() {
            let last = self.last_reader.entry(buffer).or_insert(at);
            *last = at.max(*last);
        }
        self.writer.extend(kernel.writes().into_iter().map(|buffer| (buffer, at)));
        if let Kernel::Loop(fused) = &kernel {
            for load in fused.chain.loads().filter(|load| load.is_whole(&fused.outer, &fused.row)) {
                self.whole_readers.entry(load.buffer).or_default().push(at);
            }
        }
        self.kernels[at] = Some(kernel);
    }

    fn fused(&self, at: usize) -> Option<&Loop> {
        match &self.kernels[at] {
            Some(Kernel::Loop(fused)) => Some(fused),
            _ => None,
        }
    }

    /// The fused kernels that make what `next` reads, or read something large that it reads too: kernels without that gain
    /// nothing. The last ones first.
    fn related(&self, next: &Loop) -> Vec<usize> {
        let mut related: Vec<usize> = Vec::new();
        for load in next.chain.loads() {
            related.extend(self.writer.get(&load.buffer));
            let readers = self.whole_readers.get(&load.buffer).into_iter().flat_map(|readers| readers.iter().rev());
            related.extend(readers.take(TRIED_MAX));
        }
        related.sort_unstable_by_key(|&at| Reverse(at));
        related.dedup();
        related.retain(|&at| self.fused(at).is_some());
        related.truncate(TRIED_MAX);
        related
    }

    /// Where one kernel can do the work of that at `at` and of `next`, which comes after all others.
    fn place(&self, at: usize, first: &Loop, next: &Loop) -> Option<Place> {
        let made_after = |load: &Load| self.writer.get(&load.buffer).is_some_and(|&writer| writer > at);
        let read_after = |buffer: &BufferId| self.last_reader.get(buffer).is_some_and(|&reader| reader > at);
        if !next.chain.loads().any(made_after) {
            Some(Place::First(at))
        } else if !first.stores.iter().any(|(_, buffer)| read_after(buffer)) {
            Some(Place::Next(at))
        } else {
            None
        }
    }
}

/// Where a joined kernel runs: in the place of the first of the two, which stands there, or in that of the next.
enum Place {
    First(usize),
    Next(usize),
}

/// The kernel at `at` and `next` in one, if one may run where the other does.
fn joined(sequence: &Sequence, at: usize, next: &Loop, work: &mut Work) -> Option<(Place, Loop)> {
    let first = sequence.fused(at)?;
    work.compared += first.chain.values.len() + next.chain.values.len();
    if first.chain.values.len().max(next.chain.values.len()) > VALUES_MAX {
        return None;
    }
    let (of_rows, of_first_rows) = (on_rows(next, first), on_rows(first, next));
    let (first, next) = (of_first_rows.as_ref().unwrap_or(first), of_rows.as_ref().unwrap_or(next));
    let (outer, row) = common_domain(first, next)?;
    let place = sequence.place(at, first, next)?;
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

/// A pointwise kernel with one element for each row of another, as a kernel of such rows whose values are all numbers of the row.
fn on_rows(kernel: &Loop, rows: &Loop) -> Option<Loop> {
    let rank = rows.outer.rank();
    let (dims, rest) = kernel.outer.dims().split_at_checked(rank)?;
    let fits = kernel.row.rank() == 0 && rows.row.rank() > 0 && dims == rows.outer.dims() && rest.iter().all(Dim::is_one);
    fits.then(|| {
        let trimmed = |map: &AxisMap| {
            let terms = map.terms.iter().copied().filter(|term| term.0 < rank).collect();
            AxisMap { start: map.start.clone(), terms } // along the others, there is one position
        };
        let of_row = |value: &Value| {
            let instr = match &value.instr {
                Instr::Load(load) => Instr::Load(Load { axes: load.axes.iter().map(trimmed).collect(), ..load.clone() }),
                Instr::Iota(map) => Instr::Iota(trimmed(map)),
                instr => instr.clone(),
            };
            Value { instr, dtype: value.dtype, level: Level::Row }
        };
        let values = kernel.chain.values.iter().map(of_row).collect();
        let chain = registers::assigned(Chain { values, registers: Vec::new() });
        Loop { outer: rows.outer.clone(), row: rows.row.clone(), chain, stores: kernel.stores.clone() }
    })
}

/// The domain on which both run: equal ones, or a row kernel's that a pointwise kernel can take over.
fn common_domain(first: &Loop, next: &Loop) -> Option<(Shape, Shape)> {
    let same = first.outer == next.outer && first.row == next.row;
    if !same && !dims(first).eq(dims(next)) {
        return None;
    }
    match (first.row.rank(), next.row.rank()) {
        _ if same => Some((first.outer.clone(), first.row.clone())),
        (_, 0) => Some((first.outer.clone(), first.row.clone())),
        (0, _) => Some((next.outer.clone(), next.row.clone())),
        _ => None,
    }
}

fn dims(kernel: &Loop) -> impl Iterator<Item = &Dim> {
    kernel.outer.dims().iter().chain(kernel.row.dims())
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

    /// The value in place of a load of it, if it is loaded where it is made: a number of a row also by each of its elements.
    fn forwarded(&mut self, made: ValueId, load: &Load, level: Level, (outer, row): (&Shape, &Shape)) -> Option<ValueId> {
        let of_row = Shape::scalar();
        let Value { level: own, dtype, .. } = self.values[made.index()];
        let domain = if own == Level::Row { &of_row } else { row };
        match (own, level) {
            _ if !load.is_whole(outer, domain) => None,
            (Level::Row, Level::Element) => Some(self.push(Value { instr: Instr::Spread(made), dtype, level })),
            _ => (own == level).then_some(made),
        }
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
