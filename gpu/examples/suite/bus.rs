//! The bus: pinned memory, arrays of the host's that go and come, and both beside kernels.

use std::thread;
use std::time::Instant;

use cudarc::driver::{CudaContext, DevicePtr, result};
use gradframe_gpu::device::Device;
use gradframe_gpu::nvrtc::Width;
use gradframe_ml_core::graph::Type;
use gradframe_ml_core::{DType, Dim, Error, Result, Tensor};

use crate::{compiled, function, shape};

/// Numbers of an array: 1 GiB of f32.
const NUMBERS: usize = 1 << 28;
const BYTES: f64 = 4.0 * NUMBERS as f64;
/// Copies that are timed; the fastest counts: others use the host, too.
const COPIES: usize = 5;
/// Threads that run pieces.
const THREADS: usize = 4;

/// Times copies, and prints a line each.
pub fn run(device: &Device) -> Result<()> {
    let (to, from) = pinned().map_err(|e| Error::external("cuda", "pinned copies failed").because(e))?;
    println!("bus pinned to device | - | {:.4} ms | {:.1} GB/s", 1e3 * to, 1e-9 * BYTES / to);
    println!("bus pinned from device | - | {:.4} ms | {:.1} GB/s", 1e3 * from, 1e-9 * BYTES / from);
    let data = Tensor::from_vec(&[NUMBERS], (0..NUMBERS).map(|i| (i % 1013) as f32).collect())?;
    let put = fastest(|| device.put(&data).and_then(|_| device.synchronize()))?;
    share("put 1 GiB", put, to);
    let there = device.put(&data)?;
    let get = fastest(|| device.get(&there).map(drop))?;
    share("get 1 GiB", get, from);
    let held = device.get(&there)?;
    println!("put and get | {}", if held == data { "equal" } else { "WRONG" });
    let fresh = fastest(|| device.get(&there).map(drop))?;
    share("get 1 GiB beside one that is held", fresh, from);
    drop((there, held));
    pieces(device, &data, to)
}

fn share(name: &str, seconds: f64, pinned: f64) {
    let (rate, percent) = (1e-9 * BYTES / seconds, 100.0 * pinned / seconds);
    println!("{name} | - | {:.4} ms | {rate:.1} GB/s | {percent:.0} % of pinned", 1e3 * seconds);
}

/// Seconds of a copy of pinned memory, there and back.
fn pinned() -> std::result::Result<(f64, f64), cudarc::driver::DriverError> {
    let context = CudaContext::new(0)?;
    let stream = context.new_stream()?;
    // SAFETY: bytes have any value, and nobody reads them.
    let (mut host, there) =
        unsafe { (context.alloc_pinned_with_flags::<u8>(BYTES as usize, 0)?, stream.alloc::<u8>(BYTES as usize)?) };
    let address = there.device_ptr(&stream).0;
    let host = host.as_mut_slice()?;
    host.fill(1);
    let mut times = [f64::INFINITY; 2];
    for _ in 0..COPIES {
        for (way, best) in times.iter_mut().enumerate() {
            let start = Instant::now();
            // SAFETY: both arrays have the bytes, and stay until the stream has been waited for.
            unsafe {
                match way {
                    0 => result::memcpy_htod_async(address, &*host, stream.cu_stream())?,
                    _ => result::memcpy_dtoh_async(&mut *host, address, stream.cu_stream())?,
                }
            }
            stream.synchronize()?;
            *best = best.min(start.elapsed().as_secs_f64());
        }
    }
    Ok((times[0], times[1]))
}

/// A program over pieces of an array of the host's, results back: one after the other, and by threads.
fn pieces(device: &Device, data: &Tensor, pinned: f64) -> Result<()> {
    let types = [Type::new(DType::F32, shape(&[Dim::symbol("N")]))];
    let program = compiled(&function(&types, |g, x| {
        let mut y = x[0];
        for _ in 0..8 {
            let square = g.mul(y, y)?;
            let falling = g.neg(square)?;
            let bell = g.exp(falling)?;
            y = g.add(bell, x[0])?;
        }
        Ok(vec![y])
    })?)?;
    let loaded = device.load(&program, Width::Narrow)?;
    const PIECE: usize = NUMBERS / 32;
    let piece = |n: usize| data.rows(n * PIECE, PIECE);
    let one = fastest(|| (0..32).try_for_each(|n| loaded.run_measured(&[piece(n)?]).map(drop)))?;
    share("pieces of 32 MiB there and back", one, pinned);
    let several = fastest(|| {
        thread::scope(|scope| {
            let own = |own: usize| (own..32).step_by(THREADS).try_for_each(|n| loaded.run_measured(&[piece(n)?]).map(drop));
            let threads: Vec<_> = (0..THREADS).map(|n| scope.spawn(move || own(n))).collect();
            let stopped = |_| Err(Error::internal("suite", "a thread stopped"));
            threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(stopped))
        })
    })?;
    share("the same by 4 threads", several, pinned);
    Ok(())
}

fn fastest(mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut best = f64::INFINITY;
    for _ in 0..COPIES {
        let start = Instant::now();
        work()?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    Ok(best)
}
