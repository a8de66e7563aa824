//! What a schedule costs for given sizes.

use gradframe_ml_core::graph::{Conv, ConvOf};
use gradframe_ml_core::{Result, Shape, Sizes};

use crate::schedule::{BufferId, Chain, Dot, Kernel, Level, Library, Load, Routine, Schedule, Source, Trips};

/// Arithmetic operations; a transcendental function counts as one, a multiply-add as two; a loop whose number of steps is
/// not known as one step.
pub fn flops(schedule: &Schedule, sizes: &Sizes) -> Result<u64> {
    schedule.kernels.iter().map(|k| kernel_flops(schedule, k, sizes)).sum()
}

/// Bytes of scratch and results that are held at once.
pub fn peak_bytes(schedule: &Schedule, sizes: &Sizes) -> Result<usize> {
    let mut slots = vec![0; schedule.slots];
    let mut results = 0;
    for buffer in &schedule.buffers {
        let bytes = elements(&buffer.shape, sizes)? as usize * buffer.dtype.size_bytes();
        match buffer.source {
            Source::Slot(slot) if slot < slots.len() => slots[slot] = bytes.max(slots[slot]),
            Source::Output => results += bytes,
            _ => {}
        }
    }
    Ok(results + slots.iter().sum::<usize>() + nested_bytes(schedule, sizes)?)
}

/// What loops and choices hold inside: the schedule that they run, and of loops the values of the step before.
pub fn nested_bytes(schedule: &Schedule, sizes: &Sizes) -> Result<usize> {
    let mut bytes = 0;
    for kernel in &schedule.kernels {
        bytes += match kernel {
            Kernel::Repeat(k) => {
                let condition = match &k.trips {
                    Trips::Count(_) => 0,
                    Trips::While { condition, .. } => peak_bytes(condition, sizes)?,
                };
                peak_bytes(&k.body, sizes)? + condition + operand_bytes(schedule, &k.carried, sizes)?
            }
            Kernel::Choose(k) => peak_bytes(&k.branches[0], sizes)?.max(peak_bytes(&k.branches[1], sizes)?),
            _ => 0,
        };
    }
    Ok(bytes)
}

fn operand_bytes(schedule: &Schedule, operands: &[(BufferId, Shape)], sizes: &Sizes) -> Result<usize> {
    let bytes =
        |(id, shape): &(BufferId, Shape)| Ok(elements(shape, sizes)? as usize * schedule.buffers[id.index()].dtype.size_bytes());
    operands.iter().map(bytes).sum()
}

fn kernel_flops(schedule: &Schedule, kernel: &Kernel, sizes: &Sizes) -> Result<u64> {
    match kernel {
        Kernel::Loop(k) => {
            let (outer, row) = (elements(&k.outer, sizes)?, elements(&k.row, sizes)?);
            Ok(outer * (operations(&k.chain, Level::Row) + row * operations(&k.chain, Level::Element)))
        }
        Kernel::Fold(k) => {
            let all = elements(&k.outer, sizes)? * elements(&k.folded, sizes)? * elements(&k.inner, sizes)?;
            Ok(all * (1 + operations(&k.chain, Level::Element)))
        }
        Kernel::Dot(k) => dot_flops(k, &schedule.buffers[k.output.index()].shape, sizes),
        Kernel::Scatter(k) => elements(&schedule.buffers[k.values.index()].shape, sizes),
        Kernel::ArgReduce(k) => elements(&k.shape, sizes),
        Kernel::Scan(k) => elements(&k.shape, sizes),
        Kernel::Library(k) => library_flops(schedule, k, sizes),
        Kernel::Attention(k) => attention_flops(&k.operands, 2, sizes),
        Kernel::AttentionCotangents(k) => attention_flops(&k.operands, 5, sizes),
        Kernel::Repeat(k) => match &k.trips {
            Trips::Count(count) => Ok(*count as u64 * flops(&k.body, sizes)?),
            Trips::While { condition, .. } => Ok(flops(condition, sizes)? + flops(&k.body, sizes)?), // of one step
        },
        Kernel::Choose(k) => Ok(flops(&k.branches[0], sizes)?.max(flops(&k.branches[1], sizes)?)),
        Kernel::Gather(_) | Kernel::Concat(_) | Kernel::Sort(_) | Kernel::DynSlice(_) | Kernel::DynUpdate(_) => Ok(0),
    }
}

/// Elements times the larger size of the matrix, or times the logarithm of a line's length: the order of the cost.
fn library_flops(schedule: &Schedule, library: &Library, sizes: &Sizes) -> Result<u64> {
    let shape = schedule.buffers[library.operands[0].0.index()].shape.eval(sizes)?;
    let all = shape.iter().product::<usize>() as u64;
    let line = shape.iter().rev().nth(1).copied().unwrap_or(1) as u64;
    if let Routine::Conv(conv) = &library.routine {
        return conv_flops(schedule, library, conv, sizes);
    }
    Ok(match library.routine {
        Routine::Linalg(_) => 2 * all * line,
        Routine::Fft { .. } => 5 * all / 2 * u64::from(line.max(1).ilog2()),
        Routine::Conv(_) => 0, // above
        Routine::Attention { .. } => 4 * all * shape[1] as u64,
    })
}

/// So many products of queries and keys.
fn attention_flops(operands: &[(Load, Shape); 3], products: u64, sizes: &Sizes) -> Result<u64> {
    let keys = operands[1].1.dims()[2].eval(sizes)? as u64;
    Ok(2 * products * elements(&operands[0].1, sizes)? * keys)
}

/// Two for each element of the output and each weight that it meets.
fn conv_flops(schedule: &Schedule, library: &Library, conv: &Conv, sizes: &Sizes) -> Result<u64> {
    let result = &schedule.buffers[library.output.index()].shape;
    let [first, second] = conv.of.operands();
    let roles = [(first, &library.operands[0].1), (second, &library.operands[1].1), (conv.of, result)];
    let of = |wanted: ConvOf| roles.iter().find(|(role, _)| *role == wanted).map_or(Ok(0), |(_, shape)| elements(shape, sizes));
    let weights = roles.iter().find(|(role, _)| *role == ConvOf::Weight).map_or(1, |(_, s)| s.dims()[0].as_fixed().unwrap_or(1));
    Ok(2 * of(ConvOf::Output)? * (of(ConvOf::Weight)? / weights.max(1) as u64))
}

fn dot_flops(dot: &Dot, output: &Shape, sizes: &Sizes) -> Result<u64> {
    let contracted = Shape::new(dot.dims.contract.iter().map(|p| dot.left_shape.dims()[p.0].clone()));
    Ok(2 * elements(output, sizes)? * elements(&contracted, sizes)?)
}

/// Instructions of a level that compute; a row's fold takes all its elements.
fn operations(chain: &Chain, level: Level) -> u64 {
    let counts = |v: &&crate::schedule::Value| {
        let folds = matches!(v.instr, crate::schedule::Instr::Reduce(..));
        v.instr.is_arithmetic() && (if folds { Level::Element } else { v.level }) == level
    };
    let work = |v: &crate::schedule::Value| if matches!(v.instr, crate::schedule::Instr::Pair(_)) { 2 } else { 1 };
    chain.values.iter().filter(counts).map(work).sum()
}

fn elements(shape: &Shape, sizes: &Sizes) -> Result<u64> {
    Ok(shape.eval(sizes)?.iter().product::<usize>() as u64)
}
