//! `to_timestamp` and its kin, whose result has the zone that they say it has.
//!
//! DataFusion 55 leaves the zone out where a column of texts is read, and reads whole seconds as a time of the zone's clock. These, of the same names
//! and types, mend what goes into DataFusion's own and what comes out of it.

use std::sync::Arc;

use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature};

use super::as_own::as_own;
use super::zoned::{is_utc, read_in_zone};

/// The names of those functions.
pub const TIMESTAMP_READERS: [&str; 5] =
    ["to_timestamp", "to_timestamp_seconds", "to_timestamp_millis", "to_timestamp_micros", "to_timestamp_nanos"];

/// The function in the place of DataFusion's own, which knows the session's zone.
pub fn timestamp_reader(own: Arc<ScalarUDF>) -> ScalarUDF {
    ScalarUDF::new_from_impl(ToTimestamp { own })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ToTimestamp {
    own: Arc<ScalarUDF>,
}

impl ScalarUDFImpl for ToTimestamp {
    as_own!();

    fn with_updated_config(&self, config: &ConfigOptions) -> Option<ScalarUDF> {
        self.own.inner().with_updated_config(config).map(|own| timestamp_reader(Arc::new(own)))
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let returns = args.return_type().clone();
        let DataType::Timestamp(_, Some(zone)) = &returns else { return self.own.invoke_with_args(args) };
        let Some(first) = args.args.first_mut() else { return self.own.invoke_with_args(args) };
        match first.data_type() {
            given if given.is_integer() && self.name() == TIMESTAMP_READERS[0] => {
                // Moments, not readings of the zone's clock.
                *first = first.cast_to(&DataType::Timestamp(TimeUnit::Second, Some("UTC".into())), None)?;
            }
            DataType::Timestamp(_, None) if args.args.len() == 1 && !is_utc(zone) => {
                return read_in_zone(&returns, false).inner().invoke_with_args(args);
            }
            _ => {}
        }
        // DataFusion, built for debugging, checks what the function itself gives.
        zoned(self.own.inner().invoke_with_args(args)?, &returns)
    }
}

/// Moments that lack their zone alone.
fn zoned(moments: ColumnarValue, to: &DataType) -> Result<ColumnarValue> {
    let ColumnarValue::Array(array) = &moments else { return Ok(moments) };
    if array.data_type() == to {
        return Ok(moments);
    }
    // By way of their numbers: from a type without a zone they would be read by its clock.
    let numbers = cast(array, &DataType::Int64)?;
    Ok(ColumnarValue::Array(cast(&numbers, to)?))
}
