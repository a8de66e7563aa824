//! Training on a frame, and predicting and evaluating over one.

use std::sync::Arc;

use datafusion::dataframe::DataFrame as Execution;
use datafusion::logical_expr::LogicalPlan;
use gradframe_ml_array::{Array, Element};
use gradframe_plan::error::from_datafusion;
use gradframe_plan::ops::predict::PredictOptions;
use gradframe_plan::ops::train::TrainRequest;
use gradframe_plan::ops::transform::transformed;
use gradframe_plan::ops::{evaluate, predict, train};
use gradframe_plan::services::{ModelRegistry, NamedModel, OnExisting, Services};

use super::statement::statement_of;
use super::unnamed::{UNNAMED, Unnamed};
use super::{DataFrame, FitOptions};
use crate::catalog::Kind;
use crate::ml::Estimator;
use crate::panics::guard;
use crate::statements::interrupted;
use crate::{Error, Result};

/// A trained model and the account of its training.
#[derive(Debug, Clone)]
pub struct FittedModel {
    model: Arc<NamedModel>,
    log: DataFrame,
}

impl FittedModel {
    /// The name under which the session's store holds it; None for a model that was not given one.
    pub fn name(&self) -> Option<&str> {
        (!self.model.name.is_empty()).then_some(self.model.name.as_str())
    }

    /// The identifier of the run that trained it, as in `gradframe.runs`.
    pub fn run(&self) -> &str {
        &self.model.model.spec.training.run
    }

    /// The training log: run, epoch, step, rows, loss, gradient_norm, seconds, eval_loss, learning_rate; one row an epoch.
    pub fn log(&self) -> &DataFrame {
        &self.log
    }

    /// Its weights by name: of a module what a module of the same parts takes over by `load_matching`. Errors: those of making arrays of them.
    pub fn state_dict(&self) -> Result<gradframe_ml_nn::StateDict> {
        let weights = self.model.model.weights.iter();
        weights
            .map(|(name, tensor)| Ok((name.clone(), Array::from_tensor(Element::Real(tensor.dtype()), tensor.clone())?)))
            .collect()
    }

    /// The model itself: its specification and weights.
    pub fn model(&self) -> &Arc<NamedModel> {
        &self.model
    }
}

/// A model meant by its name or given itself.
#[derive(Debug, Clone)]
pub enum ModelRef {
    /// The newest version under this name in the session's store.
    Name(String),
    /// This model.
    Model(Arc<NamedModel>),
}

impl From<&str> for ModelRef {
    fn from(name: &str) -> Self {
        ModelRef::Name(name.to_owned())
    }
}

impl From<String> for ModelRef {
    fn from(name: String) -> Self {
        ModelRef::Name(name)
    }
}

impl From<&FittedModel> for ModelRef {
    fn from(fitted: &FittedModel) -> Self {
        ModelRef::Model(Arc::clone(&fitted.model))
    }
}

impl From<&Arc<NamedModel>> for ModelRef {
    fn from(model: &Arc<NamedModel>) -> Self {
        ModelRef::Model(Arc::clone(model))
    }
}

impl DataFrame {
    /// Trains on these rows, all columns but the target being features, and runs to the end.
    /// With a name the model is stored under it, replacing one of that name; without, it lives in the result alone.
    /// Errors: `Plan` for an unknown target or option, `Execution` for a null label, an infinite feature, no rows.
    pub async fn fit(&self, estimator: impl Into<Estimator>, target: &str, name: Option<&str>) -> Result<FittedModel> {
        let options = FitOptions::new(target);
        self.fit_with(estimator, if let Some(name) = name { options.name(name) } else { options }).await
    }

    /// [`DataFrame::fit`] with rows kept for evaluation and rows of different weight.
    /// Errors: as [`DataFrame::fit`], and `Plan` or `DType` for a split or weight column that is not there or no such thing.
    pub async fn fit_with(&self, estimator: impl Into<Estimator>, options: FitOptions) -> Result<FittedModel> {
        let registry: Arc<dyn ModelRegistry> = match options.name.as_deref() {
            Some(name) => self.registry_for(name)?,
            None => Arc::new(Unnamed::default()),
        };
        let services = self.session.services()?;
        let services =
            options.run.as_deref().map_or_else(|| Services::clone(&services), |run| self.session.services_in(&services, run));
        let services = Services { models: registry, ..services };
        let name_in_run = options.name.clone().unwrap_or_else(|| UNNAMED.to_owned());
        let resumed = options.resume.as_deref().map(|run| interrupted(&self.session, run)).transpose()?;
        let transform = options.transform.clone().map(|exprs| self.written(exprs)).transpose()?;
        let mut request = TrainRequest { transform, ..request(estimator.into(), options, &name_in_run) };
        request.statement = statement_of(self, &request);
        if let Some((run, start)) = resumed {
            (request.seed, request.resume) = (request.seed.or(start.seed), Some(run));
        }
        let plan = train::train(self.plan.clone(), request, &services)?;
        let models = Arc::clone(&services.models);
        let log = self.run_training(plan, services).await?;
        let model = models.get(&name_in_run)?;
        let model = model.ok_or_else(|| Error::internal("fit", "training ended without a model"))?;
        Ok(FittedModel { model, log })
    }

    /// The store, if a model may have the name in it.
    fn registry_for(&self, name: &str) -> Result<Arc<dyn ModelRegistry>> {
        let public = self.session.public();
        match public.kind(name)? {
            Some(kind @ (Kind::Table | Kind::View)) => {
                Err(Error::plan("fit", format!("`{name}` is a {}", kind.name())).hint("give the model another name"))
            }
            Some(Kind::Model) | None => Ok(Arc::clone(public.store()) as _),
        }
    }

    /// Runs a training to its end; the frame holds its log.
    async fn run_training(&self, plan: LogicalPlan, services: Services) -> Result<DataFrame> {
        let mut state = self.session.state();
        state.config_mut().set_extension(Arc::new(services));
        let execution = Execution::new(state, plan);
        let schema = Arc::clone(execution.schema().inner());
        let rows = guard("fit", async { execution.collect().await.map_err(from_datafusion) }).await?;
        self.session.from_batches(schema, rows)
    }

    /// All columns, then `predicted_<label>`, and for a classifier `predicted_<label>_probs`; row by row, in order.
    /// Errors: `Plan` for an unknown model or a feature that is missing or of another type.
    pub fn predict(&self, model: impl Into<ModelRef>) -> Result<Self> {
        self.predict_with(model, PredictOptions::default())
    }

    /// [`DataFrame::predict`] with a threshold for a classifier of two classes.
    pub fn predict_with(&self, model: impl Into<ModelRef>, options: PredictOptions) -> Result<Self> {
        let model = self.resolve_model(model.into())?;
        Ok(self.with_plan(predict::predict(self.settled()?.plan, model, options)?))
    }

    /// One row of the model's errors on these rows, which must hold the label.
    /// Errors: as [`DataFrame::predict`], and `Execution` for a null label.
    pub fn evaluate(&self, model: impl Into<ModelRef>) -> Result<Self> {
        self.evaluate_with(model, PredictOptions::default())
    }

    /// [`DataFrame::evaluate`] with a threshold for a classifier of two classes.
    pub fn evaluate_with(&self, model: impl Into<ModelRef>, options: PredictOptions) -> Result<Self> {
        let model = self.resolve_model(model.into())?;
        Ok(self.with_plan(evaluate::evaluate(self.plan.clone(), model, options)?))
    }

    /// The columns that the model's transform makes of these rows, the label among them if it can be made.
    /// Errors: `Plan` for an unknown model, one without a transform, or a column that is missing.
    pub fn transform(&self, model: impl Into<ModelRef>) -> Result<Self> {
        let model = self.resolve_model(model.into())?;
        Ok(self.with_plan(transformed(self.plan.clone(), model)?))
    }

    pub(super) fn resolve_model(&self, model: ModelRef) -> Result<Arc<NamedModel>> {
        match model {
            ModelRef::Model(model) => Ok(model),
            ModelRef::Name(name) => self.session.model(&name),
        }
    }
}

fn request(estimator: Estimator, options: FitOptions, name: &str) -> TrainRequest {
    TrainRequest {
        name: Some(name.to_owned()),
        on_existing: OnExisting::Replace,
        model_type: estimator.model_type,
        module: estimator.module,
        label: Some(options.target),
        options: estimator.options.into_iter().chain(options.options).collect(),
        transform: None,
        seed: estimator.seed,
        query: None,
        resume: None,
        statement: None,
    }
}
