//! Rows folded into groups by index.

use gradframe_ml_core::graph::{ReduceOp, ScatterOp};
use gradframe_ml_core::{DType, Error, Result};

use super::bytes::typed;
use super::fold::{self, Accumulator, Folded};
use super::moves::Indices;
use super::tasks;
use super::{Env, cast, product};
use crate::schedule::{Scatter, computed_in};

/// Elements of a chunk of rows. Fixed, so that sums do not depend on the number of threads.
const CHUNK_ELEMENTS: usize = 64 * 1024;

/// The kernel with its sizes known.
struct Plan<'a> {
    indices: Indices<'a>,
    op: ReduceOp,
    outer: usize,
    size: usize,
    inner: usize,
}

/// Runs the kernel.
pub fn run(kernel: &Scatter, env: &Env, output: &mut [u8]) -> Result<()> {
    let dtype = env.schedule.buffers[kernel.values.index()].dtype;
    let bytes = env.bytes(kernel.values.index());
    let wide = computed_in(dtype);
    if wide == dtype {
        return run_wide(kernel, env, dtype, bytes, output);
    }
    let count = bytes.len() / dtype.size_bytes();
    let mut widened = vec![0u64; (count * wide.size_bytes()).div_ceil(8)];
    let widened = &mut super::bytes::bytes_of_mut(&mut widened)[..count * wide.size_bytes()];
    cast::cast(dtype, wide, bytes, widened);
    run_wide(kernel, env, dtype, widened, output)
}

fn run_wide(kernel: &Scatter, env: &Env, dtype: DType, bytes: &[u8], output: &mut [u8]) -> Result<()> {
    match computed_in(dtype) {
        DType::F32 => run_typed::<f32>(kernel, env, (DType::F64, dtype), bytes, output),
        DType::F64 => run_typed::<f64>(kernel, env, (DType::F64, dtype), bytes, output),
        DType::I64 => run_typed::<i64>(kernel, env, (DType::I64, dtype), bytes, output),
        DType::U64 => run_typed::<u64>(kernel, env, (DType::U64, dtype), bytes, output),
        DType::Bool => run_typed::<u8>(kernel, env, (DType::U64, dtype), bytes, output),
        other => Err(Error::internal("scatter_reduce", format!("is not computed in {other}"))),
    }
}

fn run_typed<T: Folded>(kernel: &Scatter, env: &Env, (from, to): (DType, DType), bytes: &[u8], output: &mut [u8]) -> Result<()> {
    let op = match kernel.op {
        ScatterOp::Sum => ReduceOp::Sum,
        ScatterOp::Max => ReduceOp::Max,
        ScatterOp::Min => ReduceOp::Min,
    };
    let plan = Plan {
        indices: Indices::of(env, kernel.indices)?,
        op,
        outer: product(&kernel.outer.eval(env.sizes)?),
        size: kernel.size.eval(env.sizes)?,
        inner: product(&kernel.inner.eval(env.sizes)?),
    };
    let mut totals = vec![fold::neutral_of::<T>(op, to); plan.outer * plan.size * plan.inner];
    if !totals.is_empty() && plan.indices.len() > 0 {
        plan.scatter::<T>(env, typed(bytes), &mut totals)?;
    }
    cast::cast(from, to, super::bytes::as_bytes(&totals), output);
    Ok(())
}

impl Plan<'_> {
    fn scatter<T: Folded>(&self, env: &Env, values: &[T], totals: &mut [T::Acc]) -> Result<()> {
        let (count, groups) = (self.indices.len(), self.size * self.inner);
        let rows = (CHUNK_ELEMENTS / self.inner).max(1);
        let chunks = count.div_ceil(rows);
        for (outer, totals) in totals.chunks_mut(groups).enumerate() {
            let values = &values[outer * count * self.inner..(outer + 1) * count * self.inner];
            if chunks == 1 || groups * 8 > rows * self.inner {
                self.fold_rows(values, 0..count, totals); // too many groups for totals of each chunk
                continue;
            }
            let mut partials = vec![T::Acc::neutral(self.op); chunks * groups];
            tasks::for_each_chunk(env.workers, &mut partials, groups, |chunk, partial| {
                self.fold_rows(values, chunk * rows..count.min((chunk + 1) * rows), partial);
                Ok(())
            })?;
            for partial in partials.chunks(groups) {
                totals.iter_mut().zip(partial).for_each(|(t, &p)| *t = fold::joined(self.op, *t, p));
            }
        }
        Ok(())
    }

    fn fold_rows<T: Folded>(&self, values: &[T], rows: std::ops::Range<usize>, totals: &mut [T::Acc]) {
        for row in rows {
            let Some(group) = self.indices.get(row, self.size) else { continue };
            let total = &mut totals[group * self.inner..(group + 1) * self.inner];
            let values = &values[row * self.inner..(row + 1) * self.inner];
            match self.op {
                ReduceOp::Sum => total.iter_mut().zip(values).for_each(|(t, v)| *t = t.plus(v.widen())),
                op => total.iter_mut().zip(values).for_each(|(t, v)| *t = fold::joined(op, *t, v.widen())),
            }
        }
    }
}
