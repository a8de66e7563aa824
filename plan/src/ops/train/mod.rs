//! Train: the training query in, the training log out, the model as its effect.

mod common;
mod job;
mod node;
mod option_values;
mod order;
mod validate;

use std::sync::Arc;

use datafusion::common::DFSchema;
use datafusion::logical_expr::{EmptyRelation, Extension, LogicalPlan, LogicalPlanBuilder};
use datafusion::scalar::ScalarValue;
use gradframe_ml_core::{Error, Result};
pub use gradframe_ml_learn::Split;
use gradframe_ml_learn::{Estimator, Module, ModuleEstimator};

use self::common::CommonOptions;
pub use self::job::{JobState, TrainJob};
pub use self::node::{ColumnPlaces, TrainNode, log_schema};
pub use self::option_values::{class_weight, list};
use super::transform::{Fit, Transform, WrittenItem};
use crate::error::from_datafusion;
use crate::services::{OnExisting, Services, model_exists};

/// The operator's name in errors.
const OP: &str = "train";

/// The label's name where the query gives none.
pub const DEFAULT_LABEL: &str = "label";

/// What `CREATE MODEL` and `fit` ask for.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainRequest {
    /// The name to register the model under; None trains without registering.
    pub name: Option<String>,
    pub on_existing: OnExisting,
    /// `linear_reg`, `logistic_reg`; of no account where there is a module.
    pub model_type: String,
    /// A user's own module, to be trained in place of a model type.
    pub module: Option<Arc<Module>>,
    /// The label's column; None is the column `label`.
    pub label: Option<String>,
    /// The options given, without `model_type`, the label and the seed.
    pub options: Vec<(String, ScalarValue)>,
    /// What is done to the query's columns first; None for nothing.
    pub transform: Option<Vec<WrittenItem>>,
    /// None is the session's.
    pub seed: Option<u64>,
    /// The training query's SQL, to be kept with the model.
    pub query: Option<String>,
    /// An interrupted run to go on with from its last checkpoint, to the same bits as without the break. Everything else
    /// must be as it was: options, seed and rows are compared.
    pub resume: Option<String>,
    /// The whole statement that asks for the training, from which it can be run again.
    pub statement: Option<String>,
}

/// The plan that trains a model on the rows of `input` and yields its log, one row an epoch.
///
/// With a TRANSFORM its columns take the place of the query's. The features are the columns that a module names; else every
/// column but the label and those that the options `data_split_col` and `sample_weight_col` name; an ORDER BY at the top of the input sets the order in which the rows are
/// learned. The plan is to be run once, to its end (`gradframe_exec::ops::train::run_to_end`).
/// Errors: `Plan` for an unknown model type or option, a name that is taken, a label, split or weight column that is not
/// there, no feature, two columns of one name; `DType` for a column of a type that its part does not take.
pub fn train(input: LogicalPlan, mut request: TrainRequest, services: &Services) -> Result<LogicalPlan> {
    if request.name.as_deref() == Some("") {
        return Err(Error::plan("create model", "the name is empty").hint("give the model a name of at least one character"));
    }
    if keeps_existing(&request, services)? {
        return nothing_to_train();
    }
    let estimator: Arc<dyn Estimator> = match request.module.take() {
        Some(module) => Arc::new(ModuleEstimator::new(module)?),
        None => gradframe_ml_learn::estimator(&request.model_type)?,
    };
    estimator.module()?;
    let common = CommonOptions::take(&mut request.options, estimator.as_ref())?;
    let transform = request.transform.take().map(|items| Transform::plan(&items, input.schema())).transpose()?.map(Arc::new);
    let columns = validate::columns(input.schema(), transform.as_deref(), &request, &common, estimator.as_ref())?;
    let job = Arc::new(validate::job(request, &columns, common, estimator, services)?);
    let (input, order) = order::lift(input)?;
    let fit = transform.map(|transform| Fit::new(transform, input.clone(), columns.training_rows(job.split))).transpose()?;
    let node = TrainNode::try_new(job, columns, order, input, fit)?;
    barrier(LogicalPlan::Extension(Extension { node: Arc::new(node) }))
}

/// True if there is such a model and the request is to keep it. Errors: `Plan` if there is one and it may not be.
fn keeps_existing(request: &TrainRequest, services: &Services) -> Result<bool> {
    let Some(name) = &request.name else { return Ok(false) };
    match request.on_existing {
        OnExisting::Replace => Ok(false),
        OnExisting::Keep => services.models.exists(name),
        OnExisting::Error if services.models.exists(name)? => Err(model_exists(name)),
        OnExisting::Error => Ok(false),
    }
}

/// A log without rows.
fn nothing_to_train() -> Result<LogicalPlan> {
    let schema = DFSchema::try_from(log_schema().as_ref().clone()).map_err(from_datafusion)?;
    Ok(LogicalPlan::EmptyRelation(EmptyRelation { produce_one_row: false, schema: Arc::new(schema) }))
}

/// A limit that never bites, which filters do not cross: DataFusion pushes a predicate without columns
/// (`random() < 0.1`) through every extension node, and here it would choose the training rows.
pub(crate) fn barrier(plan: LogicalPlan) -> Result<LogicalPlan> {
    LogicalPlanBuilder::from(plan).limit(0, Some(i64::MAX as usize)).and_then(LogicalPlanBuilder::build).map_err(from_datafusion)
}
