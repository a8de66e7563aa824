//! Covariance, correlation and the line through pairs.

use gradframe_ml_core::Result;

use super::groups::Groups;
use super::spread::products;
use super::{Divisor, Dyadic, Grouped, ProductSum, Tally, ValueSum};
use crate::fitting::Reader;

/// The sums of the values of pairs `(y, x)` and of their products.
#[derive(Debug, Clone, Default)]
pub struct Crossed {
    count: u64,
    /// Pairs of which a value is infinite or NaN.
    not_finite: u64,
    y: ValueSum,
    x: ValueSum,
    yx: ProductSum,
}

impl Crossed {
    /// The covariance, to the nearest float; NaN if a value was infinite or NaN. None of too few pairs.
    pub fn covariance(&self, divisor: Divisor) -> Option<f64> {
        let divisor = divisor.of(self.count)?;
        if self.not_finite > 0 {
            return Some(f64::NAN);
        }
        Some(self.products().over(&Dyadic::new(false, 0, &[self.count]).repeated(divisor)))
    }

    /// The count times the sum of the products of distances from the means.
    fn products(&self) -> Dyadic {
        products(&self.y, &self.x, &self.yx, self.count)
    }
}

impl Tally for Crossed {
    type Row = (f64, f64);

    #[inline]
    fn add(&mut self, (y, x): (f64, f64)) {
        self.count += 1;
        if y.is_finite() && x.is_finite() {
            self.y.add(y);
            self.x.add(x);
            self.yx.add_product(y, x);
        } else {
            self.not_finite += 1;
        }
    }

    fn remove(&mut self, (y, x): (f64, f64)) {
        self.count -= 1;
        if y.is_finite() && x.is_finite() {
            self.y.add(-y);
            self.x.add(-x);
            self.yx.add_product(-y, x);
        } else {
            self.not_finite -= 1;
        }
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.not_finite += other.not_finite;
        self.y.merge(&other.y);
        self.x.merge(&other.x);
        self.yx.merge(&other.yx);
    }

    fn count(&self) -> u64 {
        self.count
    }

    fn write(&self, out: &mut Vec<u8>) {
        [self.count, self.not_finite].iter().for_each(|number| out.extend(number.to_le_bytes()));
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
    let (count, not_finite) = (reader.u64()?, reader.u64()?);
    let (y, x) = (ValueSum::read(reader)?, ValueSum::read(reader)?);
    Ok(Crossed { count, not_finite, y, x, yx: ProductSum::read(reader)? })
}

/// The sums of the squares beside those of [`Crossed`].
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
    /// Pearson's correlation, to the nearest float; NaN if a value was infinite or NaN. None of fewer than two pairs, and where a value
    /// does not vary.
    pub fn correlation(&self) -> Option<f64> {
        self.of_varying(|of| (!of.yy.is_zero()).then(|| of.yx.times(&of.yx.magnitude()).root_over(&of.yy.times(&of.xx))))
    }

    /// The square of the correlation, to the nearest float. None where there is none.
    pub fn determination(&self) -> Option<f64> {
        self.of_varying(|of| (!of.yy.is_zero()).then(|| of.yx.times(&of.yx).over(&of.yy.times(&of.xx))))
    }

    /// The slope of the line of least squares, `y` over `x`, to the nearest float. None where there is none.
    pub fn slope(&self) -> Option<f64> {
        self.of_varying(|of| Some(of.yx.over(&of.xx)))
    }

    /// Where that line is at `x = 0`, to the nearest float.
    pub fn intercept(&self) -> Option<f64> {
        // mean(y) - slope * mean(x), over one denominator.
        let [y, x] = [&self.crossed.y, &self.crossed.x].map(ValueSum::to_dyadic);
        self.of_varying(|of| Some(y.times(&of.xx).minus(&x.times(&of.yx)).over(&of.xx.repeated(self.crossed.count))))
    }

    /// The mean of the first of each pair. None of no pairs.
    pub fn mean_y(&self) -> Option<f64> {
        self.of_any(|| self.crossed.y.over(self.crossed.count))
    }

    /// The mean of the second of each pair.
    pub fn mean_x(&self) -> Option<f64> {
        self.of_any(|| self.crossed.x.over(self.crossed.count))
    }

    /// The sum of squared distances from the mean, of the first of each pair. None of no pairs.
    pub fn squares_y(&self) -> Option<f64> {
        self.of_any(|| self.counted(self.distances().yy))
    }

    /// The same of the second.
    pub fn squares_x(&self) -> Option<f64> {
        self.of_any(|| self.counted(self.distances().xx))
    }

    /// The sum of the products of the distances from the means. None of no pairs.
    pub fn products(&self) -> Option<f64> {
        self.of_any(|| self.counted(self.distances().yx))
    }

    fn distances(&self) -> Distances {
        let Crossed { count, y, x, .. } = &self.crossed;
        let (yy, xx) = (products(y, y, &self.yy, *count), products(x, x, &self.xx, *count));
        Distances { yy, xx, yx: self.crossed.products() }
    }

    fn counted(&self, distances: Dyadic) -> f64 {
        distances.over(&Dyadic::new(false, 0, &[self.crossed.count]))
    }

    fn of_any(&self, of: impl FnOnce() -> f64) -> Option<f64> {
        (self.crossed.count > 0).then(|| if self.crossed.not_finite > 0 { f64::NAN } else { of() })
    }

    /// Of two pairs or more whose second values are not all the same.
    fn of_varying(&self, of: impl FnOnce(Distances) -> Option<f64>) -> Option<f64> {
        match (self.crossed.count, self.crossed.not_finite) {
            (0 | 1, _) => None,
            (_, 0) => Some(self.distances()).filter(|distances| !distances.xx.is_zero()).and_then(of),
            _ => Some(f64::NAN),
        }
    }
}

impl Tally for Joint {
    type Row = (f64, f64);

    #[inline]
    fn add(&mut self, (y, x): (f64, f64)) {
        self.crossed.add((y, x));
        if y.is_finite() && x.is_finite() {
            self.yy.add_product(y, y);
            self.xx.add_product(x, x);
        }
    }

    fn remove(&mut self, (y, x): (f64, f64)) {
        self.crossed.remove((y, x));
        if y.is_finite() && x.is_finite() {
            self.yy.add_product(-y, y);
            self.xx.add_product(-x, x);
        }
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
