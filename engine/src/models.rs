//! Pretrained models: read from their directories, used by themselves or as steps of a plan.
//!
//! [`crate::Session::open_pretrained`] gives a [`Model`]; [`Embedder`], [`Classifier`], [`Answerer`] and [`Generator`] take texts. Over a
//! column of texts, [`crate::DataFrame::embed`], `classify`, `answer` and `generate` are steps of the same plan as filters and joins; in
//! expressions, [`crate::expr::Texts`] are.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::logical_expr::Expr;
use gradframe_plan::ops::text::{MODEL_TYPE, Pretrained, TextTask, generation_defaults, pretrained, text_call};
use gradframe_plan::services::{NamedModel, OnExisting, Services};

pub use gradframe_ml_models::{
    AnswerOptions, AnswerSpan, Answered, Answerer, Classified, Classifier, DtypeChoice, EmbedOptions, Embedded, Embedder,
    GenerateOptions, Generated, Generator, Model, Task, Weight, Weights, Work, config, files, generate, nets, text,
};
pub use gradframe_plan::ops::text::{OnProblem, TextOptions};
pub use gradframe_plan::services::FindOptions;

use crate::{ModelRef, Result, Session};

impl Session {
    /// The model of a directory or of a name of the hub (`org/name`, `org/name@revision`), computed in this type. What neither the
    /// machine nor the hub's cache (`HF_HOME`) has is downloaded, with the feature `hub`, unless `HF_HUB_OFFLINE` is set.
    /// Errors: `External` for what is missing; those of files that are wrong, naming them.
    pub fn open_pretrained(&self, path: &str, dtype: DtypeChoice) -> Result<Arc<Model>> {
        let directory = self.find_pretrained(path, &FindOptions::default())?;
        self.services()?.pretrained.open(&directory, dtype)
    }

    /// The directory of the same: where it lies, or where it was downloaded to. Errors: `External` naming where it was looked for.
    pub fn find_pretrained(&self, path: &str, options: &FindOptions) -> Result<PathBuf> {
        self.services()?.pretrained.find(path, options)
    }

    /// A pretrained model as expressions take it: one of the session's store by name, or [`Session::pretrained`].
    /// Errors: `Plan` if there is no such model.
    pub fn text_model(&self, model: impl Into<ModelRef>) -> Result<TextModel> {
        let named = match model.into() {
            ModelRef::Name(name) => self.model(&name)?,
            ModelRef::Model(model) => model,
        };
        Ok(TextModel { named, services: self.services()? })
    }

    /// The same as an operator takes it: without a name, and in no store. Errors: as [`Session::open_pretrained`].
    pub fn pretrained(&self, path: &str, dtype: DtypeChoice) -> Result<Arc<NamedModel>> {
        let options = vec![("path".to_owned(), path.into()), ("dtype".to_owned(), dtype.name().into())];
        let request = Pretrained { name: String::new(), on_existing: OnExisting::Error, options };
        let model = pretrained(&request, self.services()?.as_ref())?;
        Ok(Arc::new(NamedModel { name: name_of(path), version: 1, created_us: 0, model }))
    }
}

/// A pretrained model in expressions: `col("text").embed(&model, ..)`.
#[derive(Debug, Clone)]
pub struct TextModel {
    named: Arc<NamedModel>,
    services: Arc<Services>,
}

impl TextModel {
    /// How it says that texts are to be continued, in its `generation_config.json`.
    /// Errors: `Plan` for a model that was trained here; those of files that are not whole.
    pub fn generation_defaults(&self) -> Result<GenerateOptions> {
        generation_defaults(TextTask::Generate, &self.named, &self.services)
    }

    /// What it makes of these texts, one expression or two of pairs.
    /// Errors: `Plan` for a model that was trained here; those of files that are not whole.
    pub(crate) fn call(&self, texts: Vec<Expr>, task: TextTask, options: TextOptions) -> Result<Expr> {
        text_call(texts, Arc::clone(&self.named), task, options, &self.services)
    }
}

/// How plans call a model that has no name: by the last part of its path.
fn name_of(path: &str) -> String {
    Path::new(path).file_name().map_or_else(|| MODEL_TYPE.to_owned(), |name| name.to_string_lossy().into_owned())
}
