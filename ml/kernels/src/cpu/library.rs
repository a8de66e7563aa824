//! Routines over whole arrays: convolutions and attention; factorizations, solvers and Fourier transforms, computed in f64 whatever the
//! type. Entries of a batch are computed apart, so that threads change nothing.

use gradframe_ml_core::graph::Linalg;
use gradframe_ml_core::{DType, Error, Result};
use gradframe_ml_numeric as numeric;
use rayon::prelude::*;

use super::bytes::{typed, typed_mut};
use super::tasks::Workers;
use super::{Env, attention, conv, product};
use crate::schedule::{Library, Routine};

/// Runs the kernel.
pub fn run(kernel: &Library, env: &Env, output: &mut [u8]) -> Result<()> {
    match &kernel.routine {
        Routine::Conv(own) => conv::run(kernel, own, env, output),
        Routine::Attention { scale_bits, .. } => attention::run(kernel, f64::from_bits(*scale_bits) as f32, env, output),
        routine => by_numeric(kernel, routine, env, output),
    }
}

fn by_numeric(kernel: &Library, routine: &Routine, env: &Env, output: &mut [u8]) -> Result<()> {
    let mut operands = Vec::with_capacity(kernel.operands.len());
    for (buffer, shape) in &kernel.operands {
        let dtype = env.schedule.buffers[buffer.index()].dtype;
        operands.push((widened(dtype, env.bytes(buffer.index())), shape.eval(env.sizes)?));
    }
    let values = match *routine {
        Routine::Fft { inverse } => {
            let (values, shape) = &operands[0];
            numeric::fft(values, shape[shape.len() - 2], inverse)
        }
        Routine::Linalg(op) => of_batch(op, &operands, matches!(env.workers, Workers::Pool)),
        Routine::Conv(_) | Routine::Attention { .. } => {
            return Err(Error::internal(kernel.routine.name(), "is not computed by a library"));
        }
    };
    let dtype = env.schedule.buffers[kernel.output.index()].dtype;
    if values.len() * dtype.size_bytes() != output.len() {
        return Err(Error::internal(kernel.routine.name(), "the result does not fill its buffer"));
    }
    narrowed(dtype, &values, output);
    Ok(())
}

fn widened(dtype: DType, bytes: &[u8]) -> Vec<f64> {
    match dtype {
        DType::F32 => typed::<f32>(bytes).iter().map(|&v| f64::from(v)).collect(),
        _ => typed::<f64>(bytes).to_vec(),
    }
}

fn narrowed(dtype: DType, values: &[f64], output: &mut [u8]) {
    match dtype {
        DType::F32 => typed_mut::<f32>(output).iter_mut().zip(values).for_each(|(o, &v)| *o = v as f32),
        _ => typed_mut::<f64>(output).copy_from_slice(values),
    }
}

/// Each matrix of the last two axes by itself.
fn of_batch(op: Linalg, operands: &[(Vec<f64>, Vec<usize>)], pool: bool) -> Vec<f64> {
    let (a, shape) = &operands[0];
    let [m, n] = [shape[shape.len() - 2], shape[shape.len() - 1]];
    let batch = product(&shape[..shape.len() - 2]);
    let k = operands.get(1).map_or(0, |(_, shape)| shape[shape.len() - 1]);
    let entry = |at: usize| {
        let b = operands.get(1).map_or(&[][..], |(b, _)| &b[at * m * k..(at + 1) * m * k]);
        of_one(op, &a[at * m * n..(at + 1) * m * n], [m, n], b, k)
    };
    if pool {
        return (0..batch).into_par_iter().map(entry).collect::<Vec<_>>().concat();
    }
    (0..batch).flat_map(entry).collect()
}

fn of_one(op: Linalg, a: &[f64], shape: [usize; 2], b: &[f64], k: usize) -> Vec<f64> {
    let n = shape[0];
    match op {
        Linalg::Cholesky => numeric::cholesky(a, n),
        Linalg::Triangular { upper, transposed, unit } => numeric::solve_triangular(a, n, b, k, [upper, transposed, unit]),
        Linalg::Solve { transposed } => numeric::solve(a, n, b, k, transposed),
        Linalg::LogDet => numeric::log_det(a, n),
        Linalg::Lu => numeric::lu(a, shape),
        Linalg::Qr => numeric::qr(a, shape),
        Linalg::Eigh => numeric::eigh(a, n),
        Linalg::Svd => numeric::svd(a, shape),
        Linalg::Pinv { rtol } => numeric::pinv(a, shape, f64::from_bits(rtol)),
    }
}
