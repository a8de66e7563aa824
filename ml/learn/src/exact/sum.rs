//! A sum of values of which some may be infinite or NaN.

use gradframe_ml_core::Result;

use super::ValueSum;
use crate::fitting::Reader;

/// The finite values' sum, and how many there are of each kind of the others.
#[derive(Debug, Clone, Default)]
pub(super) struct Sum {
    pub(super) finite: ValueSum,
    /// Rare, so it is kept apart.
    others: Option<Box<Others>>,
}

/// How many values of each kind there are that are no finite numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
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

    fn merge(&mut self, other: &Self) {
        self.nan += other.nan;
        self.infinite += other.infinite;
        self.negative_infinite += other.negative_infinite;
    }
}

impl Sum {
    #[inline]
    pub(super) fn add(&mut self, x: f64) {
        if x.is_finite() {
            self.finite.add(x);
        } else {
            *self.others().of(x) += 1;
        }
    }

    /// Takes off what was added.
    pub(super) fn remove(&mut self, x: f64) {
        if x.is_finite() {
            self.finite.add(-x);
        } else {
            *self.others().of(x) -= 1;
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.finite.merge(&other.finite);
        if let Some(others) = &other.others {
            self.others().merge(others);
        }
    }

    /// The sum of the values that are not finite; None if all are.
    pub(super) fn not_finite(&self) -> Option<f64> {
        self.others.as_ref().and_then(|others| others.sum())
    }

    /// To the nearest float, 0 without a sign.
    pub(super) fn to_float(&self) -> f64 {
        self.not_finite().unwrap_or_else(|| self.finite.to_float())
    }

    /// Over a count, to the nearest float.
    pub(super) fn over(&self, count: u64) -> f64 {
        self.not_finite().unwrap_or_else(|| self.finite.over(count))
    }

    /// Equal sums are equal bytes.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        self.finite.write(out);
        let others = self.others.as_ref().map(|others| **others).filter(|others| *others != Others::default());
        out.push(u8::from(others.is_some()));
        if let Some(Others { nan, infinite, negative_infinite }) = others {
            [nan, infinite, negative_infinite].iter().for_each(|number| out.extend(number.to_le_bytes()));
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let finite = ValueSum::read(reader)?;
        let has_others = reader.u8()? != 0;
        let mut others = || {
            let (nan, infinite, negative_infinite) = (reader.u64()?, reader.u64()?, reader.u64()?);
            Ok(Box::new(Others { nan, infinite, negative_infinite }))
        };
        Ok(Sum { finite, others: has_others.then(&mut others).transpose()? })
    }

    #[inline]
    pub(super) fn heap_bytes(&self) -> usize {
        self.finite.heap_bytes() + if self.others.is_some() { size_of::<Others>() } else { 0 }
    }

    #[cold]
    fn others(&mut self) -> &mut Others {
        self.others.get_or_insert_default()
    }
}
