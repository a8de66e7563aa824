//! A line search for the strong Wolfe conditions, as a state machine.
//!
//! Source: Nocedal & Wright 2006, algorithms 3.5 and 3.6, with the approximate Wolfe conditions of Hager & Zhang 2005,
//! which still decide close to the optimum, where differences of the loss drown in rounding.

/// Sufficient decrease.
const DECREASE: f64 = 1e-4;
/// Sufficient flattening.
const CURVATURE: f64 = 0.9;
/// Loss differences below this, relative to the loss, are rounding.
const ROUNDING: f64 = 1e-13;
/// Evaluations before the search gives up.
const TRIALS_MAX: u32 = 30;

/// The loss at a step length, and its slope along the direction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub step: f64,
    pub loss: f64,
    pub slope: f64,
}

/// What to do after a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Verdict {
    /// Sample this step length next.
    Try(f64),
    /// The sample satisfies the conditions.
    Accept,
    /// No acceptable step length was found.
    Fail,
}

/// A search along one direction.
#[derive(Debug, Clone)]
pub(super) struct LineSearch {
    start: Sample,
    /// The best sample with sufficient decrease.
    low: Sample,
    /// The other end of an interval that holds an acceptable step; None until one is found.
    high: Option<Sample>,
    trials: u32,
}

impl LineSearch {
    /// A search from a point with this loss and (negative) slope.
    pub(super) fn new(loss: f64, slope: f64) -> Self {
        let start = Sample { step: 0.0, loss, slope };
        LineSearch { start, low: start, high: None, trials: 0 }
    }

    /// Takes a sample at the step length asked for.
    pub(super) fn next(&mut self, sample: Sample) -> Verdict {
        self.trials += 1;
        if self.accepts(sample) {
            return Verdict::Accept;
        }
        if self.trials == TRIALS_MAX {
            return Verdict::Fail;
        }
        self.narrow(sample);
        let step = self.propose();
        let moved = step != self.low.step && self.high.is_none_or(|high| step != high.step);
        if moved && step.is_finite() { Verdict::Try(step) } else { Verdict::Fail }
    }

    fn accepts(&self, s: Sample) -> bool {
        if !s.loss.is_finite() || !s.slope.is_finite() {
            return false;
        }
        let flat = s.slope.abs() <= -CURVATURE * self.start.slope;
        let approximately = s.loss <= self.start.loss + self.rounding() && (2.0 * DECREASE - 1.0) * self.start.slope >= s.slope;
        flat && (self.decreases(s) || approximately)
    }

    fn decreases(&self, s: Sample) -> bool {
        s.loss <= self.start.loss + DECREASE * s.step * self.start.slope
    }

    /// Loss differences up to this are rounding: slopes decide then.
    fn rounding(&self) -> f64 {
        ROUNDING * self.start.loss.abs()
    }

    /// Keeps the invariant: `low` has sufficient decrease (but for rounding) and its slope points into the interval.
    fn narrow(&mut self, s: Sample) {
        let (best, rounding) = (self.low.loss, self.rounding());
        let limit = (self.start.loss + DECREASE * s.step * self.start.slope).min(best);
        let worse = !s.slope.is_finite() || !s.loss.is_finite() || s.loss > limit + rounding;
        if worse {
            self.high = Some(s);
            return;
        }
        let points_back = match self.high {
            Some(high) => s.slope * (high.step - self.low.step) >= 0.0,
            None => s.slope >= 0.0,
        };
        if points_back {
            self.high = Some(self.low);
        }
        self.low = s;
    }

    fn propose(&self) -> f64 {
        match self.high {
            None => self.extrapolate(),
            Some(high) => interpolate(self.low, high, self.rounding()),
        }
    }

    /// Beyond `low`: where its slope would vanish, between two and ten times its step.
    fn extrapolate(&self) -> f64 {
        let curvature = (self.low.slope - self.start.slope) / self.low.step;
        let vanishing = self.low.step - self.low.slope / curvature;
        let (least, most) = (2.0 * self.low.step, 10.0 * self.low.step);
        if vanishing.is_finite() && curvature > 0.0 { vanishing.clamp(least, most) } else { most }
    }
}

/// The minimum of the cubic through both ends, kept a tenth of the interval away from them; where the losses differ by
/// rounding alone, the point where the slope would vanish.
fn interpolate(low: Sample, high: Sample, rounding: f64) -> f64 {
    let width = high.step - low.step;
    if !high.loss.is_finite() || !high.slope.is_finite() {
        return low.step + 0.1 * width;
    }
    let flat = (high.loss - low.loss).abs() <= rounding;
    let fraction = if flat { low.slope / (low.slope - high.slope) } else { cubic_minimum(low, high, width) };
    let fraction = if fraction.is_finite() { fraction.clamp(0.1, 0.9) } else { 0.5 };
    low.step + fraction * width
}

/// Where the cubic's minimum lies, as a fraction of the way from `low` to `high`. Source: Nocedal & Wright, equation 3.59.
fn cubic_minimum(low: Sample, high: Sample, width: f64) -> f64 {
    let d1 = low.slope + high.slope - 3.0 * (low.loss - high.loss) / -width;
    let d2 = (d1 * d1 - low.slope * high.slope).sqrt() * width.signum();
    1.0 - (high.slope + d2 - d1) / (high.slope - low.slope + 2.0 * d2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(f: impl Fn(f64) -> (f64, f64), first: f64) -> (f64, u32) {
        let (loss, slope) = f(0.0);
        let mut search = LineSearch::new(loss, slope);
        let mut step = first;
        loop {
            let (loss, slope) = f(step);
            match search.next(Sample { step, loss, slope }) {
                Verdict::Accept => return (step, search.trials),
                Verdict::Try(next) => step = next,
                Verdict::Fail => panic!("failed at {step}"),
            }
        }
    }

    #[test]
    fn a_quadratic_is_solved_from_far_too_short_and_far_too_long_steps() {
        let parabola = |x: f64| ((x - 3.0) * (x - 3.0), 2.0 * (x - 3.0));
        for first in [1e-6, 1.0, 1e6] {
            let (step, trials) = search(parabola, first);
            assert!(parabola(step).1.abs() <= 0.9 * 6.0 && trials <= 15, "{first}: {step} after {trials}");
        }
    }

    #[test]
    fn a_cubic_through_both_ends_finds_its_minimum() {
        // x^3 - 3x has its minimum at 1.
        let f = |x: f64| Sample { step: x, loss: x * x * x - 3.0 * x, slope: 3.0 * x * x - 3.0 };
        assert!((interpolate(f(0.0), f(2.0), 0.0) - 1.0).abs() < 1e-12);
        assert!((interpolate(f(2.0), f(0.0), 0.0) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn infinite_losses_shorten_the_step() {
        let wall = |x: f64| if x > 0.5 { (f64::NAN, f64::NAN) } else { ((x - 0.4) * (x - 0.4), 2.0 * (x - 0.4)) };
        assert!(search(wall, 1e3).0 <= 0.5);
    }
}
