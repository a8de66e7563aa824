//! `ML.BUCKETIZE(x, split_points [, exclude_boundaries] [, output_format])`: the bucket that a number falls into.

use std::sync::Arc;

use arrow::array::{AsArray, StringArray};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, expr::ScalarFunction,
};

use super::arguments::{constant, constant_floats, float_list, is_number, wrong};

const NAME: &str = "ml.bucketize";

/// How a bucket is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum BucketFormat {
    /// `bin_2`
    #[default]
    Names,
    /// `[2.5, 4.6)`
    Ranges,
    /// `{"start": "2.5", "end": "4.6"}`
    RangesJson,
}

impl BucketFormat {
    const ALL: [BucketFormat; 3] = [BucketFormat::Names, BucketFormat::Ranges, BucketFormat::RangesJson];

    /// Its name as an argument.
    pub fn name(self) -> &'static str {
        match self {
            BucketFormat::Names => "bucket_names",
            BucketFormat::Ranges => "bucket_ranges",
            BucketFormat::RangesJson => "bucket_ranges_json",
        }
    }

    /// The format of a name. Errors: `Plan` listing the formats.
    pub(super) fn named(function: &str, name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|format| format.name() == name);
        let names = Self::ALL.map(BucketFormat::name).join(", ");
        found.map_or_else(|| wrong(function, format!("unknown output format '{name}', expected one of {names}")), Ok)
    }

    /// The buckets that these points part the numbers into: one more than there are points.
    fn buckets(self, points: &[f64]) -> Vec<String> {
        (0..=points.len()).map(|at| self.bucket(at, points)).collect()
    }

    fn bucket(self, at: usize, points: &[f64]) -> String {
        let start = at.checked_sub(1).and_then(|i| points.get(i));
        let end = points.get(at);
        match self {
            BucketFormat::Names => format!("bin_{}", at + 1),
            BucketFormat::Ranges => {
                let start = start.map_or("(-inf".to_owned(), |x| format!("[{x}"));
                format!("{start}, {})", end.map_or("+inf".to_owned(), f64::to_string))
            }
            BucketFormat::RangesJson => {
                let start = start.map_or("-Infinity".to_owned(), f64::to_string);
                let end = end.map_or("Infinity".to_owned(), f64::to_string);
                format!("{{\"start\": \"{start}\", \"end\": \"{end}\"}}")
            }
        }
    }
}

/// A call with these split points.
pub fn bucketize_expr(x: Expr, points: &[f64], format: BucketFormat) -> Expr {
    let points: Vec<ScalarValue> = points.iter().copied().map(ScalarValue::from).collect();
    let points = ScalarValue::List(ScalarValue::new_list_nullable(&points, &DataType::Float64));
    let mut args = vec![x, Expr::Literal(points, None)];
    if format != BucketFormat::Names {
        args.extend([false.into(), format.name().into()].map(|value: ScalarValue| Expr::Literal(value, None)));
    }
    let function = Arc::new(ScalarUDF::new_from_impl(Bucketize::default()));
    Expr::ScalarFunction(ScalarFunction::new_udf(function, args))
}

/// A bucket runs from its lower split point, included, to its upper one, excluded. Null and NaN have none.
/// Source: BigQuery ML's function of that name.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Bucketize {
    signature: Signature,
}

impl Default for Bucketize {
    fn default() -> Self {
        Bucketize { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Bucketize {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    // Types that do not fit stay: what `return_type` says of them is heard, what is said here is not.
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [x, DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..), rest @ ..]
                if is_number(x) && rest.len() <= 2 =>
            {
                let options = [DataType::Boolean, DataType::Utf8];
                Ok([DataType::Float64, float_list()].into_iter().chain(options.into_iter().take(rest.len())).collect())
            }
            other => Ok(other.to_vec()),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [DataType::Float64, DataType::List(_), ..] if types.len() <= 4 => Ok(DataType::Utf8),
            _ => wrong(NAME, "expected a number, a list of split points, and perhaps a boolean and an output format"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let points = split_points(&args.args)?;
        let buckets = format(&args.args)?.buckets(&points);
        let x = args.args[0].to_array(args.number_rows)?;
        let bucket = |x: f64| buckets[points.partition_point(|point| *point <= x)].as_str();
        let x = x.as_primitive::<Float64Type>().iter();
        let found: StringArray = x.map(|x| x.filter(|x| !x.is_nan()).map(bucket)).collect();
        Ok(ColumnarValue::Array(Arc::new(found)))
    }
}

fn split_points(args: &[ColumnarValue]) -> Result<Vec<f64>> {
    let mut points = constant_floats(NAME, "split points", &args[1])?;
    if points.iter().any(|point| !point.is_finite()) || points.windows(2).any(|pair| pair[0] >= pair[1]) {
        return wrong(NAME, "split points must be finite and ascend");
    }
    let exclude = args.get(2).map(|value| constant(NAME, "exclude_boundaries", value)).transpose()?;
    if matches!(exclude, Some(ScalarValue::Boolean(Some(true)))) {
        points.pop();
        points.drain(..points.len().min(1));
    }
    Ok(points)
}

fn format(args: &[ColumnarValue]) -> Result<BucketFormat> {
    let name = args.get(3).map(|value| constant(NAME, "the output format", value)).transpose()?;
    match name.and_then(|value| value.try_as_str()).flatten() {
        Some(name) => BucketFormat::named(NAME, name),
        None => Ok(BucketFormat::Names),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_include_their_lower_end() {
        assert_eq!(BucketFormat::Names.buckets(&[1.0, 2.5]), ["bin_1", "bin_2", "bin_3"]);
        assert_eq!(BucketFormat::Ranges.buckets(&[1.0, 2.5]), ["(-inf, 1)", "[1, 2.5)", "[2.5, +inf)"]);
        assert_eq!(BucketFormat::RangesJson.buckets(&[]), [r#"{"start": "-Infinity", "end": "Infinity"}"#]);
        assert!(BucketFormat::named(NAME, "names").is_err());
    }
}
