//! Analytic calls as what they are once fitted: arithmetic, CASE and row functions with constants.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::expr::{Case, ScalarFunction};
use datafusion::logical_expr::{Expr, lit};
use datafusion::scalar::ScalarValue;
use gradframe_ml_core::{Error, Result};
use gradframe_ml_learn::transform::FittedFunction;

use super::OP;
use crate::error::{from_datafusion, to_datafusion};
use crate::functions::{Analytic, BucketFormat, Parameters, bucketize_expr, marker_of, parameters_of};

/// The expression with constants in place of its analytic calls; `fitted` is by slot.
/// Errors: `Internal` if a slot's constants are missing or of another function.
pub fn bind(expr: Expr, fitted: &[FittedFunction]) -> Result<Expr> {
    let bound = expr.transform_up(|expr| match expr {
        Expr::ScalarFunction(call) if marker_of(&call).is_some() => {
            call_with(call, fitted).map(Transformed::yes).map_err(to_datafusion)
        }
        other => Ok(Transformed::no(other)),
    });
    bound.map(|bound| bound.data).map_err(from_datafusion)
}

fn call_with(call: ScalarFunction, fitted: &[FittedFunction]) -> Result<Expr> {
    let slot = marker_of(&call).and_then(|marker| marker.slot);
    let found = slot.and_then(|slot| fitted.get(slot));
    let found = found.ok_or_else(|| Error::internal(OP, format!("{} has no constants", call.func.name())))?;
    let format = format(&call)?;
    let x = call.args.into_iter().next().ok_or_else(|| Error::internal(OP, "a function has lost its column"))?;
    Ok(match found {
        FittedFunction::StandardScaler { mean, std } => (x - lit(*mean)) / lit(*std),
        FittedFunction::MinMaxScaler { min, max } => min_max(x, *min, *max),
        FittedFunction::MaxAbsScaler { max_abs } => x / lit(*max_abs),
        FittedFunction::RobustScaler { center, scale } => (x - lit(*center)) / lit(*scale),
        FittedFunction::QuantileBucketize { split_points } => bucketize_expr(x, split_points, format),
        FittedFunction::OneHotEncoder { vocabulary } => known_or_null(x, vocabulary),
        FittedFunction::LabelEncoder { vocabulary } => number_of(x, vocabulary),
        FittedFunction::NumberImputer { value } => value_or(x, lit(*value)),
        FittedFunction::TextImputer { value } => value_or(x, text(value)),
    })
}

fn format(call: &ScalarFunction) -> Result<BucketFormat> {
    match marker_of(call).map(|marker| marker.function) {
        Some(function @ Analytic::QuantileBucketize) => match parameters_of(function, call, &DataType::Float64)? {
            Parameters::Buckets { format, .. } => Ok(format),
            _ => Ok(BucketFormat::Names),
        },
        _ => Ok(BucketFormat::Names),
    }
}

/// 0 for a constant column, as scikit-learn has it. NaN, which is above all numbers in a comparison, stays NaN.
fn min_max(x: Expr, min: f64, max: f64) -> Expr {
    let range = if max > min { max - min } else { 1.0 };
    let scaled = (x.clone() - lit(min)) / lit(range);
    let branches = vec![
        (x.clone().lt_eq(lit(min)), lit(0.0)),
        (x.clone().gt(lit(f64::INFINITY)), lit(f64::NAN)),
        (x.clone().gt_eq(lit(max)), lit(1.0)),
        (x.is_not_null(), scaled),
    ];
    case(branches, None)
}

/// Not `coalesce`, which is no function until the optimizer has made a CASE of it.
fn value_or(x: Expr, otherwise: Expr) -> Expr {
    case(vec![(x.clone().is_not_null(), x)], Some(otherwise))
}

fn known_or_null(x: Expr, vocabulary: &[String]) -> Expr {
    let known = x.clone().in_list(vocabulary.iter().map(|value| text(value)).collect(), false);
    case(vec![(known, x)], Some(Expr::Literal(ScalarValue::Utf8(None), None)))
}

/// From 1 in the order of the vocabulary; 0 for what is not in it, null included.
fn number_of(x: Expr, vocabulary: &[String]) -> Expr {
    let branches = vocabulary.iter().zip(1_i64..).map(|(value, number)| (Box::new(text(value)), Box::new(lit(number))));
    let branches: Vec<_> = branches.collect();
    if branches.is_empty() {
        return lit(0_i64);
    }
    Expr::Case(Case::new(Some(Box::new(x)), branches, Some(Box::new(lit(0_i64)))))
}

fn case(branches: Vec<(Expr, Expr)>, otherwise: Option<Expr>) -> Expr {
    let branches = branches.into_iter().map(|(when, then)| (Box::new(when), Box::new(then))).collect();
    Expr::Case(Case::new(None, branches, otherwise.map(Box::new)))
}

fn text(value: &str) -> Expr {
    Expr::Literal(ScalarValue::Utf8(Some(value.to_owned())), None)
}
