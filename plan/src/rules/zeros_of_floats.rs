//! Of zeros there is one, where DataFusion 55 goes by the bits of floats: in IN lists, in `CASE x WHEN ..` and in `nullif`.
//!
//! `=` tells -0.0 and 0.0 not apart, nor do groups and joins. So a list that has one of them gets the other, and what compares without saying so is
//! written with `=`.

use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Case, Cast, InList};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, lit, when};
use datafusion::optimizer::AnalyzerRule;

/// See the module. Comes after types were coerced.
#[derive(Debug)]
pub struct ZerosOfFloats;

impl AnalyzerRule for ZerosOfFloats {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let of_node = |node: LogicalPlan| {
            let (schema, names) = (merge_schema(&node.inputs()), NamePreserver::new(&node));
            node.map_expressions(|expr| {
                if !expr.exists(|part| Ok(goes_by_bits(part)))? {
                    return Ok(Transformed::no(expr));
                }
                let name = names.save(&expr);
                Ok(expr.transform_up(|part| by_numbers(part, &schema))?.update_data(|expr| name.restore(expr)))
            })
        };
        Ok(plan.transform_up_with_subqueries(of_node)?.data)
    }

    fn name(&self) -> &str {
        "zeros_of_floats"
    }
}

fn goes_by_bits(expr: &Expr) -> bool {
    match expr {
        Expr::InList(_) => true,
        Expr::Case(case) => case.expr.is_some(),
        Expr::ScalarFunction(call) => call.func.name() == "nullif",
        _ => false,
    }
}

fn by_numbers(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let is_float = |expr: &Expr| !expr.is_volatile() && expr.get_type(schema).is_ok_and(|own| own.is_floating());
    match expr {
        Expr::InList(list) if is_float(&list.expr) => {
            let own = list.expr.get_type(schema)?;
            Ok(with_both_zeros(list, &own))
        }
        Expr::Case(Case { expr: Some(operand), when_then_expr, else_expr }) if is_float(&operand) => {
            let equals = |when: Expr| Box::new(operand.as_ref().clone().eq(when));
            let branches = when_then_expr.into_iter().map(|(when, then)| (equals(*when), then)).collect();
            Ok(Transformed::yes(Expr::Case(Case { expr: None, when_then_expr: branches, else_expr })))
        }
        Expr::ScalarFunction(call) if call.func.name() == "nullif" && call.args.first().is_some_and(is_float) => {
            let [value, other] = call.args.as_slice() else { return Ok(Transformed::no(Expr::ScalarFunction(call))) };
            let null = lit(ScalarValue::try_from(&value.get_type(schema)?)?);
            Ok(Transformed::yes(when(value.clone().eq(other.clone()), null).otherwise(value.clone())?))
        }
        other => Ok(Transformed::no(other)),
    }
}

/// The list with the zero of the other sign, if it has one alone.
fn with_both_zeros(InList { expr, mut list, negated }: InList, own: &DataType) -> Transformed<Expr> {
    let signs: Vec<bool> = list.iter().filter_map(sign_of_zero).collect();
    let other = match (signs.contains(&false), signs.contains(&true)) {
        (true, false) => zero(own, -0.0),
        (false, true) => zero(own, 0.0),
        _ => None,
    };
    let changed = other.is_some();
    list.extend(other);
    Transformed::new_transformed(Expr::InList(InList { expr, list, negated }), changed)
}

/// Whether a constant zero has a sign; None of anything else. Whole numbers are cast to floats when types are coerced.
fn sign_of_zero(constant: &Expr) -> Option<bool> {
    let value = match constant {
        Expr::Literal(value, _) => value,
        Expr::Cast(Cast { expr, .. }) => match expr.as_ref() {
            Expr::Literal(value, _) => value,
            _ => return None,
        },
        _ => return None,
    };
    match value.cast_to(&DataType::Float64).ok()? {
        ScalarValue::Float64(Some(number)) if number == 0.0 => Some(number.is_sign_negative()),
        _ => None,
    }
}

fn zero(own: &DataType, number: f64) -> Option<Expr> {
    ScalarValue::from(number).cast_to(own).ok().map(lit)
}
