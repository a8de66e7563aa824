//! Count, mean, deviation and range of a numeric column.

use gradframe_ml_core::Result;

use super::Mergeable;
use super::bytes::Reader;
use crate::exact::{ProductSum, ValueSum, variance};

/// The moments of a column's finite values. Nulls are counted beside, and so are NaN and infinities.
#[derive(Debug, Clone)]
pub struct ExactMoments {
    count: u64,
    nulls: u64,
    non_finite: u64,
    min: f64,
    max: f64,
    sum: ValueSum,
    squares: ProductSum,
}

impl Default for ExactMoments {
    fn default() -> Self {
        let (sum, squares) = (ValueSum::default(), ProductSum::default());
        ExactMoments { count: 0, nulls: 0, non_finite: 0, min: f64::INFINITY, max: f64::NEG_INFINITY, sum, squares }
    }
}

impl ExactMoments {
    /// Adds a row.
    pub fn push(&mut self, value: Option<f64>) {
        match value {
            None => self.nulls += 1,
            Some(x) if !x.is_finite() => self.non_finite += 1,
            Some(x) => {
                self.count += 1;
                let x = x + 0.0; // -0 and 0 are one number, and which came first must not show
                self.min = self.min.min(x);
                self.max = self.max.max(x);
                self.sum.add(x);
                self.squares.add_product(x, x);
            }
        }
    }

    /// Number of finite values.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Number of nulls.
    pub fn nulls(&self) -> u64 {
        self.nulls
    }

    /// Number of NaN and infinities.
    pub fn non_finite(&self) -> u64 {
        self.non_finite
    }

    /// Least and greatest value; None without values.
    pub fn range(&self) -> Option<(f64, f64)> {
        (self.count > 0).then_some((self.min, self.max))
    }

    /// The mean, correctly rounded; 0 without values.
    pub fn mean(&self) -> f64 {
        self.sum.over(self.count)
    }

    /// The population standard deviation: the root of the correctly rounded variance; 0 without values.
    pub fn std(&self) -> f64 {
        variance(&self.sum, &self.squares, self.count).sqrt()
    }
}

impl Mergeable for ExactMoments {
    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.nulls += other.nulls;
        self.non_finite += other.non_finite;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.sum.merge(&other.sum);
        self.squares.merge(&other.squares);
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![];
        let head = [self.count, self.nulls, self.non_finite, self.min.to_bits(), self.max.to_bits()];
        head.iter().for_each(|number| out.extend(number.to_le_bytes()));
        self.sum.write(&mut out);
        self.squares.write(&mut out);
        out
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader(bytes);
        Ok(ExactMoments {
            count: reader.u64()?,
            nulls: reader.u64()?,
            non_finite: reader.u64()?,
            min: reader.f64()?,
            max: reader.f64()?,
            sum: ValueSum::read(&mut reader)?,
            squares: ProductSum::read(&mut reader)?,
        })
    }

    fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.sum.heap_bytes() + self.squares.heap_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(values: &[Option<f64>]) -> ExactMoments {
        let mut moments = ExactMoments::default();
        values.iter().for_each(|&value| moments.push(value));
        moments
    }

    #[test]
    fn what_is_no_number_is_counted_beside() {
        let m = moments(&[Some(1.0), None, Some(f64::NAN), Some(3.0), Some(f64::INFINITY)]);
        assert_eq!((m.count(), m.nulls(), m.non_finite()), (2, 1, 2));
        assert_eq!((m.mean(), m.std(), m.range()), (2.0, 1.0, Some((1.0, 3.0))));
        assert_eq!(moments(&[None]).range(), None);
    }

    #[test]
    fn states_merge_in_any_order_to_the_same_bytes() {
        let (a, b) = (moments(&[Some(0.1), Some(-0.0)]), moments(&[Some(0.0), Some(0.7), None]));
        let (mut ab, mut ba) = (a.clone(), b.clone());
        ab.merge(&b);
        ba.merge(&a);
        assert_eq!(ab.to_bytes(), ba.to_bytes());
        assert_eq!(ExactMoments::from_bytes(&ab.to_bytes()).unwrap().to_bytes(), ab.to_bytes());
        assert!(ExactMoments::from_bytes(&[1, 2]).is_err());
    }
}
