//! The type of an expression, found without writing it.
//!
//! DataFusion's own [`ExprSchemable::to_field`] names the field of every part after the whole text of that part: of calls a hundred deep
//! it writes a hundred texts, each as long as all that is below. Resolving asks at every level.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{DFSchema, ExprSchema};
use datafusion::error::Result as DataFusionResult;
use datafusion::logical_expr::expr::{Alias, Case, Cast, ScalarFunction, TryCast};
use datafusion::logical_expr::type_coercion::binary::BinaryTypeCoercer;
use datafusion::logical_expr::type_coercion::functions::fields_with_udf;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, ReturnFieldArgs};
use gradframe_plan::error::from_datafusion;

use crate::Result;

/// The type of an expression over these columns. Errors: as DataFusion says them.
pub(crate) fn type_of(expr: &Expr, schema: &DFSchema) -> Result<DataType> {
    Ok(field_of(expr, schema)?.data_type().clone())
}

/// The field of an expression over these columns: type and metadata as DataFusion has them, of any name, and nullable where nobody has looked.
pub(crate) fn field_of(expr: &Expr, schema: &DFSchema) -> Result<FieldRef> {
    // What it says of what does not fit is what people are told.
    found(expr, schema).or_else(|_| expr.to_field(schema).map(|(_, field)| field)).map_err(from_datafusion)
}

fn found(expr: &Expr, schema: &DFSchema) -> DataFusionResult<FieldRef> {
    match expr {
        Expr::Column(column) => schema.field_from_column(column).map(Arc::clone),
        Expr::Alias(Alias { expr, metadata: None, .. }) | Expr::Negative(expr) => found(expr, schema),
        Expr::BinaryExpr(binary) => of_binary(binary, schema),
        Expr::ScalarFunction(function) => of_function(function, schema),
        Expr::Case(case) => Ok(unnamed(of_branches(case, schema)?)),
        Expr::Cast(Cast { expr, field }) | Expr::TryCast(TryCast { expr, field }) if is_type(field) => {
            Ok(cast_to(found(expr, schema)?.as_ref(), field.data_type()))
        }
        Expr::Not(_) | Expr::Between(_) | Expr::InList(_) | Expr::Like(_) | Expr::IsNull(_) | Expr::IsNotNull(_) => {
            Ok(unnamed(DataType::Boolean))
        }
        other => other.to_field(schema).map(|(_, field)| field),
    }
}

fn unnamed(data_type: DataType) -> FieldRef {
    Arc::new(Field::new("", data_type, true))
}

/// Whether a cast says a type and nothing else.
fn is_type(field: &Field) -> bool {
    field.name().is_empty() && field.is_nullable() && field.metadata().is_empty()
}

/// What a field's values become in another type: what else it says stays, but for an extension type.
fn cast_to(source: &Field, data_type: &DataType) -> FieldRef {
    let mut metadata = source.metadata().clone();
    // Arrow's keys of an extension type.
    metadata.retain(|key, _| !key.starts_with("ARROW:extension:"));
    Arc::new(Field::new("", data_type.clone(), true).with_metadata(metadata))
}

fn of_binary(binary: &BinaryExpr, schema: &DFSchema) -> DataFusionResult<FieldRef> {
    let (left, right) = (found(&binary.left, schema)?, found(&binary.right, schema)?);
    let result = BinaryTypeCoercer::new(left.data_type(), &binary.op, right.data_type()).get_result_type()?;
    Ok(Arc::new(Field::new("", result, left.is_nullable() || right.is_nullable())))
}

/// The first branch that has a type, as DataFusion takes it.
fn of_branches(case: &Case, schema: &DFSchema) -> DataFusionResult<DataType> {
    for value in case.when_then_expr.iter().map(|(_, then)| then.as_ref()).chain(case.else_expr.as_deref()) {
        let own = found(value, schema)?;
        if !own.data_type().is_null() {
            return Ok(own.data_type().clone());
        }
    }
    Ok(DataType::Null)
}

fn of_function(function: &ScalarFunction, schema: &DFSchema) -> DataFusionResult<FieldRef> {
    let fields = function.args.iter().map(|arg| found(arg, schema)).collect::<DataFusionResult<Vec<_>>>()?;
    let fields = fields_with_udf(&fields, function.func.as_ref())?;
    let scalar_arguments: Vec<_> = function.args.iter().map(Expr::as_literal).collect();
    function.func.return_field_from_args(ReturnFieldArgs { arg_fields: &fields, scalar_arguments: &scalar_arguments })
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{Schema, TimeUnit};
    use datafusion::functions::core::expr_fn::named_struct;
    use datafusion::functions::expr_fn::{abs, upper};
    use datafusion::functions_nested::expr_fn::make_array;

    use super::*;
    use crate::expr::{cast, coalesce, col, lit, when};

    #[test]
    fn types_and_metadata_are_datafusions() {
        let marked = Field::new("m", DataType::Int32, true).with_metadata([("kind".to_owned(), "x".to_owned())].into());
        let extension = Field::new("x", DataType::Int64, true)
            .with_metadata([("ARROW:extension:name".to_owned(), "own".to_owned()), ("kind".to_owned(), "y".to_owned())].into());
        let plain = [("i", DataType::Int64), ("n", DataType::Int8), ("f", DataType::Float32), ("s", DataType::Utf8)];
        let moment = ("t", DataType::Timestamp(TimeUnit::Millisecond, None));
        let fields = plain.into_iter().chain([moment]).map(|(name, own)| Field::new(name, own, true));
        let schema = DFSchema::try_from(Schema::new(fields.chain([marked, extension]).collect::<Vec<_>>())).unwrap();
        let null = Expr::default();
        let cases = [
            col("i") + col("n"),
            -(col("f") * col("i")),
            col("s").eq(lit("a")).and(col("i").gt(lit(1_i64)).or(!col("n").is_null())),
            col("m").alias("other"),
            cast(col("m"), DataType::Int64),
            cast(col("x"), DataType::Utf8),
            cast(coalesce([col("m"), col("m")]), DataType::Float64).alias("q"),
            when(col("i").gt(lit(1_i64))).then(null.clone()).otherwise(col("f")),
            when(col("i").gt(lit(1_i64))).then(null).end(),
            named_struct(vec![lit("a"), col("m"), lit("b"), upper(col("s"))]),
            make_array(vec![abs(col("n")), abs(col("n"))]),
            col("i").between(lit(1_i64), lit(2_i64)),
            col("s").like(lit("a%")),
            col("i").in_list(vec![lit(1_i64)], false),
            col("t").is_not_null(),
        ];
        for expr in cases {
            let (_, expected) = expr.to_field(&schema).unwrap();
            let got = field_of(&expr, &schema).unwrap();
            assert_eq!((got.data_type(), got.metadata()), (expected.data_type(), expected.metadata()), "{expr}");
        }
        let wrong = upper(col("i")).eq(lit(1_i64)) + lit(1_i64);
        let said = wrong.to_field(&schema).map_err(from_datafusion).unwrap_err().to_string();
        assert_eq!(field_of(&wrong, &schema).unwrap_err().to_string(), said);
    }
}
