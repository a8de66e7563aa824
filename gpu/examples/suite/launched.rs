//! What it costs to start kernels: one by one, and replayed as a graph.

use std::time::Instant;

use gradframe_gpu::device::Device;
use gradframe_gpu::nvrtc::Width;
use gradframe_ml_core::graph::Type;
use gradframe_ml_core::{DType, Result};
use gradframe_ml_kernels::Backend;

use crate::mlp;
use crate::tasks::{Fill, Given};
use crate::{compiled, function, median, shape};

/// Running sums, each of the one before: nothing fuses.
const CHAIN: usize = 100;
const STEPS: usize = 300;

/// Times programs of many small kernels, and prints a line each.
pub fn run(device: &Device) -> Result<()> {
    for (name, device) in [("one by one", device.without_graphs()), ("replayed", device.clone())] {
        chain(&device, name)?;
        mlp::small(&device, name)?;
        steps(&device, name)?;
    }
    Ok(())
}

fn chain(device: &Device, name: &str) -> Result<()> {
    let program = compiled(&function(&[Type::new(DType::F32, shape(&[1024.into()]))], |g, x| {
        let mut y = x[0];
        for _ in 0..CHAIN {
            let sums = g.cumsum(y, 0)?;
            y = g.scaled_by(sums, 1e-3)?;
        }
        Ok(vec![y])
    })?)?;
    let loaded = device.load(&program, Width::Narrow)?;
    let x = device.put(&Given::new(&[], Fill::Normal).on_host(1024, DType::F32, 1)?)?;
    let seconds = median(device, || loaded.run_there(std::slice::from_ref(&x)))?;
    let kernels = program.kernels().len();
    let each = 1e6 * seconds / kernels as f64;
    println!(
        "chain {name} | - | {:.4} ms | {kernels} kernels | {each:.2} us each | {} replayed",
        1e3 * seconds,
        loaded.replayed()
    );
    Ok(())
}

/// Steps as a training makes them: batches come from the host, losses go there.
fn steps(device: &Device, name: &str) -> Result<()> {
    let (program, state, batch) = mlp::training(128)?;
    let mut steps = device.begin(&program, state)?;
    let mut run = |count: usize| -> Result<f64> {
        let start = Instant::now();
        for _ in 0..count {
            steps.start(batch.clone())?;
            steps.finish()?;
        }
        Ok(start.elapsed().as_secs_f64() / count as f64)
    };
    run(20)?;
    let seconds = run(STEPS)?;
    println!("MLP 128 from the host {name} | - | {:.4} ms", 1e3 * seconds);
    Ok(())
}
