//! What statistics are, by arithmetic of whole numbers, and the nearest float found by looking for it.

use std::cmp::Ordering;

use num_bigint::BigInt;

/// A float as a whole number of 2^-1074.
pub(super) fn whole(x: f64) -> BigInt {
    let bits = x.to_bits();
    let (biased, fraction) = (bits >> 52 & 0x7ff, bits & ((1 << 52) - 1));
    let size = if biased == 0 { BigInt::from(fraction) } else { BigInt::from(fraction | 1 << 52) << (biased - 1) };
    if x.is_sign_negative() { -size } else { size }
}

/// `n * sum(y * x) - sum(y) * sum(x)`, of 2^-2148.
pub(super) fn distances(pairs: impl Iterator<Item = (f64, f64)>) -> BigInt {
    let pairs: Vec<(BigInt, BigInt)> = pairs.map(|(y, x)| (whole(y), whole(x))).collect();
    let (y, x): (BigInt, BigInt) = (pairs.iter().map(|pair| &pair.0).sum(), pairs.iter().map(|pair| &pair.1).sum());
    pairs.iter().map(|(y, x)| y * x).sum::<BigInt>() * BigInt::from(pairs.len()) - y * x
}

/// A fraction times a power of two.
pub(super) struct Ratio {
    above: BigInt,
    below: BigInt,
    exponent: i32,
}

impl Ratio {
    pub(super) fn new(above: BigInt, below: usize, exponent: i32) -> Self {
        Self::of(above, BigInt::from(below), exponent)
    }

    pub(super) fn of(above: BigInt, below: BigInt, exponent: i32) -> Self {
        Ratio { above, below, exponent }
    }

    pub(super) fn nearest(&self) -> f64 {
        self.nearest_by(|twice| twice.clone())
    }

    /// Of the root of its size.
    pub(super) fn nearest_root(&self) -> f64 {
        // Half of a whole number of 2^-1074, squared.
        let square = Ratio { above: self.above.clone(), below: self.below.clone(), exponent: self.exponent + 2 * 1075 };
        let root = square.found(|twice| twice * twice, 0);
        f64::from_bits(root)
    }

    fn nearest_by(&self, of: impl Fn(&BigInt) -> BigInt) -> f64 {
        let scaled = Ratio { above: self.above.clone(), below: self.below.clone(), exponent: self.exponent + 1075 };
        let found = f64::from_bits(scaled.found(of, 0));
        if self.above < BigInt::ZERO { -found } else { found }
    }

    /// The bits of the float nearest to this size, where `of` says what twice a float, as a whole number of 2^-1074, is here.
    fn found(&self, of: impl Fn(&BigInt) -> BigInt, least: u64) -> u64 {
        let infinite = f64::INFINITY.to_bits();
        let is_at_most = |twice: &BigInt| self.compare(&of(twice));
        let (mut low, mut high) = (least, infinite);
        // The greatest float that is not above.
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if is_at_most(&(whole(f64::from_bits(middle)) * 2)) == Ordering::Greater { high = middle } else { low = middle }
        }
        let next = if high == infinite { BigInt::from(1) << (1024 + 1074) } else { whole(f64::from_bits(high)) };
        match is_at_most(&(whole(f64::from_bits(low)) + next)) {
            Ordering::Less => high,
            Ordering::Greater => low,
            Ordering::Equal => low + (low & 1),
        }
    }

    /// A whole number beside this size.
    fn compare(&self, number: &BigInt) -> Ordering {
        let above = if self.above < BigInt::ZERO { -&self.above } else { self.above.clone() };
        let (left, right) = (number * &self.below, above);
        match self.exponent {
            0.. => left.cmp(&(right << self.exponent)),
            _ => (left << -self.exponent).cmp(&right),
        }
    }
}
