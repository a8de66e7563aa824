//! Decimals beside floats are floats.
//!
//! DataFusion 55 makes both a decimal of thirty digits: 1e-16 equals 0.00, a UNION makes it 0, and a price compared with a column that has a NaN is
//! an error (apache/datafusion#14272). A constant is no float here: `price > 0.5` is asked of decimals, as files know their least and largest.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, ScalarValue};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{InSubquery, SetComparison};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::expr_schema::cast_subquery;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, Join, LogicalPlan, Operator, Projection, Subquery, Union, cast};
use datafusion::optimizer::AnalyzerRule;

use super::subquery_tests::is_constant;

/// Functions whose arguments have one type.
const OF_ONE_TYPE: [&str; 7] = ["coalesce", "greatest", "ifnull", "least", "nullif", "nvl", "nvl2"];

/// What a decimal of thirty digits, fifteen of them behind the point, has room for.
const DECIMAL: std::ops::Range<f64> = 1e-15..1e15;

/// See the module. Comes before types are coerced.
#[derive(Debug)]
pub struct DecimalsBesideFloats;

impl AnalyzerRule for DecimalsBesideFloats {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(of_node)?.data)
    }

    fn name(&self) -> &str {
        "decimals_beside_floats"
    }
}

fn of_node(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    if let LogicalPlan::Union(union) = node {
        return united(union);
    }
    let schema = merge_schema(&node.inputs());
    let has_decimals = schema.fields().iter().any(|field| field.data_type().is_decimal());
    let node = match node {
        LogicalPlan::Join(join) if has_decimals => joined(join)?,
        other => Transformed::no(other),
    };
    let names = NamePreserver::new(&node.data);
    let changed = node.transform_data(|node| {
        node.map_expressions(|expr| {
            if !has_decimals && !expr.exists(|part| Ok(makes_decimal(part)))? {
                return Ok(Transformed::no(expr));
            }
            let name = names.save(&expr);
            Ok(expr.transform_up(|part| alike(part, &schema))?.update_data(|expr| name.restore(expr)))
        })
    })?;
    if changed.transformed { changed.map_data(LogicalPlan::recompute_schema) } else { Ok(changed) }
}

/// The keys of a join stand apart.
fn joined(join: Join) -> Result<Transformed<LogicalPlan>> {
    let mut changed = false;
    let mut key = |left: Expr, right: Expr| -> Result<(Expr, Expr)> {
        let (own, other) = (Kind::of(&left, join.left.schema()), Kind::of(&right, join.right.schema()));
        let pair = match (own, other) {
            (Kind::Decimal, Kind::Float) => (cast(left, DataType::Float64), right),
            (Kind::Float, Kind::Decimal) => (left, cast(right, DataType::Float64)),
            _ => return Ok((left, right)),
        };
        changed = true;
        Ok(pair)
    };
    let on = join.on.iter().map(|(left, right)| key(left.clone(), right.clone())).collect::<Result<Vec<_>>>()?;
    Ok(Transformed::new_transformed(LogicalPlan::Join(Join { on, ..join }), changed))
}

/// Columns that are decimals in some inputs and floats in others.
fn united(union: Union) -> Result<Transformed<LogicalPlan>> {
    let kinds = |at: usize| union.inputs.iter().map(move |input| kind_of_column(input, at));
    let is_mixed = |at: &usize| kinds(*at).any(|kind| kind == Kind::Decimal) && kinds(*at).any(|kind| kind == Kind::Float);
    let mixed: Vec<usize> = (0..union.schema.fields().len()).filter(is_mixed).collect();
    if mixed.is_empty() {
        return Ok(Transformed::no(LogicalPlan::Union(union)));
    }
    let inputs = union.inputs.into_iter().map(|input| columns_as_floats(input, &mixed)).collect::<Result<_>>()?;
    // Its types are made one when types are coerced, as of every union.
    Ok(Transformed::yes(LogicalPlan::Union(Union::try_new_with_loose_types(inputs)?)))
}

fn kind_of_column(rows: &LogicalPlan, at: usize) -> Kind {
    match rows {
        LogicalPlan::Projection(projection) if projection.expr.get(at).is_some_and(is_constant) => {
            Kind::of(&projection.expr[at], projection.input.schema())
        }
        _ => rows.schema().fields().get(at).map_or(Kind::Other, |field| Kind::of_type(field.data_type())),
    }
}

fn columns_as_floats(input: Arc<LogicalPlan>, places: &[usize]) -> Result<Arc<LogicalPlan>> {
    let columns = input.schema().iter().enumerate().map(|(at, (qualifier, field))| {
        let column = Expr::Column(Column::from((qualifier, field)));
        if !places.contains(&at) || !field.data_type().is_decimal() {
            return column;
        }
        cast(column, DataType::Float64).alias_qualified(qualifier.cloned(), field.name())
    });
    let columns = columns.collect();
    Ok(Arc::new(LogicalPlan::Projection(Projection::try_new(columns, input)?)))
}

/// Whether a part may be a decimal where no column is one.
fn makes_decimal(expr: &Expr) -> bool {
    match expr {
        Expr::Cast(cast) => cast.field.data_type().is_decimal(),
        Expr::TryCast(cast) => cast.field.data_type().is_decimal(),
        Expr::Literal(value, _) => value.data_type().is_decimal(),
        Expr::OuterReferenceColumn(field, _) => field.data_type().is_decimal(),
        Expr::ScalarFunction(call) => call.func.name() == "arrow_cast",
        Expr::ScalarSubquery(rows) => of_rows(rows) == Kind::Decimal,
        Expr::InSubquery(test) => of_rows(&test.subquery) == Kind::Decimal,
        Expr::SetComparison(test) => of_rows(&test.subquery) == Kind::Decimal,
        _ => false,
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Decimal,
    Float,
    Other,
}

impl Kind {
    fn of(expr: &Expr, schema: &DFSchema) -> Self {
        // What cannot be typed is somebody else's error.
        let kind = expr.get_type(schema).map_or(Kind::Other, |own| Self::of_type(&own));
        if kind == Kind::Float && is_constant(expr) && fits(expr) { Kind::Other } else { kind }
    }

    fn of_type(data_type: &DataType) -> Self {
        match data_type {
            own if own.is_decimal() => Kind::Decimal,
            own if own.is_floating() => Kind::Float,
            _ => Kind::Other,
        }
    }
}

/// Whether a decimal has room for a constant; of one that is computed nobody knows.
fn fits(constant: &Expr) -> bool {
    let Expr::Literal(ScalarValue::Float64(Some(number)), _) = constant else { return true };
    *number == 0.0 || DECIMAL.contains(&number.abs())
}

fn of_rows(subquery: &Subquery) -> Kind {
    subquery.subquery.schema().fields().first().map_or(Kind::Other, |field| Kind::of_type(field.data_type()))
}

/// An expression whose parts have one type, with its decimals as floats if one of the parts is a float.
fn alike(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::InSubquery(InSubquery { expr, subquery, negated }) => {
            let (value, subquery, changed) = beside_rows(*expr, subquery, schema)?;
            let test = Expr::InSubquery(InSubquery::new(Box::new(value), subquery, negated));
            Ok(Transformed::new_transformed(test, changed))
        }
        Expr::SetComparison(SetComparison { expr, subquery, op, quantifier }) => {
            let (value, subquery, changed) = beside_rows(*expr, subquery, schema)?;
            let test = Expr::SetComparison(SetComparison::new(Box::new(value), subquery, op, quantifier));
            Ok(Transformed::new_transformed(test, changed))
        }
        other => parts_alike(other, schema),
    }
}

fn beside_rows(value: Expr, rows: Subquery, schema: &DFSchema) -> Result<(Expr, Subquery, bool)> {
    Ok(match (Kind::of(&value, schema), of_rows(&rows)) {
        (Kind::Decimal, Kind::Float) => (cast(value, DataType::Float64), rows, true),
        (Kind::Float, Kind::Decimal) => (value, cast_subquery(rows, &DataType::Float64)?, true),
        _ => (value, rows, false),
    })
}

fn parts_alike(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let Some(groups) = groups_of(&expr) else { return Ok(Transformed::no(expr)) };
    let mut kinds = vec![];
    expr.apply_children(|part| {
        kinds.push(Kind::of(part, schema));
        Ok(TreeNodeRecursion::Continue)
    })?;
    let is_float = |group: usize| groups.iter().zip(&kinds).any(|(own, kind)| *own == group && *kind == Kind::Float);
    let becomes_float: Vec<bool> =
        groups.iter().zip(&kinds).map(|(group, kind)| *kind == Kind::Decimal && *group > 0 && is_float(*group)).collect();
    if !becomes_float.contains(&true) {
        return Ok(Transformed::no(expr));
    }
    let mut becomes_float = becomes_float.into_iter();
    expr.map_children(|part| {
        let changes = becomes_float.next() == Some(true);
        Ok(Transformed::new_transformed(if changes { cast(part, DataType::Float64) } else { part }, changes))
    })
}

/// For each part of an expression, in their order, the group that it shares a type with; 0 for none.
fn groups_of(expr: &Expr) -> Option<Vec<usize>> {
    match expr {
        Expr::BinaryExpr(binary) if compares(binary.op) => Some(vec![1, 1]),
        Expr::Between(_) => Some(vec![1, 1, 1]),
        Expr::InList(list) => Some(vec![1; 1 + list.list.len()]),
        Expr::ScalarFunction(call) if OF_ONE_TYPE.contains(&call.func.name()) => {
            let mut groups = vec![1; call.args.len()];
            if call.func.name() == "nvl2" {
                groups[..1].fill(0);
            }
            Some(groups)
        }
        Expr::Case(case) => {
            let tested = usize::from(case.expr.is_some());
            let operand = vec![tested; tested];
            let branches = case.when_then_expr.iter().flat_map(|_| [tested, 2]);
            let otherwise = case.else_expr.iter().map(|_| 2);
            Some(operand.into_iter().chain(branches).chain(otherwise).collect())
        }
        _ => None,
    }
}

fn compares(op: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom)
}
