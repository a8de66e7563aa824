//! Row kernels: blocks of registers, folds along rows, the same bits on any number of threads.
//!
//! Short rows: a block holds whole rows, and all is done in one pass. Long rows: the row is divided into fixed pieces;
//! each level of folds is one parallel pass over the pieces, whose partial results are folded in order.

use gradframe_ml_core::graph::ReduceOp;
use gradframe_ml_core::tensor::Element;
use gradframe_ml_core::{DType, Error, Result};
use rayon::prelude::*;

use super::memory::{Memory, Taken};
use super::register::{BLOCK, Register, each};
use super::strides::{Motion, Place, for_each_run, motion, place, stride_of};
use crate::kernel::{Op, Rows};

/// Elements that one task takes, at least.
const TASK: usize = 16 * BLOCK;
/// Elements of a long row that are folded as one piece.
const PIECE: usize = 64 * BLOCK;

/// Runs the kernel.
pub fn run(rows: &Rows, memory: &mut Memory) -> Result<()> {
    let mut taken: Vec<Taken> = Vec::new();
    for store in &rows.stores {
        if !taken.iter().any(|t| t.id == store.buffer) {
            taken.push(memory.take(store.buffer)?);
        }
    }
    let done = Job::new(rows, memory, &mut taken).and_then(|job| job.run());
    taken.into_iter().for_each(|t| memory.put(t));
    done
}

/// A buffer that tasks write to at places of their own.
struct Target {
    pointer: *mut u8,
    bytes: usize,
    place: Place,
    motion: Motion,
}

// SAFETY: the tasks of one kernel write to disjoint elements, since a store's map gives each position of the iteration
// an element of its own (a row, where it stores one value a row), and the buffer outlives them (`run` holds it).
unsafe impl Send for Target {}
// SAFETY: as above; nothing is read through the pointer.
unsafe impl Sync for Target {}

/// A load with its sizes known.
struct Source {
    place: Place,
    motion: Motion,
    /// Stride and size of the axis that a register indexes.
    gathered: Option<(isize, i64)>,
}

struct Job<'a> {
    rows: &'a Rows,
    memory: &'a Memory<'a>,
    /// Sizes of the outer axes, then of the row's.
    sizes: Vec<usize>,
    outer: usize,
    row: usize,
    sources: Vec<Option<Source>>,
    targets: Vec<Target>,
    /// How many folds deep each register is.
    levels: Vec<usize>,
}

impl<'a> Job<'a> {
    fn new(rows: &'a Rows, memory: &'a Memory<'a>, taken: &mut [Taken]) -> Result<Self> {
        let (outer, row) = (memory.eval(&rows.outer)?, memory.eval(&rows.row)?);
        let sizes = [outer.as_slice(), row.as_slice()].concat();
        let sources = rows.body.iter().map(|i| source(memory, &i.op, &sizes)).collect::<Result<_>>()?;
        let targets = rows.stores.iter().map(|store| {
            let axes = if store.per_row { &sizes[..outer.len()] } else { &sizes[..] };
            let mut place = place(memory, &store.shape, &store.axes, sizes.len(), None)?;
            place.strides.truncate(axes.len());
            let motion = motion(&place, axes);
            let buffer =
                taken.iter_mut().find(|t| t.id == store.buffer).ok_or_else(|| Error::internal("program", "a buffer is lost"))?;
            Ok(Target { pointer: buffer.bytes.as_mut_ptr(), bytes: buffer.bytes.len(), place, motion })
        });
        let targets = targets.collect::<Result<_>>()?;
        let (outer, row) = (outer.iter().product(), row.iter().product());
        Ok(Job { rows, memory, sizes, outer, row, sources, targets, levels: levels(rows) })
    }

    fn run(&self) -> Result<()> {
        if self.outer == 0 || self.row == 0 {
            return self.run_empty();
        }
        if self.row > BLOCK {
            return (0..self.outer).into_par_iter().try_for_each(|row| self.run_long_row(row));
        }
        let rows_a_block = BLOCK / self.row;
        let rows_a_task = (TASK / BLOCK) * rows_a_block;
        let tasks = self.outer.div_ceil(rows_a_task);
        (0..tasks).into_par_iter().with_max_len(1).try_for_each(|task| {
            let mut registers = self.registers()?;
            let end = ((task + 1) * rows_a_task).min(self.outer);
            (task * rows_a_task..end).step_by(rows_a_block).try_for_each(|first| {
                let rows = rows_a_block.min(end - first);
                self.short_rows(&mut registers, first, rows)
            })
        })
    }

    /// Rows without elements still have folds: the neutral elements.
    fn run_empty(&self) -> Result<()> {
        if self.outer == 0 {
            return Ok(());
        }
        let mut registers = self.registers()?;
        for (register, instruction) in self.rows.body.iter().enumerate() {
            match instruction.op {
                Op::Fold(op, _) => registers[register].spread(0, 1, &Register::neutral(instruction.dtype, op)?, 0)?,
                Op::Load(_) | Op::Index(_) => {}
                _ => self.evaluate(&mut registers, register, 0, 1)?,
            }
        }
        for (store, target) in self.rows.stores.iter().zip(&self.targets).filter(|(store, _)| store.per_row) {
            for row in 0..self.outer {
                write(target, &self.sizes[..target.place.strides.len()], row, 1, &registers[store.register]);
            }
        }
        Ok(())
    }

    fn registers(&self) -> Result<Vec<Register>> {
        self.rows.body.iter().map(|i| Register::zeros(i.dtype, BLOCK)).collect()
    }

    /// Whole rows `first..first + rows`, in one pass.
    fn short_rows(&self, registers: &mut [Register], first: usize, rows: usize) -> Result<()> {
        let (start, len) = (first * self.row, rows * self.row);
        for (register, instruction) in self.rows.body.iter().enumerate() {
            match instruction.op {
                Op::Fold(op, operand) => self.fold_rows(registers, register, op, operand, rows)?,
                _ => self.evaluate(registers, register, start, len)?,
            }
        }
        for (store, target) in self.rows.stores.iter().zip(&self.targets) {
            let register = &registers[store.register];
            if store.per_row {
                let firsts = every(register, self.row, rows)?;
                write(target, &self.sizes[..target.place.strides.len()], first, rows, firsts.as_ref().unwrap_or(register));
            } else {
                write(target, &self.sizes, start, len, register);
            }
        }
        Ok(())
    }

    fn fold_rows(&self, registers: &mut [Register], register: usize, op: ReduceOp, operand: usize, rows: usize) -> Result<()> {
        let mut out = std::mem::replace(&mut registers[register], Register::Bool(vec![]));
        let neutral = Register::neutral(self.rows.body[register].dtype, op)?;
        for row in 0..rows {
            let (from, to) = (row * self.row, (row + 1) * self.row);
            let mut total = neutral.clone();
            total.fold(0, op, &registers[operand], from, to)?;
            out.spread(from, to, &total, 0)?;
        }
        registers[register] = out;
        Ok(())
    }

    /// One long row: a pass over its pieces for each level of folds, then what depends on the last.
    fn run_long_row(&self, row: usize) -> Result<()> {
        let pieces = self.row.div_ceil(PIECE);
        let deepest = self.levels.iter().copied().max().unwrap_or(0);
        let mut folded: Vec<Option<Register>> = vec![None; self.rows.body.len()];
        for level in 0..=deepest {
            let folds: Vec<usize> = self.folds_of(level + 1).collect();
            let stores = self.rows.stores.iter().any(|s| !s.per_row && self.levels[s.register] == level);
            if folds.is_empty() && !stores {
                continue;
            }
            let partial = |piece: usize| self.piece(row, piece, level, &folds, &folded);
            let partials: Vec<Vec<Register>> = (0..pieces).into_par_iter().map(partial).collect::<Result<_>>()?;
            for (position, &fold) in folds.iter().enumerate() {
                let Op::Fold(op, _) = self.rows.body[fold].op else { continue };
                let mut total = Register::neutral(self.rows.body[fold].dtype, op)?;
                partials.iter().try_for_each(|p| total.fold(0, op, &p[position], 0, 1))?;
                folded[fold] = Some(total);
            }
        }
        self.store_row(row, &folded)
    }

    fn folds_of(&self, level: usize) -> impl Iterator<Item = usize> + '_ {
        let is_fold = move |r: &usize| self.levels[*r] == level && matches!(self.rows.body[*r].op, Op::Fold(..));
        (0..self.rows.body.len()).filter(is_fold)
    }

    /// One piece of a long row at one level: its part of the folds; writes what is complete at this level.
    fn piece(
        &self,
        row: usize,
        piece: usize,
        level: usize,
        folds: &[usize],
        folded: &[Option<Register>],
    ) -> Result<Vec<Register>> {
        let mut registers = self.registers()?;
        let mut partials = Vec::with_capacity(folds.len());
        for &fold in folds {
            let Op::Fold(op, _) = self.rows.body[fold].op else { continue };
            partials.push(Register::neutral(self.rows.body[fold].dtype, op)?);
        }
        let end = ((piece + 1) * PIECE).min(self.row);
        for from in (piece * PIECE..end).step_by(BLOCK) {
            let len = BLOCK.min(end - from);
            let start = row * self.row + from;
            self.evaluate_level(&mut registers, level, start, len, folded)?;
            for (partial, &fold) in partials.iter_mut().zip(folds) {
                if let Op::Fold(op, operand) = self.rows.body[fold].op {
                    partial.fold(0, op, &registers[operand], 0, len)?;
                }
            }
            for (store, target) in self.rows.stores.iter().zip(&self.targets) {
                if !store.per_row && self.levels[store.register] == level {
                    write(target, &self.sizes, start, len, &registers[store.register]);
                }
            }
        }
        Ok(partials)
    }

    /// Every register up to a level, with the folds below it known.
    fn evaluate_level(
        &self,
        registers: &mut [Register],
        level: usize,
        start: usize,
        len: usize,
        folded: &[Option<Register>],
    ) -> Result<()> {
        for register in 0..self.rows.body.len() {
            if self.levels[register] > level {
                continue;
            }
            match (&self.rows.body[register].op, &folded[register]) {
                (Op::Fold(..), Some(value)) => registers[register].spread(0, len, value, 0)?,
                (Op::Fold(..), None) => {}
                _ => self.evaluate(registers, register, start, len)?,
            }
        }
        Ok(())
    }

    /// The values of which there is one a row.
    fn store_row(&self, row: usize, folded: &[Option<Register>]) -> Result<()> {
        let mut registers = self.registers()?;
        self.evaluate_level(&mut registers, usize::MAX, row * self.row, 1, folded)?;
        for (store, target) in self.rows.stores.iter().zip(&self.targets).filter(|(store, _)| store.per_row) {
            write(target, &self.sizes[..target.place.strides.len()], row, 1, &registers[store.register]);
        }
        Ok(())
    }

    /// One register over the flat positions `start..start + len`.
    fn evaluate(&self, registers: &mut [Register], register: usize, start: usize, len: usize) -> Result<()> {
        // The register is taken out, so that its operands can be read beside it.
        let mut out = std::mem::replace(&mut registers[register], Register::Bool(vec![]));
        let done = match &self.rows.body[register].op {
            Op::Load(load) => self.load(&mut out, register, load.buffer, start, len, load.gathered.map(|(_, r)| &registers[r])),
            Op::Index(map) => self.index(&mut out, map, start, len),
            Op::Constant(value) => out.fill_constant(value),
            Op::Map1(f, x) => out.map1(*f, &registers[*x], len),
            Op::Map2(f, a, b) => out.map2(*f, &registers[*a], &registers[*b], len),
            Op::Select(c, a, b) => out.select(&registers[*c], &registers[*a], &registers[*b], len),
            Op::Cast(x) => {
                out.cast(&registers[*x], len);
                Ok(())
            }
            Op::Fold(..) => Err(Error::internal("program", "a fold is no pointwise instruction")),
        };
        registers[register] = out;
        done
    }

    fn load(
        &self,
        out: &mut Register,
        register: usize,
        buffer: crate::kernel::BufferId,
        start: usize,
        len: usize,
        index: Option<&Register>,
    ) -> Result<()> {
        let Some(source) = &self.sources[register] else { return Err(Error::internal("program", "a load has no source")) };
        match out {
            Register::Bool(o) => load(self.memory.read::<u8>(buffer), source, &self.sizes, start, &mut o[..len], index),
            Register::F64(o) => load(self.memory.read::<f64>(buffer), source, &self.sizes, start, &mut o[..len], index),
            Register::F32(o) => load(self.memory.read::<f32>(buffer), source, &self.sizes, start, &mut o[..len], index),
            Register::I64(o) => load(self.memory.read::<i64>(buffer), source, &self.sizes, start, &mut o[..len], index),
            Register::I32(o) => load(self.memory.read::<i32>(buffer), source, &self.sizes, start, &mut o[..len], index),
        }
        Ok(())
    }

    fn index(&self, out: &mut Register, map: &crate::kernel::AxisMap, start: usize, len: usize) -> Result<()> {
        let mut at = Place { offset: map.start.eval(self.memory.sizes())? as isize, strides: vec![0; self.sizes.len()] };
        if let Some(from) = map.from {
            at.strides[from] = map.step as isize;
        }
        for_each_run(&at, &self.sizes, start, len, |block, value, step, count| {
            (0..count).for_each(|i| out.set_index(block + i, (value + step * i as isize) as i64));
        });
        Ok(())
    }
}

fn source(memory: &Memory, op: &Op, sizes: &[usize]) -> Result<Option<Source>> {
    let Op::Load(load) = op else { return Ok(None) };
    let axis = load.gathered.map(|(axis, _)| axis);
    let place = place(memory, &load.shape, &load.axes, sizes.len(), axis)?;
    let shape = memory.eval(&load.shape)?;
    let gathered = axis.map(|axis| (stride_of(&shape, axis), shape[axis] as i64));
    let motion = motion(&place, sizes);
    Ok(Some(Source { place, motion, gathered }))
}

/// How many folds deep each register is: a level is known once the folds of that level are.
fn levels(rows: &Rows) -> Vec<usize> {
    let mut levels: Vec<usize> = Vec::with_capacity(rows.body.len());
    for instruction in &rows.body {
        let below = instruction.op.operands().iter().map(|&r| levels[r]).max().unwrap_or(0);
        levels.push(below + matches!(instruction.op, Op::Fold(..)) as usize);
    }
    levels
}

fn load<T: Element + Default>(
    data: &[T],
    source: &Source,
    sizes: &[usize],
    start: usize,
    out: &mut [T],
    index: Option<&Register>,
) {
    if let (Some((stride, size)), Some(index)) = (source.gathered, index) {
        return gather(data, source, (stride, size), sizes, start, out, index);
    }
    let len = out.len();
    match source.motion {
        Motion::Fixed => out.fill(data[source.place.offset as usize]),
        Motion::Contiguous => {
            let from = source.place.offset as usize + start;
            out.copy_from_slice(&data[from..from + len]);
        }
        Motion::Strided => for_each_run(&source.place, sizes, start, len, |block, at, stride, count| {
            let out = &mut out[block..block + count];
            match stride {
                0 => out.fill(data[at as usize]),
                1 => out.copy_from_slice(&data[at as usize..at as usize + count]),
                _ => out.iter_mut().enumerate().for_each(|(i, o)| *o = data[(at + stride * i as isize) as usize]),
            }
        }),
    }
}

fn gather<T: Element + Default>(
    data: &[T],
    source: &Source,
    (axis_stride, size): (isize, i64),
    sizes: &[usize],
    start: usize,
    out: &mut [T],
    index: &Register,
) {
    for_each_run(&source.place, sizes, start, out.len(), |block, at, stride, count| {
        for i in 0..count {
            let picked = index.index_at(block + i);
            let inside = (0..size).contains(&picked);
            let place = at + stride * i as isize + axis_stride * picked as isize;
            out[block + i] = if inside { data[place as usize] } else { T::default() };
        }
    });
}

/// The first element of every row of a block, packed; None where rows have one element.
fn every(register: &Register, row: usize, rows: usize) -> Result<Option<Register>> {
    if row == 1 {
        return Ok(None);
    }
    let mut packed = Register::zeros(dtype_of(register), rows)?;
    (0..rows).try_for_each(|r| packed.spread(r, r + 1, register, r * row))?;
    Ok(Some(packed))
}

fn dtype_of(register: &Register) -> DType {
    match register {
        Register::F64(_) => DType::F64,
        Register::F32(_) => DType::F32,
        Register::I64(_) => DType::I64,
        Register::I32(_) => DType::I32,
        Register::Bool(_) => DType::Bool,
    }
}

fn write(target: &Target, sizes: &[usize], start: usize, len: usize, register: &Register) {
    each!(register, v => write_values(target, sizes, start, &v[..len]));
}

fn write_values<T: Element>(target: &Target, sizes: &[usize], start: usize, values: &[T]) {
    if target.motion == Motion::Contiguous {
        return write_run(target, target.place.offset + start as isize, 1, values);
    }
    for_each_run(&target.place, sizes, start, values.len(), |block, at, stride, count| {
        write_run(target, at, stride, &values[block..block + count]);
    });
}

fn write_run<T: Element>(target: &Target, at: isize, stride: isize, values: &[T]) {
    let Some(last) = values.len().checked_sub(1) else { return };
    let end = at + stride * last as isize;
    let room = (target.bytes / size_of::<T>()) as isize;
    assert!(at >= 0 && end >= 0 && at < room && end < room, "a store reaches outside its buffer");
    let pointer = target.pointer.cast::<T>();
    for (i, &value) in values.iter().enumerate() {
        // SAFETY: the place lies between the two ends checked above; the buffer is aligned for any element type, and no
        // other task writes this element (see `Target`).
        unsafe { pointer.offset(at + stride * i as isize).write(value) };
    }
}
