//! Folds over long axes: fixed chunks, each folded block by block, then the chunks in order.

use gradframe_ml_core::graph::ReduceOp;
use gradframe_ml_core::{DType, Error, Result};

use super::bytes::{self, typed};
use super::evaluator::{Block, Evaluator, Registers};
use super::fold::{self, Folded};
use super::tasks::{self, TASK_BYTES_MIN};
use super::{Env, cast, product};
use crate::schedule::{Fold, ValueId};

/// Elements of a block: a few of them fit the first-level cache at once. Fixed, as chunks are.
const BLOCK_ELEMENTS: usize = 2048;
/// Elements of a block that is read where it lies, so that nothing has to fit but the totals.
const DIRECT_ELEMENTS: usize = 16 * 1024;
/// Elements of a chunk. Fixed, so that sums do not depend on the number of threads.
const CHUNK_ELEMENTS: usize = 16 * 1024;

/// The kernel with its sizes known: `outer` x `folded` x `inner` elements, `folded` in chunks of `chunk`.
struct Plan<'a> {
    evaluator: Evaluator<'a>,
    value: ValueId,
    op: ReduceOp,
    outer: usize,
    folded: usize,
    inner: usize,
    chunk: usize,
}

/// Runs the kernel.
pub fn run(kernel: &Fold, env: &Env, output: &mut [u8]) -> Result<()> {
    let dtype = env.schedule.buffers[kernel.output.index()].dtype;
    match kernel.chain.value(kernel.value).dtype {
        DType::F32 => run_typed::<f32>(kernel, env, (DType::F64, dtype), output),
        DType::F64 => run_typed::<f64>(kernel, env, (DType::F64, dtype), output),
        DType::I64 => run_typed::<i64>(kernel, env, (DType::I64, dtype), output),
        DType::U64 => run_typed::<u64>(kernel, env, (DType::U64, dtype), output),
        DType::Bool => run_typed::<u8>(kernel, env, (DType::U64, dtype), output),
        other => Err(Error::internal("reduce", format!("is not computed in {other}"))),
    }
}

fn run_typed<T: Folded>(kernel: &Fold, env: &Env, (from, to): (DType, DType), output: &mut [u8]) -> Result<()> {
    let plan = Plan::bind(kernel, env)?;
    let neutral = fold::neutral_of::<T>(plan.op, to);
    let mut totals = vec![neutral; plan.outer * plan.inner];
    if plan.folded > 0 && !totals.is_empty() {
        plan.fold::<T>(env, neutral, &mut totals)?;
    }
    cast::cast(from, to, bytes::as_bytes(&totals), output);
    Ok(())
}

impl<'a> Plan<'a> {
    fn bind(kernel: &'a Fold, env: &Env<'a>) -> Result<Self> {
        let [outer, folded, inner] = [&kernel.outer, &kernel.folded, &kernel.inner].map(|s| s.eval(env.sizes));
        let (outer, folded, inner) = (outer?, folded?, inner?);
        let domain: Vec<usize> = outer.iter().chain(&folded).chain(&inner).copied().collect();
        let evaluator = Evaluator::bind(&kernel.chain, (&domain, &[]), (&[], false), env)?;
        let inner = product(&inner);
        let chunk = if inner == 1 { CHUNK_ELEMENTS } else { (CHUNK_ELEMENTS / inner.max(1)).max(64) };
        Ok(Plan { evaluator, value: kernel.value, op: kernel.op, outer: product(&outer), folded: product(&folded), inner, chunk })
    }

    fn fold<T: Folded>(&self, env: &Env, neutral: T::Acc, totals: &mut [T::Acc]) -> Result<()> {
        if self.inner == 1 && self.folded <= BLOCK_ELEMENTS {
            return self.fold_short_rows::<T>(env, totals);
        }
        let chunks = self.folded.div_ceil(self.chunk);
        let mut partials = vec![neutral; self.outer * chunks * self.inner];
        if self.inner > BLOCK_ELEMENTS {
            self.fold_long_inner::<T>(env, chunks, &mut partials)?;
        } else {
            self.fold_chunks::<T>(env, chunks, &mut partials)?;
        }
        for (total, partials) in totals.chunks_mut(self.inner).zip(partials.chunks(chunks * self.inner)) {
            for partial in partials.chunks(self.inner) {
                total.iter_mut().zip(partial).for_each(|(t, &p)| *t = fold::joined(self.op, *t, p));
            }
        }
        Ok(())
    }

    /// Chunks of all `outer` positions, each into its own partial result.
    fn fold_chunks<T: Folded>(&self, env: &Env, chunks: usize, partials: &mut [T::Acc]) -> Result<()> {
        let per_task = (TASK_BYTES_MIN / 8 / (self.chunk.min(self.folded) * self.inner)).max(1);
        tasks::for_each_chunk(env.workers, partials, per_task * self.inner, |task, partials| {
            let mut registers = self.evaluator.registers();
            for (i, partial) in partials.chunks_mut(self.inner).enumerate() {
                let unit = task * per_task + i;
                self.fold_chunk::<T>(&mut registers, (unit / chunks, unit % chunks), partial)?;
            }
            Ok(())
        })
    }

    /// Many short rows: a block holds several.
    fn fold_short_rows<T: Folded>(&self, env: &Env, totals: &mut [T::Acc]) -> Result<()> {
        let rows = BLOCK_ELEMENTS / self.folded;
        let per_task = rows * (TASK_BYTES_MIN / 8 / BLOCK_ELEMENTS).max(1);
        tasks::for_each_chunk(env.workers, totals, per_task, |task, totals| {
            let mut registers = self.evaluator.registers();
            for (i, totals) in totals.chunks_mut(rows).enumerate() {
                let first = (task * per_task + i * rows) * self.folded;
                let values = self.block::<T>(&mut registers, first, totals.len() * self.folded)?;
                fold::rows(self.op, values, self.folded, |row, total| totals[row] = total);
            }
            Ok(())
        })
    }

    /// One chunk of one `outer` position.
    fn fold_chunk<T: Folded>(
        &self,
        registers: &mut Registers,
        (outer, chunk): (usize, usize),
        totals: &mut [T::Acc],
    ) -> Result<()> {
        let first = chunk * self.chunk;
        let count = self.chunk.min(self.folded - first);
        let (start, end) = ((outer * self.folded + first) * self.inner, (outer * self.folded + first + count) * self.inner);
        let block = if self.evaluator.is_direct(self.value) { DIRECT_ELEMENTS } else { BLOCK_ELEMENTS };
        let step = block / self.inner * self.inner;
        for at in (start..end).step_by(step) {
            let values = self.block::<T>(registers, at, step.min(end - at))?;
            if let [total] = totals {
                *total = fold::joined(self.op, *total, fold::block(self.op, values));
            } else {
                fold::columns(self.op, values, totals);
            }
        }
        Ok(())
    }

    /// Rows longer than a block: pieces of them, each by one task that goes through all rows of a chunk while its totals stay in
    /// the first-level cache.
    fn fold_long_inner<T: Folded>(&self, env: &Env, chunks: usize, partials: &mut [T::Acc]) -> Result<()> {
        let units = partials.chunks_mut(self.inner).enumerate();
        let pieces = units.flat_map(|(unit, totals)| {
            totals.chunks_mut(BLOCK_ELEMENTS).enumerate().map(move |(piece, totals)| (unit, piece * BLOCK_ELEMENTS, totals))
        });
        let registers = || self.evaluator.registers();
        tasks::for_each_with(env.workers, pieces.collect(), registers, |registers, (unit, first, totals)| {
            let (outer, chunk) = (unit / chunks, unit % chunks);
            let rows = chunk * self.chunk..self.folded.min((chunk + 1) * self.chunk);
            self.fold_piece::<T>(registers, (outer * self.folded + rows.start, rows.len()), first, totals)
        })
    }

    /// Elements from `first` on, as many as there are totals, of `rows` neighbouring rows.
    fn fold_piece<T: Folded>(
        &self,
        registers: &mut Registers,
        (first_row, rows): (usize, usize),
        first: usize,
        totals: &mut [T::Acc],
    ) -> Result<()> {
        let at = |row: usize| (first_row + row) * self.inner + first;
        let width = totals.len();
        let four = |row: usize| [0, 1, 2, 3].map(|i| typed::<T>(self.evaluator.direct(self.value, at(row + i), width)));
        let mut row = 0;
        while self.evaluator.is_direct(self.value) && row + 4 <= rows {
            let next = if row + 8 <= rows { four(row + 4) } else { [&[][..]; 4] };
            fold::four_rows(self.op, four(row), next, totals);
            row += 4;
        }
        while row < rows {
            let values = self.block::<T>(registers, at(row), totals.len())?;
            fold::columns(self.op, values, totals);
            row += 1;
        }
        Ok(())
    }

    fn block<'r, T: Folded>(&'r self, registers: &'r mut Registers, first: usize, count: usize) -> Result<&'r [T]> {
        let block = Block { first, count };
        self.evaluator.run(registers, block, 0, &mut [])?;
        Ok(typed(self.evaluator.get(self.value, registers, block, 0, &[])))
    }
}
