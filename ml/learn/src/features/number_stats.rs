//! Statistics of a numeric column.

use gradframe_ml_core::{DType, Error, Result, Tensor};

use super::moments::Moments;
use crate::model::Encoding;

/// What a numeric column's encoding needs to know.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberStats {
    moments: Moments,
    nulls: u64,
    min: f64,
    max: f64,
    first_non_finite: Option<f64>,
}

impl Default for NumberStats {
    fn default() -> Self {
        NumberStats { moments: Moments::default(), nulls: 0, min: f64::INFINITY, max: f64::NEG_INFINITY, first_non_finite: None }
    }
}

impl NumberStats {
    /// Adds a chunk: `values` f64 [N], `valid` bool [N] where some are null, `weights` f64 [N] where rows count differently.
    /// Errors: `DType` or `Shape` if the tensors are not of these types and sizes.
    pub fn update(&mut self, values: &Tensor, valid: Option<&Tensor>, weights: Option<&Tensor>) -> Result<()> {
        let values = values.values::<f64>()?;
        let valid = valid.map(Tensor::values::<u8>).transpose()?;
        let weights = weights.map(Tensor::values::<f64>).transpose()?;
        for (what, length) in [("validity flags", valid.map(<[u8]>::len)), ("weights", weights.map(<[f64]>::len))] {
            if let Some(length) = length.filter(|&length| length != values.len()) {
                return Err(Error::shape("encode", format!("{} values but {length} {what}", values.len())));
            }
        }
        let present = (0..values.len()).filter(|&i| valid.is_none_or(|valid| valid[i] != 0));
        let later = match weights {
            None => Self::of(present.map(|i| (values[i], 1.0))),
            Some(weights) => Self::of(present.map(|i| (values[i], counted(weights[i])))),
        };
        let nulls = values.len() as u64 - later.count();
        self.merge(&NumberStats { nulls, ..later });
        Ok(())
    }

    /// Adds the statistics of the rows that come after.
    pub fn merge(&mut self, later: &Self) {
        self.moments.merge(&later.moments);
        self.nulls += later.nulls;
        self.min = self.min.min(later.min);
        self.max = self.max.max(later.max);
        self.first_non_finite = self.first_non_finite.or(later.first_non_finite);
    }

    /// Rows that are not null.
    pub fn count(&self) -> u64 {
        self.moments.count()
    }

    /// Rows that are null.
    pub fn nulls(&self) -> u64 {
        self.nulls
    }

    /// True if all values are the same, or there are none.
    pub fn is_constant(&self) -> bool {
        self.min >= self.max
    }

    /// The column's encoding. Errors: `Execution` naming the column if a value is NaN, infinite, or too large to square.
    pub fn finish(&self, column: &str) -> Result<Encoding> {
        self.check_finite(column)?;
        if self.count() == 0 {
            return Ok(Encoding::Standard { mean: 0.0, std: 1.0, min: 0.0, max: 0.0, nulls: self.nulls });
        }
        // A constant's mean is the constant to the last bit, so that it encodes as exact zeros and gets no weight.
        let mean = if self.is_constant() { self.min } else { self.moments.mean() };
        let std = self.moments.std();
        if !self.is_constant() && !std.is_finite() {
            let what = format!("column `{column}` ranges from {:e} to {:e}, too wide to standardise in f64", self.min, self.max);
            return Err(Error::execution("train", what).hint("scale the column down in the query"));
        }
        let std = match std {
            _ if self.is_constant() => 1.0,
            0.0 => self.max - self.min, // so close to each other that the squares of their distances are 0
            std => std,
        };
        Ok(Encoding::Standard { mean, std, min: self.min, max: self.max, nulls: self.nulls })
    }

    /// The encoding of a column that is taken as it is; `whole` says of which integer type. Errors: `Execution` naming the column if a
    /// value is null, NaN or infinite.
    pub(super) fn finish_raw(&self, column: &str, whole: Option<DType>) -> Result<Encoding> {
        self.check_finite(column)?;
        if self.nulls > 0 {
            return Err(null_feature(column, self.nulls));
        }
        let (mean, std) = (self.moments.mean(), self.moments.std());
        let std = if std.is_finite() { std } else { f64::MAX };
        Ok(Encoding::Raw { mean, std, min: self.min, max: self.max, whole })
    }

    pub(super) fn check_finite(&self, column: &str) -> Result<()> {
        let Some(value) = self.first_non_finite else { return Ok(()) };
        let name = if value.is_nan() { "NaN" } else { "an infinite value" };
        // NaN compares as greater than every number, infinity included.
        let hint =
            format!("filter those rows, or replace the value with NULL: CASE WHEN abs({column}) < 1e308 THEN {column} END");
        Err(Error::execution("train", format!("column `{column}` holds {name}, expected finite numbers or nulls")).hint(hint))
    }

    /// Of values with their weights, none null.
    fn of(values: impl Iterator<Item = (f64, f64)> + Clone) -> Self {
        let numbers = values.clone().map(|(x, _)| x);
        let (min, max) = numbers.clone().fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), x| (min.min(x), max.max(x)));
        let first_non_finite = numbers.clone().find(|x| !x.is_finite());
        NumberStats { moments: Moments::weighted(values), nulls: 0, min, max, first_non_finite }
    }
}

/// A weight as it counts; of one that may not be, which is told when the rows are encoded, 1.
fn counted(weight: f64) -> f64 {
    if weight.is_finite() && weight > 0.0 { weight } else { 1.0 }
}

/// A column that is taken as it is has nulls in so many rows.
pub fn null_feature(column: &str, nulls: u64) -> Error {
    let rows = if nulls == 1 { "row" } else { "rows" };
    let what = format!("column `{column}` is null in {nulls} {rows}, which a module does not take");
    Error::execution("train", what).hint("leave those rows out, or fill them: fill_null, COALESCE")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(values: Vec<f64>, valid: Option<&[bool]>) -> NumberStats {
        let mut stats = NumberStats::default();
        let valid = valid.map(|v| Tensor::from_bools(&[v.len()], v).unwrap());
        stats.update(&Tensor::from_vec(&[values.len()], values).unwrap(), valid.as_ref(), None).unwrap();
        stats
    }

    #[test]
    fn nulls_are_counted_and_their_values_ignored() {
        let encoding = stats(vec![1.0, f64::NAN, 3.0], Some(&[true, false, true])).finish("x").unwrap();
        assert_eq!(encoding, Encoding::Standard { mean: 2.0, std: 1.0, min: 1.0, max: 3.0, nulls: 1 });
    }

    #[test]
    fn a_constant_has_its_own_value_as_mean_and_one_as_std() {
        let encoding = stats(vec![0.1; 7], None).finish("x").unwrap();
        assert_eq!(encoding, Encoding::Standard { mean: 0.1, std: 1.0, min: 0.1, max: 0.1, nulls: 0 });
    }

    #[test]
    fn values_too_close_to_square_are_told_apart() {
        let Encoding::Standard { mean, std, .. } = stats(vec![1e-170, 2e-170, 3e-170], None).finish("x").unwrap() else {
            panic!()
        };
        assert!(((3e-170 - mean) / std - 0.5).abs() < 1e-12 && ((1e-170 - mean) / std + 0.5).abs() < 1e-12, "{mean} {std}");
    }

    #[test]
    fn a_column_of_nulls_is_encodable() {
        let encoding = stats(vec![0.0, 0.0], Some(&[false, false])).finish("x").unwrap();
        assert_eq!(encoding, Encoding::Standard { mean: 0.0, std: 1.0, min: 0.0, max: 0.0, nulls: 2 });
    }

    #[test]
    fn nan_and_infinity_are_errors_that_name_the_column() {
        let error = stats(vec![1.0, f64::NAN], None).finish("delay").unwrap_err();
        assert_eq!(error.kind(), "Execution");
        assert!(error.to_string().contains("column `delay` holds NaN"), "{error}");
        let error = stats(vec![f64::NEG_INFINITY], None).finish("delay").unwrap_err();
        assert!(error.to_string().contains("infinite"), "{error}");
        let error = stats(vec![-1e300, 1e300], None).finish("delay").unwrap_err();
        assert!(error.to_string().contains("too wide"), "{error}");
    }
}
