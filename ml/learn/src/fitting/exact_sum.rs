//! Sums of floats without any rounding, so that neither order nor grouping can show in them.
//!
//! A sum is one long fixed-point number that covers the range of `f64` and of its squares, in digits of 32 bits kept in 64:
//! additions touch a few digits, and carries wait. Source: Kulisch 1971 for the long accumulator; Neal 2015, "Fast exact
//! summation using small and large superaccumulators", for the digits with room to spare.

use gradframe_ml_core::Result;

use super::bytes::Reader;

const DIGIT_BITS: i32 = 32;
const DIGIT_MASK: i64 = (1 << DIGIT_BITS) - 1;
/// Digits below the point: the square of the least subnormal is 2^-2148.
const FRACTION_DIGITS: i32 = 68;
/// Digits above it: squares are below 2^2048, and 2^63 of them may be added.
const DIGITS: usize = FRACTION_DIGITS as usize + 68;
/// The value of the lowest bit is 2 to this power.
const LOWEST_EXPONENT: i32 = -FRACTION_DIGITS * DIGIT_BITS;
/// An addition adds less than 2^33 to a digit: after this many, carries must move before 2^63 is reached.
const ADDITIONS_MAX: u32 = 1 << 28;

/// The exact sum of finite numbers and of squares of finite numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct ExactSum {
    digits: Box<[i64; DIGITS]>,
    additions: u32,
}

impl Default for ExactSum {
    fn default() -> Self {
        ExactSum { digits: Box::new([0; DIGITS]), additions: 0 }
    }
}

impl ExactSum {
    /// Bytes of `to_bytes`.
    pub(super) const BYTES: usize = DIGITS * 8;

    /// Adds a finite number.
    pub fn add(&mut self, x: f64) {
        let (mantissa, exponent) = parts(x);
        self.add_scaled(u128::from(mantissa), exponent, x.is_sign_negative());
    }

    /// Adds the square of a finite number, not rounded.
    pub fn add_square(&mut self, x: f64) {
        let (mantissa, exponent) = parts(x);
        self.add_scaled(u128::from(mantissa) * u128::from(mantissa), 2 * exponent, false);
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: &Self) {
        self.carry();
        let mut other = other.clone();
        other.carry();
        self.digits.iter_mut().zip(other.digits.iter()).for_each(|(a, b)| *a += b);
        self.carry();
    }

    /// The mean of `count` numbers that were added, correctly rounded; 0 for none.
    pub fn mean(&self, count: u64) -> f64 {
        if count == 0 {
            return 0.0;
        }
        let (negative, magnitude) = self.magnitude();
        let (quotient, inexact) = divide(widened(magnitude), count);
        let mean = to_float(&quotient, LOWEST_EXPONENT - 64, inexact);
        if negative { -mean } else { mean }
    }

    /// The population variance of `count` numbers, given this sum of theirs and that of their squares, correctly rounded.
    pub fn variance(&self, squares: &Self, count: u64) -> f64 {
        if count == 0 {
            return 0.0;
        }
        // n * sum(x^2) - sum(x)^2, over n twice; a square's unit is the square of the sum's unit.
        let (_, sum) = self.magnitude();
        let (_, squares) = squares.magnitude();
        let shifted = std::iter::repeat_n(0, FRACTION_DIGITS as usize).chain(squares).collect::<Vec<u32>>();
        let deviation = subtract(multiply(&shifted, &[count as u32, (count >> 32) as u32]), &multiply(&sum, &sum));
        let (once, inexact) = divide(widened(deviation), count);
        let (twice, inexact_again) = divide(once, count);
        to_float(&twice, 2 * LOWEST_EXPONENT - 64, inexact || inexact_again)
    }

    /// Equal sums are equal bytes.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let mut carried = self.clone();
        carried.carry();
        carried.digits.iter().for_each(|digit| out.extend(digit.to_le_bytes()));
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let mut sum = Self::default();
        for digit in sum.digits.iter_mut() {
            *digit = reader.u64()? as i64;
        }
        Ok(sum)
    }

    /// Adds `mantissa * 2^exponent`.
    fn add_scaled(&mut self, mantissa: u128, exponent: i32, negative: bool) {
        let bit = exponent - LOWEST_EXPONENT;
        let (first, shift) = ((bit / DIGIT_BITS) as usize, bit % DIGIT_BITS);
        let mut rest = mantissa;
        for digit in first.. {
            if rest == 0 {
                break;
            }
            let piece = (rest as u32 as u64) << shift;
            let (low, high) = ((piece as i64) & DIGIT_MASK, (piece >> DIGIT_BITS) as i64);
            self.digits[digit] += if negative { -low } else { low };
            self.digits[digit + 1] += if negative { -high } else { high };
            rest >>= DIGIT_BITS;
        }
        self.additions += 1;
        if self.additions >= ADDITIONS_MAX {
            self.carry();
        }
    }

    /// Brings every digit but the highest into 0..2^32; the highest keeps the sign.
    fn carry(&mut self) {
        let mut carry = 0;
        for digit in self.digits.iter_mut().take(DIGITS - 1) {
            let value = *digit + carry;
            *digit = value & DIGIT_MASK;
            carry = value >> DIGIT_BITS;
        }
        self.digits[DIGITS - 1] += carry;
        self.additions = 0;
    }

    /// Its sign, and its digits without it.
    fn magnitude(&self) -> (bool, Vec<u32>) {
        let mut sum = self.clone();
        sum.carry();
        let negative = sum.digits[DIGITS - 1] < 0;
        if negative {
            sum.digits.iter_mut().for_each(|digit| *digit = -*digit);
            sum.carry();
        }
        (negative, sum.digits.iter().map(|&digit| digit as u32).collect())
    }
}

/// `x = mantissa * 2^exponent`, its sign aside.
fn parts(x: f64) -> (u64, i32) {
    const MANTISSA_BITS: u32 = 52;
    let bits = x.to_bits();
    let (biased, fraction) = ((bits >> MANTISSA_BITS & 0x7ff) as i32, bits & ((1 << MANTISSA_BITS) - 1));
    if biased == 0 { (fraction, -1074) } else { (fraction | 1 << MANTISSA_BITS, biased - 1075) }
}

/// The number times 2^64: so many bits of a quotient are kept behind the point.
fn widened(magnitude: Vec<u32>) -> Vec<u32> {
    [0, 0].into_iter().chain(magnitude).collect()
}

fn multiply(a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut product = vec![0u32; a.len() + b.len()];
    for (i, &x) in a.iter().enumerate().filter(|(_, x)| **x != 0) {
        let mut carry = 0u64;
        for (j, &y) in b.iter().enumerate() {
            let value = u64::from(x) * u64::from(y) + u64::from(product[i + j]) + carry;
            product[i + j] = value as u32;
            carry = value >> DIGIT_BITS;
        }
        product[i + b.len()] = carry as u32;
    }
    product
}

/// `a - b`, which is not negative.
fn subtract(mut a: Vec<u32>, b: &[u32]) -> Vec<u32> {
    a.resize(a.len().max(b.len()), 0);
    let mut borrow = 0i64;
    for (i, digit) in a.iter_mut().enumerate() {
        let value = i64::from(*digit) - i64::from(b.get(i).copied().unwrap_or(0)) + borrow;
        *digit = value as u32;
        borrow = value >> DIGIT_BITS;
    }
    a
}

/// The whole quotient, and whether there is a remainder.
fn divide(mut a: Vec<u32>, by: u64) -> (Vec<u32>, bool) {
    let mut remainder = 0u128;
    for digit in a.iter_mut().rev() {
        let value = remainder << DIGIT_BITS | u128::from(*digit);
        *digit = (value / u128::from(by)) as u32;
        remainder = value % u128::from(by);
    }
    (a, remainder != 0)
}

/// `magnitude * 2^exponent` to the nearest float, ties to even; `inexact` says that a little more was cut off.
fn to_float(magnitude: &[u32], exponent: i32, inexact: bool) -> f64 {
    let Some(top) = magnitude.iter().rposition(|&digit| digit != 0) else { return 0.0 };
    let digit = |at: usize| top.checked_sub(at).map_or(0, |i| u128::from(magnitude[i]));
    let head = digit(0) << 64 | digit(1) << 32 | digit(2);
    // The top 64 bits; a bit that stands for all below them decides what looks like a tie.
    let drop = 128 - head.leading_zeros() as i32 - 64;
    let (bits, cut) = ((head >> drop) as u64, head & ((1 << drop) - 1) != 0);
    let below = cut || inexact || magnitude[..top.saturating_sub(2)].iter().any(|&digit| digit != 0);
    scale((bits | u64::from(below)) as f64, exponent + DIGIT_BITS * (top as i32 - 2) + drop)
}

/// `x * 2^exponent`, in steps that neither overflow nor vanish before the result does.
fn scale(mut x: f64, mut exponent: i32) -> f64 {
    const STEP: i32 = 1000;
    while exponent.abs() > STEP {
        x *= 2f64.powi(STEP * exponent.signum());
        exponent -= STEP * exponent.signum();
    }
    x * 2f64.powi(exponent)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sums(values: &[f64]) -> (ExactSum, ExactSum) {
        let (mut sum, mut squares) = (ExactSum::default(), ExactSum::default());
        values.iter().for_each(|&x| {
            sum.add(x);
            squares.add_square(x);
        });
        (sum, squares)
    }

    #[test]
    fn nothing_is_lost_beside_large_numbers() {
        assert_eq!(sums(&[1e308, 1.0, -1e308, 1.0]).0.mean(1), 2.0);
        assert_eq!(sums(&[f64::MAX; 4]).0.mean(4), f64::MAX);
        assert_eq!(sums(&[f64::MIN_POSITIVE / 4.0; 3]).0.mean(3), f64::MIN_POSITIVE / 4.0);
        assert_eq!(sums(&[0.1; 10]).0.mean(10), 0.1);
        assert_eq!(sums(&[-1.0, -2.0]).0.mean(2), -1.5);
    }

    #[test]
    fn a_large_mean_does_not_swallow_the_variance() {
        let values = [1e9, 1e9 + 1.0, 1e9 + 2.0];
        let (sum, squares) = sums(&values);
        assert_eq!(sum.variance(&squares, 3), 2.0 / 3.0);
        let (sum, squares) = sums(&[0.1; 7]);
        assert_eq!(sum.variance(&squares, 7), 0.0);
    }

    proptest! {
        #[test]
        fn order_and_grouping_do_not_show(
            values in prop::collection::vec(prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO, 1..60),
            cut in 0usize..60,
        ) {
            let n = values.len() as u64;
            let (sum, squares) = sums(&values);
            let cut = cut.min(values.len());
            let (mut later, mut later_squares) = sums(&values[cut..]);
            let reversed: Vec<f64> = values[..cut].iter().rev().copied().collect();
            let (first, first_squares) = sums(&reversed);
            later.merge(&first);
            later_squares.merge(&first_squares);
            prop_assert_eq!(sum.mean(n).to_bits(), later.mean(n).to_bits());
            prop_assert_eq!(sum.variance(&squares, n).to_bits(), later.variance(&later_squares, n).to_bits());
            let (mut a, mut b) = (vec![], vec![]);
            sum.write(&mut a);
            later.write(&mut b);
            prop_assert_eq!(&a, &b);
            prop_assert_eq!(ExactSum::read(&mut Reader(&a)).unwrap().mean(n).to_bits(), sum.mean(n).to_bits());
        }

        #[test]
        fn small_cases_equal_ordinary_arithmetic(values in prop::collection::vec(-1000i32..1000, 1..50)) {
            let floats: Vec<f64> = values.iter().map(|&v| f64::from(v)).collect();
            let n = floats.len() as f64;
            let (sum, squares) = sums(&floats);
            let total: i64 = values.iter().map(|&v| i64::from(v)).sum();
            let deviation: i64 = values.len() as i64 * values.iter().map(|&v| i64::from(v).pow(2)).sum::<i64>() - total * total;
            prop_assert_eq!(sum.mean(n as u64), total as f64 / n);
            let expected = deviation as f64 / (n * n);
            prop_assert!((sum.variance(&squares, n as u64) - expected).abs() <= expected * f64::EPSILON);
        }
    }
}
