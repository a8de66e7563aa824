//! Runs a fused chain over blocks that stay in cache: instructions over f32 many at a time (`fused`), the others one at a
//! time, each a loop over a block.

mod blocks;
mod fused;
mod input;
mod passes;
mod place;
mod registers;
mod steps;
mod two;

use gradframe_ml_core::Result;

use super::bytes::{Line, as_bytes, bytes_of_mut, typed, typed_mut};
use super::map2::Argument;
use super::simd::{fetch, stream};
use super::source::Positions;
use super::{Env, cast, map1, map2, pairs, threefry};
use crate::schedule::{Chain, Instr, Level, ValueId};
use blocks::{fill, fold_rows, select, spread};
use input::Input;
use place::{Place, Users};
pub use registers::Registers;
use steps::{Step, Steps};

/// A chain bound to sizes and buffers.
pub struct Evaluator<'a> {
    chain: &'a Chain,
    inputs: Vec<Input<'a>>,
    places: Vec<Place>,
    /// How the values are computed that do not lie somewhere already, and the registers that hold them.
    steps: Steps,
    row: usize,
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
    /// The chain over `outer` x `row`; `stores` are written to the outputs of the same number, past the caches if they are
    /// so large.
    /// Errors: `Shape` for a size that is not known.
    pub fn bind(
        chain: &'a Chain,
        (outer, row): (&[usize], &[usize]),
        (stores, are_large): (&[ValueId], bool),
        env: &Env<'a>,
    ) -> Result<Self> {
        let sizes = env.sizes;
        let domain: Vec<usize> = outer.iter().chain(row).copied().collect();
        let mut inputs = Vec::with_capacity(chain.values.len());
        for value in &chain.values {
            let domain = if value.level == Level::Row { outer } else { &domain };
            inputs.push(match &value.instr {
                Instr::Load(load) => Input::bind(load, value.dtype.size_bytes(), domain, env)?,
                Instr::Iota(map) => Input::Positions(Positions::bind(map, domain, sizes)?),
                _ => Input::None,
            });
        }
        let row = row.iter().product();
        let users = Users::of(chain);
        let mut places = Vec::with_capacity(chain.values.len());
        for (i, (value, input)) in chain.values.iter().zip(&inputs).enumerate() {
            places.push(Place::of(&value.instr, input, &users.0[i], stores, row));
        }
        for (n, v) in stores.iter().enumerate() {
            let is_streamed = are_large && users.0[v.index()].is_empty() && chain.value(*v).level == Level::Element;
            places[v.index()] = if is_streamed { Place::Streamed(n) } else { Place::Output(n) };
        }
        let steps = Steps::of(chain, &inputs, &mut places, stores);
        Ok(Evaluator { chain, inputs, places, steps, row })
    }

    /// Bytes of everything that one element of the domain takes in cache while a block is worked on.
    pub fn bytes_per_element(&self) -> usize {
        let mut registers: Vec<(usize, usize)> = Vec::new(); // and their widths
        let mut bytes = 0;
        for (i, value) in self.chain.values.iter().enumerate().filter(|(_, v)| v.level == Level::Element) {
            let width = value.dtype.size_bytes();
            match self.places[i] {
                Place::Lazy | Place::Held(_) => {}
                Place::Input | Place::Output(_) => bytes += width,
                Place::Register | Place::Streamed(_) => match registers.iter_mut().find(|r| r.0 == self.steps.registers[i]) {
                    Some(known) => known.1 = known.1.max(width),
                    None => registers.push((self.steps.registers[i], width)),
                },
            }
        }
        bytes + registers.iter().filter(|r| r.0 != steps::NONE).map(|r| r.1).sum::<usize>()
    }

    /// True if no block of elements is written: what is read is folded at once.
    pub fn only_reads(&self) -> bool {
        let elements = self.chain.values.iter().zip(&self.places).filter(|(value, _)| value.level == Level::Element);
        elements.map(|(_, place)| place).all(|place| *place == Place::Input)
    }

    /// Bytes of the inputs and outputs that a row passes over, one after the other.
    pub fn streamed_bytes_per_row(&self) -> usize {
        let is_streamed = |i: &usize| matches!(self.places[*i], Place::Input | Place::Output(_) | Place::Streamed(_));
        let bytes = |i: usize| self.chain.values[i].dtype.size_bytes() * self.unit(self.chain.values[i].level);
        (0..self.places.len()).filter(is_streamed).map(bytes).sum()
    }

    /// Instructions of a block.
    pub fn steps(&self) -> usize {
        let instructions = |step: &Step| if let Step::Run(run) = step { run.functions } else { 1 };
        self.steps.steps.iter().map(instructions).sum()
    }

    /// Empty registers.
    pub fn registers(&self) -> Registers {
        Registers::of(self.chain.values.len(), &self.steps)
    }

    /// The number of positions with which inputs repeat, the longest up to `most`: blocks that begin at multiples of it read them once.
    pub fn period(&self, most: usize) -> Option<usize> {
        self.inputs.iter().filter_map(Input::period).filter(|&p| p > 1 && p <= most).max()
    }

    /// Computes all values of a block. Outputs hold the task's rows from `base` on.
    pub fn run(&self, registers: &mut Registers, block: Block, base: usize, outputs: &mut [&mut [u8]]) -> Result<()> {
        (0..self.steps.steps.len()).try_for_each(|step| self.step(step, registers, (block, false), base, outputs))
    }

    /// As [`Evaluator::run`]; after each step a part of what `next` reads and writes is fetched, so that memory and
    /// arithmetic take their time side by side. A single run fetches ahead by itself.
    pub fn run_ahead(
        &self,
        registers: &mut Registers,
        (block, next): (Block, Block),
        base: usize,
        outputs: &mut [&mut [u8]],
    ) -> Result<()> {
        let steps = self.steps.steps.len();
        let by_itself = matches!(self.steps.steps[..], [Step::Run(_)]);
        for step in 0..steps {
            self.step(step, registers, (block, by_itself), base, outputs)?;
            if !by_itself {
                self.fetch(next, (step, steps), base, outputs);
            }
        }
        Ok(())
    }

    fn step(
        &self,
        step: usize,
        registers: &mut Registers,
        (block, is_ahead): (Block, bool),
        base: usize,
        outputs: &mut [&mut [u8]],
    ) -> Result<()> {
        match &self.steps.steps[step] {
            Step::One(i) => self.compute(*i, registers, block, base, outputs),
            Step::Run(run) => self.pass(run, step, registers, (block, is_ahead), base, outputs),
        }
    }

    /// Fetches the `step`-th of `steps` parts of a block's inputs and outputs.
    fn fetch(&self, block: Block, (step, steps): (usize, usize), base: usize, outputs: &[&mut [u8]]) {
        for (i, value) in self.chain.values.iter().enumerate().filter(|(_, v)| v.level == Level::Element) {
            let len = block.count * self.row;
            let bytes = match (self.places[i], &self.inputs[i]) {
                (Place::Input, Input::Buffer(source)) => source.contiguous(block.first * self.row, len).unwrap_or(&[]),
                (Place::Output(n), _) => {
                    let width = value.dtype.size_bytes();
                    let at = (block.first - base) * self.row * width;
                    &outputs[n][at..at + len * width]
                }
                _ => continue,
            };
            fetch(&bytes[bytes.len() * step / steps..bytes.len() * (step + 1) / steps]);
        }
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
        let is_streamed = matches!(self.places[i], Place::Streamed(_)); // to another place each time
        if !is_streamed && self.is_still_there(i, registers, block, len) {
            return Ok(());
        }
        let mut register = std::mem::take(registers.slot(value.level, self.steps.registers[i]));
        if register.len() * Line::BYTES < len * width {
            register.resize((len * width).div_ceil(Line::BYTES), Line::default());
        }
        let done = self.instruction(i, &mut bytes_of_mut(&mut register)[..len * width], registers, block, base, outputs);
        if let Place::Streamed(n) = self.places[i] {
            let at = (block.first - base) * self.unit(value.level) * width;
            stream(&as_bytes(&register)[..len * width], &mut outputs[n][at..at + len * width]);
        }
        *registers.slot(value.level, self.steps.registers[i]) = register;
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
        let argument = |v: ValueId| self.argument(v, registers, block, base, outputs);
        let dtype_of = |v: ValueId| self.chain.value(v).dtype;
        match &value.instr {
            Instr::Load(_) | Instr::Iota(_) => match self.inputs[i] {
                Input::InPlace(n) => {
                    dst.copy_from_slice(&outputs[n][(block.first - base) * self.row * value.dtype.size_bytes()..][..dst.len()])
                }
                ref input => input.read(block.first * self.unit(value.level), dst),
            },
            Instr::Scalar(bytes) => fill(dst, value.dtype.size_bytes(), bytes),
            Instr::Map1(f, x) => return map1::map1(*f, dtype_of(*x), get(*x), dst),
            Instr::Map2(f, a, b) => return map2::map2(*f, dtype_of(*a), argument(*a), argument(*b), dst),
            Instr::Pair(pair) => return pairs::pair(pair, value.dtype, pair.operands.map(argument), dst),
            Instr::Select(c, a, b) => select(value.dtype, get(*c), argument(*a), argument(*b), dst),
            Instr::Bitcast(x) => dst.copy_from_slice(get(*x)),
            Instr::Cast(x) => cast::cast(dtype_of(*x), value.dtype, get(*x), dst),
            Instr::Threefry(key, counter) => threefry::encrypt(typed(get(*key)), typed(get(*counter)), typed_mut(dst)),
            Instr::Reduce(op, x) => return fold_rows(*op, value.dtype, get(*x), self.row, dst),
            Instr::Spread(x) => spread(value.dtype.size_bytes(), get(*x), self.row, dst),
        }
        Ok(())
    }

    /// The elements of a value in this block, or the fewer numbers that they are.
    fn argument<'r>(
        &'r self,
        v: ValueId,
        registers: &'r Registers,
        block: Block,
        base: usize,
        outputs: &'r [&mut [u8]],
    ) -> Argument<'r> {
        if self.places[v.index()] != Place::Lazy {
            return Argument::Block(self.get(v, registers, block, base, outputs));
        }
        let value = self.chain.value(v);
        match (&value.instr, &self.inputs[v.index()]) {
            (Instr::Scalar(bytes), _) => Argument::One(&bytes[..value.dtype.size_bytes()]),
            (Instr::Spread(rows), _) => Argument::Rows(self.get(*rows, registers, block, base, outputs), self.row),
            (_, Input::Buffer(source)) => Argument::One(source.first()),
            _ => Argument::One(&[0; 8]), // only what is above is lazy
        }
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
            (Place::Output(n) | Place::Held(n), _) => {
                let at = (block.first - base) * self.unit(value.level) * width;
                &outputs[n][at..at + len * width]
            }
            _ => &as_bytes::<Line>(registers.at(value.level, self.steps.registers[v.index()]))[..len * width],
        }
    }

    /// True if the value's elements are read where they lie.
    pub fn is_direct(&self, v: ValueId) -> bool {
        self.places[v.index()] == Place::Input
    }

    /// So many elements from position `start` on of a value that is read where it lies; nothing of another.
    pub fn direct(&self, v: ValueId, start: usize, len: usize) -> &[u8] {
        match &self.inputs[v.index()] {
            Input::Buffer(source) => source.contiguous(start, len).unwrap_or(&[]),
            _ => &[],
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
