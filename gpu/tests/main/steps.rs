//! A state that goes from step to step stays on the device, and is what the processor computes.

use gradframe_gpu::device::Device;
use gradframe_ml_core::graph::Type;
use gradframe_ml_core::{DType, Dim, Function, Graph, Result, Shape, Tensor};
use gradframe_ml_kernels::{Backend, Program, Steps, Threads, compile};

/// `(w [3], n, x [N, 3]) -> (w - mean of x / n, n + 1, sum of w x)`.
fn program() -> Result<Program> {
    let mut g = Graph::new();
    let f64s = |dims: &[Dim]| Type::new(DType::F64, Shape::new(dims.iter().cloned()));
    let (w, n) = (g.input("w", f64s(&[3.into()])), g.input("n", f64s(&[])));
    let x = g.input("x", f64s(&[Dim::symbol("N"), 3.into()]));
    let (mean, product) = (g.mean(x, &[0])?, g.mul(x, w)?);
    let (change, sum) = (g.div(mean, n)?, g.sum_all(product)?);
    let (next, number) = (g.sub(w, change)?, g.plus_number(n, 1.0)?);
    compile(&Function::new(g, vec![next, number, sum])?)
}

/// The sums of some steps, then the last state; and the state in between, which is a copy.
fn stepped(backend: &dyn Backend) -> Result<Vec<Tensor>> {
    let state = vec![Tensor::from_vec(&[3], vec![1.0, 2.0, 3.0])?, Tensor::scalar(1.0)];
    let mut steps = backend.begin(&program()?, state)?;
    let (mut seen, mut between) = (Vec::new(), Vec::new());
    for (step, rows) in [4, 4, 1, 3].into_iter().enumerate() {
        let batch = (0..3 * rows).map(|i| (i + step) as f64).collect();
        steps.start(vec![Tensor::from_vec(&[rows, 3], batch)?])?;
        seen.extend(steps.finish()?);
        if step == 1 {
            between = steps.state()?;
        }
    }
    assert_eq!(steps.finish().unwrap_err().kind(), "Internal");
    seen.extend(steps.state()?);
    seen.extend(between);
    Ok(seen)
}

fn begun(backend: &dyn Backend) -> Box<dyn Steps> {
    backend.begin(&program().unwrap(), vec![Tensor::from_vec(&[3], vec![1.0, 2.0, 3.0]).unwrap(), Tensor::scalar(1.0)]).unwrap()
}

fn batch(rows: usize) -> Vec<Tensor> {
    vec![Tensor::from_vec(&[rows, 3], (0..3 * rows).map(|i| i as f64).collect()).unwrap()]
}

/// A step, one that cannot be, and one more: what they leave.
fn around(backend: &dyn Backend, wrong: Vec<Tensor>, kind: &str) -> Vec<Tensor> {
    let mut steps = begun(backend);
    steps.start(batch(4)).unwrap();
    let first = steps.finish().unwrap();
    let before = steps.state().unwrap();
    assert_eq!(steps.start(wrong).unwrap_err().kind(), kind);
    assert_eq!(steps.state().unwrap(), before);
    steps.start(batch(2)).unwrap();
    [first, before, steps.finish().unwrap(), steps.state().unwrap()].concat()
}

#[test]
fn a_step_that_does_not_fit_leaves_the_state_as_it_is() {
    let wrong = || vec![Tensor::from_vec(&[1, 4], vec![0.0; 4]).unwrap()];
    let expected = around(&Threads::One, wrong(), "Shape");
    assert_eq!(around(&Threads::One, Vec::new(), "Shape"), expected);
    let Ok(device) = Device::open(0).inspect_err(|missing| println!("skipped: {missing}")) else { return };
    let near = |found: Vec<Tensor>| {
        assert_eq!(found.len(), expected.len());
        for (ours, theirs) in found.iter().zip(&expected) {
            assert_eq!(ours.shape(), theirs.shape());
            let close = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-12 * (1.0 + b.abs());
            assert!(ours.to_f64().iter().zip(&theirs.to_f64()).all(close), "{ours:?}, expected {theirs:?}");
        }
    };
    near(around(&device, wrong(), "Shape"));
    near(around(&device, Vec::new(), "Shape"));
    device.set_memory_budget(device.memory_used() + (1 << 16));
    near(around(&device, batch(10_000), "Resources"));
}

#[test]
fn steps_count_more_positions_with_64_bits() {
    let Ok(device) = Device::open(0).inspect_err(|missing| println!("skipped: {missing}")) else { return };
    let run = |backend: &dyn Backend| {
        let mut steps = begun(backend);
        let mut seen = Vec::new();
        for rows in [4, 500, 5, 600] {
            steps.start(batch(rows)).unwrap();
            seen.extend(steps.finish().unwrap());
        }
        seen.extend(steps.state().unwrap());
        seen
    };
    assert_eq!(run(&device.with_narrow_positions(1000)), run(&device));
}

#[test]
fn steps_on_a_device_leave_what_the_processor_leaves() {
    let expected = stepped(&Threads::One).unwrap();
    assert_eq!(expected.len(), 4 + 2 + 2);
    assert_eq!(expected[5].to_f64(), [5.0]);
    assert_eq!(expected[7].to_f64(), [3.0]);
    let device = match Device::open(0) {
        Ok(device) => device,
        Err(missing) => return println!("skipped: {missing}"),
    };
    let found = stepped(&device).unwrap();
    for (ours, theirs) in found.iter().zip(&expected) {
        let close = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-12 * (1.0 + b.abs());
        assert!(ours.to_f64().iter().zip(&theirs.to_f64()).all(close), "{ours:?}, expected {theirs:?}");
    }
}
