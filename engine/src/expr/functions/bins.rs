//! Numbers in bins: between breaks, or between quantiles of the column itself.

use arrow::datatypes::DataType;
use datafusion::functions::core::expr_fn::named_struct;
use datafusion::functions::math::expr_fn as math;
use datafusion::logical_expr::Expr;
use datafusion::scalar::ScalarValue;
use gradframe_plan::functions::column::{Answer, aggregate, bin_labels, per_row};
use gradframe_plan::functions::to_enum;
use gradframe_plan::functions::{max as greatest, min as least};

use super::super::call::Call;
use super::super::resolve::output_name;
use super::super::structure::{by_row, items};
use super::super::table::{FunctionRow, Takes};
use super::super::{lit, when};
use super::{cast, deferred_call};
use crate::Result;

/// Numbers in bins.
///
/// ```
/// use gradframe::{Session, expr::prelude::*};
///
/// let session = Session::builder().in_memory().build()?;
/// let frame = session.block_on(session.sql("SELECT value AS x FROM generate_series(1, 8)"))?;
/// let binned = frame.select([
///     col("x").cut(&[2.0, 5.0]).alias("cut"),
///     col("x").cut_labelled(&[4.0], &["low", "high"]).alias("half"),
///     col("x").qcut(&[0.25, 0.5]).alias("quarter"),
///     col("x").bin_intervals(&[3.0]).alias("number"),
///     col("x").bin_quantiles(&[0.5]).alias("above"),
/// ])?;
/// assert_eq!(session.block_on(binned.filter(col("half").eq(lit("low")))?.count())?, 4);
/// assert_eq!(session.block_on(binned.filter(col("number").eq(lit(1)))?.count())?, 5);
/// assert_eq!(session.block_on(frame.select([col("x").hist(4)])?.count())?, 4);
/// # Ok::<(), gradframe::Error>(())
/// ```
pub trait Bins: Into<Expr> + Sized {
    /// The bin between breaks, which rise: an Enum of labels such as `(2, 5]`.
    fn cut(self, breaks: &[f64]) -> Expr {
        deferred_call!("cut", [self.into()], breaks = breaks.to_vec())
    }

    /// [`Bins::cut`] with a label for each bin, one more than there are breaks.
    fn cut_labelled(self, breaks: &[f64], labels: &[&str]) -> Expr {
        deferred_call!("cut", [self.into()], breaks = breaks.to_vec(), labels = labels.to_vec())
    }

    /// The bin between quantiles of the column: a label such as `(2, 5]`. When run, an `Execution` error for equal quantiles.
    fn qcut(self, quantiles: &[f64]) -> Expr {
        deferred_call!("qcut", [self.into()], quantiles = quantiles.to_vec())
    }

    /// The number of the bin between breaks, from 0; a bin holds its lower end.
    fn bin_intervals(self, breaks: &[f64]) -> Expr {
        deferred_call!("bin_intervals", [self.into()], breaks = breaks.to_vec(), labelled = false)
    }

    /// The number of the bin between quantiles of the column, from 0; a bin holds its lower end.
    fn bin_quantiles(self, quantiles: &[f64]) -> Expr {
        deferred_call!("bin_quantiles", [self.into()], quantiles = quantiles.to_vec(), labelled = false)
    }

    /// How many values lie in each of so many bins of one width, a row a bin.
    fn hist(self, bins: i64) -> Expr {
        deferred_call!("hist", [self.into()], bin_count = bins)
    }
}

impl Bins for Expr {}

pub(super) const TABLE: &[FunctionRow] = &[
    FunctionRow::typed("cut", |call| {
        let value = call.expr("the expression")?;
        let breaks = rising(call, "breaks")?;
        cut(call, value, breaks.iter().copied().map(lit).collect(), Some(&breaks))
    })
    .takes(Takes::ANumber),
    FunctionRow::typed("qcut", |call| {
        let value = call.expr("the expression")?;
        let breaks = quantiles(call, &value, "linear")?;
        let value = match call.flag("allow_duplicates", false)? {
            true => value,
            false => per_row("require_breaks", [vec![value], breaks.clone()].concat(), vec![]),
        };
        cut(call, value, breaks, None)
    })
    .takes(Takes::ANumber),
    FunctionRow::typed("bin_intervals", |call| {
        let value = call.expr("the expression")?;
        let breaks = match call.optional_count("bins")? {
            None => rising(call, "breaks")?.into_iter().map(lit).collect(),
            Some(bins) => equal_widths(call, &value, bins)?,
        };
        binned(call, value, breaks)
    })
    .takes(Takes::ANumber),
    FunctionRow::typed("bin_quantiles", |call| {
        let value = call.expr("the expression")?;
        let breaks = quantiles(call, &value, "lower")?;
        binned(call, value, breaks)
    })
    .takes(Takes::ANumber),
    FunctionRow::typed("hist", hist).takes(Takes::ANumber),
];

/// Breaks that rise.
fn rising(call: &mut Call, name: &str) -> Result<Vec<f64>> {
    let breaks = call.floats(name)?.unwrap_or_default();
    if !breaks.is_sorted_by(|a, b| a < b) {
        return Err(call.wrong("the breaks must rise, each different from the last"));
    }
    Ok(breaks)
}

/// The column's quantiles, the least first in whatever order they are asked for.
fn quantiles(call: &mut Call, value: &Expr, method: &'static str) -> Result<Vec<Expr>> {
    let mut quantiles = call.floats("quantiles")?.unwrap_or_default();
    quantiles.sort_by(f64::total_cmp);
    if let Some(wrong) = quantiles.iter().find(|q| !(0.0..=1.0).contains(*q)) {
        return Err(call.wrong(format!("a quantile is {wrong}, expected numbers from 0 to 1")));
    }
    // A NaN lies in no bin, and above none of the others.
    let numbers = match call.type_of(value)?.is_floating() {
        true => when(!math::isnan(value.clone())).then(value.clone()).end(),
        false => value.clone(),
    };
    Ok(quantiles
        .into_iter()
        .map(|q| super::statistics::of_column("quantile", numbers.clone(), vec![q.into(), method.into()]))
        .collect())
}

/// The breaks of so many bins of one width between the least and the greatest value.
fn equal_widths(call: &mut Call, value: &Expr, bins: usize) -> Result<Vec<Expr>> {
    if bins == 0 {
        return Err(call.wrong("the number of bins is 0, expected 1 or more"));
    }
    let of = |extreme: fn(Expr) -> Expr| cast(extreme(value.clone()), DataType::Float64);
    let least = of(least);
    let width = of(greatest) - least.clone();
    Ok((1..bins).map(|bin| least.clone() + width.clone() * lit(bin as f64 / bins as f64)).collect())
}

/// The label of each value's bin, as an Enum where the labels are known; beside the bin's upper end, if that is asked for.
fn cut(call: &mut Call, value: Expr, breaks: Vec<Expr>, known: Option<&[f64]>) -> Result<Expr> {
    let left_closed = call.flag("left_closed", false)?;
    let (labels, include_breaks) = (labels(call, breaks.len() + 1)?, call.flag("include_breaks", false)?);
    let args = [vec![value.clone()], breaks].concat();
    let made = known.map(|breaks| bin_labels(breaks, left_closed));
    let category = labelled(&value, &args, left_closed, &labels, if labels.is_empty() { made } else { Some(labels.clone()) })?;
    if !include_breaks {
        return Ok(category);
    }
    let upper = per_row("bin_edge", args, vec![left_closed.into(), true.into(), true.into()]);
    Ok(named_struct(vec![lit("breakpoint"), upper, lit("category"), category]))
}

/// The labels that are given: none, or one for each bin.
fn labels(call: &mut Call, bins: usize) -> Result<Vec<String>> {
    let labels = call.texts("labels")?.unwrap_or_default();
    if !labels.is_empty() && labels.len() != bins {
        return Err(call.wrong(format!("got {} labels for {bins} bins", labels.len())));
    }
    Ok(labels)
}

fn labelled(value: &Expr, args: &[Expr], left_closed: bool, labels: &[String], categories: Option<Vec<String>>) -> Result<Expr> {
    let constants = [ScalarValue::from(left_closed)].into_iter().chain(labels.iter().map(|label| label.as_str().into()));
    let text = per_row("bin_label", args.to_vec(), constants.collect());
    let all_different = |labels: &Vec<String>| (1..labels.len()).all(|at| !labels[..at].contains(&labels[at]));
    match categories.filter(all_different) {
        Some(categories) => to_enum(text, &output_name(value), categories, true),
        None => Ok(cast(text, DataType::Dictionary(Box::new(DataType::UInt32), Box::new(DataType::Utf8)))),
    }
}

/// The number or the label of each value's bin; with its ends, if they are asked for: null beyond the first and last break.
fn binned(call: &mut Call, value: Expr, breaks: Vec<Expr>) -> Result<Expr> {
    let left_closed = call.flag("left_closed", false)?;
    let is_labelled = call.flag("labelled", true)?;
    let (labels, with_ends) = (labels(call, breaks.len() + 1)?, call.flag("include_intervals", false)?);
    let own = call.type_of(&value)?;
    let args = [vec![value.clone()], breaks].concat();
    let bin = match is_labelled {
        false => per_row("bin_number", args.clone(), vec![left_closed.into()]),
        true => labelled(&value, &args, left_closed, &labels, Some(labels.clone()).filter(|labels| !labels.is_empty()))?,
    };
    if !with_ends {
        return Ok(bin);
    }
    let end =
        |upper: bool| cast(per_row("bin_edge", args.clone(), vec![left_closed.into(), upper.into(), false.into()]), own.clone());
    Ok(named_struct(vec![lit("bin"), bin, lit("left"), end(false), lit("right"), end(true)]))
}

/// How many values each bin holds.
fn hist(call: &mut Call) -> Result<Expr> {
    let value = cast(call.expr("the expression")?, DataType::Float64);
    let breaks = call.floats("bins")?;
    if breaks.as_ref().is_some_and(|breaks| !breaks.is_sorted_by(|a, b| a < b)) {
        return Err(call.wrong("the bins' edges must rise, each different from the last"));
    }
    let bins = call.optional_count("bin_count")?;
    let (category, breakpoint) = (call.flag("include_category", false)?, call.flag("include_breakpoint", false)?);
    let count = bins.map_or(-1, |bins| bins as i64);
    let mut constants: Vec<ScalarValue> = vec![breakpoint.into(), category.into(), count.into(), breaks.is_some().into()];
    constants.extend(breaks.unwrap_or_default().into_iter().map(ScalarValue::from));
    Ok(items(aggregate("hist", vec![value], by_row().expr, constants, Answer::List)))
}
