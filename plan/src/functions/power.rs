//! `power`, which is infinite where 0 is raised to a negative power.
//!
//! DataFusion's own follows PostgreSQL, to which that is an error of the whole query. This one, of the same name and types, is IEEE's,
//! as Polars, DuckDB, NumPy and a compiled stage have it.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Float64Array};
use arrow::compute::{binary, unary};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::cast::as_float64_array;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{ColumnarValue, Documentation, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature};

use super::as_own::as_own;

static POWER: LazyLock<Arc<ScalarUDF>> =
    LazyLock::new(|| Arc::new(ScalarUDF::new_from_impl(Power { own: datafusion::functions::math::power() })));

/// The function `power`, in the place of DataFusion's.
pub fn power_function() -> Arc<ScalarUDF> {
    Arc::clone(&POWER)
}

/// A float to the power of another.
pub fn power(base: Expr, exponent: Expr) -> Expr {
    POWER.call(vec![base, exponent])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Power {
    own: Arc<ScalarUDF>,
}

impl ScalarUDFImpl for Power {
    as_own!();

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [base, exponent] = args.args.as_slice() else { return self.own.invoke_with_args(args) };
        if base.data_type() != DataType::Float64 || exponent.data_type() != DataType::Float64 {
            return self.own.invoke_with_args(args);
        }
        let bases = base.to_array(args.number_rows)?;
        let bases = as_float64_array(&bases)?;
        let powers: Float64Array = match exponent {
            ColumnarValue::Scalar(ScalarValue::Float64(Some(exponent))) => {
                unary::<_, _, Float64Type>(bases, |base| base.powf(*exponent))
            }
            exponent => {
                let exponents = exponent.to_array(args.number_rows)?;
                binary::<_, _, _, Float64Type>(bases, as_float64_array(&exponents)?, f64::powf)?
            }
        };
        Ok(ColumnarValue::Array(Arc::new(powers) as ArrayRef))
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        self.own.simplify(args, info)
    }
}
