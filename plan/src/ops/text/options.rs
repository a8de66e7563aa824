//! What may be asked of the operators over texts: `STRUCT(0.7 AS temperature, 64 AS max_output_tokens)`.

use arrow::datatypes::DataType;
use datafusion::scalar::ScalarValue;
use gradframe_ml_core::{Error, Result};
pub use gradframe_ml_models::GenerateOptions;

use super::TextTask;
use crate::names::suggest;

/// What becomes of a row whose text the model cannot take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnProblem {
    /// Nulls, and the reason in the status.
    #[default]
    Null,
    /// An error that ends the query.
    Error,
}

/// Options of the operators over texts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TextOptions {
    /// The column of texts; None: as the operator has it.
    pub column: Option<String>,
    /// Classify: the column of the second texts, where pairs are labelled.
    pub pair_column: Option<String>,
    /// Generate: the column of whole numbers that has each row's seed; None: all have that of `generate`.
    pub seed_column: Option<String>,
    /// Answer: the column of questions; None: `question`.
    pub question_column: Option<String>,
    /// Answer: tokens of an answer, at most; None: as many as `gradframe_ml_models::AnswerOptions` has by default.
    pub max_answer_tokens: Option<usize>,
    /// What becomes of a text that the model cannot take.
    pub on_problem: OnProblem,
    /// Embed: tokens of a text, at most.
    pub max_tokens: Option<usize>,
    /// Embed: vectors of length 1.
    pub normalize: bool,
    /// Embed: the name of one of the model's prompts.
    pub prompt_name: Option<String>,
    /// Generate: the result is called `ml_generate_text_llm_result`, as BigQuery calls it where it is a text and no JSON.
    pub flatten: bool,
    /// Generate: how texts are continued.
    pub generate: GenerateOptions,
}

const EMBED: &[&str] = &["content_column", "flatten_json_output", "max_tokens", "normalize", "on_error", "prompt_name"];
const GENERATE: &[&str] = &[
    "flatten_json_output",
    "prompt_column",
    "max_output_tokens",
    "min_output_tokens",
    "num_beams",
    "length_penalty",
    "on_error",
    "repetition_penalty",
    "seed",
    "seed_column",
    "stop_sequences",
    "temperature",
    "top_k",
    "top_p",
];
/// Transformers' names of options.
const SYNONYMS: &[(&str, &str)] =
    &[("max_new_tokens", "max_output_tokens"), ("min_new_tokens", "min_output_tokens"), ("stop", "stop_sequences")];
const CLASSIFY: &[&str] = &["content_column", "on_error", "pair_column"];
const ANSWER: &[&str] = &["content_column", "max_answer_tokens", "on_error", "question_column"];

impl TextOptions {
    /// The options of `STRUCT(...)` for one of the operators; what is not given of `generate` is as in `base`.
    /// Errors: `Plan` for a name that it does not have, or a value of another kind or out of its range.
    pub fn from_pairs(task: TextTask, base: GenerateOptions, pairs: &[(String, ScalarValue)]) -> Result<Self> {
        let mut options = TextOptions { generate: base, ..TextOptions::default() };
        let known = match task {
            TextTask::Embed => EMBED,
            TextTask::Generate => GENERATE,
            TextTask::Classify => CLASSIFY,
            TextTask::Answer => ANSWER,
        };
        for (name, value) in pairs {
            let name = name.to_lowercase();
            if !known.contains(&name.as_str()) {
                let error = Error::plan(task.op(), format!("unknown option `{name}`"));
                let near = SYNONYMS.iter().find(|(other, own)| *other == name && known.contains(own));
                return Err(error.hint(match near {
                    Some((_, own)) => format!("did you mean `{own}`?"),
                    None => suggest(&name, known.iter().copied()),
                }));
            }
            options.set(&Given { op: task.op(), name: &name, value })?;
        }
        options.generate.check_as(name_in_sql)?;
        Ok(options)
    }

    fn set(&mut self, given: &Given) -> Result<()> {
        match given.name {
            "content_column" | "prompt_column" => self.column = Some(given.text()?),
            "flatten_json_output" => self.flatten = given.flattened()?,
            "pair_column" => self.pair_column = Some(given.text()?),
            "seed_column" => self.seed_column = Some(given.text()?),
            "question_column" => self.question_column = Some(given.text()?),
            "max_answer_tokens" => self.max_answer_tokens = Some(given.size()?),
            "max_tokens" => self.max_tokens = Some(given.size()?),
            "normalize" => self.normalize = given.flag()?,
            "prompt_name" => self.prompt_name = Some(given.text()?),
            "on_error" => self.on_problem = given.on_problem()?,
            _ => self.set_generate(given)?,
        }
        Ok(())
    }

    fn set_generate(&mut self, given: &Given) -> Result<()> {
        let own = &mut self.generate;
        match given.name {
            "max_output_tokens" => own.max_tokens = given.some()?,
            "min_output_tokens" => own.min_tokens = given.size()?,
            "num_beams" => own.beams = given.some()?,
            "length_penalty" => own.length_penalty = given.number()?,
            "repetition_penalty" => own.repetition_penalty = given.number()?,
            "seed" => own.seed = given.size()? as u64,
            "stop_sequences" => own.stop = given.texts()?,
            "temperature" => own.temperature = given.number()?,
            "top_k" => own.top_k = Some(given.size()?).filter(|&most| most > 0),
            _ => own.top_p = given.number()?,
        }
        Ok(())
    }
}

/// An option of `GenerateOptions` as the relation calls it.
fn name_in_sql(name: &'static str) -> &'static str {
    match name {
        "max_tokens" => "max_output_tokens",
        "min_tokens" => "min_output_tokens",
        "beams" => "num_beams",
        "stop" => "stop_sequences",
        same => same,
    }
}

/// A value of STRUCT.
struct Given<'a> {
    op: &'static str,
    name: &'a str,
    value: &'a ScalarValue,
}

impl Given<'_> {
    fn wrong(&self, expected: &str) -> Error {
        Error::plan(self.op, format!("option `{}` takes {expected}, got `{}`", self.name, self.value))
    }

    fn size(&self) -> Result<usize> {
        match self.value.cast_to(&DataType::Int64) {
            Ok(ScalarValue::Int64(Some(size))) if self.value.data_type().is_integer() => {
                usize::try_from(size).map_err(|_| self.wrong("a whole number from 0"))
            }
            _ => Err(self.wrong("a whole number from 0")),
        }
    }

    fn some(&self) -> Result<usize> {
        let wrong = || self.wrong("a whole number from 1");
        self.size().ok().filter(|&size| size > 0).ok_or_else(wrong)
    }

    fn number(&self) -> Result<f64> {
        match self.value.cast_to(&DataType::Float64) {
            Ok(ScalarValue::Float64(Some(number))) if self.value.data_type().is_numeric() => Ok(number),
            _ => Err(self.wrong("a number")),
        }
    }

    fn flag(&self) -> Result<bool> {
        match self.value {
            ScalarValue::Boolean(Some(flag)) => Ok(*flag),
            _ => Err(self.wrong("true or false")),
        }
    }

    /// BigQuery's `flatten_json_output`. Errors: `NotImplemented` for false: results are never JSON here.
    fn flattened(&self) -> Result<bool> {
        match self.flag()? {
            true => Ok(true),
            false => {
                Err(Error::not_implemented(self.op, format!("option `{}`: results are never JSON, expected true", self.name)))
            }
        }
    }

    fn text(&self) -> Result<String> {
        match self.value {
            ScalarValue::Utf8(Some(text)) if !text.is_empty() => Ok(text.clone()),
            _ => Err(self.wrong("a text")),
        }
    }

    /// One text, or a list of texts.
    fn texts(&self) -> Result<Vec<String>> {
        let ScalarValue::List(list) = self.value else { return Ok(vec![self.text()?]) };
        let wrong = || self.wrong("a list of texts");
        let rows = ScalarValue::convert_array_to_scalar_vec(list.as_ref()).map_err(|_| wrong())?;
        let items = rows.into_iter().next().flatten().unwrap_or_default();
        let text = |item: ScalarValue| match item {
            ScalarValue::Utf8(Some(text)) => Ok(text),
            _ => Err(wrong()),
        };
        items.into_iter().map(text).collect()
    }

    fn on_problem(&self) -> Result<OnProblem> {
        match self.text()?.to_lowercase().as_str() {
            "null" => Ok(OnProblem::Null),
            "error" => Ok(OnProblem::Error),
            _ => Err(self.wrong("'null' or 'error'")),
        }
    }
}
