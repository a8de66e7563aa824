//! A user's own module as a model type: traced to graphs, trained in mini-batches like any network, stored with its
//! forward pass, so that it predicts wherever the model can be read.
//!
//! [`trained`] is what a training starts from, [`step`] the program of a batch, [`training`] its repetition, [`stored`] what
//! the model keeps, [`inputs`] the columns as the module is given them, [`places`] what it picks by.

mod inputs;
mod options;
mod places;
mod step;
mod stored;
mod trained;
mod training;

use std::sync::Arc;

use gradframe_ml_core::{DType, Error, Function, Graph, Result};

pub use self::inputs::ModuleInput;
pub use self::places::{PlaceCheck, place_check};
pub use self::stored::StoredModule;
pub use self::trained::{Module, ModuleFunction, ModuleGroup};
use crate::estimator::{Estimator, Layout, OptionDef, Options, Task, Training};
use crate::model::{FeatureSpec, Model};

/// The model types of modules that learn a number, and classes.
const TYPES: [(Task, &str); 2] = [(Task::Regression, "module_regressor"), (Task::Classification, "module_classifier")];

/// A module to be trained, or the model type of those that were.
#[derive(Debug, Clone)]
pub struct ModuleEstimator {
    task: Task,
    /// None where it can only predict.
    module: Option<Arc<Module>>,
}

impl ModuleEstimator {
    /// The model type of a module. Errors: `Plan`, `Shape` or `DType` if its parts do not fit together.
    pub fn new(module: Arc<Module>) -> Result<Self> {
        module.check()?;
        Ok(ModuleEstimator { task: module.task, module: Some(module) })
    }

    /// The model type of stored modules of this name; None if it is no module's.
    pub fn stored(model_type: &str) -> Option<Self> {
        let found = TYPES.into_iter().find(|(_, name)| name.eq_ignore_ascii_case(model_type));
        found.map(|(task, _)| ModuleEstimator { task, module: None })
    }

    fn module(&self) -> Result<&Arc<Module>> {
        self.module.as_ref().ok_or_else(|| {
            let what = format!("model type `{}` is trained from a module, not by options", self.model_type());
            Error::plan("train", what).hint("in Python: frame.fit(module, target, loss=...); in Rust: DataFrame::fit")
        })
    }
}

impl Estimator for ModuleEstimator {
    fn model_type(&self) -> &'static str {
        TYPES.into_iter().find(|(task, _)| *task == self.task).map_or("module_regressor", |(_, name)| name)
    }

    fn task(&self) -> Task {
        self.task
    }

    fn options(&self) -> &'static [OptionDef] {
        options::definitions()
    }

    fn standardises(&self) -> bool {
        false
    }

    fn columns(&self) -> Option<Vec<String>> {
        self.module.as_ref().map(|module| module.columns())
    }

    fn whole_columns(&self) -> Vec<(String, DType)> {
        self.module.as_ref().map(|module| module.whole_columns()).unwrap_or_default()
    }

    fn check_features(&self, features: &[FeatureSpec]) -> Result<()> {
        self.module.as_ref().map_or(Ok(()), |module| module.check_exact(features))
    }

    fn place_check(&self, layout: &Layout) -> Result<Option<PlaceCheck>> {
        let Some(module) = &self.module else { return Ok(None) };
        training::check_classes(module, layout)?; // more classes than scores: that is what to hear about first
        places::of_training(module, layout)
    }

    fn module(&self) -> Result<Option<StoredModule>> {
        self.module().and_then(|module| StoredModule::of(module)).map(Some)
    }

    fn feature_dtype(&self) -> DType {
        self.module.as_ref().map_or(DType::F64, |module| module.feature_dtype())
    }

    fn begin(&self, layout: &Layout, options: &Options, seed: u64) -> Result<Box<dyn Training>> {
        training::ModuleTraining::begin(Arc::clone(self.module()?), layout, options, seed)
    }

    fn predict(&self, model: &Model, nullable: bool) -> Result<Function> {
        let mut g = Graph::new();
        let columns = stored::raw_columns(&mut g, &model.spec.features, nullable)?;
        stored::predicted(g, model, &columns)
    }

    fn predict_encoded(&self, model: &Model) -> Result<Function> {
        let mut g = Graph::new();
        let columns = stored::encoded_columns(&mut g, &model.spec.features, self.feature_dtype());
        stored::predicted(g, model, &columns)
    }
}
