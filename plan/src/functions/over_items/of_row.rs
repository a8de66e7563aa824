//! An expression over its arguments as columns, row by row: what it names several times is computed once, and is one part of a plan
//! however often it is named.
//!
//! DataFusion's trees share nothing. An argument that a function names three times is there three times, and one such function around
//! another around another is a tree of 3^n parts.

use std::sync::{Arc, OnceLock};

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::physical_expr::PhysicalExpr;

use super::item_column;
use super::running::{AsInPlans, Running};
use crate::simplified::simplified;

/// The expression over the columns [`item_column`] of its arguments, each of which has this field.
/// Errors: those of the expression over such columns.
pub fn of_row(computed: Expr, args: Vec<(Expr, FieldRef)>, as_in_plans: AsInPlans) -> Result<Expr> {
    let (values, fields): (Vec<Expr>, Vec<FieldRef>) = args.into_iter().unzip();
    // Analyser and optimizer do not look into functions.
    let computed = simplified(computed, &columns(&fields)?)?;
    let result = result_of(&computed, &fields)?;
    let shown = format!("of_row[{computed}]");
    let signature = Signature::user_defined(Volatility::Immutable);
    let (running, program) = (Running(as_in_plans), Program::default());
    let function = OfRow { computed, fields, result, shown, signature, running, program };
    Ok(Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::new_from_impl(function)), values)))
}

/// Longer expressions are not spelled out: one around another around another is one of 2^n parts.
const SPELLED_OUT_MAX: usize = 2_000;

/// The expression of a call of [`of_row`] with its arguments where they are named; None of another function, and where that would be too
/// long.
pub fn spelled_out(function: &ScalarFunction) -> Option<Expr> {
    let own = own(function).filter(|_| parts_of_call(function) <= SPELLED_OUT_MAX)?;
    let argument = |node: Expr| {
        let at = (0..function.args.len()).find(|at| node == item_column(*at));
        Ok(match at {
            Some(at) => Transformed::new(function.args[at].clone(), true, TreeNodeRecursion::Jump),
            None => Transformed::no(node),
        })
    };
    own.computed.clone().transform_down(argument).ok().map(|spelled| spelled.data)
}

fn own(function: &ScalarFunction) -> Option<&OfRow> {
    function.func.inner().as_ref().downcast_ref::<OfRow>()
}

/// Of how many parts an expression is when it is spelled out.
fn parts(expr: &Expr) -> usize {
    let mut parts: usize = 0;
    let visited = expr.apply(|node| {
        let (own, recursion) = match node {
            Expr::ScalarFunction(function) if is_of_row(function) => (parts_of_call(function), TreeNodeRecursion::Jump),
            _ => (1, TreeNodeRecursion::Continue),
        };
        parts = parts.saturating_add(own);
        Ok(recursion)
    });
    visited.map_or(usize::MAX, |_| parts)
}

fn parts_of_call(function: &ScalarFunction) -> usize {
    let Some(own) = own(function) else { return usize::MAX };
    let of_arguments: Vec<usize> = function.args.iter().map(parts).collect();
    let mut total: usize = 0;
    let visited = own.computed.apply(|node| {
        let at = (0..of_arguments.len()).find(|at| *node == item_column(*at));
        total = total.saturating_add(at.map_or(1, |at| of_arguments[at]));
        Ok(TreeNodeRecursion::Continue)
    });
    visited.map_or(usize::MAX, |_| total)
}

/// Whether a function is one of [`of_row`].
pub fn is_of_row(function: &ScalarFunction) -> bool {
    own(function).is_some()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct OfRow {
    computed: Expr,
    /// The arguments as the expression was planned over them, and what it gives.
    fields: Vec<FieldRef>,
    result: FieldRef,
    /// The name with the expression, by which plans tell calls apart.
    shown: String,
    signature: Signature,
    running: Running,
    program: Program,
}

/// The expression ready to run, once it was needed: equal to any other, for it says nothing that the expression does not.
#[derive(Debug, Default)]
struct Program(OnceLock<Arc<dyn PhysicalExpr>>);

impl PartialEq for Program {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Program {}

impl std::hash::Hash for Program {
    fn hash<H: std::hash::Hasher>(&self, _: &mut H) {}
}

/// The arguments as columns.
fn columns(fields: &[FieldRef]) -> Result<DFSchema> {
    let column = |(at, field): (usize, &FieldRef)| field.as_ref().clone().with_name(format!("__item_{at}")).with_nullable(true);
    DFSchema::try_from(Schema::new(fields.iter().enumerate().map(column).collect::<Vec<_>>()))
}

fn result_of(computed: &Expr, fields: &[FieldRef]) -> Result<FieldRef> {
    let (_, field) = computed.to_field(&columns(fields)?)?;
    Ok(Arc::new(Field::new("of_row", field.data_type().clone(), true).with_metadata(field.metadata().clone())))
}

impl OfRow {
    /// Whether arguments are those that the expression was planned over.
    fn is_over(&self, fields: &[FieldRef]) -> bool {
        let same =
            |(own, other): (&FieldRef, &FieldRef)| own.data_type() == other.data_type() && own.metadata() == other.metadata();
        fields.len() == self.fields.len() && self.fields.iter().zip(fields).all(same)
    }

    fn program(&self, fields: &[FieldRef]) -> Result<Arc<dyn PhysicalExpr>> {
        if !self.is_over(fields) {
            return self.running.physical(&self.computed, &columns(fields)?);
        }
        if let Some(program) = self.program.0.get() {
            return Ok(Arc::clone(program));
        }
        let program = self.running.physical(&self.computed, &columns(fields)?)?;
        Ok(Arc::clone(self.program.0.get_or_init(|| program)))
    }
}

impl ScalarUDFImpl for OfRow {
    fn name(&self) -> &str {
        &self.shown
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(types.to_vec())
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let field = |own: &DataType| Arc::new(Field::new("", own.clone(), true));
        Ok(result_of(&self.computed, &types.iter().map(field).collect::<Vec<_>>())?.data_type().clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        if self.is_over(args.arg_fields) { Ok(Arc::clone(&self.result)) } else { result_of(&self.computed, args.arg_fields) }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let values = args.args.iter().map(|arg| arg.to_array(rows)).collect::<Result<Vec<ArrayRef>>>()?;
        let schema = columns(&args.arg_fields)?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(schema.inner()), values, &options)?;
        self.program(&args.arg_fields)?.evaluate(&batch)
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray, Int64Array};
    use arrow::datatypes::Int64Type;
    use datafusion::common::config::ConfigOptions;
    use datafusion::functions::core::expr_fn::coalesce;
    use datafusion::logical_expr::{col, lit};

    use super::*;

    fn number(name: &str) -> FieldRef {
        Arc::new(Field::new(name, DataType::Int64, true))
    }

    fn as_it_is(expr: Arc<dyn PhysicalExpr>, _: &Schema) -> Result<Arc<dyn PhysicalExpr>> {
        Ok(expr)
    }

    /// `coalesce(x + x, -1)`.
    fn twice_or_none() -> Expr {
        let x = || item_column(0);
        of_row(coalesce(vec![x() + x(), lit(-1_i64)]), vec![(col("a"), number("a"))], as_it_is).unwrap()
    }

    fn function(expr: &Expr) -> &ScalarFunction {
        match expr {
            Expr::ScalarFunction(function) => function,
            other => panic!("{other} is no function"),
        }
    }

    #[test]
    fn an_argument_is_named_once_and_seen_wherever_it_is_named() {
        let expr = twice_or_none();
        let function = function(&expr);
        assert_eq!(function.args, [col("a")]);
        let args = ScalarFunctionArgs {
            args: vec![ColumnarValue::Array(Arc::new(Int64Array::from(vec![Some(3), None])))],
            arg_fields: vec![number("a")],
            number_rows: 2,
            return_field: number("sum"),
            config_options: Arc::new(ConfigOptions::new()),
        };
        let sums = function.func.invoke_with_args(args).unwrap().into_array(2).unwrap();
        assert_eq!(sums.as_primitive::<Int64Type>().values().as_ref(), [6, -1]);
        assert_eq!(sums.null_count(), 0);
    }

    #[test]
    fn one_around_another_is_as_large_as_both() {
        let mut expr = col("a");
        for _ in 0..100 {
            let x = || item_column(0);
            expr = of_row(x() * x() - x(), vec![(expr, number("a"))], as_it_is).unwrap();
        }
        let mut parts = 0;
        expr.apply(|_| {
            parts += 1;
            Ok(TreeNodeRecursion::Continue)
        })
        .unwrap();
        assert_eq!(parts, 101);
        assert_eq!(spelled_out(function(&expr)), None, "a tree of 2^100 parts");
    }

    #[test]
    fn it_can_be_spelled_out() {
        let x = || item_column(0);
        let expr = of_row(x() * x(), vec![(col("a") + col("b"), number("a"))], as_it_is).unwrap();
        let sum = || col("a") + col("b");
        assert_eq!(spelled_out(function(&expr)), Some(sum() * sum()));
    }
}
