//! Runs of instructions over f32 or f64 whose values stay in the processor's registers: a few vectors go through all of a run's
//! instructions before the next few are read.

#[cfg(target_arch = "x86_64")]
mod cached;
#[cfg(target_arch = "x86_64")]
mod x86;

use super::simd::{Level, level};

/// What an instruction computes of its operands a, b and c.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    Add,
    Sub,
    Mul,
    Div,
    Max,
    Min,
    Eq,
    Lt,
    Le,
    And,
    Or,
    Xor,
    Not,
    Neg,
    Abs,
    Sqrt,
    Rsqrt,
    Exp,
    Expm1,
    Log,
    Log1p,
    Tanh,
    Erf,
    /// `a ? b : c`.
    Select,
    /// 1 where a is true, else 0.
    Number,
    /// Two functions, each rounded by itself: the first of a and b, the second of that and c.
    Two(Inner, Outer),
}

/// The first of two functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inner {
    Add,
    Sub,
    Mul,
}

/// The second, of the first's value and c.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outer {
    Add,
    /// The value less c.
    Sub,
    /// c less the value.
    From,
    Mul,
}

/// Where an operand comes from. An address is that of the first element of the block, or of a slot, which is the same for
/// each unit.
#[derive(Debug, Clone, Copy)]
pub enum From {
    /// The result of the instruction before.
    Last,
    /// Elements, one after the other.
    Memory(*const u8),
    /// As many bools.
    Bools(*const u8),
    /// The unit's own memory.
    Slot(*const u8),
}

/// Where a result goes beside the next instruction.
#[derive(Debug, Clone, Copy)]
pub enum To {
    Nowhere,
    Memory(*mut u8),
    /// Past the caches.
    Streamed(*mut u8),
    Bools(*mut u8),
}

/// One instruction of a run.
#[derive(Debug, Clone, Copy)]
pub struct Op {
    pub code: Code,
    pub operands: [From; 3],
    pub slot: Option<*mut u8>,
    pub to: To,
}

/// Bytes of a slot: as many as a unit has.
pub const SLOT_BYTES: usize = 512;

/// What the elements of a run are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Float {
    /// f32.
    Single,
    /// f64.
    Double,
}

impl Float {
    /// Of an element.
    pub fn bytes(self) -> usize {
        if self == Float::Single { 4 } else { 8 }
    }
}

/// Runs the instructions over elements `from .. to`, by the processor's widest vectors; `ahead` are addresses of first elements
/// that are read from memory.
///
/// # Safety
/// Each address is valid for elements `from .. to` of this type, each slot for [`SLOT_BYTES`]. No memory that is written overlaps
/// other memory, unless it is the same elements and each is read before it is written.
pub unsafe fn run_widest(float: Float, ops: &[Op], range: (usize, usize), ahead: &[*const u8]) {
    // SAFETY: the features were found; the addresses are the caller's affair.
    unsafe {
        match (level(), float) {
            #[cfg(target_arch = "x86_64")]
            (Level::Avx512, Float::Single) => x86::singles_avx512(ops, range, ahead),
            #[cfg(target_arch = "x86_64")]
            (Level::Avx512, Float::Double) => x86::doubles_avx512(ops, range, ahead),
            #[cfg(target_arch = "x86_64")]
            (Level::Avx2, Float::Single) => x86::singles_avx2(ops, range, ahead),
            #[cfg(target_arch = "x86_64")]
            (Level::Avx2, Float::Double) => x86::doubles_avx2(ops, range, ahead),
            _ => {} // no run is made there
        }
    }
}
