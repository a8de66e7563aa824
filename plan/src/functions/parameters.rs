//! What analytic functions take beside the column.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::scalar::ScalarValue;
use gradframe_ml_core::{Error, Result};

use super::analytic::Analytic;
use super::bucketize::BucketFormat;
use crate::error::from_datafusion;
use crate::names::suggest;

/// Categories kept unless told otherwise. Source: BigQuery ML.
const TOP_DEFAULT: usize = 32_000;
/// Most buckets of a quantile split.
const BUCKETS_MAX: i64 = 100_000;

/// The parameters of a call, checked.
#[derive(Debug, Clone, PartialEq)]
pub enum Parameters {
    /// Of the scalers that have none.
    None,
    /// `ML.ROBUST_SCALER(x [, quantile_range] [, with_median] [, with_quantile_range])`, fractions from 0 to 1.
    Robust { low: f64, high: f64, with_median: bool, with_range: bool },
    /// `ML.QUANTILE_BUCKETIZE(x, buckets [, output_format])`
    Buckets { buckets: usize, format: BucketFormat },
    /// `ML.ONE_HOT_ENCODER(s [, drop] [, top_k] [, frequency_threshold])`, `ML.LABEL_ENCODER(s [, top_k] [, frequency_threshold])`
    Vocabulary { top: usize, frequency_min: u64 },
    /// `ML.IMPUTER(x, strategy)`
    Impute(Strategy),
}

/// What stands for a null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    Mean,
    Median,
    MostFrequent,
}

impl Parameters {
    /// The parameters of a call, from its arguments after the first, which is of type `argument`.
    /// Errors: `Plan` for too many or too few, one of a wrong type or out of range; `NotImplemented` for dummy encoding.
    pub fn of(function: Analytic, argument: &DataType, given: &[ScalarValue]) -> Result<Self> {
        let read = Reader { function, given };
        match function {
            Analytic::StandardScaler | Analytic::MinMaxScaler | Analytic::MaxAbsScaler => {
                read.at_most(0)?;
                Ok(Parameters::None)
            }
            Analytic::RobustScaler => read.robust(),
            Analytic::QuantileBucketize => read.buckets(),
            Analytic::OneHotEncoder => {
                read.drop()?;
                read.at_most(3)?;
                read.vocabulary(1)
            }
            Analytic::LabelEncoder => {
                read.at_most(2)?;
                read.vocabulary(0)
            }
            Analytic::Imputer => read.strategy(argument),
        }
    }
}

/// The parameters of a call whose arguments after the first are constants. Errors: as [`Parameters::of`].
pub fn parameters_of(function: Analytic, call: &ScalarFunction, argument: &DataType) -> Result<Parameters> {
    let constant = |arg: &Expr| if let Expr::Literal(value, _) = arg { Some(value.clone()) } else { None };
    let given: Vec<ScalarValue> = call.args.iter().skip(1).filter_map(constant).collect();
    Parameters::of(function, argument, &given)
}

/// Reads parameters by position.
struct Reader<'a> {
    function: Analytic,
    given: &'a [ScalarValue],
}

impl Reader<'_> {
    fn wrong(&self, what: impl Into<String>) -> Error {
        Error::plan(self.function.full_name(), what)
    }

    fn at_most(&self, parameters: usize) -> Result<()> {
        match self.given.get(parameters) {
            Some(more) => Err(self.wrong(format!("unexpected argument {more}"))),
            None => Ok(()),
        }
    }

    fn integer(&self, at: usize, what: &str, least: i64) -> Result<Option<i64>> {
        let Some(value) = self.given.get(at) else { return Ok(None) };
        let integer = value.data_type().is_integer().then(|| value.cast_to(&DataType::Int64).ok()).flatten();
        match integer {
            Some(ScalarValue::Int64(Some(integer))) if integer >= least => Ok(Some(integer)),
            _ => Err(self.wrong(format!("{what} is {value}, expected an integer from {least}"))),
        }
    }

    fn text(&self, at: usize, what: &str) -> Result<Option<&str>> {
        let Some(value) = self.given.get(at) else { return Ok(None) };
        let text = value.try_as_str().flatten();
        text.map(Some).ok_or_else(|| self.wrong(format!("{what} is {value}, expected text")))
    }

    fn boolean(&self, at: usize, what: &str) -> Result<bool> {
        match self.given.get(at) {
            None => Ok(true),
            Some(ScalarValue::Boolean(Some(value))) => Ok(*value),
            Some(value) => Err(self.wrong(format!("{what} is {value}, expected true or false"))),
        }
    }

    fn robust(&self) -> Result<Parameters> {
        self.at_most(3)?;
        let (low, high) = self.given.first().map_or(Ok((25.0, 75.0)), |range| self.range(range))?;
        let (with_median, with_range) = (self.boolean(1, "with_median")?, self.boolean(2, "with_quantile_range")?);
        Ok(Parameters::Robust { low: low / 100.0, high: high / 100.0, with_median, with_range })
    }

    fn range(&self, value: &ScalarValue) -> Result<(f64, f64)> {
        let wrong = || self.wrong(format!("quantile_range is {value}, expected two percentages such as [25, 75]"));
        let ScalarValue::List(list) = value else { return Err(wrong()) };
        let items = arrow::compute::cast(&list.value(0), &DataType::Float64).map_err(|_| wrong())?;
        match items.as_primitive::<Float64Type>().values()[..] {
            [low, high] if items.null_count() == 0 && 0.0 <= low && low < high && high <= 100.0 => Ok((low, high)),
            _ => Err(wrong()),
        }
    }

    fn buckets(&self) -> Result<Parameters> {
        self.at_most(2)?;
        let buckets = self.integer(0, "the number of buckets", 2)?;
        let buckets =
            buckets.ok_or_else(|| self.wrong("the number of buckets is missing").hint("ML.QUANTILE_BUCKETIZE(x, 10)"))?;
        if buckets > BUCKETS_MAX {
            return Err(self.wrong(format!("the number of buckets is {buckets}, expected {BUCKETS_MAX} at most")));
        }
        let format = self.text(1, "the output format")?.map(|name| BucketFormat::named(self.function.full_name(), name));
        let format = format.transpose().map_err(from_datafusion)?.unwrap_or_default();
        Ok(Parameters::Buckets { buckets: buckets as usize, format })
    }

    fn drop(&self) -> Result<()> {
        match self.text(0, "drop")? {
            None | Some("none") => Ok(()),
            Some("most_frequent") => {
                let what = "dropping the most frequent category is not built yet";
                Err(Error::not_implemented(self.function.full_name(), what)
                    .hint("'none' keeps all; a penalty (l2_reg) makes them identifiable"))
            }
            Some(other) => Err(self.wrong(format!("drop is '{other}', expected 'none' or 'most_frequent'"))),
        }
    }

    fn vocabulary(&self, from: usize) -> Result<Parameters> {
        let top = self.integer(from, "top_k", 1)?.map_or(TOP_DEFAULT, |top| top as usize);
        let frequency_min = self.integer(from + 1, "frequency_threshold", 0)?.unwrap_or(0) as u64;
        Ok(Parameters::Vocabulary { top, frequency_min })
    }

    fn strategy(&self, argument: &DataType) -> Result<Parameters> {
        const STRATEGIES: [&str; 3] = ["mean", "median", "most_frequent"];
        self.at_most(1)?;
        let hint = format!("one of {}", STRATEGIES.map(|name| format!("'{name}'")).join(", "));
        let name = self.text(0, "the strategy")?.ok_or_else(|| self.wrong("the strategy is missing").hint(&hint))?;
        match name {
            "mean" | "median" if *argument != DataType::Float64 => {
                Err(self.wrong(format!("'{name}' is for numbers")).hint("'most_frequent' is for text"))
            }
            "mean" => Ok(Parameters::Impute(Strategy::Mean)),
            "median" => Ok(Parameters::Impute(Strategy::Median)),
            "most_frequent" => Ok(Parameters::Impute(Strategy::MostFrequent)),
            other => Err(self.wrong(format!("unknown strategy '{other}'")).hint(suggest(other, STRATEGIES))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(function: Analytic, given: &[ScalarValue]) -> Result<Parameters> {
        Parameters::of(function, &DataType::Float64, given)
    }

    #[test]
    fn defaults_are_those_of_bigquery_and_scikit_learn() {
        let robust = Parameters::Robust { low: 0.25, high: 0.75, with_median: true, with_range: true };
        assert_eq!(parameters(Analytic::RobustScaler, &[]).unwrap(), robust);
        let vocabulary = Parameters::Vocabulary { top: 32_000, frequency_min: 0 };
        assert_eq!(parameters(Analytic::OneHotEncoder, &["none".into()]).unwrap(), vocabulary);
    }

    #[test]
    fn wrong_parameters_are_told_what_is_right() {
        for (function, given, expected) in [
            (Analytic::StandardScaler, vec![1.into()], "unexpected argument 1"),
            (Analytic::QuantileBucketize, vec![], "the number of buckets is missing"),
            (Analytic::QuantileBucketize, vec![1.into()], "is 1, expected an integer from 2"),
            (Analytic::QuantileBucketize, vec![3.into(), "names".into()], "unknown output format 'names'"),
            (Analytic::OneHotEncoder, vec!["first".into()], "drop is 'first'"),
            (Analytic::LabelEncoder, vec![0.into()], "top_k is 0, expected an integer from 1"),
            (Analytic::Imputer, vec![], "the strategy is missing"),
            (Analytic::Imputer, vec!["meen".into()], "did you mean `mean`?"),
            (Analytic::RobustScaler, vec![1.into()], "quantile_range is 1, expected two percentages"),
        ] {
            let error = parameters(function, &given).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
