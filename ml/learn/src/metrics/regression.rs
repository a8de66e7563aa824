//! Errors of predicted numbers.

use gradframe_ml_core::{Error, Result};

use super::NamedValue;
use super::mean::{ExactDeviation, ExactMean};

/// Errors of a regression over the rows seen so far. Memory: 8 bytes a row, for the exact median.
#[derive(Debug, Clone, Default)]
pub struct RegressionMetrics {
    actual: ExactDeviation,
    error: ExactDeviation,
    absolute: ExactMean,
    squared_log: ExactMean,
    /// A value is -1 or less: its logarithm is not defined.
    log_undefined: bool,
    absolute_errors: Vec<f64>,
}

impl RegressionMetrics {
    /// The metrics' names, in the order of `finish`.
    pub const NAMES: [&'static str; 6] = [
        "mean_absolute_error",
        "mean_squared_error",
        "mean_squared_log_error",
        "median_absolute_error",
        "r2_score",
        "explained_variance",
    ];

    /// Adds rows. Errors: `Shape` if there are not as many predictions as labels.
    pub fn update(&mut self, predicted: &[f64], actual: &[f64]) -> Result<()> {
        if predicted.len() != actual.len() {
            return Err(Error::shape("evaluate", format!("{} predictions for {} labels", predicted.len(), actual.len())));
        }
        predicted.iter().zip(actual).for_each(|(&p, &y)| self.add(p, y));
        Ok(())
    }

    fn add(&mut self, predicted: f64, actual: f64) {
        let error = actual - predicted;
        self.actual.add(actual);
        self.error.add(error);
        self.absolute.add(error.abs());
        self.absolute_errors.push(error.abs());
        self.log_undefined |= predicted <= -1.0 || actual <= -1.0;
        if !self.log_undefined {
            self.squared_log.add_square(actual.ln_1p() - predicted.ln_1p());
        }
    }

    /// Adds the rows of another.
    pub fn merge(&mut self, other: Self) {
        self.actual.merge(&other.actual);
        self.error.merge(&other.error);
        self.absolute.merge(&other.absolute);
        self.squared_log.merge(&other.squared_log);
        self.log_undefined |= other.log_undefined;
        self.absolute_errors.extend(other.absolute_errors);
    }

    /// Memory held.
    pub fn memory_bytes(&self) -> usize {
        self.absolute_errors.capacity() * size_of::<f64>()
    }

    /// The metrics, in the order of `NAMES`; all None for no rows, and `mean_squared_log_error` if a value is -1 or less.
    pub fn finish(self) -> [NamedValue; 6] {
        let (squared, unexplained) = (self.error.mean_square(), self.error.variance());
        let of_variance = |part: Option<f64>| Some(explained(part?, self.actual.variance()?));
        let values = [
            self.absolute.value(),
            squared,
            self.squared_log.value().filter(|_| !self.log_undefined),
            median(self.absolute_errors),
            of_variance(squared),
            of_variance(unexplained),
        ];
        std::array::from_fn(|i| (Self::NAMES[i], values[i]))
    }
}

/// `1 - unexplained / total`; where nothing is to be explained, 1 if that succeeded and 0 if not, as scikit-learn has it.
fn explained(unexplained: f64, total: f64) -> f64 {
    match (unexplained == 0.0, total == 0.0) {
        (true, true) => 1.0,
        (false, true) => 0.0,
        _ => 1.0 - unexplained / total,
    }
}

/// The middle value, or the mean of the two middle ones; NaN counts as largest.
fn median(mut values: Vec<f64>) -> Option<f64> {
    let middle = values.len().checked_sub(1)? / 2;
    let even = values.len().is_multiple_of(2);
    let (_, &mut lower, above) = values.select_nth_unstable_by(middle, f64::total_cmp);
    if !even {
        return Some(lower);
    }
    above.iter().copied().min_by(f64::total_cmp).map(|upper| lower + (upper - lower) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finish(predicted: &[f64], actual: &[f64]) -> [NamedValue; 6] {
        let mut metrics = RegressionMetrics::default();
        metrics.update(predicted, actual).unwrap();
        metrics.finish()
    }

    #[test]
    fn medians_of_even_and_odd_counts() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(vec![]), None);
    }

    #[test]
    fn no_rows_have_no_metrics() {
        assert!(finish(&[], &[]).iter().all(|(_, value)| value.is_none()));
    }

    #[test]
    fn the_log_error_is_undefined_from_minus_one() {
        assert_eq!(finish(&[-1.0], &[0.0])[2], ("mean_squared_log_error", None));
        assert_eq!(finish(&[0.0, 1.0], &[0.0, 1.0])[2].1, Some(0.0));
    }

    #[test]
    fn a_constant_label_is_explained_or_not() {
        assert_eq!(finish(&[2.0, 2.0], &[2.0, 2.0])[4].1, Some(1.0));
        assert_eq!(finish(&[1.0, 3.0], &[2.0, 2.0])[4].1, Some(0.0));
    }
}
