//! What a device's memory, copies and repeated runs do, on one. `emulated.rs` runs these tests where there is none.

use gradframe_gpu::device::{Device, DeviceTensor, OnDevice};
use gradframe_gpu::nvrtc::Width;
use gradframe_ml_core::graph::Type;
use gradframe_ml_core::{DType, Dim, Function, Graph, NodeId, Result, Shape, Tensor};
use gradframe_ml_kernels::{Backend, Program, Threads, compile};

/// The device, by itself for this test; None, said on the terminal, where there is none.
fn device() -> Option<Device> {
    Device::open(0).inspect_err(|missing| println!("skipped: {missing}")).ok()
}

/// Whether it is a processor that takes its time: see `emulated.rs`.
fn is_emulated(device: &Device) -> bool {
    device.name().unwrap().starts_with("emulated")
}

fn program(types: &[&[Dim]], build: impl FnOnce(&mut Graph, &[NodeId]) -> Result<Vec<NodeId>>) -> Program {
    let mut g = Graph::new();
    let ty = |dims: &&[Dim]| Type::new(DType::F32, Shape::new(dims.iter().cloned()));
    let inputs: Vec<NodeId> = types.iter().enumerate().map(|(n, dims)| g.input(&format!("x{n}"), ty(dims))).collect();
    let results = build(&mut g, &inputs).unwrap();
    compile(&Function::new(g, results).unwrap()).unwrap()
}

/// `(w [64, 64], x [N, 64]) -> (w - xᵗ(xw) / 1000, the running sums of xw)`: products, a scan, a result in an argument's place.
fn step() -> Program {
    program(&[&[64.into(), 64.into()], &[Dim::symbol("N"), 64.into()]], |g, x| {
        let product = g.matmul(x[1], x[0])?;
        let turned = g.transpose(x[1])?;
        let back = g.matmul(turned, product)?;
        let change = g.scaled_by(back, 1e-3)?;
        Ok(vec![g.sub(x[0], change)?, g.cumsum(product, 0)?])
    })
}

fn numbers(sizes: &[usize], seed: usize) -> Tensor {
    let count = sizes.iter().product();
    Tensor::from_vec(sizes, (0..count).map(|i| ((i * 7919 + seed * 104_729) % 1013) as f32 / 1013.0 - 0.5).collect()).unwrap()
}

fn loaded(device: &Device) -> OnDevice {
    device.load(&step(), Width::Narrow).unwrap()
}

/// Steps with the same batch: the last state and result.
fn stepped(device: &Device, program: &OnDevice, rows: usize, steps: usize) -> Result<Vec<Tensor>> {
    let (mut state, batch) = (device.put(&numbers(&[64, 64], 1))?, device.put(&numbers(&[rows, 64], 2))?);
    let mut last = None;
    for _ in 0..steps {
        let mut results = program.run_owned(vec![state, batch.clone()])?;
        last = results.pop();
        state = results.remove(0);
    }
    device.get_all(&[Some(state), last].into_iter().flatten().collect::<Vec<DeviceTensor>>())
}

#[test]
fn memory_after_a_thousand_runs_is_that_after_ten() {
    let Some(device) = device() else { return };
    // Runs that are replayed keep memory once their arrays have lain in the same places a few times.
    for (device, first) in [(device.without_graphs(), 10), (device.clone(), 50)] {
        let program = loaded(&device);
        let run = |n: usize| program.run(&[numbers(&[64, 64], 1), numbers(&[50 + 13 * (n % 2), 64], n)]).unwrap();
        let used = |runs: usize| {
            (0..runs).for_each(|n| drop(run(n)));
            device.synchronize().unwrap();
            (device.memory_used(), device.memory_reserved().unwrap())
        };
        let many = if is_emulated(&device) { 60 } else { 1000 };
        let (after_first, after_many) = (used(first), used(many));
        assert_eq!(after_first, after_many, "bytes in use and bytes that the driver has given");
        println!("{} bytes in use after {many} runs, {} replayed", after_many.0, program.replayed());
    }
}

#[test]
fn what_does_not_fit_is_an_error_and_nothing_else_is_lost() {
    let Some(device) = device() else { return };
    let device = device.without_products(); // their workspace is 32 MiB
    let program = loaded(&device);
    let held = device.put(&numbers(&[64, 64], 5)).unwrap();
    let (small, large) = (numbers(&[100, 64], 2), numbers(&[100_000, 64], 2));
    let run = |x: &Tensor| program.run(&[numbers(&[64, 64], 1), x.clone()]);
    let expected = run(&small).unwrap();
    let limit = (device.memory_used() + (1 << 20)).to_string();
    device.limit_memory(Some(&limit.parse().unwrap()));
    let before = device.memory_used();
    for _ in 0..3 {
        let error = run(&large).unwrap_err();
        assert_eq!(error.kind(), "Resources");
        assert!(error.to_string().contains("asked for"), "{error}");
        assert_eq!(run(&small).unwrap(), expected);
    }
    let measured = program.run_measured(&[numbers(&[64, 64], 1), large.clone()]);
    assert_eq!(measured.unwrap_err().kind(), "Resources");
    assert!(device.memory_used() <= before + (1 << 20));
    assert_eq!(device.get(&held).unwrap(), numbers(&[64, 64], 5));
    device.set_memory_budget(usize::MAX);
    assert_eq!(run(&numbers(&[1000, 64], 2)).unwrap()[1].shape(), [1000, 64]);
}

#[test]
fn more_than_the_device_has_is_an_error() {
    let Some(device) = device() else { return };
    device.set_memory_budget(usize::MAX);
    let broadcast = program(&[&[Dim::symbol("N"), 1.into()], &[1.into(), (1 << 20).into()]], |g, x| Ok(vec![g.add(x[0], x[1])?]));
    let broadcast = device.load(&broadcast, Width::Wide).unwrap();
    let inputs = [numbers(&[1 << 20, 1], 1), numbers(&[1, 1 << 20], 2)].map(|input| device.put(&input).unwrap());
    let error = broadcast.run_there(&inputs).unwrap_err(); // 4 TiB
    assert_eq!(error.kind(), "Resources");
    assert!(error.to_string().contains("asked for"), "{error}");
    assert_eq!(device.get(&inputs[0]).unwrap(), numbers(&[1 << 20, 1], 1));
}

#[test]
fn repeated_runs_are_replayed_and_give_the_same_bits() {
    let Some(device) = device() else { return };
    let (ours, plain) = (loaded(&device), loaded(&device.without_graphs()));
    for rows in [33, 1, 70] {
        let replayed = stepped(&device, &ours, rows, 24).unwrap();
        assert_eq!(replayed, stepped(&device, &plain, rows, 24).unwrap(), "{rows} rows");
    }
    let again = stepped(&device, &ours, 33, 5).unwrap();
    assert_eq!(again, stepped(&device, &plain, 33, 5).unwrap());
    println!("{} of 77 runs were replayed", ours.replayed());
    assert!(ours.replayed() >= 40 && plain.replayed() == 0);
}

#[test]
fn what_repeated_runs_keep_gives_way_to_another_run() {
    let Some(device) = device() else { return };
    let device = device.without_products(); // their workspace is 32 MiB
    let (ours, plain) = (loaded(&device), loaded(&device.without_graphs()));
    let odd = |program: &OnDevice| program.run(&[numbers(&[64, 64], 1), numbers(&[300, 64], 2)]);
    let used = device.memory_used();
    // What the odd run needs, where nothing is kept.
    let fits = |bytes: &usize| {
        device.set_memory_budget(used + bytes);
        odd(&plain).is_ok()
    };
    let needed = (0..64).map(|n| n << 15).find(fits).unwrap();
    device.set_memory_budget(1 << 30);
    stepped(&device, &ours, 200, 24).unwrap();
    let kept = device.memory_used() - used;
    assert!(ours.replayed() > 0 && kept > 0);
    device.set_memory_budget(used + needed);
    assert_eq!(odd(&ours).unwrap(), odd(&plain).unwrap());
    assert_eq!(device.memory_used(), used);
    device.set_memory_budget(1 << 30);
    let before = ours.replayed();
    let again = stepped(&device, &ours, 200, 24).unwrap();
    assert_eq!(again, stepped(&device, &plain, 200, 24).unwrap());
    assert!(ours.replayed() > before);
}

#[test]
fn a_profile_has_a_time_for_each_kernel() {
    let Some(device) = device() else { return };
    let program = loaded(&device);
    let inputs = [numbers(&[64, 64], 1), numbers(&[40, 64], 2)];
    let there = inputs.iter().map(|input| device.put(input).unwrap()).collect();
    let (results, seconds) = program.run_profiled(there).unwrap();
    assert_eq!(device.get_all(&results).unwrap(), program.run(&inputs).unwrap());
    assert_eq!(seconds.len(), program.schedule().kernels.len());
    assert!(seconds.iter().all(|own| *own >= 0.0));
}

#[test]
fn results_that_are_held_are_not_written_over() {
    let Some(device) = device() else { return };
    let program = loaded(&device);
    let (w, x) = (device.put(&numbers(&[64, 64], 1)).unwrap(), device.put(&numbers(&[40, 64], 2)).unwrap());
    let results: Vec<Vec<DeviceTensor>> = (0..12).map(|_| program.run_there(&[w.clone(), x.clone()]).unwrap()).collect();
    let first = device.get_all(&results[0]).unwrap();
    assert!(results.iter().all(|own| device.get_all(own).unwrap() == first));
    assert_eq!(device.get(&w).unwrap(), numbers(&[64, 64], 1));
}

#[test]
fn a_training_is_replayed_whatever_the_last_batch() {
    let Some(device) = device() else { return };
    let run = |backend: &dyn Backend| -> Result<Vec<Tensor>> {
        let mut steps = backend.begin(&step(), vec![numbers(&[64, 64], 1)])?;
        let mut seen = Vec::new();
        for n in 0..40 {
            let rows = if n % 10 == 9 { 17 } else { 32 };
            steps.start(vec![numbers(&[rows, 64], n)])?;
            seen.extend(steps.finish()?);
        }
        seen.extend(steps.state()?);
        Ok(seen)
    };
    let (ours, plain, host) = (run(&device), run(&device.without_graphs()), run(&Threads::One));
    let (ours, plain, host) = (ours.unwrap(), plain.unwrap(), host.unwrap());
    assert_eq!(ours, plain);
    for (ours, theirs) in ours.iter().zip(&host) {
        let near = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-3 * (1.0 + b.abs());
        assert!(ours.to_f64().iter().zip(&theirs.to_f64()).all(near));
    }
}

#[test]
fn a_step_that_has_no_room_leaves_the_state() {
    let Some(device) = device() else { return };
    let device = device.without_products();
    let run = |rows: Option<usize>| {
        let mut steps = device.begin(&step(), vec![numbers(&[64, 64], 1)]).unwrap();
        for n in 0..6 {
            steps.start(vec![numbers(&[32, 64], n)]).unwrap();
            steps.finish().unwrap();
            let Some(rows) = rows.filter(|_| n % 2 == 1) else { continue };
            let before = steps.state().unwrap();
            // Room for the batch alone.
            device.set_memory_budget(device.memory_used() + 4 * 64 * rows + (64 << 10));
            let error = steps.start(vec![numbers(&[rows, 64], n)]).unwrap_err();
            assert!(error.kind() == "Resources" && error.to_string().contains("asked for"), "{error}");
            device.set_memory_budget(1 << 30);
            assert_eq!(steps.state().unwrap(), before);
        }
        steps.state().unwrap()
    };
    assert_eq!(run(Some(2000)), run(None));
}

#[test]
fn arrays_of_every_size_come_back_as_they_went() {
    let Some(device) = device() else { return };
    const CHUNK: usize = (2 << 20) / 4;
    let sizes = [0, 1, 100, (64 << 10) / 4, (64 << 10) / 4 + 1, CHUNK - 1, CHUNK, CHUNK + 1, 20 * CHUNK + 77];
    let tensors: Vec<Tensor> = sizes.iter().enumerate().map(|(n, &size)| numbers(&[size], n)).collect();
    for tensor in &tensors {
        assert!(device.get(&device.put(tensor).unwrap()).unwrap() == *tensor, "{:?}", tensor.shape());
    }
    let there = device.put_all(&tensors).unwrap();
    let copies: Vec<DeviceTensor> = there.iter().map(|part| device.copy(part).unwrap()).collect();
    drop(there);
    assert!(device.get_all(&copies).unwrap() == tensors);
}

#[test]
fn what_has_come_back_stays_as_it_is() {
    let Some(device) = device() else { return };
    let sent: Vec<Tensor> = (0..5).map(|n| numbers(&[(1 << 20) + 1000 * (n % 2)], n)).collect();
    let there = device.put_all(&sent).unwrap();
    let back: Vec<Tensor> = there.iter().map(|part| device.get(part).unwrap()).collect();
    for round in 0..6 {
        let again = device.get(&there[round % 5]).unwrap(); // its memory is used by the next one
        assert!(again == sent[round % 5]);
    }
    assert!(back == sent);
    let kept = back[3].rows(10, 100).unwrap();
    drop(back);
    device.trim().unwrap();
    drop(device.get_all(&there).unwrap());
    drop((there, device));
    assert!(kept == sent[3].rows(10, 100).unwrap());
}

#[test]
fn threads_share_a_device() {
    let Some(device) = device() else { return };
    let program = loaded(&device);
    let rows = if is_emulated(&device) { 500 } else { 20_000 };
    let inputs = |n: usize| [numbers(&[64, 64], n), numbers(&[rows + n, 64], n)];
    let expected: Vec<Vec<Tensor>> = (0..4).map(|n| program.run(&inputs(n)).unwrap()).collect();
    std::thread::scope(|scope| {
        for n in 0..4 {
            let (program, expected) = (&program, &expected);
            scope.spawn(move || {
                for _ in 0..8 {
                    let (results, measured) = program.run_measured(&inputs(n)).unwrap();
                    assert!(results == expected[n]);
                    assert_eq!(measured.bytes_to_device, inputs(n).iter().map(|input| input.buffer().len()).sum::<usize>());
                    assert!(measured.to_device_s > 0.0 && measured.kernels_s > 0.0 && measured.from_device_s > 0.0);
                }
            });
        }
    });
}

#[test]
fn memory_goes_back_to_the_driver() {
    let Some(device) = device() else { return };
    let large = numbers(&[64 << 20], 1); // 256 MiB
    let there = device.put(&large).unwrap();
    assert!(device.memory_used() >= 256 << 20);
    drop(there);
    assert_eq!(device.memory_used(), 0);
    device.trim().unwrap();
    assert!(device.memory_reserved().unwrap() < 128 << 20, "{}", device.memory_reserved().unwrap());
}
