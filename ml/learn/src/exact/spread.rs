//! Variance and deviation.

use gradframe_ml_core::Result;

use super::groups::Groups;
use super::{Dyadic, Grouped, Number, ProductSum, Tally, ValueSum};
use crate::fitting::Reader;

/// What a sum of squared distances from the mean is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Divisor {
    /// n - 1: the rows are a sample.
    Sample,
    /// n: they are all that there is.
    Population,
}

impl Divisor {
    /// Of so many rows; None if there are too few.
    pub(super) fn of(self, count: u64) -> Option<u64> {
        match self {
            Divisor::Sample => count.checked_sub(1).filter(|divisor| *divisor > 0),
            Divisor::Population => Some(count).filter(|divisor| *divisor > 0),
        }
    }
}

/// The population variance of `count` numbers, given their sum and that of their squares, to the nearest float; 0 of none.
pub fn variance<const A: usize, const B: usize>(sum: &Number<A>, squares: &Number<B>, count: u64) -> f64 {
    let counted = Dyadic::new(false, 0, &[count]).repeated(count);
    if count == 0 { 0.0 } else { products(sum, sum, squares, count).over(&counted) }
}

/// `n * sum(x * y) - sum(x) * sum(y)`: n times the sum of the products of distances from the means.
pub(super) fn products<const A: usize, const B: usize>(x: &Number<A>, y: &Number<A>, xy: &Number<B>, count: u64) -> Dyadic {
    xy.to_dyadic().repeated(count).minus(&x.to_dyadic().times(&y.to_dyadic()))
}

/// The sums of values and of their squares.
#[derive(Debug, Clone, Default)]
pub struct Spread {
    count: u64,
    /// Values that are infinite or NaN.
    not_finite: u64,
    sum: ValueSum,
    squares: ProductSum,
}

impl Spread {
    /// The variance, to the nearest float; NaN if a value was infinite or NaN. None of too few values.
    pub fn variance(&self, divisor: Divisor) -> Option<f64> {
        self.divided(divisor, Dyadic::over)
    }

    /// The root of the variance, to the nearest float.
    pub fn deviation(&self, divisor: Divisor) -> Option<f64> {
        self.divided(divisor, Dyadic::root_over)
    }

    fn divided(&self, divisor: Divisor, ratio: fn(&Dyadic, &Dyadic) -> f64) -> Option<f64> {
        let divisor = divisor.of(self.count)?;
        if self.not_finite > 0 {
            return Some(f64::NAN);
        }
        let counted = Dyadic::new(false, 0, &[self.count]).repeated(divisor);
        Some(ratio(&products(&self.sum, &self.sum, &self.squares, self.count), &counted))
    }
}

impl Tally for Spread {
    type Row = f64;

    #[inline]
    fn add(&mut self, x: f64) {
        self.count += 1;
        if x.is_finite() {
            self.sum.add(x);
            self.squares.add_product(x, x);
        } else {
            self.not_finite += 1;
        }
    }

    fn remove(&mut self, x: f64) {
        self.count -= 1;
        if x.is_finite() {
            self.sum.add(-x);
            self.squares.add_product(-x, x);
        } else {
            self.not_finite -= 1;
        }
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.not_finite += other.not_finite;
        self.sum.merge(&other.sum);
        self.squares.merge(&other.squares);
    }

    fn count(&self) -> u64 {
        self.count
    }

    fn write(&self, out: &mut Vec<u8>) {
        [self.count, self.not_finite].iter().for_each(|number| out.extend(number.to_le_bytes()));
        self.sum.write(out);
        self.squares.write(out);
    }

    fn read(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader(bytes);
        let (count, not_finite) = (reader.u64()?, reader.u64()?);
        Ok(Spread { count, not_finite, sum: ValueSum::read(&mut reader)?, squares: ProductSum::read(&mut reader)? })
    }

    #[inline]
    fn heap_bytes(&self) -> usize {
        self.sum.heap_bytes() + self.squares.heap_bytes()
    }

    fn groups(value: fn(&Self) -> Option<f64>) -> Box<dyn Grouped> {
        Box::new(Groups::new(value))
    }
}
