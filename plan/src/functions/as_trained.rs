//! The cast of a column to the type that a model's training had, where a value may not fit.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::compute::kernels::cmp::neq;
use arrow::datatypes::{DataType, Float64Type};
use arrow::util::display::array_value_to_string;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use gradframe_ml_core::Error;

use super::words::word;
use crate::error::to_datafusion;

const NAME: &str = "as_trained";

/// The column as the type that training had. When run, a `DType` error of `op` names the first value that this does not hold, `column`
/// and `model`, which is a title.
pub fn as_trained(value: Expr, op: &str, column: &str, model: &str, to: &DataType) -> Result<Expr> {
    Ok(function([op, column, model], to.clone())?.call(vec![value]))
}

/// The function of this name with the operator, the column, the model, and a null of the type.
pub(super) fn named(name: &str, constants: &[ScalarValue]) -> Option<ScalarUDF> {
    let [op, column, model, to] = constants else { return None };
    let text = |constant: &ScalarValue| constant.try_as_str().flatten().map(str::to_owned);
    let [op, column, model] = [text(op)?, text(column)?, text(model)?];
    if name != NAME || !to.is_null() {
        return None;
    }
    function([&op, &column, &model], to.data_type()).ok()
}

fn function([op, column, model]: [&str; 3], to: DataType) -> Result<ScalarUDF> {
    let shown = word(NAME, &[op.into(), column.into(), model.into(), ScalarValue::try_from(&to)?]);
    let [op, column, model] = [op, column, model].map(str::to_owned);
    Ok(ScalarUDF::new_from_impl(AsTrained { shown, op, column, model, to, signature: Signature::any(1, Volatility::Immutable) }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct AsTrained {
    shown: String,
    op: String,
    column: String,
    model: String,
    to: DataType,
    signature: Signature,
}

impl ScalarUDFImpl for AsTrained {
    fn name(&self) -> &str {
        &self.shown
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(self.to.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        // Of a null among a dictionary's values its keys say nothing.
        let came = cast(&arrays[0], values(arrays[0].data_type()))?;
        let fitting = cast(&came, values(&self.to))?;
        let too_far = || (0..fitting.len()).find(|row| fitting.is_null(*row) && came.is_valid(*row));
        let lost = if fitting.null_count() > came.null_count() { too_far() } else { None };
        match lost.map_or_else(|| self.fraction(&came, &fitting), |row| Ok(Some(row)))? {
            None => Ok(ColumnarValue::Array(cast(&fitting, &self.to)?)),
            Some(row) => Err(to_datafusion(self.too_wide(&came, row)?)),
        }
    }
}

impl AsTrained {
    /// The first row whose value is not whole, where whole numbers are wanted; decimals are rounded to the digits of the training.
    fn fraction(&self, came: &ArrayRef, whole: &ArrayRef) -> Result<Option<usize>> {
        if !is_whole(whole.data_type()) || came.data_type().is_integer() {
            return Ok(None);
        }
        if came.data_type().is_floating() {
            let floats = cast(came, &DataType::Float64)?;
            let floats = floats.as_primitive::<Float64Type>();
            return Ok(floats.iter().position(|value| value.is_some_and(|value| value.fract() != 0.0)));
        }
        let differs = neq(&cast(whole, came.data_type())?, came)?;
        Ok(differs.iter().position(|differs| differs == Some(true)))
    }

    fn too_wide(&self, came: &dyn Array, row: usize) -> Result<Error> {
        let AsTrained { op, column, model, to, .. } = self;
        let (value, got) = (array_value_to_string(came, row)?, came.data_type());
        let what = format!("column `{column}` of {model} has {value}, expected {to}, got {got}");
        Ok(Error::dtype(op, what).hint("train on a column of the type that comes, or cast it before"))
    }
}

fn is_whole(data_type: &DataType) -> bool {
    use DataType::{Decimal32, Decimal64, Decimal128, Decimal256};
    data_type.is_integer() || matches!(data_type, Decimal32(_, 0) | Decimal64(_, 0) | Decimal128(_, 0) | Decimal256(_, 0))
}

/// The type of the values that a dictionary holds; another type as it is.
pub(crate) fn values(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => values,
        plain => plain,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{DictionaryArray, Float64Array, Int8Array, Int64Array, RecordBatch};
    use datafusion::common::DFSchema;
    use datafusion::logical_expr::col;
    use datafusion::logical_expr::execution_props::ExecutionProps;
    use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
    use datafusion::physical_expr::create_physical_expr;

    use super::*;
    use crate::functions::words;

    fn taken(column: ArrayRef, to: &DataType) -> Result<ArrayRef> {
        let batch = RecordBatch::try_from_iter([("x", column)])?;
        let schema = DFSchema::try_from(batch.schema())?;
        let expr = as_trained(col("x"), "ml.predict", "x", "the model", to)?;
        let planned = create_physical_expr(&expr, &schema, &ExecutionProps::new(), &PhysicalPlanningContext::default())?;
        planned.evaluate(&batch)?.into_array(batch.num_rows())
    }

    fn texts(array: &ArrayRef) -> Vec<Option<String>> {
        let text = |row| array_value_to_string(array, row).expect("a text");
        let valid = array.logical_nulls();
        (0..array.len()).map(|row| valid.as_ref().is_none_or(|valid| valid.is_valid(row)).then(|| text(row))).collect()
    }

    #[test]
    fn decimals_without_a_fraction_hold_whole_numbers_alone() {
        for to in [DataType::Decimal32(5, 0), DataType::Decimal64(5, 0), DataType::Decimal128(5, 0), DataType::Decimal256(5, 0)] {
            let whole = taken(Arc::new(Float64Array::from(vec![Some(25.0), None])), &to).expect("whole numbers");
            assert_eq!((whole.data_type(), texts(&whole)), (&to, vec![Some("25".to_owned()), None]));
            let error = taken(Arc::new(Float64Array::from(vec![25.0, 25.5])), &to).expect_err("a fraction");
            assert!(error.to_string().contains("column `x` of the model has 25.5"), "{to}: {error}");
        }
    }

    #[test]
    fn a_null_among_the_values_of_a_dictionary_is_a_null() {
        let dictionary = |values: ArrayRef| Arc::new(DictionaryArray::new(Int8Array::from(vec![1, 0, 1]), values)) as ArrayRef;
        let made = taken(dictionary(Arc::new(Int64Array::from(vec![None, Some(3)]))), &DataType::Int8).expect("values that fit");
        assert_eq!(texts(&made), [Some("3".to_owned()), None, Some("3".to_owned())]);
        let error = taken(dictionary(Arc::new(Int64Array::from(vec![None, Some(300)]))), &DataType::Int8).expect_err("too large");
        assert!(error.to_string().contains("has 300, expected Int8, got Int64"), "{error}");
    }

    #[test]
    fn a_dictionary_of_whole_numbers_takes_no_fraction() {
        let to = DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Int64));
        assert_eq!(taken(Arc::new(Float64Array::from(vec![2.0])), &to).expect("a whole number").data_type(), &to);
        assert!(taken(Arc::new(Float64Array::from(vec![2.5])), &to).is_err());
    }

    #[test]
    fn its_word_means_the_same_function() {
        let to = DataType::Decimal128(12, 2);
        let Ok(Expr::ScalarFunction(call)) = as_trained(col("x"), "ml.transform", "it's [x]", "model `m`", &to) else {
            panic!("a scalar function")
        };
        assert_eq!(words::scalar(call.func.name()).as_deref(), Some(call.func.as_ref()));
    }
}
