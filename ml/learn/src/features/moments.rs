//! Count, mean and squared deviation of a column, mergeable without cancellation.

/// Count, mean and sum of squared deviations from the mean, of values with weights: one of weight 2 counts as two.
/// Source: Chan, Golub & LeVeque 1983, "Algorithms for computing the sample variance".
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Moments {
    count: u64,
    /// The sum of the weights.
    weight: f64,
    mean: f64,
    squared_deviation: f64,
}

impl Moments {
    /// The moments of these values, each of weight 1, in two passes.
    pub fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        Self::weighted(values.map(|x| (x, 1.0)))
    }

    /// The moments of these values with their weights, which are above 0, in two passes.
    pub fn weighted(values: impl Iterator<Item = (f64, f64)> + Clone) -> Self {
        let add = |(count, weight, sum): (u64, f64, f64), (x, w): (f64, f64)| (count + 1, weight + w, sum + w * x);
        let (count, weight, sum) = values.clone().fold((0, 0.0, 0.0), add);
        if count == 0 {
            return Self::default();
        }
        let mean = sum / weight;
        let squared_deviation = values.map(|(x, w)| w * (x - mean) * (x - mean)).sum();
        Moments { count, weight, mean, squared_deviation }
    }

    /// Adds the moments of further values. The last bits depend on how the values are cut: fold fixed chunks in order.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = *other;
            return;
        }
        let (n, m) = (self.weight, other.weight);
        let delta = other.mean - self.mean;
        self.count += other.count;
        self.weight += other.weight;
        self.mean += delta * (m / (n + m));
        self.squared_deviation += other.squared_deviation + delta * delta * (n * (m / (n + m)));
    }

    /// Number of values.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The mean; 0 for no values.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// Sum of squared deviations from the mean, each times its weight.
    pub fn squared_deviation(&self) -> f64 {
        self.squared_deviation
    }

    /// Population standard deviation; 0 for no values.
    pub fn std(&self) -> f64 {
        if self.count == 0 { 0.0 } else { (self.squared_deviation / self.weight).sqrt() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn merging_chunks_equals_one_pass(values in prop::collection::vec(-1e3..1e3f64, 0..200), cut in 0usize..200) {
            let cut = cut.min(values.len());
            let whole = Moments::of(values.iter().copied());
            let mut merged = Moments::of(values[..cut].iter().copied());
            merged.merge(&Moments::of(values[cut..].iter().copied()));
            prop_assert_eq!(merged.count(), whole.count());
            prop_assert!((merged.mean() - whole.mean()).abs() < 1e-9);
            prop_assert!((merged.std() - whole.std()).abs() < 1e-9);
        }
    }

    #[test]
    fn a_value_of_weight_two_counts_as_two() {
        let mut weighted = Moments::weighted([(1.0, 2.0), (4.0, 1.0)].into_iter());
        weighted.merge(&Moments::weighted([(7.0, 3.0)].into_iter()));
        let repeated = Moments::of([1.0, 1.0, 4.0, 7.0, 7.0, 7.0].into_iter());
        assert!((weighted.mean() - repeated.mean()).abs() < 1e-15 && (weighted.std() - repeated.std()).abs() < 1e-15);
    }

    #[test]
    fn a_large_mean_does_not_swallow_the_deviation() {
        let moments = Moments::of([1e9, 1e9 + 1.0, 1e9 + 2.0].into_iter());
        assert!((moments.std() - (2.0f64 / 3.0).sqrt()).abs() < 1e-12);
    }
}
