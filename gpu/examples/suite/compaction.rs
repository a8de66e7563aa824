//! The elements that a mask keeps, about half of them.

use gradframe_gpu::device::{Device, DeviceTensor};
use gradframe_gpu::nvrtc::Width;
use gradframe_ml_core::{DType, Dim, Graph, NodeId, Result, Tensor};

use crate::tasks::{Fill, Given};
use crate::{compiled, function, median};

const CHECKED: usize = 100_003;

/// Compares a short line with the processor's, times a long one, and prints a line. Says whether it is right.
pub fn run(device: &Device, values: &DeviceTensor, bandwidth: f64) -> Result<bool> {
    let short = Given::new(&[], Fill::Normal).on_host(CHECKED, DType::F32, 1)?;
    let there = device.put(&short)?;
    let ours = device.get(&device.filtered(&there, &positive(device, &there)?)?)?;
    let expected: Vec<f32> = short.values::<f32>()?.iter().copied().filter(|x| *x > 0.0).collect();
    let is_right = ours == Tensor::from_vec(&[expected.len()], expected)?;
    let mask = positive(device, values)?;
    let kept = device.filtered(values, &mask)?.size_bytes();
    let seconds = median(device, || device.filtered(values, &mask))?;
    let bytes = values.size_bytes() + mask.size_bytes() + kept;
    let verdict = if is_right { "0.0e0" } else { "1.0e0 WRONG" };
    println!("compaction | {verdict} | {:.4} ms | {:.0} %", 1e3 * seconds, 100.0 * bytes as f64 / seconds / bandwidth);
    Ok(is_right)
}

/// Whether each number is above zero.
fn positive(device: &Device, values: &DeviceTensor) -> Result<DeviceTensor> {
    let ty = Given::new(&[], Fill::Normal).ty(&Dim::symbol("N"), DType::F32);
    let build = |g: &mut Graph, x: &[NodeId]| {
        let zero = g.scalar(DType::F32, 0.0)?;
        Ok(vec![g.gt(x[0], zero)?])
    };
    let program = compiled(&function(&[ty], build)?)?;
    Ok(device.load(&program, Width::Narrow)?.run_there(std::slice::from_ref(values))?.remove(0))
}
