//! Sums that do not depend on how the rows are cut into batches, to nearly the last bit.

/// A sum with its rounding errors carried along. Source: Neumaier 1974.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ExactSum {
    sum: f64,
    lost: f64,
}

impl ExactSum {
    /// Adds a number.
    pub fn add(&mut self, x: f64) {
        let sum = self.sum + x;
        self.lost += if self.sum.abs() >= x.abs() { (self.sum - sum) + x } else { (x - sum) + self.sum };
        self.sum = sum;
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: &Self) {
        self.add(other.sum);
        self.lost += other.lost;
    }

    /// The sum. Infinite or NaN if a summand was, or if it overflowed.
    pub fn value(&self) -> f64 {
        if self.sum.is_finite() { self.sum + self.lost } else { self.sum }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_summands_survive_large_ones() {
        let mut sum = ExactSum::default();
        [1.0, 1e100, 1.0, -1e100].into_iter().for_each(|x| sum.add(x));
        assert_eq!(sum.value(), 2.0);
    }

    #[test]
    fn infinity_stays_infinite() {
        let mut sum = ExactSum::default();
        [f64::INFINITY, 1.0].into_iter().for_each(|x| sum.add(x));
        assert_eq!(sum.value(), f64::INFINITY);
    }
}
