//! Segment sums: rows added to their group, in order.

use gradframe_ml_core::tensor::Element;
use gradframe_ml_core::{DType, Error, Result};

use super::memory::{Memory, Taken};
use crate::kernel::Scatter;

/// Runs the kernel.
pub fn run(scatter: &Scatter, memory: &mut Memory) -> Result<()> {
    let mut out = memory.take(scatter.out)?;
    let done = match scatter.dtype {
        DType::F64 => add::<f64>(scatter, memory, &mut out),
        DType::F32 => add::<f32>(scatter, memory, &mut out),
        other => Err(Error::internal("program", format!("scatter of {other}"))),
    };
    memory.put(out);
    done
}

/// `out[a, index[i], b] += updates[a, i, b]`, for i in ascending order.
fn add<T: Element + Default + std::ops::AddAssign>(scatter: &Scatter, memory: &Memory, out: &mut Taken) -> Result<()> {
    let shape = memory.eval(&scatter.updates_shape)?;
    let count: usize = memory.eval(&scatter.indices_shape)?.iter().product();
    let index_rank = scatter.indices_shape.rank();
    let before: usize = shape[..scatter.axis].iter().product();
    let after: usize = shape[scatter.axis + index_rank..].iter().product();
    let size = scatter.size.eval(memory.sizes())?;
    let indices = indices(scatter, memory, count);
    let updates = memory.read::<T>(scatter.updates);
    let sums = &mut out.bytes.typed_data_mut::<T>()[..before * size * after];
    sums.fill(T::default());
    for a in 0..before {
        for (i, &group) in indices.iter().enumerate() {
            let Some(group) = usize::try_from(group).ok().filter(|g| *g < size) else { continue };
            let from = (a * count + i) * after;
            let to = (a * size + group) * after;
            sums[to..to + after].iter_mut().zip(&updates[from..from + after]).for_each(|(sum, &value)| *sum += value);
        }
    }
    Ok(())
}

fn indices(scatter: &Scatter, memory: &Memory, count: usize) -> Vec<i64> {
    match memory.dtype(scatter.indices) {
        DType::I32 => memory.read::<i32>(scatter.indices)[..count].iter().map(|&i| i as i64).collect(),
        _ => memory.read::<i64>(scatter.indices)[..count].to_vec(),
    }
}
