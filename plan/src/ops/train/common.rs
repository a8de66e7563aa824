//! The options that every model type takes beside its own: how the rows are split, what they weigh, and whether the query over them is
//! to repeat bit for bit.

use arrow::datatypes::DataType;
use datafusion::scalar::ScalarValue;
use gradframe_ml_core::{Error, Result};
use gradframe_ml_learn::{Estimator, Split};

use super::OP;
use super::option_values::float;
use crate::names::suggest;

pub(super) const SPLIT_METHOD: &str = "data_split_method";
pub(super) const EVAL_FRACTION: &str = "data_split_eval_fraction";
pub(super) const SPLIT_COLUMN: &str = "data_split_col";
pub(super) const WEIGHT_COLUMN: &str = "sample_weight_col";
pub(super) const REPRODUCIBLE: &str = "reproducible";

const METHODS: [&str; 5] = ["auto_split", "random", "seq", "custom", "no_split"];

/// The common options, checked against each other; whether the columns are there is not yet known.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CommonOptions {
    pub split: Split,
    /// The column that `seq` and `custom` go by.
    pub split_column: Option<String>,
    pub weight_column: Option<String>,
    /// Whether the query gives the same bits each time: its float aggregates are exact then, and slower.
    pub reproducible: bool,
}

impl CommonOptions {
    /// Takes the common options out of those given.
    /// Errors: `Plan` for one given twice, of a wrong type or out of range, or of no use to the split method.
    pub fn take(given: &mut Vec<(String, ScalarValue)>, estimator: &dyn Estimator) -> Result<Self> {
        let method = take(given, SPLIT_METHOD)?.map(|value| text(SPLIT_METHOD, &value)).transpose()?;
        let fraction = take(given, EVAL_FRACTION)?.map(|value| fraction(&value)).transpose()?;
        let split_column = take(given, SPLIT_COLUMN)?.map(|value| text(SPLIT_COLUMN, &value)).transpose()?;
        let weight_column = take(given, WEIGHT_COLUMN)?.map(|value| text(WEIGHT_COLUMN, &value)).transpose()?;
        let reproducible = take(given, REPRODUCIBLE)?.map_or(Ok(true), |value| boolean(REPRODUCIBLE, &value))?;
        let split = match method {
            Some(method) => split(&method, fraction, split_column.as_deref())?,
            None => implied(estimator.default_split(), fraction, split_column.as_deref())?,
        };
        Ok(CommonOptions { split, split_column, weight_column, reproducible })
    }
}

/// The value of an option, removed. Errors: `Plan` if it is there twice.
fn take(given: &mut Vec<(String, ScalarValue)>, name: &str) -> Result<Option<ScalarValue>> {
    let is_it = |option: &(String, ScalarValue)| option.0.eq_ignore_ascii_case(name);
    if given.iter().filter(|option| is_it(option)).count() > 1 {
        return Err(Error::plan(OP, format!("option `{name}` is given twice")));
    }
    Ok(given.iter().position(is_it).map(|at| given.remove(at).1))
}

fn text(name: &str, value: &ScalarValue) -> Result<String> {
    let text = value.try_as_str().flatten().filter(|text| !text.is_empty());
    let hint = if name == SPLIT_METHOD { format!("one of {}", METHODS.join(", ")) } else { format!("{name} = 'column'") };
    text.map(str::to_owned).ok_or_else(|| Error::plan(OP, format!("option `{name}` is {value}, expected text")).hint(hint))
}

fn boolean(name: &str, value: &ScalarValue) -> Result<bool> {
    match value {
        ScalarValue::Boolean(Some(value)) => Ok(*value),
        _ => Err(Error::plan(OP, format!("option `{name}` is {value}, expected true or false"))),
    }
}

fn fraction(value: &ScalarValue) -> Result<f64> {
    let number = value.cast_to(&DataType::Float64).ok().filter(|_| value.data_type().is_numeric());
    let number = number.as_ref().and_then(float).filter(|fraction| *fraction > 0.0 && *fraction < 1.0);
    number.ok_or_else(|| {
        let what = format!("option `{EVAL_FRACTION}` is {value}, expected a number between 0 and 1");
        Error::plan(OP, what).hint(format!("{SPLIT_METHOD} = 'no_split' keeps no rows for evaluation"))
    })
}

/// The split of a method that is named.
fn split(method: &str, fraction: Option<f64>, column: Option<&str>) -> Result<Split> {
    let eval_fraction = fraction.unwrap_or(Split::EVAL_FRACTION);
    let split = match method.to_lowercase().as_str() {
        "auto_split" | "auto" => Split::Auto,
        "random" => Split::Random { eval_fraction },
        "seq" => Split::Seq { eval_fraction },
        "custom" => Split::Custom,
        "no_split" | "none" => Split::None,
        _ => return Err(unknown_method(method)),
    };
    let by_column = matches!(split, Split::Seq { .. } | Split::Custom);
    match (split.eval_fraction(), fraction, by_column, column) {
        (None, Some(_), _, _) => Err(of_no_use(EVAL_FRACTION, method, "'random' and 'seq' take it")),
        (_, _, false, Some(_)) => Err(of_no_use(SPLIT_COLUMN, method, "'seq' and 'custom' take it")),
        (_, _, true, None) => {
            let what = format!("option `{SPLIT_METHOD}` is '{method}', but no column is given to split by");
            Err(Error::plan(OP, what).hint(format!("add {SPLIT_COLUMN} = '...'")))
        }
        _ => Ok(split),
    }
}

/// The split where no method is named: a fraction alone asks for a random one, as BigQuery has it; a column alone could
/// mean two things.
fn implied(default: Split, fraction: Option<f64>, column: Option<&str>) -> Result<Split> {
    match (fraction, column) {
        (_, Some(_)) => {
            let what = format!("option `{SPLIT_COLUMN}` is given without `{SPLIT_METHOD}`");
            let hint = "'custom' evaluates on the rows where the column is true, 'seq' on those where it is largest";
            Err(Error::plan(OP, what).hint(hint))
        }
        (Some(eval_fraction), None) => Ok(Split::Random { eval_fraction }),
        (None, None) => Ok(default),
    }
}

fn unknown_method(method: &str) -> Error {
    let what = format!("option `{SPLIT_METHOD}` is '{method}', expected one of {}", METHODS.join(", "));
    Error::plan(OP, what).hint(suggest(method, METHODS))
}

fn of_no_use(option: &str, method: &str, hint: &str) -> Error {
    Error::plan(OP, format!("option `{option}` is of no use to `{SPLIT_METHOD}` = '{method}'")).hint(hint)
}

/// Errors: `DType` if a column of this type cannot say which rows are kept.
pub(super) fn split_type(split: Split, name: &str, data_type: &DataType) -> Result<()> {
    let expected = match split {
        Split::Custom if *data_type == DataType::Boolean => return Ok(()),
        Split::Custom => "expected a boolean: true for rows to evaluate on",
        _ if is_ordered(data_type) => return Ok(()),
        _ => "expected a number, text, date or timestamp to order the rows by",
    };
    let what = format!("{SPLIT_COLUMN} `{name}` is {data_type}, {expected}");
    Err(Error::dtype(OP, what).hint(format!("the method is '{}'", split.method())))
}

fn is_ordered(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_ordered(values),
        t => t.is_numeric() || t.is_temporal() || t.is_string() || *t == DataType::Boolean,
    }
}

/// Errors: `DType` if a column of this type cannot weigh rows.
pub(super) fn weight_type(name: &str, data_type: &DataType) -> Result<()> {
    if data_type.is_numeric() {
        return Ok(());
    }
    let what = format!("{WEIGHT_COLUMN} `{name}` is {data_type}, expected a number");
    Err(Error::dtype(OP, what).hint("a weight says how many times a row counts"))
}
