//! A field of a struct, null where the struct is.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, make_array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, FieldRef, Schema};
use arrow::record_batch::RecordBatch;
use datafusion::error::Result;
use datafusion::functions::core::getfield::GetFieldFunc;
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_plan::expressions::Literal;

type Expr = Arc<dyn PhysicalExpr>;

/// DataFusion's `get_field` of structs by constant names, whose answer has the nulls of the structs on its way. EXPLAIN does not show
/// it.
#[derive(Debug)]
pub(crate) struct FieldOfStruct {
    /// The call.
    call: Expr,
    names: Vec<String>,
}

impl FieldOfStruct {
    /// What stands for a call; None for another expression and for names that are computed.
    pub fn of(expr: &Expr) -> Option<Self> {
        let call = expr.downcast_ref::<ScalarFunctionExpr>()?;
        call.fun().inner().as_ref().downcast_ref::<GetFieldFunc>()?;
        let name = |arg: &Expr| arg.downcast_ref::<Literal>()?.value().try_as_str().flatten().map(str::to_owned);
        let names = call.args().iter().skip(1).map(name).collect::<Option<Vec<_>>>()?;
        Some(FieldOfStruct { call: Arc::clone(expr), names })
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

impl PartialEq for FieldOfStruct {
    fn eq(&self, other: &Self) -> bool {
        self.call.as_ref() == other.call.as_ref()
    }
}

impl Eq for FieldOfStruct {}

impl Hash for FieldOfStruct {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.call.hash(state);
    }
}

impl fmt::Display for FieldOfStruct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.call.fmt(f)
    }
}

impl PhysicalExpr for FieldOfStruct {
    fn data_type(&self, input: &Schema) -> Result<DataType> {
        self.call.data_type(input)
    }

    fn nullable(&self, input: &Schema) -> Result<bool> {
        self.call.nullable(input)
    }

    fn return_field(&self, input: &Schema) -> Result<FieldRef> {
        self.call.return_field(input)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let Some(structs) = self.call.children().first().map(|structs| structs.evaluate(batch)) else {
            return self.call.evaluate(batch);
        };
        match structs? {
            ColumnarValue::Array(structs) => match self.found(structs)? {
                Some(field) => Ok(ColumnarValue::Array(field)),
                None => self.call.evaluate(batch),
            },
            ColumnarValue::Scalar(_) => self.call.evaluate(batch),
        }
    }

    fn children(&self) -> Vec<&Expr> {
        self.call.children()
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Expr>) -> Result<Expr> {
        let call = Arc::clone(&self.call).with_new_children(children)?;
        Ok(Arc::new(FieldOfStruct { call, names: self.names.clone() }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.call.fmt_sql(f)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{AsArray, Int64Array, StructArray};
    use arrow::datatypes::{Field, Int64Type};

    use super::*;

    #[test]
    fn a_field_has_the_nulls_of_its_struct() {
        let x: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), Some(0), None]));
        let fields = vec![Field::new("x", DataType::Int64, true)].into();
        let structs = StructArray::new(fields, vec![x], Some(NullBuffer::from(vec![true, false, true])));
        let call: Expr = Arc::new(Literal::new(datafusion::scalar::ScalarValue::Null));
        let found = FieldOfStruct { call, names: vec!["x".into()] }.found(Arc::new(structs)).expect("a field").expect("a field");
        let found: Vec<Option<i64>> = found.as_primitive::<Int64Type>().iter().collect();
        assert_eq!(found, [Some(1), None, None]);
    }
}
