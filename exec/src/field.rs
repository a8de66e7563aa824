//! A field of a struct, null where the struct is.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, make_array};
use arrow::buffer::NullBuffer;
use arrow::record_batch::RecordBatch;
use datafusion::error::Result;
use datafusion::functions::core::getfield::GetFieldFunc;
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::ScalarFunctionExpr;
use datafusion::physical_plan::expressions::Literal;

use crate::wrapped::{Expr, Wrapped, Wrapper};

/// DataFusion's `get_field` of structs by constant names, whose answer has the nulls of the structs on its way.
#[derive(Debug, Clone)]
pub(crate) struct FieldOfStruct {
    names: Vec<String>,
}

impl FieldOfStruct {
    /// What stands for a call; None for another expression and for names that are computed.
    pub fn of(expr: &Expr) -> Option<Wrapped<Self>> {
        let call = expr.downcast_ref::<ScalarFunctionExpr>()?;
        call.fun().inner().as_ref().downcast_ref::<GetFieldFunc>()?;
        let name = |arg: &Expr| arg.downcast_ref::<Literal>()?.value().try_as_str().flatten().map(str::to_owned);
        let names = call.args().iter().skip(1).map(name).collect::<Option<Vec<_>>>()?;
        Some(Wrapped::new(Arc::clone(expr), FieldOfStruct { names }))
    }

    /// The field of the structs; None where something on the way is no struct, or lacks the field.
    fn found(&self, structs: ArrayRef) -> Result<Option<ArrayRef>> {
        let mut found = structs;
        for name in &self.names {
            let Some(structs) = found.as_struct_opt() else { return Ok(None) };
            let Some(field) = structs.column_by_name(name) else { return Ok(None) };
            found = with_nulls(Arc::clone(field), structs.nulls())?;
        }
        Ok(Some(found))
    }
}

/// The values, null where these are.
fn with_nulls(values: ArrayRef, nulls: Option<&NullBuffer>) -> Result<ArrayRef> {
    let Some(nulls) = nulls.filter(|nulls| nulls.null_count() > 0) else { return Ok(values) };
    if values.data_type().is_null() {
        return Ok(values);
    }
    let own = values.to_data();
    let both = NullBuffer::union(own.nulls(), Some(nulls));
    if both.as_ref().map(NullBuffer::null_count) == own.nulls().map(NullBuffer::null_count) {
        return Ok(values);
    }
    Ok(make_array(own.into_builder().nulls(both).build()?))
}

impl Wrapper for FieldOfStruct {
    const REPLACES: bool = true;

    fn evaluate(&self, call: &Expr, batch: &RecordBatch) -> Result<ColumnarValue> {
        let Some(structs) = call.children().first().map(|structs| structs.evaluate(batch)) else {
            return call.evaluate(batch);
        };
        match structs? {
            ColumnarValue::Array(structs) => match self.found(structs)? {
                Some(field) => Ok(ColumnarValue::Array(field)),
                None => call.evaluate(batch),
            },
            ColumnarValue::Scalar(_) => call.evaluate(batch),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{AsArray, Int64Array, StructArray};
    use arrow::datatypes::{DataType, Field, Int64Type};

    use super::*;

    #[test]
    fn a_field_has_the_nulls_of_its_struct() {
        let x: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), Some(0), None]));
        let fields = vec![Field::new("x", DataType::Int64, true)].into();
        let structs = StructArray::new(fields, vec![x], Some(NullBuffer::from(vec![true, false, true])));
        let found = FieldOfStruct { names: vec!["x".into()] }.found(Arc::new(structs)).expect("a field").expect("a field");
        let found: Vec<Option<i64>> = found.as_primitive::<Int64Type>().iter().collect();
        assert_eq!(found, [Some(1), None, None]);
    }
}
