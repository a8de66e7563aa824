//! Vectors of f32 and f64 as the processor has them, for code that keeps values in its registers from one instruction of a chain to
//! the next. Each function is the one that `map1`, `map2` and `blocks` compute, rounded alike, so all have the same bits.
//!
//! A bool is a lane of all bits or none.

mod avx2;
mod avx512;

use super::math::{double, erf, single};

/// What a vector is of: the functions that are computed one lane at a time.
pub trait Element: Copy {
    /// A number that both types have.
    fn of(x: f32) -> Self;
    /// All bits set: true, as a lane.
    fn all_bits() -> Self;
    /// e^x.
    fn exp(self) -> Self;
    /// e^x - 1.
    fn expm1(self) -> Self;
    /// Natural logarithm.
    fn log(self) -> Self;
    /// log(1 + x).
    fn log1p(self) -> Self;
    /// Hyperbolic tangent.
    fn tanh(self) -> Self;
    /// Error function.
    fn erf(self) -> Self;
}

macro_rules! element {
    ($float:ident, $fast:ident, $erf:path) => {
        impl Element for $float {
            #[inline(always)]
            fn of(x: f32) -> Self {
                x.into()
            }

            #[inline(always)]
            fn all_bits() -> Self {
                $float::from_bits(!0)
            }

            #[inline(always)]
            fn exp(self) -> Self {
                $fast::exp(self)
            }

            #[inline(always)]
            fn expm1(self) -> Self {
                $fast::expm1(self)
            }

            #[inline(always)]
            fn log(self) -> Self {
                $fast::log(self)
            }

            #[inline(always)]
            fn log1p(self) -> Self {
                $fast::log1p(self)
            }

            #[inline(always)]
            fn tanh(self) -> Self {
                $fast::tanh(self)
            }

            #[inline(always)]
            fn erf(self) -> Self {
                $erf(self)
            }
        }
    };
}

element!(f32, single, erf::erf);
element!(f64, double, libm::erf);

/// One register's worth of numbers.
///
/// # Safety
/// All functions: the processor has the instruction set of the type. Pointers: see each.
pub trait Vector: Copy {
    /// The type of a lane.
    type Element: Element;
    /// Lanes.
    const LANES: usize;
    /// The same number in each lane.
    unsafe fn splat(x: Self::Element) -> Self;
    /// Reads all lanes from `from`.
    unsafe fn load(from: *const Self::Element) -> Self;
    /// Reads the first `count` lanes; zeros elsewhere.
    unsafe fn load_part(from: *const Self::Element, count: usize) -> Self;
    /// Reads `count` bools of a byte each.
    unsafe fn load_bools(from: *const u8, count: usize) -> Self;
    /// Writes all lanes to `to`.
    unsafe fn store(self, to: *mut Self::Element);
    /// Writes the first `count` lanes.
    unsafe fn store_part(self, to: *mut Self::Element, count: usize);
    /// Writes `count` bools of a byte each.
    unsafe fn store_bools(self, to: *mut u8, count: usize);
    /// Writes all lanes past the caches; `to` is aligned to the vector.
    unsafe fn stream(self, to: *mut Self::Element);
    /// Sum.
    unsafe fn add(a: Self, b: Self) -> Self;
    /// Difference.
    unsafe fn sub(a: Self, b: Self) -> Self;
    /// Product.
    unsafe fn mul(a: Self, b: Self) -> Self;
    /// Quotient.
    unsafe fn div(a: Self, b: Self) -> Self;
    /// Square root.
    unsafe fn sqrt(a: Self) -> Self;
    /// `a b + sum`, rounded once. The processor multiplies and adds in one.
    unsafe fn multiply_add(a: Self, b: Self, sum: Self) -> Self;
    /// The larger; the first if it is NaN, else the second where neither is larger.
    unsafe fn larger(self, other: Self) -> Self;
    /// The smaller; the first if it is NaN, else the second where neither is smaller.
    unsafe fn smaller(self, other: Self) -> Self;
    /// Bits in both.
    unsafe fn and(a: Self, b: Self) -> Self;
    /// Bits in one or the other.
    unsafe fn or(a: Self, b: Self) -> Self;
    /// Bits in one alone.
    unsafe fn xor(a: Self, b: Self) -> Self;
    /// True where equal.
    unsafe fn eq(self, other: Self) -> Self;
    /// True where less.
    unsafe fn lt(self, other: Self) -> Self;
    /// True where less or equal.
    unsafe fn le(self, other: Self) -> Self;
    /// `a` where this bool is true, else `b`.
    unsafe fn choose(self, a: Self, b: Self) -> Self;
}

/// Functions that are one instruction.
macro_rules! instructions {
    ($($name:ident($instruction:ident: $($operand:ident: $ty:ty),*);)*) => { $(
        #[inline(always)]
        unsafe fn $name($($operand: $ty),*) -> Self {
            unsafe { $instruction($($operand),*) }
        }
    )* };
}
use instructions;
