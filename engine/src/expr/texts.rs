//! Pretrained models in expressions.

use datafusion::logical_expr::Expr;
use gradframe_plan::ops::text::{TextOptions, TextTask};

use super::IntoExpr;
use crate::Result;
use crate::models::TextModel;

/// What pretrained models make of texts. In a plan each is a column of the same operator as [`crate::DataFrame::embed`] and its like:
/// batched by length, equal texts once, after the filters that do not need it.
///
/// ```no_run
/// use gradframe::expr::{Texts, prelude::*};
/// use gradframe::models::{DtypeChoice, TextOptions};
/// # use gradframe::Session;
/// # let session = Session::builder().in_memory().build()?;
/// let model = session.text_model(&session.pretrained("all-MiniLM-L6-v2", DtypeChoice::Auto)?)?;
/// let lines = session.block_on(session.sql("SELECT 'a cat' AS line"))?;
/// let vectors = lines.select([col("line").embed(&model, TextOptions::default())?.alias("vector")])?;
/// # Ok::<(), gradframe::Error>(())
/// ```
///
/// Nulls: a null text gives null. Errors: `Plan` for a model that was trained here; those of files that are not whole; `DType`, when the
/// plan is made, for what is no text.
pub trait Texts: IntoExpr + Sized {
    /// A vector, a fixed-size list of f32.
    fn embed(self, model: &TextModel, options: TextOptions) -> Result<Expr> {
        model.call(vec![self.into_expr()], TextTask::Embed, options)
    }

    /// What comes after each text.
    fn generate(self, model: &TextModel, options: TextOptions) -> Result<Expr> {
        model.call(vec![self.into_expr()], TextTask::Generate, options)
    }

    /// The struct {label, score}: the most probable label, and its probability.
    fn classify(self, model: &TextModel, options: TextOptions) -> Result<Expr> {
        model.call(vec![self.into_expr()], TextTask::Classify, options)
    }

    /// [`Texts::classify`] of pairs of texts, as cross-encoders take them.
    fn classify_with(self, other: impl IntoExpr, model: &TextModel, options: TextOptions) -> Result<Expr> {
        model.call(vec![self.into_expr(), other.into_expr()], TextTask::Classify, options)
    }

    /// The struct {answer, score, answer_start, answer_end}: the part of `context` that answers each question.
    fn answer(self, context: impl IntoExpr, model: &TextModel, options: TextOptions) -> Result<Expr> {
        model.call(vec![self.into_expr(), context.into_expr()], TextTask::Answer, options)
    }
}

impl<E: IntoExpr + Sized> Texts for E {}
