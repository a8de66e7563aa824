//! On a machine with a GPU: every program of the tests computes on it what the interpreter does. Elsewhere: a missing
//! library or device is an error that says so.

use gradframe_gpu::device::Device;
use gradframe_gpu::nvrtc::Width;
use gradframe_ml_core::{Error, Tensor};
use gradframe_ml_kernels::schedule::Kernel;

use rayon::prelude::*;

use crate::cases::{Which, cases, loops};
use crate::check::Case;
use crate::host::difference;

/// The device; None, said on the terminal, where there is none.
fn device() -> Option<Device> {
    let missing = |missing: &Error| {
        assert_eq!(missing.kind(), "NoDevice", "{missing}");
        println!("skipped: {missing}");
    };
    Device::open(0).inspect_err(missing).ok()
}

/// What a program does that it should not; None if it computes what the interpreter does, the same bits in every run.
fn fault(device: &Device, case: &Case, width: Width) -> Option<String> {
    let outcome = || -> gradframe_ml_core::Result<[Vec<Tensor>; 3]> {
        let loaded = device.load(&case.program, width)?;
        let there = case.inputs.iter().map(|input| device.put(input)).collect::<Result<Vec<_>, _>>()?;
        let kept = loaded.run_there(&there)?.iter().map(|result| device.get(result)).collect::<Result<Vec<_>, _>>()?;
        Ok([loaded.run(&case.inputs)?, loaded.run(&case.inputs)?, kept])
    };
    let [ours, again, kept] = match outcome() {
        Ok(results) => results,
        Err(error) => return Some(format!("{error:?}\n{}", case.program)),
    };
    if ours != again || ours != kept {
        return Some(format!("runs differ\n{}", case.program));
    }
    let expected = case.program.interpret(&case.inputs).unwrap();
    let multiplies = case.program.kernels().iter().any(|kernel| matches!(kernel, Kernel::Dot(_)));
    let pairs = ours.iter().zip(&expected).filter(|(ours, theirs)| !(multiplies && is_near(ours, theirs)));
    let mut differences = pairs.filter_map(|(ours, theirs)| difference(ours, theirs));
    differences.next().map(|difference| format!("{difference}\n{}", case.program))
}

/// Whether two results of products differ by no more than float32 rounds in sums of numbers as large as their largest: one
/// that is small, because its terms cancel, has their error. The library adds in an order of its own.
fn is_near(ours: &Tensor, theirs: &Tensor) -> bool {
    let (ours, theirs) = (ours.to_f64(), theirs.to_f64());
    let largest = theirs.iter().fold(1.0, |most: f64, value| most.max(value.abs()));
    ours.len() == theirs.len() && ours.iter().zip(&theirs).all(|(a, b)| (a - b).abs() <= 1e-6 * largest)
}

fn all_agree(device: &Device, cases: &[Case]) {
    let width = |n: usize| if n.is_multiple_of(2) { Width::Narrow } else { Width::Wide };
    let faults: Vec<String> = cases.par_iter().enumerate().filter_map(|(n, case)| fault(device, case, width(n))).collect();
    println!("{}: {} programs, {} at fault", device.name().unwrap(), cases.len(), faults.len());
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), cases.len(), faults[..faults.len().min(12)].join("\n"));
}

#[test]
fn programs_on_a_device_compute_what_the_interpreter_does() {
    let Some(device) = device() else { return };
    let cases: Vec<Case> = cases(Which::All).cases.into_iter().map(|(case, _)| case).collect();
    all_agree(&device, &cases);
}

#[test]
fn loops_on_a_device_compute_what_the_interpreter_does() {
    let Some(device) = device() else { return };
    all_agree(&device, &loops());
}
