//! The logical node of Train.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::{DFSchema, DFSchemaRef};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, SortExpr, UserDefinedLogicalNodeCore};

use super::Split;
use super::job::TrainJob;
use crate::error::from_datafusion;
use crate::ops::transform::Fit;

/// The columns of a training log: one row an epoch; `seconds` since the fit began; `eval_loss` and `learning_rate` are null
/// where there are no evaluation rows and no learning rate.
pub fn log_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let integer = |name| Field::new(name, DataType::Int64, false);
        let float = |name| Field::new(name, DataType::Float64, false);
        let run = Field::new("run", DataType::Utf8, false);
        let numbers =
            [integer("epoch"), integer("step"), integer("rows"), float("loss"), float("gradient_norm"), float("seconds")];
        let sometimes = ["eval_loss", "learning_rate"].map(|name| Field::new(name, DataType::Float64, true));
        Arc::new(Schema::new(std::iter::once(run).chain(numbers).chain(sometimes).collect::<Vec<_>>()))
    });
    SCHEMA.clone()
}

/// Where the columns that are no features are among those of a [`TrainNode`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ColumnPlaces {
    /// The label, after the features: so this is the number of features too.
    pub label: usize,
    /// What each row weighs (`sample_weight_col`).
    pub weight: Option<usize>,
    /// What the split goes by (`data_split_col`).
    pub split: Option<usize>,
}

/// Train: reads its features, its label and its order from the input and nothing else.
#[derive(Debug, Clone)]
pub struct TrainNode {
    job: Arc<TrainJob>,
    input: LogicalPlan,
    /// The features, in the order of the training query, the label, the weight and the split column if any. Named by
    /// `names`.
    columns: Vec<Expr>,
    names: Vec<String>,
    places: ColumnPlaces,
    /// The rows' order; empty is the order by row hash.
    order: Vec<SortExpr>,
    /// What the analytic functions in `columns` are fitted by, where there is a TRANSFORM: a second input.
    fit: Option<Fit>,
    /// Whether the query asks for the time, which plans have as a constant soon.
    asks_clock: bool,
    schema: DFSchemaRef,
}

impl TrainNode {
    pub(super) fn try_new(
        job: Arc<TrainJob>,
        columns: super::validate::Columns,
        order: Vec<SortExpr>,
        input: LogicalPlan,
        fit: Option<Fit>,
    ) -> gradframe_ml_core::Result<Self> {
        let schema = DFSchema::try_from(log_schema().as_ref().clone()).map_err(from_datafusion)?;
        let names = columns.names().map(str::to_owned).collect();
        let (places, columns) = (columns.places(), columns.expressions());
        Ok(TrainNode { job, columns, names, places, order, input, fit, asks_clock: false, schema: Arc::new(schema) })
    }

    /// The training that it stands for.
    pub fn job(&self) -> &Arc<TrainJob> {
        &self.job
    }

    /// The names of `columns`.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The features, the label, the weight and the split column if any.
    pub fn columns(&self) -> &[Expr] {
        &self.columns
    }

    /// Which of `columns` are no features.
    pub fn places(&self) -> ColumnPlaces {
        self.places
    }

    /// The rows' order; empty is the order by row hash.
    pub fn order(&self) -> &[SortExpr] {
        &self.order
    }

    /// How the TRANSFORM is fitted, if there is one.
    pub fn fit(&self) -> Option<&Fit> {
        self.fit.as_ref()
    }

    /// Whether its query asks for the time, so that its rows are others each time.
    pub fn asks_clock(&self) -> bool {
        self.asks_clock
    }

    /// The same, of a query that asks for the time.
    pub(crate) fn asking_clock(&self) -> Self {
        TrainNode { asks_clock: true, ..self.clone() }
    }

    /// The rows to learn from.
    pub fn input(&self) -> &LogicalPlan {
        &self.input
    }

    /// The features as EXPLAIN shows them: a column by its name, what is computed with its expression.
    fn shown_features(&self) -> Vec<String> {
        let features = self.names.iter().zip(&self.columns).take(self.places.label);
        features.map(|(name, expr)| if is_column(expr, name) { name.clone() } else { format!("{expr} AS {name}") }).collect()
    }
}

fn is_column(expr: &Expr, name: &str) -> bool {
    matches!(expr, Expr::Column(column) if column.name == name)
}

impl UserDefinedLogicalNodeCore for TrainNode {
    fn name(&self) -> &str {
        "Train"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        std::iter::once(&self.input).chain(self.fit.as_ref().map(Fit::plan)).collect()
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        self.columns.iter().cloned().chain(self.order.iter().map(|s| s.expr.clone())).collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let TrainJob { estimator, label, .. } = self.job.as_ref();
        write!(f, "Train: model={}, model_type={}, label={label}, ", self.job.title(), estimator.model_type())?;
        write!(f, "features=[{}]", self.shown_features().join(", "))?;
        for (part, at) in [("weight", self.places.weight), ("split_by", self.places.split)] {
            if let Some(at) = at {
                write!(f, ", {part}={}", self.names[at])?;
            }
        }
        if self.job.split != Split::None {
            write!(f, ", split={}", self.job.split.method())?;
        }
        if !self.order.is_empty() {
            let order: Vec<String> = self.order.iter().map(SortExpr::to_string).collect();
            write!(f, ", order_by=[{}]", order.join(", "))?;
        }
        Ok(())
    }

    fn with_exprs_and_inputs(&self, mut exprs: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        let keys = exprs.split_off(self.columns.len());
        let order = self.order.iter().zip(keys).map(|(old, expr)| SortExpr { expr, ..old.clone() }).collect();
        let fit = self.fit.clone().map(|fit| match inputs.pop() {
            Some(plan) => fit.with_plan(plan),
            None => fit,
        });
        let input = inputs.swap_remove(0);
        // A rewritten expression comes with its old name as an alias; names are kept apart here.
        let columns = exprs.into_iter().map(Expr::unalias).collect();
        Ok(TrainNode { columns, order, input, fit, ..self.clone() })
    }

    // Of the rows nothing beyond `expressions`: a log row is no input row. Of the fit everything.
    fn necessary_children_exprs(&self, _output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let fit = self.fit.iter().map(|fit| (0..fit.plan().schema().fields().len()).collect());
        Some(std::iter::once(vec![]).chain(fit).collect())
    }
}

impl PartialEq for TrainNode {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.job, &other.job)
            && self.columns == other.columns
            && self.order == other.order
            && self.input == other.input
            && self.fit.as_ref().map(Fit::plan) == other.fit.as_ref().map(Fit::plan)
    }
}

impl Eq for TrainNode {}

impl PartialOrd for TrainNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl Hash for TrainNode {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.job).hash(state);
        self.columns.hash(state);
        self.input.hash(state);
    }
}
