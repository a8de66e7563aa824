//! Sum and mean.

use gradframe_ml_core::Result;

use super::groups::Groups;
use super::{Grouped, Tally, ValueSum};
use crate::fitting::Reader;

/// The sum of values, of which some may be infinite or NaN.
#[derive(Debug, Clone, Default)]
pub struct Total {
    count: u64,
    finite: ValueSum,
    /// Rare, so it is kept apart.
    others: Option<Box<Others>>,
}

/// How many values of each kind there are that are no finite numbers.
#[derive(Debug, Clone, Copy, Default)]
struct Others {
    nan: u64,
    infinite: u64,
    negative_infinite: u64,
}

impl Others {
    fn of(&mut self, x: f64) -> &mut u64 {
        match x {
            f64::INFINITY => &mut self.infinite,
            f64::NEG_INFINITY => &mut self.negative_infinite,
            _ => &mut self.nan,
        }
    }

    /// Their sum, as IEEE 754 has it; None if there are none.
    fn sum(self) -> Option<f64> {
        match (self.nan, self.infinite, self.negative_infinite) {
            (0, 0, 0) => None,
            (0, _, 0) => Some(f64::INFINITY),
            (0, 0, _) => Some(f64::NEG_INFINITY),
            _ => Some(f64::NAN),
        }
    }

    fn numbers(self) -> [u64; 3] {
        [self.nan, self.infinite, self.negative_infinite]
    }
}

impl Total {
    /// The sum, to the nearest float, 0 without a sign; None of no values.
    pub fn sum(&self) -> Option<f64> {
        (self.count > 0).then(|| self.not_finite().unwrap_or_else(|| self.finite.to_float()))
    }

    /// The mean, to the nearest float; None of no values.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.not_finite().unwrap_or_else(|| self.finite.over(self.count)))
    }

    fn not_finite(&self) -> Option<f64> {
        self.others.as_ref().and_then(|others| others.sum())
    }

    #[cold]
    fn others(&mut self) -> &mut Others {
        self.others.get_or_insert_default()
    }
}

impl Tally for Total {
    type Row = f64;

    #[inline]
    fn add(&mut self, x: f64) {
        self.count += 1;
        if x.is_finite() {
            self.finite.add(x);
        } else {
            *self.others().of(x) += 1;
        }
    }

    fn remove(&mut self, x: f64) {
        self.count -= 1;
        if x.is_finite() {
            self.finite.add(-x);
        } else {
            *self.others().of(x) -= 1;
        }
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.finite.merge(&other.finite);
        if let Some(others) = &other.others {
            let own = self.others();
            own.nan += others.nan;
            own.infinite += others.infinite;
            own.negative_infinite += others.negative_infinite;
        }
    }

    fn count(&self) -> u64 {
        self.count
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.count.to_le_bytes());
        self.finite.write(out);
        let others = self.others.as_ref().map_or([0; 3], |others| others.numbers());
        if others != [0; 3] {
            others.iter().for_each(|number| out.extend(number.to_le_bytes()));
        }
    }

    fn read(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader(bytes);
        let (count, finite) = (reader.u64()?, ValueSum::read(&mut reader)?);
        let others = match reader.is_empty() {
            true => None,
            false => {
                let (nan, infinite, negative_infinite) = (reader.u64()?, reader.u64()?, reader.u64()?);
                Some(Box::new(Others { nan, infinite, negative_infinite }))
            }
        };
        Ok(Total { count, finite, others })
    }

    #[inline]
    fn heap_bytes(&self) -> usize {
        self.finite.heap_bytes() + if self.others.is_some() { size_of::<Others>() } else { 0 }
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
