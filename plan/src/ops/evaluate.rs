//! Evaluate: predictions in, one row of metrics out.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::{Column, DFSchema, DFSchemaRef};
use datafusion::error::Result as DataFusionResult;
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, UserDefinedLogicalNodeCore};
use gradframe_ml_core::{Error, Result};
use gradframe_ml_learn::metrics::{ClassificationMetrics, RegressionMetrics};
use gradframe_ml_learn::{Model, Task, registry};

use super::columns::{TypeFamily, find, missing};
use super::predict::{PredictOptions, PredictOutput, predict};
use super::relations::scan;
use super::train::barrier;
use super::transform::label_expr;
use crate::error::from_datafusion;
use crate::services::NamedModel;

const OP: &str = "ml.evaluate";

/// The plan that predicts the rows of `input` and compares with their label: one row.
/// Errors: those of `predict`; `Plan` if the input lacks the label; `DType` if it has another kind of type.
pub fn evaluate(input: LogicalPlan, model: Arc<NamedModel>, options: PredictOptions) -> Result<LogicalPlan> {
    model.needs_training(OP)?;
    let label = label_column(input.schema(), &model)?;
    let predicted = Expr::Column(Column::from_name(scored_output(&model.model)?.name(&model.model.spec.label)));
    let columns = vec![label, predicted];
    let input = predict(input, Arc::clone(&model), options)?;
    let schema = DFSchema::try_from(metrics_schema(&model.model)?.as_ref().clone()).map_err(from_datafusion)?;
    let node = EvaluateNode { input, model, options, columns, schema: Arc::new(schema) };
    barrier(LogicalPlan::Extension(Extension { node: Arc::new(node) }))
}

/// The evaluation that training made of the rows it kept back: one row.
/// Errors: `Plan` if it kept none.
pub fn stored_evaluation(model: Arc<NamedModel>) -> Result<LogicalPlan> {
    let Some(metrics) = model.model.spec.evaluation.clone() else {
        let what = format!("{} keeps no evaluation, no rows were held back for one", model.title());
        let hint = "give it rows: ML.EVALUATE(MODEL m, (SELECT ...)), or train with data_split_method = 'random'";
        return Err(Error::plan(OP, what).hint(hint));
    };
    let schema = metrics_schema(&model.model)?;
    let row = Arc::clone(&schema);
    scan("evaluation", schema, move || {
        let value = |name: &String| Arc::new(Float64Array::from(vec![metrics.get(name).copied().flatten()])) as ArrayRef;
        let columns = row.fields().iter().map(|field| value(field.name())).collect();
        RecordBatch::try_new(Arc::clone(&row), columns).map_err(|e| from_datafusion(e.into()))
    })
}

/// The columns of an evaluation, all f64. `mean_squared_log_error` is null where a value is -1 or less.
pub fn metrics_schema(model: &Model) -> Result<SchemaRef> {
    let names = match registry::estimator(&model.spec.model_type)?.task() {
        Task::Regression => RegressionMetrics::NAMES,
        Task::Classification => ClassificationMetrics::NAMES,
    };
    Ok(Arc::new(Schema::new(names.map(|n| Field::new(n, DataType::Float64, true)).to_vec())))
}

/// The prediction that the metrics are made from.
fn scored_output(model: &Model) -> Result<PredictOutput> {
    Ok(match registry::estimator(&model.spec.model_type)?.task() {
        Task::Regression => PredictOutput::Label,
        Task::Classification => PredictOutput::Probabilities,
    })
}

fn label_column(input: &DFSchema, model: &NamedModel) -> Result<Expr> {
    let label = &model.model.spec.label;
    if let Some(transform) = &model.model.spec.transform {
        return label_expr(OP, transform, input, model);
    }
    let Some(at) = find(OP, input, &label.name)? else {
        return Err(missing(OP, input, format!("the input lacks `{}`, the label of {}", label.name, model.title()), &label.name));
    };
    let got = input.field(at).data_type();
    let fits = TypeFamily::of(&label.data_type).zip(TypeFamily::of(got)).is_some_and(|(t, g)| g.fits(t));
    if !fits {
        let what =
            format!("label `{}` of {} has another type, expected {}, got {got}", label.name, model.title(), label.data_type);
        return Err(Error::dtype(OP, what));
    }
    Ok(Expr::Column(Column::from(input.qualified_field(at))))
}

/// Evaluate: reads the label and one prediction of its input, nothing else.
#[derive(Debug, Clone)]
pub struct EvaluateNode {
    input: LogicalPlan,
    model: Arc<NamedModel>,
    options: PredictOptions,
    /// The label, then the prediction: the number, or the classes' probabilities.
    columns: Vec<Expr>,
    schema: DFSchemaRef,
}

impl EvaluateNode {
    /// The model that is evaluated.
    pub fn model(&self) -> &Arc<NamedModel> {
        &self.model
    }

    /// How its predictions are made.
    pub fn options(&self) -> PredictOptions {
        self.options
    }

    /// The label, then the prediction: the number, or the classes' probabilities.
    pub fn columns(&self) -> &[Expr] {
        &self.columns
    }
}

impl UserDefinedLogicalNodeCore for EvaluateNode {
    fn name(&self) -> &str {
        "Evaluate"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        self.columns.clone()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Evaluate: model={}@{}, label={}", self.model.name, self.model.version, self.model.model.spec.label.name)
    }

    fn with_exprs_and_inputs(&self, columns: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> DataFusionResult<Self> {
        let columns = columns.into_iter().map(Expr::unalias).collect();
        Ok(EvaluateNode { input: inputs.swap_remove(0), columns, ..self.clone() })
    }

    fn necessary_children_exprs(&self, _output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        Some(vec![vec![]])
    }
}

impl PartialEq for EvaluateNode {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.model, &other.model) && self.columns == other.columns && self.input == other.input
    }
}

impl Eq for EvaluateNode {}

impl PartialOrd for EvaluateNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl Hash for EvaluateNode {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.model).hash(state);
        self.columns.hash(state);
        self.input.hash(state);
    }
}
