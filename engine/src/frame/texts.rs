//! Pretrained models over a column of texts.

use datafusion::common::Column;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use gradframe_plan::error::from_datafusion;
use gradframe_plan::ops::text::{TextOptions, answer, classify, embed, generate};

use super::{DataFrame, ModelRef};
use crate::{Error, Result};

impl DataFrame {
    /// All columns, then `name`: the vector of each row's text, a fixed-size list of f32. `options.column` names the texts; without,
    /// it is `content`, or the only column of texts. A null text has a null vector.
    /// Errors: `Plan` for an unknown model or column; those of the model's files.
    pub fn embed(&self, model: impl Into<ModelRef>, name: &str, options: TextOptions) -> Result<Self> {
        let model = self.resolve_model(model.into())?;
        let plan = embed(self.plan.clone(), model, options, self.session.services()?.as_ref())?;
        self.with_appended(plan, &[name])
    }

    /// All columns, then `name`: what comes after each row's prompt, in the column `options.column`, `prompt`, or the only one of texts.
    /// A null prompt, and one that the model cannot take, has a null. Errors: as [`DataFrame::embed`].
    pub fn generate(&self, model: impl Into<ModelRef>, name: &str, options: TextOptions) -> Result<Self> {
        let model = self.resolve_model(model.into())?;
        let plan = generate(self.plan.clone(), model, options, self.session.services()?.as_ref())?;
        self.with_appended(plan, &[name])
    }

    /// All columns, then these four: the part of each row's text that answers its question, its probability, its first character and the
    /// one behind its last. `options.question_column` names the questions, else it is `question`; `options.column` the texts, else
    /// `content`. Errors: as [`DataFrame::embed`].
    pub fn answer(&self, model: impl Into<ModelRef>, names: [&str; 4], options: TextOptions) -> Result<Self> {
        let model = self.resolve_model(model.into())?;
        let plan = answer(self.plan.clone(), model, options, self.session.services()?.as_ref())?;
        self.with_appended(plan, &names)
    }

    /// All columns, then `label`, the most probable one of each row's text, and `score`, its probability.
    /// With `options.pair_column`, of pairs of texts.
    /// Errors: as [`DataFrame::embed`].
    pub fn classify(&self, model: impl Into<ModelRef>, label: &str, score: &str, options: TextOptions) -> Result<Self> {
        let model = self.resolve_model(model.into())?;
        let plan = classify(self.plan.clone(), model, options, self.session.services()?.as_ref())?;
        self.with_appended(plan, &[label, score])
    }

    /// The frame's columns and the first of the appended ones, under these names.
    fn with_appended(&self, plan: LogicalPlan, names: &[&str]) -> Result<Self> {
        let taken = |name: &&&str| self.plan.schema().fields().iter().any(|field| field.name() == **name);
        if let Some(name) = names.iter().find(taken) {
            let error = Error::plan("models", format!("the frame has a column `{name}` already"));
            return Err(error.hint("give what is appended another name"));
        }
        let passed = self.plan.schema().fields().len();
        let columns: Vec<Expr> = plan.schema().columns().into_iter().map(Column::into).collect();
        let appended = columns[passed..].iter().zip(names).map(|(column, name)| column.clone().alias(*name));
        let all: Vec<Expr> = columns[..passed].iter().cloned().chain(appended).collect();
        let plan = LogicalPlanBuilder::from(plan).project(all).and_then(LogicalPlanBuilder::build).map_err(from_datafusion)?;
        Ok(self.with_plan(plan))
    }
}
