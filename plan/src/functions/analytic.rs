//! The analytic functions: `ML.STANDARD_SCALER(x) OVER ()` and its like.
//!
//! Until a training has fitted it, a call is a marker: a scalar function that has a type and no value. Each marker of a
//! TRANSFORM gets a slot, a number by which its constants are found again, whatever the optimizer does to the expression
//! around it.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use gradframe_ml_core::Error;

use super::arguments::{is_category, is_number};
use crate::error::to_datafusion;

/// A function that is fitted to all rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Analytic {
    StandardScaler,
    MinMaxScaler,
    MaxAbsScaler,
    RobustScaler,
    QuantileBucketize,
    OneHotEncoder,
    LabelEncoder,
    Imputer,
}

impl Analytic {
    pub const ALL: [Analytic; 8] = [
        Analytic::StandardScaler,
        Analytic::MinMaxScaler,
        Analytic::MaxAbsScaler,
        Analytic::RobustScaler,
        Analytic::QuantileBucketize,
        Analytic::OneHotEncoder,
        Analytic::LabelEncoder,
        Analytic::Imputer,
    ];

    /// Its name without the schema.
    pub fn name(self) -> &'static str {
        self.full_name().trim_start_matches(super::PREFIX)
    }

    /// `ml.standard_scaler`
    pub fn full_name(self) -> &'static str {
        match self {
            Analytic::StandardScaler => "ml.standard_scaler",
            Analytic::MinMaxScaler => "ml.min_max_scaler",
            Analytic::MaxAbsScaler => "ml.max_abs_scaler",
            Analytic::RobustScaler => "ml.robust_scaler",
            Analytic::QuantileBucketize => "ml.quantile_bucketize",
            Analytic::OneHotEncoder => "ml.one_hot_encoder",
            Analytic::LabelEncoder => "ml.label_encoder",
            Analytic::Imputer => "ml.imputer",
        }
    }

    /// The function of a name without the schema, in lower case.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|function| function.name() == name)
    }

    /// The type that its first argument is taken in, given the argument's own; None if it takes no such type.
    pub fn argument_type(self, own: &DataType) -> Option<DataType> {
        match self {
            Analytic::OneHotEncoder | Analytic::LabelEncoder => is_category(own).then_some(DataType::Utf8),
            Analytic::Imputer if !is_number(own) => is_category(own).then_some(DataType::Utf8),
            _ => is_number(own).then_some(DataType::Float64),
        }
    }

    /// What its first argument is to be, for errors.
    pub fn expects(self) -> &'static str {
        match self {
            Analytic::OneHotEncoder | Analytic::LabelEncoder => "expected text, an integer or a boolean",
            Analytic::Imputer => "expected a number or text",
            _ => "expected a number",
        }
    }

    fn return_type(self, argument: &DataType) -> DataType {
        match self {
            Analytic::QuantileBucketize | Analytic::OneHotEncoder => DataType::Utf8,
            Analytic::LabelEncoder => DataType::Int64,
            Analytic::Imputer => argument.clone(),
            _ => DataType::Float64,
        }
    }
}

/// A call that is not fitted yet.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Marker {
    pub function: Analytic,
    /// Its number among the calls of a TRANSFORM, once it has one.
    pub slot: Option<usize>,
    signature: Signature,
}

impl Marker {
    /// A marker without a slot. Volatile, so that nobody computes it beforehand.
    pub fn new(function: Analytic) -> Self {
        Marker { function, slot: None, signature: Signature::user_defined(Volatility::Volatile) }
    }
}

impl ScalarUDFImpl for Marker {
    fn name(&self) -> &str {
        self.function.full_name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    // A type that the function does not take stays: whoever reads the TRANSFORM says so in its own words.
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let first = types.first().map(|own| self.function.argument_type(own).unwrap_or_else(|| own.clone()));
        Ok(first.into_iter().chain(types.iter().skip(1).cloned()).collect())
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(self.function.return_type(types.first().unwrap_or(&DataType::Null)))
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let error = Error::plan(self.name(), "is fitted by a training, and no training has fitted it here");
        Err(to_datafusion(error.hint("it stands in TRANSFORM (...) of CREATE MODEL, or in the transform of fit")))
    }
}

/// A call of an analytic function, as frames write it.
pub fn analytic_call(function: Analytic, argument: Expr, parameters: Vec<ScalarValue>) -> Expr {
    let parameters = parameters.into_iter().map(|value| Expr::Literal(value, None));
    let args = std::iter::once(argument).chain(parameters).collect();
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::new_from_impl(Marker::new(function))), args))
}

/// The marker that a call is, if it is one.
pub fn marker_of(call: &ScalarFunction) -> Option<&Marker> {
    call.func.inner().as_ref().downcast_ref::<Marker>()
}

/// The same call with a slot.
pub fn with_slot(call: ScalarFunction, marker: Marker, slot: usize) -> ScalarFunction {
    let marker = Marker { slot: Some(slot), ..marker };
    ScalarFunction::new_udf(Arc::new(ScalarUDF::new_from_impl(marker)), call.args)
}
