//! Sums, means and squared deviations that can be added up, of one variable and of two.
//!
//! The deviations are kept about the mean, so that those of equal values are exactly 0 (Chan, Golub and LeVeque, Updating
//! Formulae and a Pairwise Algorithm for Computing Sample Variances, 1979).

use super::stacks::{Stacks, Total};

/// What is made of moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::functions) enum Statistic {
    Sum,
    Mean,
    Variance,
    PopulationVariance,
    Deviation,
    PopulationDeviation,
    Covariance,
    PopulationCovariance,
    Correlation,
}

impl Statistic {
    pub(super) fn is_of_two(self) -> bool {
        matches!(self, Statistic::Covariance | Statistic::PopulationCovariance | Statistic::Correlation)
    }
}

/// Moments of a frame that moves.
#[derive(Debug)]
pub(super) enum Frame {
    One(Stacks<Moments>),
    Two(Stacks<PairMoments>),
}

impl Frame {
    pub(super) fn new(statistic: Statistic) -> Self {
        if statistic.is_of_two() { Frame::Two(Stacks::new()) } else { Frame::One(Stacks::new()) }
    }

    pub(super) fn statistic(&self, which: Statistic) -> Option<f64> {
        match self {
            Frame::One(stacks) => stacks.total().statistic(which),
            Frame::Two(stacks) => stacks.total().statistic(which),
        }
    }
}

/// Of one variable.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moments {
    count: f64,
    sum: f64,
    mean: f64,
    /// The sum of squared deviations from the mean.
    squares: f64,
}

impl Moments {
    pub(super) fn of(value: f64) -> Self {
        Moments { count: 1.0, sum: value, mean: value, squares: deviation(value) }
    }

    /// None where the frame has too few values.
    fn statistic(self, which: Statistic) -> Option<f64> {
        let (sample, all) = (self.count > 1.0, self.count > 0.0);
        match which {
            Statistic::Sum => all.then_some(self.sum),
            Statistic::Mean => all.then(|| self.sum / self.count),
            Statistic::Variance => sample.then(|| self.squares / (self.count - 1.0)),
            Statistic::PopulationVariance => all.then(|| self.squares / self.count),
            Statistic::Deviation => self.statistic(Statistic::Variance).map(f64::sqrt),
            Statistic::PopulationDeviation => self.statistic(Statistic::PopulationVariance).map(f64::sqrt),
            Statistic::Covariance | Statistic::PopulationCovariance | Statistic::Correlation => None,
        }
    }
}

/// Of a value from itself: 0, and NaN of an infinity and of NaN.
fn deviation(value: f64) -> f64 {
    (value * 0.0).abs()
}

impl Total for Moments {
    const EMPTY: Self = Moments { count: 0.0, sum: 0.0, mean: 0.0, squares: 0.0 };

    fn then(self, later: Self) -> Self {
        if self.count == 0.0 || later.count == 0.0 {
            return if self.count == 0.0 { later } else { self };
        }
        let count = self.count + later.count;
        let apart = later.mean - self.mean;
        Moments {
            count,
            sum: self.sum + later.sum,
            mean: self.mean + apart * (later.count / count),
            squares: self.squares + later.squares + apart * apart * (self.count * later.count / count),
        }
    }
}

/// Of two variables, each with its own moments.
#[derive(Debug, Clone, Copy)]
pub(super) struct PairMoments {
    x: Moments,
    y: Moments,
    /// The sum of the products of the deviations.
    products: f64,
}

impl PairMoments {
    pub(super) fn of(x: f64, y: f64) -> Self {
        PairMoments { x: Moments::of(x), y: Moments::of(y), products: deviation(x) + deviation(y) }
    }

    /// None where the frame has too few values, and for the correlation with what does not vary.
    fn statistic(self, which: Statistic) -> Option<f64> {
        let count = self.x.count;
        match which {
            Statistic::Covariance => (count > 1.0).then(|| self.products / (count - 1.0)),
            Statistic::PopulationCovariance => (count > 0.0).then(|| self.products / count),
            Statistic::Correlation => {
                let varies = count > 1.0 && self.x.squares != 0.0 && self.y.squares != 0.0;
                varies.then(|| self.products / (self.x.squares * self.y.squares).sqrt())
            }
            of_one => self.x.statistic(of_one),
        }
    }
}

impl Total for PairMoments {
    const EMPTY: Self = PairMoments { x: Moments::EMPTY, y: Moments::EMPTY, products: 0.0 };

    fn then(self, later: Self) -> Self {
        if self.x.count == 0.0 || later.x.count == 0.0 {
            return if self.x.count == 0.0 { later } else { self };
        }
        let weight = self.x.count * later.x.count / (self.x.count + later.x.count);
        let (x_apart, y_apart) = (later.x.mean - self.x.mean, later.y.mean - self.y.mean);
        PairMoments {
            x: self.x.then(later.x),
            y: self.y.then(later.y),
            products: self.products + later.products + x_apart * y_apart * weight,
        }
    }
}
