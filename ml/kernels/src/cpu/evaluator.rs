//! Runs a fused chain over blocks that stay in cache: one instruction at a time, each a loop over a block.

use gradframe_ml_core::{DType, Error, Result, Sizes};

use super::bytes::{as_bytes, bytes_of_mut, typed, typed_mut, with_width};
use super::source::{Positions, Source};
use super::{cast, fold, map1, map2, threefry};
use crate::compile::kernel::{Chain, Instr, Level, ValueId};
use crate::compile::registers;
use gradframe_ml_core::graph::ReduceOp;

/// A chain bound to sizes and buffers.
pub struct Evaluator<'a> {
    chain: &'a Chain,
    inputs: Vec<Input<'a>>,
    places: Vec<Place>,
    row: usize,
}

/// Where a value lies while a block is worked on.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Register,
    /// In the input itself: nothing is copied.
    Input,
    /// In the `n`-th output.
    Output(usize),
}

/// What a value is read from.
enum Input<'a> {
    None,
    Buffer(Box<Source<'a>>),
    Positions(Positions),
}

/// The blocks of one task.
pub struct Registers {
    element: Vec<Vec<u64>>,
    row: Vec<Vec<u64>>,
    /// For each value that repeats from block to block, how many elements of it are there.
    filled: Vec<usize>,
}

/// Rows `first .. first + count` of a chain's domain.
#[derive(Clone, Copy)]
pub struct Block {
    /// The first row.
    pub first: usize,
    /// Number of rows.
    pub count: usize,
}

impl<'a> Evaluator<'a> {
    /// The chain over `outer` x `row`; `stores` are written to the outputs of the same number.
    /// Errors: `Shape` for a size that is not known.
    pub fn bind(
        chain: &'a Chain,
        (outer, row): (&[usize], &[usize]),
        stores: &[ValueId],
        bytes: impl Fn(usize) -> &'a [u8],
        sizes: &Sizes,
    ) -> Result<Self> {
        let domain: Vec<usize> = outer.iter().chain(row).copied().collect();
        let mut inputs = Vec::with_capacity(chain.values.len());
        for value in &chain.values {
            let domain = if value.level == Level::Row { outer } else { &domain };
            inputs.push(match &value.instr {
                Instr::Load(load) => Input::Buffer(Box::new(Source::bind(
                    load,
                    bytes(load.buffer.index()),
                    value.dtype.size_bytes(),
                    domain,
                    sizes,
                )?)),
                Instr::Iota(map) => Input::Positions(Positions::bind(map, domain, sizes)?),
                _ => Input::None,
            });
        }
        let mut places: Vec<Place> = inputs.iter().map(Place::of).collect();
        stores.iter().enumerate().for_each(|(n, v)| places[v.index()] = Place::Output(n));
        Ok(Evaluator { chain, inputs, places, row: row.iter().product() })
    }

    /// Empty registers.
    pub fn registers(&self) -> Registers {
        let blocks = |level| vec![Vec::new(); registers::count(self.chain, level)];
        Registers { element: blocks(Level::Element), row: blocks(Level::Row), filled: vec![0; self.chain.values.len()] }
    }

    /// The number of positions with which inputs repeat: blocks that begin at multiples of it read them once.
    pub fn period(&self) -> Option<usize> {
        self.inputs.iter().filter_map(Input::period).find(|&p| p > 1)
    }

    /// Computes all values of a block. Outputs hold the task's rows from `base` on.
    pub fn run(&self, registers: &mut Registers, block: Block, base: usize, outputs: &mut [&mut [u8]]) -> Result<()> {
        for i in 0..self.chain.values.len() {
            if self.places[i] != Place::Input {
                self.compute(i, registers, block, base, outputs)?;
            }
        }
        Ok(())
    }

    fn compute(&self, i: usize, registers: &mut Registers, block: Block, base: usize, outputs: &mut [&mut [u8]]) -> Result<()> {
        let value = &self.chain.values[i];
        let (len, width) = (self.len(value.level, block), value.dtype.size_bytes());
        if let Place::Output(n) = self.places[i] {
            let whole = std::mem::take(&mut outputs[n]);
            let at = (block.first - base) * self.unit(value.level) * width;
            let done = self.instruction(i, &mut whole[at..at + len * width], registers, block, base, outputs);
            outputs[n] = whole;
            return done;
        }
        if self.is_still_there(i, registers, block, len) {
            return Ok(());
        }
        let mut register = std::mem::take(registers.slot(value.level, self.chain.registers[i]));
        if register.len() * 8 < len * width {
            register.resize((len * width).div_ceil(8), 0);
        }
        let done = self.instruction(i, &mut bytes_of_mut(&mut register)[..len * width], registers, block, base, outputs);
        *registers.slot(value.level, self.chain.registers[i]) = register;
        done
    }

    /// True if an earlier block left the same numbers in the register; else notes that this one will.
    fn is_still_there(&self, i: usize, registers: &mut Registers, block: Block, len: usize) -> bool {
        let value = &self.chain.values[i];
        let period = match value.instr {
            Instr::Scalar(_) => Some(1),
            _ => self.inputs[i].period(),
        };
        let repeats = period.is_some_and(|p| p > 0 && (block.first * self.unit(value.level)).is_multiple_of(p));
        let there = repeats && registers.filled[i] >= len;
        registers.filled[i] = if there {
            registers.filled[i]
        } else if repeats {
            len
        } else {
            0
        };
        there
    }

    fn instruction(
        &self,
        i: usize,
        dst: &mut [u8],
        registers: &Registers,
        block: Block,
        base: usize,
        outputs: &[&mut [u8]],
    ) -> Result<()> {
        let value = &self.chain.values[i];
        let get = |v: ValueId| self.get(v, registers, block, base, outputs);
        let dtype_of = |v: ValueId| self.chain.value(v).dtype;
        match &value.instr {
            Instr::Load(_) | Instr::Iota(_) => self.inputs[i].read(block.first * self.unit(value.level), dst),
            Instr::Scalar(bytes) => fill(dst, value.dtype.size_bytes(), bytes),
            Instr::Map1(f, x) => return map1::map1(*f, dtype_of(*x), get(*x), dst),
            Instr::Map2(f, a, b) => return map2::map2(*f, dtype_of(*a), get(*a), get(*b), dst),
            Instr::Select(c, a, b) => select(value.dtype, get(*c), get(*a), get(*b), dst),
            Instr::Cast(x) => cast::cast(dtype_of(*x), value.dtype, get(*x), dst),
            Instr::Threefry(key, counter) => threefry::encrypt(typed(get(*key)), typed(get(*counter)), typed_mut(dst)),
            Instr::Reduce(op, x) => return fold_rows(*op, value.dtype, get(*x), self.row, dst),
            Instr::Spread(x) => spread(value.dtype.size_bytes(), get(*x), self.row, dst),
        }
        Ok(())
    }

    /// The elements of a value in this block.
    pub fn get<'r>(
        &'r self,
        v: ValueId,
        registers: &'r Registers,
        block: Block,
        base: usize,
        outputs: &'r [&mut [u8]],
    ) -> &'r [u8] {
        let value = self.chain.value(v);
        let (len, width) = (self.len(value.level, block), value.dtype.size_bytes());
        let start = block.first * self.unit(value.level);
        match (self.places[v.index()], &self.inputs[v.index()]) {
            (Place::Input, Input::Buffer(source)) => source.contiguous(start, len).unwrap_or(&[]),
            (Place::Output(n), _) => {
                let at = (block.first - base) * self.unit(value.level) * width;
                &outputs[n][at..at + len * width]
            }
            _ => &as_bytes::<u64>(registers.at(value.level, self.chain.registers[v.index()]))[..len * width],
        }
    }

    /// Elements of a row, or the one number for it.
    fn unit(&self, level: Level) -> usize {
        if level == Level::Row { 1 } else { self.row }
    }

    fn len(&self, level: Level, block: Block) -> usize {
        block.count * self.unit(level)
    }
}

impl Place {
    fn of(input: &Input) -> Self {
        match input {
            Input::Buffer(source) if source.is_contiguous() => Place::Input,
            _ => Place::Register,
        }
    }
}

impl Input<'_> {
    fn read(&self, start: usize, dst: &mut [u8]) {
        match self {
            Input::Buffer(source) => source.read(start, dst),
            Input::Positions(positions) => positions.read(start, typed_mut(dst)),
            Input::None => {}
        }
    }

    fn period(&self) -> Option<usize> {
        match self {
            Input::Buffer(source) => source.period(),
            _ => None,
        }
    }
}

impl Registers {
    fn slot(&mut self, level: Level, register: usize) -> &mut Vec<u64> {
        if level == Level::Row { &mut self.row[register] } else { &mut self.element[register] }
    }

    fn at(&self, level: Level, register: usize) -> &[u64] {
        if level == Level::Row { &self.row[register] } else { &self.element[register] }
    }
}

fn fill(dst: &mut [u8], width: usize, bytes: &[u8; 8]) {
    let word = u64::from_le_bytes(*bytes);
    with_width!(width, T => {
        typed_mut::<T>(dst).fill(word as T)
    });
}

fn select(dtype: DType, condition: &[u8], a: &[u8], b: &[u8], dst: &mut [u8]) {
    with_width!(dtype.size_bytes(), T => {
        let (a, b, dst) = (typed::<T>(a), typed::<T>(b), typed_mut::<T>(dst));
        super::simd::vectorized(#[inline(always)] || {
            dst.iter_mut().zip(condition).zip(a.iter().zip(b)).for_each(|((d, &c), (&a, &b))| *d = if c != 0 { a } else { b })
        })
    });
}

fn spread(width: usize, rows: &[u8], row: usize, dst: &mut [u8]) {
    with_width!(width, T => {
        let rows = typed::<T>(rows);
        typed_mut::<T>(dst).chunks_exact_mut(row).zip(rows).for_each(|(d, &r)| d.fill(r))
    });
}

fn fold_rows(op: ReduceOp, dtype: DType, values: &[u8], row: usize, dst: &mut [u8]) -> Result<()> {
    match dtype {
        DType::F32 => fold_rows_of::<f32>(op, values, row, dst),
        DType::F64 => fold_rows_of::<f64>(op, values, row, dst),
        DType::I64 => fold_rows_of::<i64>(op, values, row, dst),
        DType::U64 => fold_rows_of::<u64>(op, values, row, dst),
        DType::Bool => fold_rows_of::<u8>(op, values, row, dst),
        other => return Err(Error::internal("reduce", format!("is not computed in {other}"))),
    }
    Ok(())
}

fn fold_rows_of<T: fold::Folded>(op: ReduceOp, values: &[u8], row: usize, dst: &mut [u8]) {
    let dst = typed_mut::<T>(dst);
    fold::rows(op, typed::<T>(values), row, |i, acc| dst[i] = T::narrow(acc));
}
