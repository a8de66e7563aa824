//! Sum and mean.

use gradframe_ml_core::Result;

use super::groups::Groups;
use super::sum::Sum;
use super::{Grouped, Tally};
use crate::fitting::Reader;

/// The sum of values, of which some may be infinite or NaN.
#[derive(Debug, Clone, Default)]
pub struct Total {
    count: u64,
    sum: Sum,
}

impl Total {
    /// The sum, to the nearest float, 0 without a sign; None of no values.
    pub fn sum(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum.to_float())
    }

    /// The mean, to the nearest float; None of no values.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum.over(self.count))
    }
}

impl Tally for Total {
    type Row = f64;

    #[inline]
    fn add(&mut self, x: f64) {
        self.count += 1;
        self.sum.add(x);
    }

    fn remove(&mut self, x: f64) {
        self.count -= 1;
        self.sum.remove(x);
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum.merge(&other.sum);
    }

    fn count(&self) -> u64 {
        self.count
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.count.to_le_bytes());
        self.sum.write(out);
    }

    fn read(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader(bytes);
        Ok(Total { count: reader.u64()?, sum: Sum::read(&mut reader)? })
    }

    #[inline]
    fn heap_bytes(&self) -> usize {
        self.sum.heap_bytes()
    }

    fn groups(value: fn(&Self) -> Option<f64>) -> Box<dyn Grouped> {
        Box::new(Groups::new(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(values: &[f64]) -> Total {
        let mut total = Total::default();
        values.iter().for_each(|x| total.add(*x));
        total
    }

    #[test]
    fn what_is_not_finite_shows_in_any_order_and_leaves_again() {
        let (inf, nan) = (f64::INFINITY, f64::NAN);
        for (values, sum) in [([inf, 1.0], inf), ([-inf, 1.0], -inf), ([inf, -inf], nan), ([nan, 1.0], nan), ([nan, inf], nan)] {
            for values in [values, [values[1], values[0]]] {
                let mut total = total(&values);
                let found = [total.sum(), total.mean()].map(|x| x.map(f64::to_bits));
                assert_eq!(found, [Some(sum.to_bits()); 2], "{values:?}");
                total.add(2.0);
                values.iter().for_each(|x| total.remove(*x));
                assert_eq!((total.sum(), total.mean()), (Some(2.0), Some(2.0)));
            }
        }
    }

    #[test]
    fn a_sum_may_leave_all_floats_and_come_back() {
        assert_eq!(total(&[1e308, 1e308, -1e308]).sum(), Some(1e308));
        assert_eq!(total(&[1e308, 1e308]).sum(), Some(f64::INFINITY));
        assert_eq!(total(&[1e308, 1e308]).mean(), Some(1e308));
        assert_eq!(total(&[-1e308; 3]).sum(), Some(f64::NEG_INFINITY));
    }

    #[test]
    fn a_sum_of_zeros_has_no_sign_and_one_of_nothing_no_value() {
        for values in [&[-0.0][..], &[-0.0, -0.0], &[-0.0, 0.0], &[0.1, -0.1]] {
            assert_eq!([total(values).sum(), total(values).mean()].map(|x| x.map(f64::to_bits)), [Some(0); 2], "{values:?}");
        }
        assert_eq!((total(&[]).sum(), total(&[]).mean()), (None, None));
    }
}
