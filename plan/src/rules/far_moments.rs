//! Days and moments that nanoseconds cannot count are compared with moments that they can: `ts < '9999-12-31'`, `ts BETWEEN valid_from AND valid_to`.
//!
//! DataFusion 55 compares in nanoseconds, which end in the years 1677 and 2262, and a cast of a later day to them is an error of the whole query; `9999-12-31` is
//! what many tables have where there is no end. A constant beyond is larger (or smaller) than all moments, and says so here. A column of days is compared by
//! the last moment there is, for all days behind it; beside a constant moment, by days, so that statistics of files still count.
//!
//! It can go when DataFusion compares a day with a moment without a cast that fails.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::{Between, BinaryExpr, Cast, InList};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Operator, binary_expr, lit};
use datafusion::optimizer::AnalyzerRule;
use datafusion::scalar::ScalarValue;

use crate::functions::column::per_row;

/// See the module. Comes after types were coerced.
#[derive(Debug)]
pub struct FarMoments;

impl AnalyzerRule for FarMoments {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let of_node = |node: LogicalPlan| {
            let (schema, names) = (merge_schema(&node.inputs()), NamePreserver::new(&node));
            node.map_expressions(|expr| {
                if !expr.exists(|part| Ok(counted(part).is_some()))? {
                    return Ok(Transformed::no(expr));
                }
                let name = names.save(&expr);
                Ok(expr.transform_up(|part| Ok(compared(part, &schema)))?.update_data(|expr| name.restore(expr)))
            })
        };
        Ok(plan.transform_up_with_subqueries(of_node)?.data)
    }

    fn name(&self) -> &str {
        "far_moments"
    }
}

/// What is cast to nanoseconds.
fn counted(expr: &Expr) -> Option<&Expr> {
    match expr {
        Expr::Cast(Cast { expr, field }) if matches!(field.data_type(), DataType::Timestamp(TimeUnit::Nanosecond, _)) => {
            Some(expr)
        }
        _ => None,
    }
}

fn compared(part: Expr, schema: &DFSchema) -> Transformed<Expr> {
    match part {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if op.supports_propagation() => {
            let whole = by_day(&left, op, &right, schema)
                .or_else(|| op.swap().and_then(|op| by_day(&right, op, &left, schema)))
                .or_else(|| beside_far(&left, op, &right))
                .or_else(|| op.swap().and_then(|op| beside_far(&right, op, &left)));
            match whole {
                Some(whole) => Transformed::yes(whole),
                None => {
                    let (of_left, of_right) = (reads_columns(&left), reads_columns(&right));
                    let (left, right) = (held(*left, of_right, schema), held(*right, of_left, schema));
                    let changed = left.transformed || right.transformed;
                    Transformed::new_transformed(binary_expr(left.data, op, right.data), changed)
                }
            }
        }
        Expr::Between(Between { expr, negated, low, high }) if !expr.is_volatile() && has_far([&expr, &low, &high], schema) => {
            let at_least = compared(binary_expr(expr.as_ref().clone(), Operator::GtEq, *low), schema).data;
            let at_most = compared(binary_expr(*expr, Operator::LtEq, *high), schema).data;
            let whole = at_least.and(at_most);
            Transformed::yes(if negated { !whole } else { whole })
        }
        Expr::InList(InList { expr, mut list, negated })
            if list.iter().any(|item| far(item).is_some()) || is_held(&expr, false, schema) =>
        {
            list.retain(|item| far(item).is_none());
            let expr = Box::new(held(*expr, false, schema).data);
            let none = || beside(&expr, Operator::Eq, Far::Behind).map(|none| if negated { !none } else { none });
            match none() {
                Some(none) if list.is_empty() => Transformed::yes(none),
                _ => Transformed::yes(Expr::InList(InList { expr, list, negated })),
            }
        }
        other => Transformed::no(other),
    }
}

fn has_far(operands: [&Expr; 3], schema: &DFSchema) -> bool {
    let beside_columns = operands[1..].iter().any(|bound| reads_columns(bound));
    operands.into_iter().any(|operand| far(operand).is_some() || is_held(operand, beside_columns, schema))
}

/// Where a constant stands that nanoseconds cannot count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Far {
    Before,
    Behind,
}

fn far(expr: &Expr) -> Option<Far> {
    let microseconds = constant(counted(expr)?)?.cast_to(&DataType::Timestamp(TimeUnit::Microsecond, None)).ok()?;
    match microseconds {
        ScalarValue::TimestampMicrosecond(Some(moment), _) if moment > i64::MAX / 1_000 => Some(Far::Behind),
        ScalarValue::TimestampMicrosecond(Some(moment), _) if moment < i64::MIN / 1_000 => Some(Far::Before),
        _ => None,
    }
}

/// The value of a constant and of its casts.
fn constant(expr: &Expr) -> Option<ScalarValue> {
    match expr {
        Expr::Literal(value, _) => Some(value.clone()),
        Expr::Cast(Cast { expr, field }) => constant(expr)?.cast_to(field.data_type()).ok(),
        _ => None,
    }
}

fn beside_far(value: &Expr, op: Operator, constant: &Expr) -> Option<Expr> {
    beside(value, op, far(constant)?)
}

/// The comparison of any moment with a constant beyond all: null where the moment is.
fn beside(value: &Expr, op: Operator, far: Far) -> Option<Expr> {
    use Operator::{Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq};
    let edge = |nanoseconds: i64| lit(ScalarValue::TimestampNanosecond(Some(nanoseconds), None));
    Some(match (op, far) {
        (IsDistinctFrom, _) => lit(true),
        (IsNotDistinctFrom, _) => lit(false),
        (Lt | LtEq | NotEq, Far::Behind) => binary_expr(value.clone(), LtEq, edge(i64::MAX)),
        (Gt | GtEq | Eq, Far::Behind) => binary_expr(value.clone(), Gt, edge(i64::MAX)),
        (Gt | GtEq | NotEq, Far::Before) => binary_expr(value.clone(), GtEq, edge(i64::MIN)),
        (Lt | LtEq | Eq, Far::Before) => binary_expr(value.clone(), Lt, edge(i64::MIN)),
        _ => return None,
    })
}

/// A column of days beside a constant moment: by days.
fn by_day(days: &Expr, op: Operator, moment: &Expr, schema: &DFSchema) -> Option<Expr> {
    use Operator::{Gt, GtEq, Lt, LtEq};
    const DAY: i64 = 86_400_000_000_000;
    let day_column = counted(days).filter(|days| is_day(days, schema) && constant(days).is_none())?;
    let ScalarValue::TimestampNanosecond(Some(moment), None) = constant(moment)? else { return None };
    let (day, is_midnight) = (i32::try_from(moment.div_euclid(DAY)).ok()?, moment.rem_euclid(DAY) == 0);
    let op = match op {
        Lt if !is_midnight => LtEq,
        GtEq if !is_midnight => Gt,
        Lt | LtEq | Gt | GtEq => op,
        _ => return None,
    };
    Some(binary_expr(day_column.clone(), op, lit(ScalarValue::Date32(Some(day)))))
}

fn is_day(expr: &Expr, schema: &DFSchema) -> bool {
    expr.get_type(schema).is_ok_and(|own| own == DataType::Date32)
}

fn reads_columns(expr: &Expr) -> bool {
    !expr.column_refs().is_empty()
}

/// Whether it is a column of days, of which some may be beyond, or beside a column one of moments in larger units. Beside a constant DataFusion takes the cast
/// of those away, and asks the statistics of files.
fn is_held(expr: &Expr, beside_columns: bool, schema: &DFSchema) -> bool {
    let Some(inner) = counted(expr).filter(|inner| constant(inner).is_none()) else { return false };
    let (Ok(own), Ok(to)) = (inner.get_type(schema), expr.get_type(schema)) else { return false };
    match own {
        DataType::Date32 => to == DataType::Timestamp(TimeUnit::Nanosecond, None),
        DataType::Timestamp(unit, zone) => {
            beside_columns && unit != TimeUnit::Nanosecond && to == DataType::Timestamp(TimeUnit::Nanosecond, zone)
        }
        _ => false,
    }
}

fn held(side: Expr, beside_columns: bool, schema: &DFSchema) -> Transformed<Expr> {
    if !is_held(&side, beside_columns, schema) {
        return Transformed::no(side);
    }
    match side {
        Expr::Cast(Cast { expr, .. }) => Transformed::yes(per_row("held_moment", vec![*expr], vec![])),
        other => Transformed::no(other),
    }
}
