//! Pretrained models over a column of texts.

use datafusion::common::Column;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use gradframe_plan::error::from_datafusion;
use gradframe_plan::ops::text::{TextOptions, classify, embed, generate};

use super::{DataFrame, ModelRef};
use crate::Result;

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

    /// All columns, then `label`, the most probable one of each row's text, and `score`, its probability.
    /// Errors: as [`DataFrame::embed`].
    pub fn classify(&self, model: impl Into<ModelRef>, label: &str, score: &str, options: TextOptions) -> Result<Self> {
        let model = self.resolve_model(model.into())?;
        let plan = classify(self.plan.clone(), model, options, self.session.services()?.as_ref())?;
        self.with_appended(plan, &[label, score])
    }

    /// The frame's columns and the first of the appended ones, under these names.
    fn with_appended(&self, plan: LogicalPlan, names: &[&str]) -> Result<Self> {
        let passed = self.plan.schema().fields().len();
        let columns: Vec<Expr> = plan.schema().columns().into_iter().map(Column::into).collect();
        let appended = columns[passed..].iter().zip(names).map(|(column, name)| column.clone().alias(*name));
        let all: Vec<Expr> = columns[..passed].iter().cloned().chain(appended).collect();
        let plan = LogicalPlanBuilder::from(plan).project(all).and_then(LogicalPlanBuilder::build).map_err(from_datafusion)?;
        Ok(self.with_plan(plan))
    }
}
