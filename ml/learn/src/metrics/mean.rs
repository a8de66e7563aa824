//! Means that do not depend on the order of the rows, nor on how they are cut into batches.

use crate::exact::{ProductSum, variance};

/// The mean of numbers: their sum is exact, and only the result is rounded.
#[derive(Debug, Clone, Default)]
pub(super) struct ExactMean {
    sum: ProductSum,
    count: u64,
    /// The sum of the infinite and NaN among them, of which no order shows either.
    not_finite: f64,
}

impl ExactMean {
    /// Adds a number.
    pub(super) fn add(&mut self, x: f64) {
        self.count += 1;
        match x.is_finite() {
            true => self.sum.add(x),
            false => self.not_finite += x,
        }
    }

    /// Adds the square of a number, not rounded.
    pub(super) fn add_square(&mut self, x: f64) {
        self.count += 1;
        match x.is_finite() {
            true => self.sum.add_product(x, x),
            false => self.not_finite += x.abs(),
        }
    }

    /// Adds the numbers of another.
    pub(super) fn merge(&mut self, other: &Self) {
        self.sum.merge(&other.sum);
        self.count += other.count;
        self.not_finite += other.not_finite;
    }

    /// The mean, correctly rounded; infinite or NaN if a number was. None for no numbers.
    pub(super) fn value(&self) -> Option<f64> {
        (self.count > 0).then(|| if self.not_finite == 0.0 { self.sum.over(self.count) } else { self.not_finite })
    }
}

/// Mean of the squares of numbers, and of their squared distances from their mean.
#[derive(Debug, Clone, Default)]
pub(super) struct ExactDeviation {
    mean: ExactMean,
    squares: ExactMean,
}

impl ExactDeviation {
    /// Adds a number.
    pub(super) fn add(&mut self, x: f64) {
        self.mean.add(x);
        self.squares.add_square(x);
    }

    /// Adds the numbers of another.
    pub(super) fn merge(&mut self, other: &Self) {
        self.mean.merge(&other.mean);
        self.squares.merge(&other.squares);
    }

    /// The mean of the squares. None for no numbers.
    pub(super) fn mean_square(&self) -> Option<f64> {
        self.squares.value()
    }

    /// The population variance, correctly rounded; NaN if a number was infinite or NaN. None for no numbers.
    pub(super) fn variance(&self) -> Option<f64> {
        let finite = self.squares.not_finite == 0.0;
        let variance = || variance(&self.mean.sum, &self.squares.sum, self.mean.count);
        (self.mean.count > 0).then(|| if finite { variance() } else { f64::NAN })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_summands_survive_large_ones() {
        let mut mean = ExactMean::default();
        [1.0, 1e100, 1.0, -1e100].into_iter().for_each(|x| mean.add(x));
        assert_eq!(mean.value(), Some(0.5));
    }

    #[test]
    fn what_is_not_finite_shows_in_any_order() {
        for (values, is_nan) in [([f64::INFINITY, 1.0], false), ([1.0, f64::NAN], true), ([f64::INFINITY, -f64::INFINITY], true)]
        {
            let (mut mean, mut deviation) = (ExactMean::default(), ExactDeviation::default());
            values.into_iter().for_each(|x| {
                mean.add(x);
                deviation.add(x);
            });
            let value = mean.value().unwrap();
            assert!(if is_nan { value.is_nan() } else { value == f64::INFINITY }, "{values:?}: {value}");
            assert!(deviation.variance().unwrap().is_nan());
        }
    }

    #[test]
    fn no_numbers_have_no_mean() {
        assert_eq!((ExactMean::default().value(), ExactDeviation::default().variance()), (None, None));
    }
}
