//! Pretrained models: read from their directories, used by themselves or as steps of a plan.
//!
//! [`crate::Session::open_pretrained`] gives a [`Model`]; [`Embedder`], [`Classifier`] and [`Generator`] take texts. Over a column of
//! texts, [`crate::DataFrame::embed`], `classify` and `generate` are steps of the same plan as filters and joins.

use std::path::Path;
use std::sync::Arc;

use gradframe_plan::ops::text::{MODEL_TYPE, Pretrained, pretrained};
use gradframe_plan::services::{NamedModel, OnExisting};

pub use gradframe_ml_models::{
    Classified, Classifier, EmbedOptions, Embedded, Embedder, GenerateOptions, Generated, Generator, Model, Task, Weight,
    Weights, Work, config, files, generate, nets, text,
};
pub use gradframe_plan::ops::text::{OnProblem, TextOptions};

use crate::{Result, Session};

impl Session {
    /// The model of a directory, or of a name whose files are in the hub's cache (`org/name`).
    /// Errors: `External` for what is missing; those of files that are wrong, naming them.
    pub fn open_pretrained(&self, path: &str) -> Result<Arc<Model>> {
        let models = Arc::clone(&self.services()?.pretrained);
        models.open(&models.find(path)?)
    }

    /// The same as an operator takes it: without a name, and in no store. Errors: as [`Session::open_pretrained`].
    pub fn pretrained(&self, path: &str) -> Result<Arc<NamedModel>> {
        let options = vec![("path".to_owned(), path.into())];
        let request = Pretrained { name: String::new(), on_existing: OnExisting::Error, options };
        let model = pretrained(&request, self.services()?.as_ref())?;
        Ok(Arc::new(NamedModel { name: name_of(path), version: 1, created_us: 0, model }))
    }
}

/// How plans call a model that has no name: by the last part of its path.
fn name_of(path: &str) -> String {
    Path::new(path).file_name().map_or_else(|| MODEL_TYPE.to_owned(), |name| name.to_string_lossy().into_owned())
}
