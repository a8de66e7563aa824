//! Statistics of a feature column, by kind.

use arrow_schema::DataType;
use gradframe_ml_core::{DType, Error, Result};

use super::{NumberStats, TextStats};
use crate::data_types::{ColumnKind, accepts};
use crate::model::FeatureSpec;

/// Statistics of one feature, folded over the fixed chunks of the training set in order. Whoever reads the column
/// matches on the variant to call its `update`.
#[derive(Debug, Clone, PartialEq)]
pub enum FeatureStats {
    Number(NumberStats),
    Text(TextStats),
}

impl FeatureStats {
    /// Empty statistics for a column of this type. Errors: `DType` if it cannot be a feature.
    pub fn for_type(data_type: &DataType) -> Result<Self> {
        Ok(match accepts(data_type)? {
            ColumnKind::Number => FeatureStats::Number(NumberStats::default()),
            ColumnKind::Text => FeatureStats::Text(TextStats::default()),
        })
    }

    /// Adds the statistics of the rows that come after. Errors: `Internal` if the kinds differ.
    pub fn merge(&mut self, later: &Self) -> Result<()> {
        match (self, later) {
            (FeatureStats::Number(all), FeatureStats::Number(later)) => all.merge(later),
            (FeatureStats::Text(all), FeatureStats::Text(later)) => all.merge(later),
            _ => return Err(Error::internal("train", "merging statistics of a number and of a text")),
        }
        Ok(())
    }

    /// Whether rows that the statistics are not used of could be encoded all the same.
    /// Errors: `Execution` naming the column if a number is NaN or infinite.
    pub fn check_values(&self, name: &str) -> Result<()> {
        match self {
            FeatureStats::Number(stats) => stats.check_finite(name),
            FeatureStats::Text(_) => Ok(()),
        }
    }

    /// Memory held.
    pub fn memory_bytes(&self) -> usize {
        match self {
            FeatureStats::Number(_) => size_of::<NumberStats>(),
            FeatureStats::Text(stats) => stats.memory_bytes(),
        }
    }

    /// The specification of a feature that is taken as it is; `whole` says of which integer type, if a module takes it so.
    /// Errors: `Execution` naming the column if a value is null, NaN or infinite; `DType` if it is no number.
    pub fn finish_raw(self, name: &str, data_type: &DataType, whole: Option<DType>) -> Result<FeatureSpec> {
        let FeatureStats::Number(stats) = self else {
            let what = format!("feature `{name}` is {data_type}, a module takes numbers");
            return Err(Error::dtype("train", what));
        };
        let encoding = stats.finish_raw(name, whole)?;
        Ok(FeatureSpec { name: name.to_string(), data_type: data_type.clone(), encoding })
    }

    /// The feature's specification. Errors: `Execution` naming the column if its values cannot be encoded.
    pub fn finish(self, name: &str, data_type: &DataType) -> Result<FeatureSpec> {
        let encoding = match self {
            FeatureStats::Number(stats) => stats.finish(name)?,
            FeatureStats::Text(stats) => stats.finish(name)?,
        };
        Ok(FeatureSpec { name: name.to_string(), data_type: data_type.clone(), encoding })
    }
}
