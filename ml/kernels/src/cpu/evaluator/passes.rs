//! Runs of instructions over one block: their addresses, found for each block, and the units that go through them.

use gradframe_ml_core::{DType, Error, Result};
use smallvec::SmallVec;

use super::super::bytes::{Line, Plain, as_bytes, bytes_of_mut, typed, with_width};
use super::super::unit::{From, Op, SLOT_BYTES, To, run_widest};
use super::fused::{Instruction, Name, Run, To as Target};
use super::registers::RunMemory;
use super::{Block, Evaluator, Input, Place, Registers};
use crate::schedule::Level;

/// Where a value outside a run lies.
#[derive(Clone, Copy)]
struct Outside {
    address: *mut u8,
    is_bool: bool,
    /// True where it is written past the caches.
    is_streamed: bool,
}

/// The outputs of a task as addresses and lengths.
type Outputs = SmallVec<[(*mut u8, usize); 4]>;

impl Evaluator<'_> {
    /// Computes a run over a block.
    pub(super) fn pass(
        &self,
        run: &Run,
        step: usize,
        registers: &mut Registers,
        (block, is_ahead): (Block, bool),
        base: usize,
        outputs: &mut [&mut [u8]],
    ) -> Result<()> {
        let mut memory = std::mem::take(&mut registers.runs[step]);
        let row_bytes = block.count * run.float.bytes();
        memory.numbers.resize((run.rows.len() * row_bytes).div_ceil(Line::BYTES), Line::default());
        for (i, (_, row)) in run.rows.iter().enumerate() {
            let numbers = self.get(*row, registers, block, base, outputs);
            bytes_of_mut(&mut memory.numbers)[i * row_bytes..(i + 1) * row_bytes].copy_from_slice(numbers);
        }
        let outputs: Outputs = outputs.iter_mut().map(|o| (o.as_mut_ptr(), o.len())).collect();
        let outside: SmallVec<[Outside; 8]> =
            run.outside.iter().map(|&v| self.outside(v, registers, block, base, &outputs)).collect::<Result<_>>()?;
        let slots = memory.slots.as_mut_ptr().cast::<u8>();
        memory.ops.clear();
        memory.ops.extend(run.instructions.iter().map(|instruction| addressed(instruction, &outside, slots)));
        let is_read_from_memory = |&(&v, _): &(&usize, &Outside)| self.places[v] == Place::Input;
        let ahead: SmallVec<[*const u8; 8]> = match is_ahead {
            true => run.outside.iter().zip(&outside).filter(is_read_from_memory).map(|(_, o)| o.address.cast_const()).collect(),
            false => SmallVec::new(),
        };
        // SAFETY: `outside` has checked that each address is that of the block's elements; slots are as many as the run has. What
        // is written is the outputs' and registers' alone, and the only other reader of those reads the same elements before.
        unsafe { with_width!(run.float.bytes(), T => self.units::<T>(run, &memory, (block.count, slots), &ahead)) };
        registers.runs[step] = memory;
        Ok(())
    }

    /// A run of elements as wide as `T`.
    ///
    /// # Safety
    /// The addresses are those of `rows` rows.
    unsafe fn units<T: Plain>(&self, run: &Run, memory: &RunMemory, (rows, slots): (usize, *mut u8), ahead: &[*const u8]) {
        if run.rows.is_empty() {
            // SAFETY: the function's own condition.
            return unsafe { run_widest(run.float, &memory.ops, (0, rows * self.row), ahead) };
        }
        let (numbers, slots) = (typed::<T>(as_bytes(&memory.numbers)), slots.cast::<T>());
        let slot_elements = SLOT_BYTES / size_of::<T>();
        // Several rows fit a unit if they fill it: its slots then hold a part of each one's number.
        let together = if slot_elements.is_multiple_of(self.row) { (slot_elements / self.row).max(1) } else { 1 };
        let mut row = 0;
        while row < rows {
            let count = if row + together <= rows { together } else { 1 };
            let part = if count > 1 { self.row } else { slot_elements };
            for (i, (slot, _)) in run.rows.iter().enumerate() {
                for n in 0..count {
                    let number = numbers[i * rows + row + n];
                    // SAFETY: the run has this slot, and `count` parts fit one.
                    unsafe { std::slice::from_raw_parts_mut(slots.add(slot * slot_elements + n * part), part) }.fill(number);
                }
            }
            // SAFETY: the function's own condition.
            unsafe { run_widest(run.float, &memory.ops, (row * self.row, (row + count) * self.row), ahead) };
            row += count;
        }
    }

    /// The address of a value's elements in this block.
    fn outside(&self, v: usize, registers: &mut Registers, block: Block, base: usize, outputs: &Outputs) -> Result<Outside> {
        let dtype = self.chain.values[v].dtype;
        let (count, width) = (block.count * self.row, dtype.size_bytes());
        let (mut is_streamed, lost) = (false, || Error::internal("run", "a value of a run has no place"));
        let address = match (self.places[v], &self.inputs[v]) {
            (Place::Input, Input::Buffer(source)) => {
                source.contiguous(block.first * self.row, count).ok_or_else(lost)?.as_ptr().cast_mut()
            }
            (place @ (Place::Output(n) | Place::Held(n) | Place::Streamed(n)), _) => {
                let (start, length) = outputs[n];
                let at = (block.first - base) * self.row * width;
                assert!(at + count * width <= length, "a block leaves its output");
                let address = start.wrapping_add(at);
                let rows_are_aligned = self.row == 1 || (self.row * width).is_multiple_of(Line::BYTES);
                is_streamed = matches!(place, Place::Streamed(_)) && rows_are_aligned && address.align_offset(Line::BYTES) == 0;
                address
            }
            _ => {
                let register = registers.slot(Level::Element, self.steps.registers[v]);
                if register.len() * Line::BYTES < count * width {
                    register.resize((count * width).div_ceil(Line::BYTES), Line::default());
                }
                register.as_mut_ptr().cast()
            }
        };
        Ok(Outside { address, is_bool: dtype == DType::Bool, is_streamed })
    }
}

/// The instruction with its addresses.
fn addressed(instruction: &Instruction, outside: &[Outside], slots: *mut u8) -> Op {
    let slot = |slot: usize| slots.wrapping_add(slot * SLOT_BYTES);
    let operands = instruction.operands.map(|name| match name {
        Name::Last => From::Last,
        Name::Slot(n) => From::Slot(slot(n)),
        Name::Outside(n) if outside[n].is_bool => From::Bools(outside[n].address),
        Name::Outside(n) => From::Memory(outside[n].address),
    });
    let to = match instruction.to {
        Target::Nowhere => To::Nowhere,
        Target::Outside(n) if outside[n].is_bool => To::Bools(outside[n].address),
        Target::Outside(n) if outside[n].is_streamed => To::Streamed(outside[n].address),
        Target::Outside(n) => To::Memory(outside[n].address),
    };
    Op { code: instruction.code, operands, slot: instruction.slot.map(slot), to }
}
