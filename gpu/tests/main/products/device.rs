//! Products by cuBLASLt on device 0, where there is one, against a loop in float64.

use std::sync::Arc;
use std::time::Instant;

use cudarc::driver::{CudaContext, CudaSlice, CudaStream, DevicePtr, sys};
use gradframe_gpu::blas::{Precision, Product, Products};
use gradframe_gpu::device::Device;
use gradframe_gpu::nvrtc::Width;
use gradframe_ml_core::graph::{DotDims, Type};
use gradframe_ml_core::{DType, Shape, Tensor};
use gradframe_ml_kernels::compile;

use super::random::{sample, with_types};
use super::{Alone, computed};
use crate::cases::{Which, cases};
use crate::check::Case;
use crate::given::{floats, function, numbers, tensor};
use crate::host::difference;

/// The library on device 0; None, said on the terminal, where one of them is missing.
fn library(precision: Precision) -> Option<(Arc<CudaStream>, Products)> {
    // SAFETY: looks for the driver's library, and nothing else.
    if !unsafe { sys::is_culib_present() } {
        println!("skipped: no CUDA driver");
        return None;
    }
    let stream = CudaContext::new(0).and_then(|context| context.new_stream());
    let stream = stream.inspect_err(|error| println!("skipped: no CUDA device: {error}")).ok()?;
    let found = Products::find(&stream, precision).inspect_err(|missing| {
        assert_eq!(missing.kind(), "NoDevice", "{missing}");
        println!("skipped: {missing}");
    });
    Some((stream, found.ok()?))
}

fn uploaded(stream: &Arc<CudaStream>, tensor: &Tensor) -> CudaSlice<u8> {
    let bytes = tensor.buffer().as_slice();
    if bytes.is_empty() { stream.alloc_zeros(1).unwrap() } else { stream.clone_htod(bytes).unwrap() }
}

/// The product's result on the device; None if the library has no algorithm.
fn on_device((stream, products): &(Arc<CudaStream>, Products), alone: &Alone, product: &Product) -> Option<Tensor> {
    let [left, right] = alone.operands().map(|operand| uploaded(stream, &operand));
    let buffer = &alone.schedule.buffers[alone.kernel.output.index()];
    let shape = buffer.shape.eval(&alone.sizes).unwrap();
    let bytes = shape.iter().product::<usize>() * buffer.dtype.size_bytes();
    let output = stream.clone_htod(&vec![0xffu8; bytes]).unwrap(); // NaN, if it is read
    let addresses = [&left, &right, &output].map(|array| array.device_ptr(stream).0);
    // SAFETY: the arrays are as large as the schedule says, and live until the result has been copied.
    if !unsafe { products.run(product, addresses) }.unwrap() {
        return None;
    }
    let bytes = stream.clone_dtoh(&output).unwrap();
    stream.synchronize().unwrap();
    Some(Tensor::try_new(buffer.dtype, &shape, arrow_buffer::Buffer::from_slice_ref(&bytes)).unwrap())
}

/// Where a result is further from the sum than its type's rounding, and that of a sum in the type that is computed in.
fn fault(alone: &Alone, product: &Product, ours: &Tensor) -> Option<String> {
    let [left, right] = alone.operands().map(|operand| floats(&operand));
    let ours_f64 = floats(ours);
    let absolute = |values: &[f64]| values.iter().map(|value| value.abs()).collect::<Vec<f64>>();
    let exact = computed(product, &left, &right, ours_f64.len());
    let terms = computed(product, &absolute(&left), &absolute(&right), ours_f64.len());
    let (of_sum, of_result) = match ours.dtype() {
        DType::F64 => (1e-14, 0.0),
        DType::F32 => (1e-6, 0.0),
        DType::F16 => (1e-6, 1e-3),
        _ => (1e-6, 8e-3),
    };
    let is_near = |i: usize| (ours_f64[i] - exact[i]).abs() <= of_sum * terms[i] + of_result * exact[i].abs();
    let at = (0..exact.len()).find(|&i| !is_near(i))?; // NaN is near to nothing
    Some(format!("element {at}: {:e}, expected {:e} of terms {:e}", ours_f64[at], exact[at], terms[at]))
}

/// Compares, and gives whether there was an algorithm.
fn compare(library: &(Arc<CudaStream>, Products), alone: &Alone) -> bool {
    let Some(product) = alone.product() else { return false };
    let Some(ours) = on_device(library, alone, &product) else { return false };
    let again = on_device(library, alone, &product);
    assert_eq!(Some(&ours), again.as_ref(), "two runs differ: {product:?}");
    assert_eq!(fault(alone, &product, &ours), None, "{product:?}");
    true
}

#[test]
fn random_products_on_a_device() {
    let Some(library) = library(Precision::Full) else { return };
    let alone: Vec<Alone> = sample(600);
    let done = alone.iter().filter(|alone| compare(&library, alone)).count();
    let all = alone.iter().filter(|alone| alone.product().is_some()).count();
    println!("cuBLASLt {}: {done} of {all} random products agree, {} plans", library.1.version(), library.1.planned());
    assert!(done > 0);
}

/// [batch, rows, depth] . [batch, depth, columns], each operand in its order or transposed.
fn matrices(dtypes: [DType; 3], [batch, rows, columns, depth]: [usize; 4], transposed: [bool; 2]) -> Alone {
    let (left, right) = (transposed[0], transposed[1]);
    let left_shape = if left { [batch, depth, rows] } else { [batch, rows, depth] };
    let right_shape = if right { [batch, columns, depth] } else { [batch, depth, columns] };
    let dims = DotDims {
        batch: [(0, 0)].into_iter().collect(),
        contract: [(if left { 1 } else { 2 }, if right { 2 } else { 1 })].into_iter().collect(),
    };
    let types = [left_shape, right_shape].map(|shape| Type::new(DType::F32, Shape::fixed(&shape)));
    let program = compile(&function(&types, |g, x| Ok(vec![g.dot(x[0], x[1], dims)?]))).unwrap();
    let inputs = [left_shape, right_shape].map(|shape| tensor(DType::F32, &shape, vec![0.0; shape.iter().product()]));
    let alone = Alone::all(&program, &inputs).remove(0);
    with_types(alone, dtypes)
}

const F32: [DType; 3] = [DType::F32; 3];
const F64: [DType; 3] = [DType::F64; 3];
const F16: [DType; 3] = [DType::F16; 3];
const BF16: [DType; 3] = [DType::BF16; 3];
const MIXED: [DType; 3] = [DType::BF16, DType::BF16, DType::F32];

#[test]
fn every_type_and_order_on_a_device() {
    let Some(library) = library(Precision::Full) else { return };
    for dtypes in [F32, F64, F16, BF16, MIXED] {
        for transposed in [[false, false], [false, true], [true, false], [true, true]] {
            for sizes in [[1, 64, 96, 128], [3, 33, 65, 17], [1, 1, 100, 200], [5, 128, 1, 64], [2, 40, 8, 2000]] {
                let alone = matrices(dtypes, sizes, transposed);
                assert!(compare(&library, &alone), "no algorithm: {dtypes:?} {sizes:?} {transposed:?}");
            }
        }
    }
    println!("cuBLASLt {}: {} plans", library.1.version(), library.1.planned());
}

#[test]
fn tf32_is_asked_for() {
    let sizes = [1, 128, 128, 512];
    let error = |precision| {
        let library = library(precision)?;
        let alone = matrices(F32, sizes, [false, false]);
        let product = alone.product().unwrap();
        let [left, right] = alone.operands().map(|operand| floats(&operand));
        let exact = computed(&product, &left, &right, 128 * 128);
        let ours = floats(&on_device(&library, &alone, &product).unwrap());
        Some(ours.iter().zip(&exact).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max))
    };
    let (Some(full), Some(rounded)) = (error(Precision::Full), error(Precision::Tf32)) else { return };
    println!("largest errors of 512 terms: {full:.1e} in float32, {rounded:.1e} in tf32");
    assert!(full < 1e-3 && full < rounded && rounded < 1.0, "{full} {rounded}");
}

#[test]
fn programs_multiply_by_the_library_and_by_printed_kernels() {
    let Some(_) = library(Precision::Full) else { return };
    let device = Device::open(0).unwrap();
    let printed = device.without_products();
    assert!(printed.products().unwrap().is_none());
    let cases = cases(Which::Fixed).cases.into_iter().map(|(case, _)| case);
    let multiplies = |case: &Case| Alone::all(&case.program, &case.inputs).iter().any(|alone| alone.product().is_some());
    let cases: Vec<Case> = cases.filter(multiplies).collect();
    for case in &cases {
        let ours = device.load(&case.program, Width::Wide).unwrap().run(&case.inputs).unwrap();
        let theirs = printed.load(&case.program, Width::Narrow).unwrap().run(&case.inputs).unwrap();
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_eq!(difference(ours, theirs), None, "{}", case.program);
        }
    }
    let planned = device.products().unwrap().unwrap().planned();
    println!("{} programs multiply, {planned} kinds of products by cuBLASLt", cases.len());
    assert!(planned > 0);
}

#[test]
#[ignore = "a measurement, for a machine with a GPU"]
fn speed_on_a_device() {
    let sizes = [[1, 4096, 4096, 4096], [1, 8192, 3072, 768], [1, 768, 3072, 8192], [96, 1024, 1024, 64], [96, 1024, 64, 1024]];
    let kinds = [
        ("f32", F32, Precision::Full),
        ("tf32", F32, Precision::Tf32),
        ("f64", F64, Precision::Full),
        ("bf16", BF16, Precision::Full),
        ("f16", F16, Precision::Full),
        ("bf16 -> f32", MIXED, Precision::Full),
    ];
    for (name, dtypes, precision) in kinds {
        let Some(library) = library(precision) else { return };
        for size in sizes {
            for transposed in [[false, false], [false, true], [true, false]] {
                let seconds = seconds(&library, &matrices(dtypes, size, transposed));
                let operations = 2.0 * size.iter().map(|&n| n as f64).product::<f64>();
                let speed = operations / seconds / 1e12;
                println!("{name} {size:?} transposed {transposed:?}: {:.1} us, {speed:.1} Tflop/s", seconds * 1e6);
            }
        }
    }
}

/// The median of nine times of ten calls, each.
fn seconds((stream, products): &(Arc<CudaStream>, Products), alone: &Alone) -> f64 {
    let product = alone.product().unwrap();
    let bytes = |buffer: gradframe_ml_kernels::schedule::BufferId| {
        let def = &alone.schedule.buffers[buffer.index()];
        def.shape.count(&alone.sizes).unwrap() * def.dtype.size_bytes()
    };
    let kernel = &alone.kernel;
    let arrays = [kernel.left.buffer, kernel.right.buffer, kernel.output].map(|buffer| {
        let noise: Vec<u8> = numbers(4096, 5).iter().flat_map(|number| (*number as f32).to_le_bytes()).collect();
        let all: Vec<u8> = noise.iter().copied().cycle().take(bytes(buffer)).collect();
        stream.clone_htod(&all).unwrap()
    });
    let addresses = [0, 1, 2].map(|i| arrays[i].device_ptr(stream).0);
    let run = || {
        // SAFETY: the arrays are as large as the schedule says, and live until the stream has been waited for.
        assert!(unsafe { products.run(&product, addresses) }.unwrap(), "no algorithm: {product:?}");
    };
    let mut times: Vec<f64> = (0..10)
        .map(|_| {
            let start = Instant::now();
            (0..10).for_each(|_| run());
            stream.synchronize().unwrap();
            start.elapsed().as_secs_f64() / 10.0
        })
        .skip(1)
        .collect();
    times.sort_by(f64::total_cmp);
    times[4]
}
