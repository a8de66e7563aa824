//! What a model makes of texts as an expression, `col("text").embed(model)`: a function that has a type and no value. The rule
//! `text_calls` makes a column of an operator of it, so that it is batched, cached and counted as one.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use gradframe_ml_core::Error;
use gradframe_ml_models::{Embedder, Model};

use super::{TextColumn, TextOptions, TextOutput, TextTask, opened};
use crate::error::to_datafusion;
use crate::ops::columns::TypeFamily;
use crate::services::{NamedModel, Services};

/// A model over texts, as a function.
#[derive(Debug)]
pub struct TextCall {
    /// The model's entry.
    pub model: Arc<NamedModel>,
    /// Its files.
    pub opened: Arc<Model>,
    /// What it does.
    pub task: TextTask,
    /// What is asked of it.
    pub options: TextOptions,
    /// What the expression holds of it.
    pub output: TextOutput,
    signature: Signature,
}

/// What a model makes of texts: of Embed a vector, of Generate a text, of Classify the struct {label, score}, of Answer, whose texts are a
/// question and the text to look in, the struct {answer, score, answer_start, answer_end}.
/// Errors: `Plan` for a model that was trained here; those of files that are not whole.
pub fn text_call(
    texts: Vec<Expr>,
    model: Arc<NamedModel>,
    task: TextTask,
    options: TextOptions,
    services: &Services,
) -> Result<Expr, Error> {
    let opened = opened(task, &model, services)?;
    let output = match task {
        TextTask::Embed => TextOutput::Vector { width: Embedder::width_of(&opened)? },
        TextTask::Generate => TextOutput::Text,
        TextTask::Classify => TextOutput::Struct(vec![TextOutput::Label, TextOutput::Score]),
        TextTask::Answer => {
            TextOutput::Struct(vec![TextOutput::Answer, TextOutput::Score, TextOutput::AnswerStart, TextOutput::AnswerEnd])
        }
    };
    // Volatile, so that nothing is made of it before the operator is.
    let signature = Signature::user_defined(Volatility::Volatile);
    Ok(ScalarUDF::new_from_impl(TextCall { model, opened, task, options, output, signature }).call(texts))
}

impl TextCall {
    /// The call that an expression is, and its texts.
    pub fn of(expr: &Expr) -> Option<(&Self, &[Expr])> {
        match expr {
            Expr::ScalarFunction(function) => {
                function.func.inner().as_ref().downcast_ref::<TextCall>().map(|call| (call, function.args.as_slice()))
            }
            _ => None,
        }
    }

    fn unplanned<T>(&self) -> Result<T> {
        let what = "a model's results are no part of an expression over the elements of lists";
        let hint = "explode the list, compute a column of it, and gather it again by group_by";
        Err(to_datafusion(Error::not_implemented(self.task.op(), what).hint(hint)))
    }
}

impl ScalarUDFImpl for TextCall {
    fn name(&self) -> &str {
        match self.task {
            TextTask::Embed => "embed",
            TextTask::Generate => "generate",
            TextTask::Classify => "classify",
            TextTask::Answer => "answer",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(types.to_vec())
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(self.output.data_type().0)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let other = |field: &&FieldRef| !matches!(TypeFamily::of(field.data_type()), Some(TypeFamily::Text | TypeFamily::Null));
        if let Some(field) = args.arg_fields.iter().find(other) {
            let what = format!("`{}` has another type, expected text, got {}", field.name(), field.data_type());
            return Err(to_datafusion(Error::dtype(self.name(), what).hint("cast it to a text")));
        }
        Ok(TextColumn { output: self.output.clone(), name: self.name().into() }.field())
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.unplanned()
    }
}

impl PartialEq for TextCall {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.opened, &other.opened)
            && (&self.model.name, self.model.version) == (&other.model.name, other.model.version)
            && self.task == other.task
            && self.options == other.options
            && self.output == other.output
    }
}

impl Eq for TextCall {}

impl Hash for TextCall {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.opened).hash(state);
        self.task.hash(state);
    }
}
