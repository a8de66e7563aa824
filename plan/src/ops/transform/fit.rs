//! Fitting: one aggregate over the training query that gives every constant of a TRANSFORM, and what is told of its inputs.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema};
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, cast, lit};
use gradframe_ml_core::{Error, Result};
use gradframe_ml_learn::TransformSpec;
use gradframe_ml_learn::fitting::{ExactMoments, Mergeable, QuantileSketch, ValueCounts};
use gradframe_ml_learn::transform::{FittedFunction, InputColumn, InputStats, NumberSummary, TransformItem};

use super::{Input, OP, Transform, resolve};
use crate::error::from_datafusion;
use crate::functions::{Analytic, FitKind, Parameters, Strategy, fit_call, marker_of, parameters_of};

/// The fit of a TRANSFORM to the rows of a training query.
#[derive(Debug, Clone)]
pub struct Fit {
    transform: Arc<Transform>,
    plan: LogicalPlan,
    /// By slot.
    calls: Vec<Call>,
    /// By input column.
    inputs: Vec<InputPlaces>,
}

/// An analytic call, and the columns of the aggregate that it needs.
#[derive(Debug, Clone)]
struct Call {
    function: Analytic,
    parameters: Parameters,
    /// The call as the user knows it: `ml.standard_scaler(x)`.
    written: String,
    moments: Option<usize>,
    quantiles: Option<usize>,
    values: Option<usize>,
}

/// The columns of the aggregate that describe an input column.
#[derive(Debug, Clone, Copy)]
enum InputPlaces {
    Numbers {
        moments: usize,
        quantiles: usize,
    },
    Values(usize),
    /// Rows, rows that are not null.
    Nulls(usize, usize),
}

/// What a fit found.
#[derive(Debug, Clone)]
pub struct Fitted {
    /// The constants of the analytic calls, by slot.
    pub functions: Vec<FittedFunction>,
    inputs: Vec<InputStats>,
}

impl Fit {
    /// The fit to the rows of `input` for which `filter` holds.
    pub fn new(transform: Arc<Transform>, input: LogicalPlan, filter: Option<Expr>) -> Result<Self> {
        let mut aggregates = Aggregates { exprs: vec![], filter, schema: input.schema().as_ref().clone() };
        let calls = calls(&transform, &mut aggregates)?;
        let inputs = transform.inputs.iter().map(|column| aggregates.describe(column)).collect::<Result<Vec<_>>>()?;
        let none: [Expr; 0] = [];
        let plan = LogicalPlanBuilder::from(input).aggregate(none, aggregates.exprs).and_then(LogicalPlanBuilder::build);
        Ok(Fit { transform, plan: plan.map_err(from_datafusion)?, calls, inputs })
    }

    /// The aggregate: one row.
    pub fn plan(&self) -> &LogicalPlan {
        &self.plan
    }

    /// The same fit, its plan rewritten.
    pub fn with_plan(self, plan: LogicalPlan) -> Self {
        Fit { plan, ..self }
    }

    /// Reads the aggregate's row.
    /// Errors: `Execution` naming a call whose column holds NaN, infinities, too many values, or nothing to go by.
    pub fn read(&self, row: &RecordBatch) -> Result<Fitted> {
        let row = Row(row);
        let functions = self.calls.iter().map(|call| call.fitted(&row)).collect::<Result<Vec<_>>>()?;
        let inputs = self.inputs.iter().map(|places| places.stats(&row)).collect::<Result<Vec<_>>>()?;
        Ok(Fitted { functions, inputs })
    }

    /// The record of the TRANSFORM with these constants, for the model.
    pub fn spec(&self, fitted: &Fitted) -> TransformSpec {
        let columns = self.transform.inputs.iter().zip(&fitted.inputs);
        let inputs = columns.map(|(Input { name, data_type }, stats)| InputColumn {
            name: name.clone(),
            data_type: data_type.clone(),
            stats: stats.clone(),
        });
        let ends = self.transform.items.iter().skip(1).map(|item| item.first_slot).chain([self.calls.len()]);
        let items = self.transform.items.iter().zip(ends).map(|(item, end)| TransformItem {
            name: item.name.clone(),
            sql: item.sql.clone(),
            fitted: fitted.functions[item.first_slot..end].to_vec(),
        });
        TransformSpec { inputs: inputs.collect(), items: items.collect() }
    }
}

/// The analytic calls by slot, with their aggregates.
fn calls(transform: &Transform, aggregates: &mut Aggregates) -> Result<Vec<Call>> {
    let mut calls = vec![];
    for item in &transform.items {
        let mut error = None;
        let visited = item.expr.apply(|expr| {
            if let Err(e) = aggregates.add_call(expr, &mut calls) {
                error = Some(e);
                return Ok(TreeNodeRecursion::Stop);
            }
            Ok(TreeNodeRecursion::Continue)
        });
        visited.map_err(from_datafusion)?;
        error.map_or(Ok(()), Err)?;
    }
    calls.sort_by_key(|(slot, _)| *slot);
    Ok(calls.into_iter().map(|(_, call)| call).collect())
}

/// The aggregate's columns, each once.
struct Aggregates {
    exprs: Vec<Expr>,
    filter: Option<Expr>,
    schema: DFSchema,
}

impl Aggregates {
    fn add_call(&mut self, expr: &Expr, calls: &mut Vec<(usize, Call)>) -> Result<()> {
        let Expr::ScalarFunction(call) = expr else { return Ok(()) };
        let Some((function, slot)) = marker_of(call).and_then(|marker| Some((marker.function, marker.slot?))) else {
            return Ok(());
        };
        let column = resolve::qualified(call.args[0].clone(), &self.schema)?;
        let data_type = column.get_type(&self.schema).map_err(from_datafusion)?;
        let parameters = parameters_of(function, call, &data_type)?;
        let is_number = data_type == DataType::Float64;
        let needs_quantiles = is_number
            && matches!(
                parameters,
                Parameters::Robust { .. }
                    | Parameters::Buckets { .. }
                    | Parameters::Impute(Strategy::Median | Strategy::MostFrequent)
            );
        let written = format!("{}({})", function.full_name(), call.args[0]);
        let moments = is_number.then(|| self.place(FitKind::Moments, &column));
        let quantiles = needs_quantiles.then(|| self.place(FitKind::Quantiles, &column));
        let values = (!is_number).then(|| self.place(FitKind::Values, &column));
        calls.push((slot, Call { function, parameters, written, moments, quantiles, values }));
        Ok(())
    }

    fn place(&mut self, kind: FitKind, column: &Expr) -> usize {
        let filter = self.filter.clone();
        self.push(fit_call(kind, column.clone(), filter))
    }

    fn push(&mut self, expr: Expr) -> usize {
        let at = self.exprs.iter().position(|other| *other == expr);
        at.unwrap_or_else(|| {
            self.exprs.push(expr);
            self.exprs.len() - 1
        })
    }

    fn describe(&mut self, input: &Input) -> Result<InputPlaces> {
        let column = resolve::qualified(Expr::Column(Column::new_unqualified(&input.name)), &self.schema)?;
        let as_type =
            |data_type: DataType| if input.data_type == data_type { column.clone() } else { cast(column.clone(), data_type) };
        Ok(match &input.data_type {
            t if t.is_numeric() => {
                let number = as_type(DataType::Float64);
                let moments = self.place(FitKind::Moments, &number);
                InputPlaces::Numbers { moments, quantiles: self.place(FitKind::Quantiles, &number) }
            }
            t if Analytic::OneHotEncoder.argument_type(t).is_some() => {
                InputPlaces::Values(self.place(FitKind::Values, &as_type(DataType::Utf8)))
            }
            _ => InputPlaces::Nulls(self.push(count(lit(1_i64))), self.push(count(column.clone()))),
        })
    }
}

/// The aggregate's only row.
struct Row<'a>(&'a RecordBatch);

impl Row<'_> {
    fn statistic<S: Mergeable>(&self, at: usize) -> Result<S> {
        let column = self.0.column(at);
        match column.as_binary_opt::<i32>().filter(|column| column.len() == 1 && column.is_valid(0)) {
            Some(column) => S::from_bytes(column.value(0)),
            None => Err(Error::internal(OP, "the fit has no row of statistics")),
        }
    }

    fn integer(&self, at: usize) -> u64 {
        self.0.column(at).as_primitive_opt::<Int64Type>().map_or(0, |column| column.value(0).max(0) as u64)
    }
}

impl InputPlaces {
    fn stats(self, row: &Row<'_>) -> Result<InputStats> {
        Ok(match self {
            InputPlaces::Numbers { moments, quantiles } => number_stats(&row.statistic(moments)?, &row.statistic(quantiles)?),
            InputPlaces::Values(at) => {
                let counts: ValueCounts = row.statistic(at)?;
                let categories = counts.distinct().map(|distinct| distinct as u64);
                InputStats { nulls: counts.nulls(), numbers: None, categories }
            }
            InputPlaces::Nulls(rows, valid) => {
                InputStats { nulls: row.integer(rows).saturating_sub(row.integer(valid)), ..InputStats::default() }
            }
        })
    }
}

fn number_stats(moments: &ExactMoments, quantiles: &QuantileSketch) -> InputStats {
    let median = quantiles.quantiles(&[0.5]).map(|quantiles| quantiles[0]);
    let numbers = moments.range().zip(median).map(|((min, max), median)| NumberSummary {
        min,
        max,
        mean: moments.mean(),
        median,
        std: moments.std(),
    });
    // The mean of huge numbers of both signs may be fine where the deviation is not.
    let numbers = numbers.filter(|n| n.std.is_finite());
    InputStats { nulls: moments.nulls(), numbers, categories: None }
}

impl Call {
    fn fitted(&self, row: &Row<'_>) -> Result<FittedFunction> {
        let moments = self.moments.map(|at| row.statistic::<ExactMoments>(at)).transpose()?;
        let quantiles = self.quantiles.map(|at| row.statistic::<QuantileSketch>(at)).transpose()?;
        let values = self.values.map(|at| row.statistic::<ValueCounts>(at)).transpose()?;
        if let Some(moments) = &moments {
            self.all_finite(moments)?;
        }
        match (moments, quantiles, values) {
            (Some(moments), Some(quantiles), _) => self.by_quantiles(&moments, &quantiles),
            (Some(moments), None, _) => self.by_moments(&moments),
            (None, _, Some(values)) => self.by_values(&values),
            _ => Err(Error::internal(OP, "a function has nothing to be fitted by")),
        }
    }

    fn by_moments(&self, moments: &ExactMoments) -> Result<FittedFunction> {
        let (min, max) = moments.range().unwrap_or((0.0, 0.0));
        match self.function {
            Analytic::StandardScaler => {
                let std = self.finite(moments.std())?;
                Ok(FittedFunction::StandardScaler { mean: moments.mean(), std: one_for_zero(std) })
            }
            Analytic::MinMaxScaler => self.finite(max - min).map(|_| FittedFunction::MinMaxScaler { min, max }),
            Analytic::MaxAbsScaler => Ok(FittedFunction::MaxAbsScaler { max_abs: one_for_zero(max.max(-min)) }),
            Analytic::Imputer if moments.count() == 0 => Err(self.nothing_to_go_by()),
            Analytic::Imputer => Ok(FittedFunction::NumberImputer { value: moments.mean() }),
            other => Err(Error::internal(OP, format!("{} is not fitted by moments", other.name()))),
        }
    }

    fn by_quantiles(&self, moments: &ExactMoments, quantiles: &QuantileSketch) -> Result<FittedFunction> {
        let (min, max) = moments.range().unwrap_or((0.0, 0.0));
        // Where values had to be rounded, a quantile may lie beyond them by a little.
        let at = |fractions: &[f64]| {
            quantiles.quantiles(fractions).map(|q| q.into_iter().map(|x| x.clamp(min, max)).collect::<Vec<f64>>())
        };
        match self.parameters {
            Parameters::Robust { low, high, with_median, with_range } => {
                let found = at(&[low, 0.5, high]).unwrap_or_else(|| vec![0.0; 3]);
                let center = if with_median { found[1] } else { 0.0 };
                let scale = if with_range { one_for_zero(self.finite(found[2] - found[0])?) } else { 1.0 };
                Ok(FittedFunction::RobustScaler { center, scale })
            }
            Parameters::Buckets { buckets, .. } => {
                let fractions: Vec<f64> = (1..buckets).map(|i| i as f64 / buckets as f64).collect();
                let mut split_points = at(&fractions).unwrap_or_default();
                split_points.dedup();
                Ok(FittedFunction::QuantileBucketize { split_points })
            }
            Parameters::Impute(strategy) => {
                let value = if strategy == Strategy::Median { at(&[0.5]).map(|q| q[0]) } else { quantiles.mode() };
                value.map(|value| FittedFunction::NumberImputer { value }).ok_or_else(|| self.nothing_to_go_by())
            }
            Parameters::None | Parameters::Vocabulary { .. } => {
                Err(Error::internal(OP, format!("{} is not fitted by quantiles", self.function.name())))
            }
        }
    }

    fn by_values(&self, values: &ValueCounts) -> Result<FittedFunction> {
        if values.distinct().is_none() {
            let what = format!("`{}` has too many different values to be categories", self.written);
            return Err(Error::execution(OP, what).hint("ML.HASH_BUCKETIZE(s, 1000) makes few of many"));
        }
        match self.parameters {
            Parameters::Vocabulary { top, frequency_min } => {
                let vocabulary = values.vocabulary(top, frequency_min);
                Ok(match self.function {
                    Analytic::LabelEncoder => FittedFunction::LabelEncoder { vocabulary },
                    _ => FittedFunction::OneHotEncoder { vocabulary },
                })
            }
            _ => {
                let value = values.most_frequent().ok_or_else(|| self.nothing_to_go_by())?;
                Ok(FittedFunction::TextImputer { value: value.to_owned() })
            }
        }
    }

    fn all_finite(&self, moments: &ExactMoments) -> Result<()> {
        if moments.non_finite() == 0 {
            return Ok(());
        }
        let what = format!("`{}` meets NaN or an infinite value, expected finite numbers or nulls", self.written);
        Err(Error::execution(OP, what).hint("filter those rows, or replace the values with NULL in the training query"))
    }

    fn finite(&self, x: f64) -> Result<f64> {
        let too_wide = || Error::execution(OP, format!("`{}`: the values are too wide apart for f64 arithmetic", self.written));
        Some(x).filter(|x| x.is_finite()).ok_or_else(too_wide)
    }

    fn nothing_to_go_by(&self) -> Error {
        let what = format!("`{}`: the column is null in every row, there is nothing to put in its place", self.written);
        Error::execution(OP, what).hint("leave the column out")
    }
}

/// What to divide by, where a column does not vary.
fn one_for_zero(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { x }
}
