//! Kernels, each a walk over its loop space.

use gradframe_ml_core::graph::{ArgOp, Fn2, ReduceOp, ScatterOp};
use gradframe_ml_core::ops::Realised;
use gradframe_ml_core::{Result, Shape, Tensor};

use super::chain::{ChainRun, unravelled};
use super::functions::{folded, map2, neutral, widened};
use super::number::Number;
use super::{Memory, attention, control};
use crate::schedule::{
    ArgReduce, Chain, Concat, Dot, Fold, Gather, Instr, Kernel, Level, Library, Load, Loop, Scan, Scatter, Sort, Value,
    computed_in,
};

/// Runs one kernel.
pub fn run(kernel: &Kernel, memory: &mut Memory) -> Result<()> {
    match kernel {
        Kernel::Loop(kernel) => run_loop(kernel, memory),
        Kernel::Fold(kernel) => fold(kernel, memory),
        Kernel::Dot(kernel) => dot(kernel, memory),
        Kernel::Gather(kernel) => gather(kernel, memory),
        Kernel::Scatter(kernel) => scatter(kernel, memory),
        Kernel::ArgReduce(kernel) => arg_reduce(kernel, memory),
        Kernel::Scan(kernel) => scan(kernel, memory),
        Kernel::Sort(kernel) => sort(kernel, memory),
        Kernel::Concat(kernel) => concat(kernel, memory),
        Kernel::DynSlice(kernel) => control::dyn_slice(kernel, memory),
        Kernel::DynUpdate(kernel) => control::dyn_update(kernel, memory),
        Kernel::Repeat(kernel) => control::repeat(kernel, memory),
        Kernel::Choose(kernel) => control::choose(kernel, memory),
        Kernel::Library(kernel) => library(kernel, memory),
        Kernel::Attention(kernel) => attention::value(kernel, memory),
        Kernel::AttentionCotangents(kernel) => attention::cotangents(kernel, memory),
    }
}

/// The number of elements before an axis, along it, and after it.
pub fn around(shape: &Shape, axis: usize, memory: &Memory) -> Result<[usize; 3]> {
    let shape = shape.eval(memory.sizes)?;
    Ok([shape[..axis].iter().product(), shape[axis], shape[axis + 1..].iter().product()])
}

/// The lines of `[outer, n, inner]`, each with its first position; positions along it are `inner` apart.
fn lines([outer, n, inner]: [usize; 3]) -> impl Iterator<Item = Vec<usize>> {
    (0..outer * inner).map(move |line| {
        let first = line / inner * n * inner + line % inner;
        (0..n).map(|k| first + k * inner).collect()
    })
}

fn run_loop(kernel: &Loop, memory: &mut Memory) -> Result<()> {
    let chain = ChainRun::new(&kernel.chain, &kernel.row, memory)?;
    let outer = kernel.outer.eval(memory.sizes)?;
    let mut stored = vec![Vec::new(); kernel.stores.len()];
    if kernel.row.count(memory.sizes)? > 0 {
        for row in 0..outer.iter().product() {
            let values = chain.row_values(&unravelled(&outer, row))?;
            stored.iter_mut().zip(&kernel.stores).for_each(|(s, (value, _))| s.extend(&values[value.index()]));
        }
    }
    kernel.stores.iter().zip(&stored).try_for_each(|((_, buffer), numbers)| memory.set(*buffer, numbers))
}

fn fold(kernel: &Fold, memory: &mut Memory) -> Result<()> {
    let chain = ChainRun::new(&kernel.chain, &Shape::scalar(), memory)?;
    let domain = [&kernel.outer, &kernel.folded, &kernel.inner].map(|s| s.eval(memory.sizes));
    let [outer, folds, inner] = domain;
    let (outer, folds, inner) = (outer?, folds?, inner?);
    let dtype = memory.schedule.buffers[kernel.output.index()].dtype;
    let domain: Vec<usize> = outer.iter().chain(&folds).chain(&inner).copied().collect();
    let counts = [&outer, &folds, &inner].map(|s| s.iter().product());
    let mut totals = Vec::new();
    for line in lines(counts) {
        let mut state = neutral(kernel.op, dtype);
        for position in line {
            let x = chain.row_values(&unravelled(&domain, position))?[kernel.value.index()][0];
            state = folded(kernel.op, state, widened(x))?;
        }
        totals.push(state.cast(dtype));
    }
    memory.set(kernel.output, &totals)
}

fn dot(kernel: &Dot, memory: &mut Memory) -> Result<()> {
    let dims = &kernel.dims;
    let (left, right) = (kernel.left_shape.eval(memory.sizes)?, kernel.right_shape.eval(memory.sizes)?);
    let (free_left, free_right) = (dims.free_left(left.len()), dims.free_right(right.len()));
    let (left_numbers, right_numbers) = (operand(&kernel.left, &left, memory)?, operand(&kernel.right, &right, memory)?);
    let batch = dims.batch.iter().map(|p| left[p.0]);
    let result: Vec<usize> =
        batch.chain(free_left.iter().map(|&a| left[a])).chain(free_right.iter().map(|&a| right[a])).collect();
    let contracted: Vec<usize> = dims.contract.iter().map(|p| left[p.0]).collect();
    let dtype = memory.schedule.buffers[kernel.output.index()].dtype;
    let zero = Number::from_bits(computed_in(dtype), 0);
    // Row-major positions add up: what is contracted adds the same to each element of the result.
    let steps: Vec<(usize, usize)> = (0..contracted.iter().product())
        .map(|k| {
            let (mut i, mut j) = (vec![0; left.len()], vec![0; right.len()]);
            dims.contract.iter().zip(unravelled(&contracted, k)).for_each(|(p, x)| (i[p.0], j[p.1]) = (x, x));
            (ravelled(&left, &i), ravelled(&right, &j))
        })
        .collect();
    let mut products = Vec::new();
    for position in 0..result.iter().product() {
        let at = unravelled(&result, position);
        let (mut i, mut j) = (vec![0; left.len()], vec![0; right.len()]);
        dims.batch.iter().zip(&at).for_each(|(p, &x)| (i[p.0], j[p.1]) = (x, x));
        free_left.iter().zip(&at[dims.batch.len()..]).for_each(|(&a, &x)| i[a] = x);
        free_right.iter().zip(&at[dims.batch.len() + free_left.len()..]).for_each(|(&a, &x)| j[a] = x);
        let (i, j) = (ravelled(&left, &i), ravelled(&right, &j));
        let mut sum = zero;
        for &(left, right) in &steps {
            sum = map2(Fn2::Add, sum, map2(Fn2::Mul, left_numbers[i + left], right_numbers[j + right])?)?;
        }
        products.push(sum.cast(dtype));
    }
    memory.set(kernel.output, &products)
}

/// The numbers of an operand, in the order of its own axes.
pub(super) fn operand(load: &Load, shape: &[usize], memory: &Memory) -> Result<Vec<Number>> {
    let dtype = memory.schedule.buffers[load.buffer.index()].dtype;
    let value = Value { instr: Instr::Load(load.clone()), dtype, level: Level::Element };
    let chain = Chain { values: vec![value], registers: vec![0] };
    let chain = ChainRun::new(&chain, &Shape::scalar(), memory)?;
    (0..shape.iter().product()).map(|p| Ok(chain.row_values(&unravelled(shape, p))?[0][0])).collect()
}

fn ravelled(shape: &[usize], index: &[usize]) -> usize {
    index.iter().zip(shape).fold(0, |position, (&i, &size)| position * size + i)
}

fn gather(kernel: &Gather, memory: &mut Memory) -> Result<()> {
    let [outer, n, inner] = around(&kernel.shape, kernel.axis, memory)?;
    let (table, indices) = (memory.numbers(kernel.table)?, memory.numbers(kernel.indices)?);
    let zero = Number::from_bits(memory.schedule.buffers[kernel.table.index()].dtype, 0);
    let mut picked = Vec::new();
    for o in 0..outer {
        for index in &indices {
            let row = usize::try_from(index.to_wide()).ok().filter(|&row| row < n);
            picked.extend((0..inner).map(|j| row.map_or(zero, |row| table[(o * n + row) * inner + j])));
        }
    }
    memory.set(kernel.output, &picked)
}

fn scatter(kernel: &Scatter, memory: &mut Memory) -> Result<()> {
    let [outer, inner] = [&kernel.outer, &kernel.inner].map(|s| s.count(memory.sizes));
    let (outer, inner, groups) = (outer?, inner?, kernel.size.eval(memory.sizes)?);
    let (values, indices) = (memory.numbers(kernel.values)?, memory.numbers(kernel.indices)?);
    let dtype = memory.schedule.buffers[kernel.output.index()].dtype;
    let op = match kernel.op {
        ScatterOp::Sum => ReduceOp::Sum,
        ScatterOp::Max => ReduceOp::Max,
        ScatterOp::Min => ReduceOp::Min,
    };
    let mut states = vec![neutral(op, dtype); outer * groups * inner];
    for o in 0..outer {
        for (i, index) in indices.iter().enumerate() {
            let Some(group) = usize::try_from(index.to_wide()).ok().filter(|&g| g < groups) else { continue };
            for j in 0..inner {
                let state = &mut states[(o * groups + group) * inner + j];
                *state = folded(op, *state, widened(values[(o * indices.len() + i) * inner + j]))?;
            }
        }
    }
    let totals: Vec<Number> = states.into_iter().map(|s| s.cast(dtype)).collect();
    memory.set(kernel.output, &totals)
}

fn arg_reduce(kernel: &ArgReduce, memory: &mut Memory) -> Result<()> {
    let values = memory.numbers(kernel.values)?;
    let beats = match kernel.op {
        ArgOp::Max => Fn2::Gt,
        ArgOp::Min => Fn2::Lt,
    };
    let is_nan = |x: Number| matches!(x, Number::Single(_) | Number::Double(_)) && x.to_f64().is_nan();
    let mut places = Vec::new();
    for line in lines(around(&kernel.shape, kernel.axis, memory)?) {
        let mut best = 0;
        for (place, &position) in line.iter().enumerate() {
            let (held, new) = (values[line[best]], values[position]);
            if !is_nan(held) && (is_nan(new) || map2(beats, new, held)?.is_true()) {
                best = place;
            }
        }
        places.push(Number::Signed(best as i64));
    }
    memory.set(kernel.output, &places)
}

fn scan(kernel: &Scan, memory: &mut Memory) -> Result<()> {
    let dtype = memory.schedule.buffers[kernel.output.index()].dtype;
    let mut numbers = memory.numbers(kernel.values)?;
    let op = kernel.op.fold();
    for line in lines(around(&kernel.shape, kernel.axis, memory)?) {
        // The first element is its own fold: of a narrow type, the widest neutral element would not be.
        let mut state = neutral(op, computed_in(dtype));
        for position in line {
            state = folded(op, state, widened(numbers[position]))?;
            numbers[position] = state.cast(dtype);
        }
    }
    memory.set(kernel.output, &numbers)
}

fn sort(kernel: &Sort, memory: &mut Memory) -> Result<()> {
    let values = memory.numbers(kernel.values)?;
    let mut places = vec![Number::Signed(0); values.len()];
    for line in lines(around(&kernel.shape, kernel.axis, memory)?) {
        let mut order: Vec<usize> = (0..line.len()).collect();
        order.sort_by(|&a, &b| {
            let ordering = compared(values[line[a]], values[line[b]]);
            if kernel.descending { ordering.reverse() } else { ordering }
        });
        line.iter().zip(order).for_each(|(&position, place)| places[position] = Number::Signed(place as i64));
    }
    memory.set(kernel.output, &places)
}

/// A NaN is the largest, and -0 is 0.
fn compared(a: Number, b: Number) -> std::cmp::Ordering {
    match (a, b) {
        (Number::Single(_) | Number::Double(_), _) => {
            let (a, b) = (a.to_f64(), b.to_f64());
            a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
        }
        _ => a.to_wide().cmp(&b.to_wide()),
    }
}

fn concat(kernel: &Concat, memory: &mut Memory) -> Result<()> {
    let mut parts = Vec::new();
    for (buffer, shape) in &kernel.parts {
        let [_, n, inner] = around(shape, kernel.axis, memory)?;
        parts.push((memory.numbers(*buffer)?, n * inner));
    }
    let [outer, ..] = around(&kernel.parts[0].1, kernel.axis, memory)?;
    let mut joined = Vec::new();
    for o in 0..outer {
        parts.iter().for_each(|(numbers, row)| joined.extend(&numbers[o * row..(o + 1) * row]));
    }
    memory.set(kernel.output, &joined)
}

/// By the plain meaning of the routine's node kind.
fn library(kernel: &Library, memory: &mut Memory) -> Result<()> {
    let definition = &memory.schedule.buffers[kernel.output.index()];
    let shape = definition.shape.eval(memory.sizes)?;
    let mut operands = Vec::with_capacity(kernel.operands.len());
    for (buffer, shape) in &kernel.operands {
        operands.push(memory.tensor(*buffer)?.reshaped(&shape.eval(memory.sizes)?)?);
    }
    let operands: Vec<&Tensor> = operands.iter().collect();
    let out = Realised { dtype: definition.dtype, shape: &shape };
    memory.tensors[kernel.output.index()] = Some(kernel.routine.kind().rules().evaluate(&operands, &out)?);
    Ok(())
}
