//! Covariance, correlation and the line through pairs.

use gradframe_ml_core::Result;

use super::groups::Groups;
use super::spread::products;
use super::sum::Sum;
use super::{Divisor, Dyadic, Grouped, ProductSum, Tally};
use crate::fitting::Reader;

/// The sums of the values of pairs `(y, x)` and of their products.
#[derive(Debug, Clone, Default)]
pub struct Crossed {
    count: u64,
    y: Sum,
    x: Sum,
    /// Of the pairs of two finite values.
    yx: ProductSum,
}

impl Crossed {
    /// The covariance, to the nearest float; NaN if a value was infinite or NaN. None of too few pairs.
    pub fn covariance(&self, divisor: Divisor) -> Option<f64> {
        let divisor = divisor.of(self.count)?;
        if !self.is_finite() {
            return Some(f64::NAN);
        }
        Some(self.products().over(&Dyadic::new(false, 0, &[self.count]).repeated(divisor)))
    }

    /// The count times the sum of the products of distances from the means, of finite values.
    fn products(&self) -> Dyadic {
        products(&self.y.finite, &self.x.finite, &self.yx, self.count)
    }

    fn is_finite(&self) -> bool {
        self.y.not_finite().is_none() && self.x.not_finite().is_none()
    }
}

impl Tally for Crossed {
    type Row = (f64, f64);

    #[inline]
    fn add(&mut self, (y, x): (f64, f64)) {
        self.count += 1;
        self.y.add(y);
        self.x.add(x);
        if y.is_finite() && x.is_finite() {
            self.yx.add_product(y, x);
        }
    }

    fn remove(&mut self, (y, x): (f64, f64)) {
        self.count -= 1;
        self.y.remove(y);
        self.x.remove(x);
        if y.is_finite() && x.is_finite() {
            self.yx.add_product(-y, x);
        }
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.y.merge(&other.y);
        self.x.merge(&other.x);
        self.yx.merge(&other.yx);
    }

    fn count(&self) -> u64 {
        self.count
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.count.to_le_bytes());
        self.y.write(out);
        self.x.write(out);
        self.yx.write(out);
    }

    fn read(bytes: &[u8]) -> Result<Self> {
        crossed(&mut Reader(bytes))
    }

    #[inline]
    fn heap_bytes(&self) -> usize {
        self.y.heap_bytes() + self.x.heap_bytes() + self.yx.heap_bytes()
    }

    fn groups(value: fn(&Self) -> Option<f64>) -> Box<dyn Grouped> {
        Box::new(Groups::new(value))
    }
}

fn crossed(reader: &mut Reader<'_>) -> Result<Crossed> {
    Ok(Crossed { count: reader.u64()?, y: Sum::read(reader)?, x: Sum::read(reader)?, yx: ProductSum::read(reader)? })
}

/// The sums of the squares of finite values beside those of [`Crossed`].
#[derive(Debug, Clone, Default)]
pub struct Joint {
    crossed: Crossed,
    yy: ProductSum,
    xx: ProductSum,
}

/// The count times the sums of squared distances from the means, and of their products; each is exact.
struct Distances {
    yy: Dyadic,
    xx: Dyadic,
    yx: Dyadic,
}

impl Joint {
    /// Pearson's correlation, to the nearest float; NaN if a value was infinite. None of fewer than two pairs, and where a value
    /// does not vary. Of NaN among values as the plain one: NaN if both have it, otherwise None.
    pub fn correlation(&self) -> Option<f64> {
        let [y, x] = [&self.crossed.y, &self.crossed.x].map(|sum| sum.not_finite().is_some_and(f64::is_nan));
        if y || x {
            return (y && x).then_some(f64::NAN);
        }
        self.of_both_varying(|of| of.yx.times(&of.yx.magnitude()).root_over(&of.yy.times(&of.xx)))
    }

    /// The square of the correlation, to the nearest float. None where there is none.
    pub fn determination(&self) -> Option<f64> {
        self.of_both_varying(|of| of.yx.times(&of.yx).over(&of.yy.times(&of.xx)))
    }

    /// The slope of the line of least squares, `y` over `x`, to the nearest float. None where there is none.
    pub fn slope(&self) -> Option<f64> {
        self.of_varying(|of| of.yx.over(&of.xx))
    }

    /// Where that line is at `x = 0`, to the nearest float.
    pub fn intercept(&self) -> Option<f64> {
        // mean(y) - slope * mean(x), over one denominator.
        let [y, x] = [&self.crossed.y, &self.crossed.x].map(|sum| sum.finite.to_dyadic());
        self.of_varying(|of| y.times(&of.xx).minus(&x.times(&of.yx)).over(&of.xx.repeated(self.crossed.count)))
    }

    /// The mean of the first of each pair. None of no pairs.
    pub fn mean_y(&self) -> Option<f64> {
        self.of_any(|| self.crossed.y.over(self.crossed.count))
    }

    /// The mean of the second of each pair.
    pub fn mean_x(&self) -> Option<f64> {
        self.of_any(|| self.crossed.x.over(self.crossed.count))
    }

    /// The sum of squared distances from the mean, of the first of each pair; NaN if one was infinite or NaN. None of no pairs.
    pub fn squares_y(&self) -> Option<f64> {
        self.of_any(|| self.squares(&self.crossed.y, &self.yy))
    }

    /// The same of the second.
    pub fn squares_x(&self) -> Option<f64> {
        self.of_any(|| self.squares(&self.crossed.x, &self.xx))
    }

    /// The sum of the products of the distances from the means; NaN if a value was infinite or NaN. None of no pairs.
    pub fn products(&self) -> Option<f64> {
        self.of_any(|| if self.crossed.is_finite() { self.counted(self.crossed.products()) } else { f64::NAN })
    }

    fn squares(&self, sum: &Sum, squares: &ProductSum) -> f64 {
        match sum.not_finite() {
            None => self.counted(products(&sum.finite, &sum.finite, squares, self.crossed.count)),
            Some(_) => f64::NAN,
        }
    }

    fn distances(&self) -> Distances {
        let Crossed { count, y, x, .. } = &self.crossed;
        let (yy, xx) = (products(&y.finite, &y.finite, &self.yy, *count), products(&x.finite, &x.finite, &self.xx, *count));
        Distances { yy, xx, yx: self.crossed.products() }
    }

    fn counted(&self, distances: Dyadic) -> f64 {
        distances.over(&Dyadic::new(false, 0, &[self.crossed.count]))
    }

    fn of_any(&self, of: impl FnOnce() -> f64) -> Option<f64> {
        (self.crossed.count > 0).then(of)
    }

    /// Of two pairs or more whose second values are not all the same; NaN if a value was infinite or NaN.
    fn of_varying(&self, of: impl FnOnce(&Distances) -> f64) -> Option<f64> {
        self.of_distances(|distances| is_fixed(&self.crossed.x, &distances.xx), of)
    }

    /// Of those whose first values are not all the same either.
    fn of_both_varying(&self, of: impl FnOnce(&Distances) -> f64) -> Option<f64> {
        let Crossed { y, x, .. } = &self.crossed;
        self.of_distances(|distances| is_fixed(x, &distances.xx) || is_fixed(y, &distances.yy), of)
    }

    fn of_distances(&self, is_none: impl FnOnce(&Distances) -> bool, of: impl FnOnce(&Distances) -> f64) -> Option<f64> {
        let distances = self.distances();
        let is_some = self.crossed.count > 1 && !is_none(&distances);
        is_some.then(|| if self.crossed.is_finite() { of(&distances) } else { f64::NAN })
    }
}

/// Whether values with these distances from their mean are all the same finite number.
fn is_fixed(sum: &Sum, distances: &Dyadic) -> bool {
    sum.not_finite().is_none() && distances.is_zero()
}

impl Tally for Joint {
    type Row = (f64, f64);

    #[inline]
    fn add(&mut self, (y, x): (f64, f64)) {
        self.crossed.add((y, x));
        add_square(&mut self.yy, y, y);
        add_square(&mut self.xx, x, x);
    }

    fn remove(&mut self, (y, x): (f64, f64)) {
        self.crossed.remove((y, x));
        add_square(&mut self.yy, -y, y);
        add_square(&mut self.xx, -x, x);
    }

    fn merge(&mut self, other: &Self) {
        self.crossed.merge(&other.crossed);
        self.yy.merge(&other.yy);
        self.xx.merge(&other.xx);
    }

    fn count(&self) -> u64 {
        self.crossed.count
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.crossed.write(out);
        self.yy.write(out);
        self.xx.write(out);
    }

    fn read(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader(bytes);
        let crossed = crossed(&mut reader)?;
        Ok(Joint { crossed, yy: ProductSum::read(&mut reader)?, xx: ProductSum::read(&mut reader)? })
    }

    #[inline]
    fn heap_bytes(&self) -> usize {
        self.crossed.heap_bytes() + self.yy.heap_bytes() + self.xx.heap_bytes()
    }

    fn groups(value: fn(&Self) -> Option<f64>) -> Box<dyn Grouped> {
        Box::new(Groups::new(value))
    }
}

/// Adds the square of a number if it is finite; takes it off where one of the two is negated.
#[inline]
fn add_square(squares: &mut ProductSum, x: f64, again: f64) {
    if x.is_finite() {
        squares.add_product(x, again);
    }
}
