//! `to_timestamp` and its like: a moment has the session's zone, of whatever it is read.
//!
//! DataFusion 55 promises the zone, and leaves it out of what it reads of a column of texts, which is an error; and it takes whole seconds for a reading of the
//! zone's clock, not of UTC's. These are its functions with both mended, and can go when it has.

use std::sync::Arc;

use arrow::array::{ArrayRef, make_array};
use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature};

const NAMES: [&str; 5] =
    ["to_timestamp", "to_timestamp_seconds", "to_timestamp_millis", "to_timestamp_micros", "to_timestamp_nanos"];

/// The functions, in the place of those of a session.
pub fn timestamp_functions<'a>(known: impl Fn(&str) -> Option<&'a Arc<ScalarUDF>>) -> Vec<Arc<ScalarUDF>> {
    let own = NAMES.iter().filter_map(|name| known(name));
    own.map(|own| Arc::new(ScalarUDF::new_from_impl(InZone { own: Arc::clone(own) }))).collect()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct InZone {
    own: Arc<ScalarUDF>,
}

impl ScalarUDFImpl for InZone {
    fn name(&self) -> &str {
        self.own.name()
    }

    fn aliases(&self) -> &[String] {
        self.own.aliases()
    }

    fn signature(&self) -> &Signature {
        self.own.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.own.return_type(types)
    }

    fn with_updated_config(&self, config: &ConfigOptions) -> Option<ScalarUDF> {
        let own = Arc::new(self.own.inner().with_updated_config(config)?);
        Some(ScalarUDF::new_from_impl(InZone { own }))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let promised = args.return_type().clone();
        let counts_seconds = args.args.first().is_some_and(|first| first.data_type().is_integer());
        let zoneless = match counts_seconds {
            true => self.own.inner().with_updated_config(&zoneless()),
            false => None,
        };
        // The functions themselves, whose results nobody has checked yet.
        let read = match &zoneless {
            Some(zoneless) => zoneless.inner().invoke_with_args(args)?,
            None => self.own.inner().invoke_with_args(args)?,
        };
        in_zone(read, &promised)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.own.documentation()
    }
}

fn zoneless() -> ConfigOptions {
    let mut config = ConfigOptions::default();
    config.execution.time_zone = None;
    config
}

/// The same moments under the promised zone: what was counted is UTC's already.
fn in_zone(read: ColumnarValue, promised: &DataType) -> Result<ColumnarValue> {
    let labelled = |array: &ArrayRef| -> Result<ArrayRef> {
        Ok(make_array(array.to_data().into_builder().data_type(promised.clone()).build()?))
    };
    match (read.data_type(), promised) {
        (DataType::Timestamp(unit, None), DataType::Timestamp(own, Some(_))) if unit == *own => Ok(match read {
            ColumnarValue::Array(array) => ColumnarValue::Array(labelled(&array)?),
            ColumnarValue::Scalar(scalar) => {
                ColumnarValue::Scalar(ScalarValue::try_from_array(&labelled(&scalar.to_array()?)?, 0)?)
            }
        }),
        _ => Ok(read),
    }
}
