//! What is computed of decimals of 32 and 64 bits is computed of decimals of 128.
//!
//! SQL makes such decimals by `arrow_cast` (columns come in as decimals of 128 bits). DataFusion 55 brings them beside a number of 64 bits to
//! that number's type, so that `1.50 * 2` is 2 and `1.50 > 1` is false, and has no room in their sums for more than one of them.
//! What only passes them on, or casts them, leaves them as they are.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{InSubquery, SetComparison};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::expr_schema::cast_subquery;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Projection, Subquery, Union, cast};
use datafusion::optimizer::AnalyzerRule;

/// See the module. Comes before types are coerced.
#[derive(Debug)]
pub struct NarrowDecimals;

impl AnalyzerRule for NarrowDecimals {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(widened)?.data)
    }

    fn name(&self) -> &str {
        "narrow_decimals"
    }
}

fn widened(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    if let LogicalPlan::Union(union) = node {
        return united(union);
    }
    let (names, schema) = (NamePreserver::new(&node), merge_schema(&node.inputs()));
    let has_narrow = schema.fields().iter().any(|field| wide(field.data_type()).is_some());
    let are_compared = matches!(node, LogicalPlan::Join(_));
    let changed = node.map_expressions(|expr| {
        if !has_narrow && !expr.exists(|part| Ok(makes_narrow(part)))? {
            return Ok(Transformed::no(expr));
        }
        let name = names.save(&expr);
        let changed =
            expr.transform_up(|part| if computes(&part) { of_wide(part, &schema) } else { Ok(Transformed::no(part)) })?;
        // The two sides of a join's keys stand apart.
        let changed = if are_compared { changed.transform_data(|expr| as_wide(expr, &schema))? } else { changed };
        Ok(changed.update_data(|expr| name.restore(expr)))
    })?;
    if changed.transformed { changed.map_data(LogicalPlan::recompute_schema) } else { Ok(changed) }
}

/// Columns that meet columns of other types in a union, whose common type would be an integer's.
fn united(union: Union) -> Result<Transformed<LogicalPlan>> {
    let types = |at: usize| union.inputs.iter().filter_map(move |input| Some(input.schema().fields().get(at)?.data_type()));
    let is_mixed = |at: &usize| types(*at).any(|own| wide(own).is_some()) && types(*at).any(|own| Some(own) != types(*at).next());
    let mixed: Vec<usize> = (0..union.schema.fields().len()).filter(is_mixed).collect();
    if mixed.is_empty() {
        return Ok(Transformed::no(LogicalPlan::Union(union)));
    }
    let inputs = union.inputs.into_iter().map(|input| columns_as_wide(input, &mixed)).collect::<Result<_>>()?;
    // Its types are made one when types are coerced, as of every union.
    Ok(Transformed::yes(LogicalPlan::Union(Union::try_new_with_loose_types(inputs)?)))
}

fn columns_as_wide(input: Arc<LogicalPlan>, places: &[usize]) -> Result<Arc<LogicalPlan>> {
    let columns = input.schema().iter().enumerate().map(|(at, (qualifier, field))| {
        let column = Expr::Column(Column::from((qualifier, field)));
        match wide(field.data_type()).filter(|_| places.contains(&at)) {
            Some(wide) => cast(column, wide).alias_qualified(qualifier.cloned(), field.name()),
            None => column,
        }
    });
    let columns = columns.collect();
    Ok(Arc::new(LogicalPlan::Projection(Projection::try_new(columns, input)?)))
}

/// Whether a part may be such a decimal where no column is one.
fn makes_narrow(expr: &Expr) -> bool {
    match expr {
        Expr::ScalarFunction(call) => call.func.name().starts_with("arrow_"),
        Expr::Cast(cast) => wide(cast.field.data_type()).is_some(),
        Expr::TryCast(cast) => wide(cast.field.data_type()).is_some(),
        Expr::Literal(value, _) => wide(&value.data_type()).is_some(),
        Expr::OuterReferenceColumn(field, _) => wide(field.data_type()).is_some(),
        Expr::ScalarSubquery(rows) => wide_of_rows(rows).is_some(),
        Expr::InSubquery(test) => wide_of_rows(&test.subquery).is_some(),
        Expr::SetComparison(test) => wide_of_rows(&test.subquery).is_some(),
        _ => false,
    }
}

/// Whether an expression's value is made of its parts' values. Functions that are about types see them as they are.
fn computes(expr: &Expr) -> bool {
    match expr {
        Expr::ScalarFunction(call) => !call.func.name().starts_with("arrow_"),
        Expr::BinaryExpr(_)
        | Expr::Between(_)
        | Expr::InList(_)
        | Expr::InSubquery(_)
        | Expr::SetComparison(_)
        | Expr::Case(_)
        | Expr::Negative(_)
        | Expr::AggregateFunction(_)
        | Expr::WindowFunction(_) => true,
        _ => false,
    }
}

fn of_wide(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let over_wide_rows = match expr {
        Expr::InSubquery(InSubquery { expr, subquery, negated }) => {
            rows_as_wide(subquery)?.update_data(|rows| Expr::InSubquery(InSubquery::new(expr, rows, negated)))
        }
        Expr::SetComparison(SetComparison { expr, subquery, op, quantifier }) => {
            rows_as_wide(subquery)?.update_data(|rows| Expr::SetComparison(SetComparison::new(expr, rows, op, quantifier)))
        }
        other => Transformed::no(other),
    };
    over_wide_rows.transform_data(|expr| expr.map_children(|part| as_wide(part, schema)))
}

fn rows_as_wide(subquery: Subquery) -> Result<Transformed<Subquery>> {
    match wide_of_rows(&subquery) {
        Some(wide) => cast_subquery(subquery, &wide).map(Transformed::yes),
        None => Ok(Transformed::no(subquery)),
    }
}

/// The decimal of 128 bits for the rows of a subquery of one column.
fn wide_of_rows(subquery: &Subquery) -> Option<DataType> {
    wide(subquery.subquery.schema().fields().first()?.data_type())
}

fn as_wide(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    // What cannot be typed is somebody else's error.
    match expr.get_type(schema).ok().as_ref().and_then(wide) {
        Some(wide) => Ok(Transformed::yes(cast(expr, wide))),
        None => Ok(Transformed::no(expr)),
    }
}

/// The decimal of 128 bits for one of fewer, or for a dictionary or run ends of one; None of other types.
fn wide(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            Some(DataType::Decimal128(*precision, *scale))
        }
        DataType::Dictionary(_, values) => wide(values),
        DataType::RunEndEncoded(_, values) => wide(Field::data_type(values)),
        _ => None,
    }
}
