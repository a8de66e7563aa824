//! A program that computes each row by itself, on a device: loaded once, run on pieces that its memory holds.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arrow::buffer::MutableBuffer;
use datafusion::physical_plan::metrics::{Count, ExecutionPlanMetricsSet, MetricBuilder, Time};
use gradframe_gpu::device::Measured;
use gradframe_ml_core::{DType, Error, Result, Tensor};
use gradframe_ml_kernels::{Program, Scratch, Threads};
use gradframe_plan::error::copy;

use super::{Device, Loaded, Placement};

/// A piece of fewer rows is not cut: what does not fit then goes to the CPU.
const PIECE_ROWS_MIN: usize = 1 << 14;
/// Bytes that a piece's run may hold on the device. Fewer than 2^30 elements: positions have 32 bits there.
const PIECE_BYTES_MAX: usize = 1 << 30;

/// A program on its device. Compiled for it and loaded at the first run.
#[derive(Debug)]
pub(crate) struct DeviceProgram {
    device: Arc<dyn Device>,
    strict: bool,
    loaded: OnceLock<Result<Box<dyn Loaded>>>,
}

impl DeviceProgram {
    /// Of a placement on a device; None if it is the CPU.
    pub fn of(placement: &Placement) -> Option<Self> {
        let device = Arc::clone(placement.device()?);
        Some(DeviceProgram { device, strict: placement.is_strict(), loaded: OnceLock::new() })
    }

    /// The results for these arguments, of which each has a row for each of `rows`. A result has too, or is one bool that says
    /// whether something holds of any row.
    ///
    /// Where the device's memory is short, halves are run by themselves; a small piece that has no room goes to the CPU, as all
    /// does that the device has no form of. Errors: in strict mode `Resources` or `NotImplemented` instead.
    pub fn run(&self, program: &Program, inputs: &[Tensor], rows: usize, counts: &DeviceCounts) -> Result<Vec<Tensor>> {
        let may_halve = rows > PIECE_ROWS_MIN;
        if may_halve && program.peak_bytes(&program.bind(inputs)?)? > PIECE_BYTES_MAX {
            return self.halves(program, inputs, rows, counts);
        }
        match self.run_whole(program, inputs, counts) {
            Err(Error::Resources(_)) if may_halve => self.halves(program, inputs, rows, counts),
            Err(Error::Resources(_) | Error::NotImplemented(_)) if !self.strict => {
                counts.rows_on_cpu.add(rows);
                program.run_with(inputs, &mut Scratch::new(), Threads::One)
            }
            result => result,
        }
    }

    fn run_whole(&self, program: &Program, inputs: &[Tensor], counts: &DeviceCounts) -> Result<Vec<Tensor>> {
        let _timer = counts.time.timer();
        let loaded = self.loaded.get_or_init(|| self.device.load(program)).as_ref().map_err(copy)?;
        let (results, measured) = loaded.run(inputs)?;
        counts.add(&measured);
        Ok(results)
    }

    fn halves(&self, program: &Program, inputs: &[Tensor], rows: usize, counts: &DeviceCounts) -> Result<Vec<Tensor>> {
        let first = rows / 2;
        let half = |from: usize, count: usize| -> Result<Vec<Tensor>> {
            let inputs = inputs.iter().map(|input| input.rows(from, count)).collect::<Result<Vec<_>>>()?;
            self.run(program, &inputs, count, counts)
        };
        let (first, second) = (half(0, first)?, half(first, rows - first)?);
        first.into_iter().zip(second).map(|(first, second)| joined(&first, &second)).collect()
    }
}

/// Rows one after the other; of two bools, whether one is set.
fn joined(first: &Tensor, second: &Tensor) -> Result<Tensor> {
    let bytes = [first.buffer().as_slice(), second.buffer().as_slice()];
    match (first.shape(), second.shape()) {
        ([], []) if first.dtype() == DType::Bool => Tensor::from_bools(&[], &[bytes.iter().any(|flag| flag.contains(&1))]),
        ([first_rows, rest @ ..], [second_rows, ..]) => {
            let mut memory = MutableBuffer::new(bytes.iter().map(|part| part.len()).sum());
            bytes.iter().for_each(|part| memory.extend_from_slice(part));
            let shape: Vec<usize> = std::iter::once(first_rows + second_rows).chain(rest.iter().copied()).collect();
            Tensor::try_new(first.dtype(), &shape, memory.into())
        }
        _ => Err(Error::internal("device", "a result that is not by rows")),
    }
}

/// What EXPLAIN ANALYZE says of a device's work in a partition.
#[derive(Debug, Clone)]
pub(crate) struct DeviceCounts {
    runs: Count,
    bytes_to_device: Count,
    bytes_from_device: Count,
    rows_on_cpu: Count,
    /// With waiting for others' turns and, once, compiling.
    time: Time,
    copy_time: Time,
    kernel_time: Time,
}

impl DeviceCounts {
    pub fn new(metrics: &ExecutionPlanMetricsSet, partition: usize) -> Self {
        let count = |name: &'static str| MetricBuilder::new(metrics).counter(name, partition);
        let time = |name: &'static str| MetricBuilder::new(metrics).subset_time(name, partition);
        DeviceCounts {
            runs: count("device_runs"),
            bytes_to_device: count("bytes_to_device"),
            bytes_from_device: count("bytes_from_device"),
            rows_on_cpu: count("device_rows_on_cpu"),
            time: time("device_time"),
            copy_time: time("device_copy_time"),
            kernel_time: time("device_kernel_time"),
        }
    }

    /// What `work` gives, its time counted as the device's.
    pub fn timed<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let _timer = self.time.timer();
        work()
    }

    /// Counts rows for which the device had no room.
    pub fn add_rows_on_cpu(&self, rows: usize) {
        self.rows_on_cpu.add(rows);
    }

    /// Counts what one run moved.
    pub fn add(&self, run: &Measured) {
        self.runs.add(1);
        self.bytes_to_device.add(run.bytes_to_device);
        self.bytes_from_device.add(run.bytes_from_device);
        self.copy_time.add_duration(seconds(run.to_device_s + run.from_device_s));
        self.kernel_time.add_duration(seconds(run.kernels_s));
    }
}

/// What a clock gives.
fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use gradframe_ml_core::graph::{Fn2, Type};
    use gradframe_ml_core::{Dim, Function, Graph, Shape};
    use gradframe_ml_kernels::compile;

    use super::super::Simulated;
    use super::*;

    /// x + 1 of each row, and whether one is negative.
    fn program() -> Program {
        let mut g = Graph::new();
        let x = g.input("x", Type::new(DType::F64, Shape::new([Dim::symbol("N")])));
        let (one, zero) = (g.full_like(x, 1.0).unwrap(), g.full_like(x, 0.0).unwrap());
        let negative = g.map2(Fn2::Lt, x, zero).unwrap();
        let results = vec![g.add(x, one).unwrap(), g.any(negative, &[0]).unwrap()];
        compile(&Function::new(g, results).unwrap()).unwrap()
    }

    fn rows(count: usize) -> Tensor {
        Tensor::from_vec(&[count], (0..count).map(|i| i as f64 - (count - 1) as f64 / 2.0).collect()).unwrap()
    }

    fn counts() -> DeviceCounts {
        DeviceCounts::new(&ExecutionPlanMetricsSet::new(), 0)
    }

    fn run(device: Simulated, strict: bool, count: usize, counts: &DeviceCounts) -> Result<Vec<Tensor>> {
        let placement = Placement::on(Arc::new(device), strict);
        DeviceProgram::of(&placement).unwrap().run(&program(), &[rows(count)], count, counts)
    }

    #[test]
    fn what_the_device_has_no_room_for_is_halved() {
        let (count, counts) = (100_001, counts());
        let expected = program().run(&[rows(count)]).unwrap();
        let device = Simulated { rows_max: 30_000, ..Simulated::default() };
        assert_eq!(run(device, true, count, &counts).unwrap(), expected);
        assert_eq!((counts.runs.value(), counts.rows_on_cpu.value()), (4, 0));
        assert_eq!(counts.bytes_to_device.value(), count * 8);
        assert_eq!(counts.bytes_from_device.value(), count * 8 + 4);
    }

    #[test]
    fn what_has_no_room_in_small_pieces_goes_to_the_cpu_unless_that_is_forbidden() {
        let (count, counts) = (40_000, counts());
        let expected = program().run(&[rows(count)]).unwrap();
        let device = Simulated { rows_max: 0, ..Simulated::default() };
        assert_eq!(run(device.clone(), false, count, &counts).unwrap(), expected);
        assert_eq!((counts.runs.value(), counts.rows_on_cpu.value()), (0, count));
        assert_eq!(run(device, true, count, &counts).unwrap_err().kind(), "Resources");
    }

    #[test]
    fn what_has_no_form_there_goes_to_the_cpu_unless_that_is_forbidden() {
        let (count, counts) = (10, counts());
        let device = Simulated { takes_nothing: true, ..Simulated::default() };
        assert_eq!(run(device.clone(), false, count, &counts).unwrap(), program().run(&[rows(count)]).unwrap());
        assert_eq!(counts.rows_on_cpu.value(), count);
        assert_eq!(run(device, true, count, &counts).unwrap_err().kind(), "NotImplemented");
    }
}
