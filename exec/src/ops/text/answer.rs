//! What a model makes of a text, and of many the columns.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, FixedSizeListArray, Float32Array, Float64Array, Int64Array, StringArray, StructArray,
};
use arrow::buffer::NullBuffer;
use gradframe_ml_core::{Error, Result};
use gradframe_plan::ops::text::TextOutput;

/// What a model makes of a text.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    Vector {
        values: Box<[f32]>,
        tokens: usize,
        truncated: bool,
    },
    Text {
        text: String,
        prompt_tokens: usize,
        tokens: usize,
        finish: &'static str,
    },
    Label {
        label: Arc<str>,
        score: f64,
    },
    /// The part of a text that answers a question.
    Part {
        text: String,
        score: f64,
        characters: Range<usize>,
    },
    /// Nothing, and why.
    Failed(String),
}

impl Answer {
    /// Bytes beside the value itself.
    pub fn bytes(&self) -> usize {
        match self {
            Answer::Vector { values, .. } => size_of_val::<[f32]>(values),
            Answer::Text { text, .. } | Answer::Part { text, .. } | Answer::Failed(text) => text.len(),
            Answer::Label { .. } => 0,
        }
    }
}

/// A column of answers, one a row; None for a null text.
pub fn column(output: &TextOutput, answers: &[Option<Arc<Answer>>]) -> Result<ArrayRef> {
    let valid = || NullBuffer::from_iter(answers.iter().map(|a| a.as_deref().is_some_and(|a| !matches!(a, Answer::Failed(_)))));
    match output {
        TextOutput::Vector { width } => vectors(answers, *width, valid()),
        TextOutput::Statistics => statistics(answers, valid()),
        TextOutput::TextStatistics => text_statistics(answers, valid()),
        TextOutput::VectorStatus | TextOutput::TextStatus => Ok(Arc::new(statuses(answers))),
        TextOutput::Text => Ok(Arc::new(texts(answers, |answer| match answer {
            Answer::Text { text, .. } => Some(text),
            _ => None,
        }))),
        TextOutput::Label => Ok(Arc::new(texts(answers, |answer| match answer {
            Answer::Label { label, .. } => Some(label),
            _ => None,
        }))),
        TextOutput::Score => Ok(Arc::new(answers.iter().map(|a| score(a.as_deref())).collect::<Float64Array>())),
        TextOutput::Answer => Ok(Arc::new(texts(answers, |answer| match answer {
            Answer::Part { text, .. } => Some(text),
            _ => None,
        }))),
        TextOutput::AnswerStart => Ok(Arc::new(places(answers, |characters| characters.start))),
        TextOutput::AnswerEnd => Ok(Arc::new(places(answers, |characters| characters.end))),
        TextOutput::Struct(outputs) => {
            let columns = outputs.iter().map(|output| column(output, answers)).collect::<Result<Vec<_>>>()?;
            let fields = TextOutput::fields(outputs);
            Ok(Arc::new(StructArray::try_new(fields, columns, Some(valid())).map_err(internal)?))
        }
    }
}

fn vectors(answers: &[Option<Arc<Answer>>], width: usize, valid: NullBuffer) -> Result<ArrayRef> {
    let mut values = Vec::with_capacity(answers.len() * width);
    for answer in answers {
        match answer.as_deref() {
            Some(Answer::Vector { values: own, .. }) => values.extend_from_slice(own),
            _ => values.resize(values.len() + width, 0.0),
        }
    }
    let values = Arc::new(Float32Array::from(values));
    let lists = FixedSizeListArray::try_new(TextOutput::item(), width as i32, values, Some(valid));
    Ok(Arc::new(lists.map_err(internal)?))
}

fn statistics(answers: &[Option<Arc<Answer>>], valid: NullBuffer) -> Result<ArrayRef> {
    let found = answers.iter().map(|answer| match answer.as_deref() {
        Some(Answer::Vector { tokens, truncated, .. }) => (*tokens as i64, *truncated),
        _ => (0, false),
    });
    let (tokens, truncated): (Vec<i64>, Vec<bool>) = found.unzip();
    let columns: Vec<ArrayRef> = vec![Arc::new(Int64Array::from(tokens)), Arc::new(BooleanArray::from(truncated))];
    Ok(Arc::new(StructArray::try_new(TextOutput::statistics(), columns, Some(valid)).map_err(internal)?))
}

fn text_statistics(answers: &[Option<Arc<Answer>>], valid: NullBuffer) -> Result<ArrayRef> {
    let found = |answer: &Option<Arc<Answer>>| match answer.as_deref() {
        Some(Answer::Text { prompt_tokens, tokens, finish, .. }) => (*prompt_tokens as i64, *tokens as i64, *finish),
        _ => (0, 0, ""),
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(answers.iter().map(|a| Some(found(a).0)).collect::<Int64Array>()),
        Arc::new(answers.iter().map(|a| Some(found(a).1)).collect::<Int64Array>()),
        Arc::new(answers.iter().map(|a| Some(found(a).2)).collect::<StringArray>()),
    ];
    Ok(Arc::new(StructArray::try_new(TextOutput::text_statistics(), columns, Some(valid)).map_err(internal)?))
}

/// Empty where there is an answer, else why there is none.
fn statuses(answers: &[Option<Arc<Answer>>]) -> StringArray {
    let status = |answer: &Option<Arc<Answer>>| match answer.as_deref() {
        Some(Answer::Failed(why)) => why.clone(),
        Some(_) => String::new(),
        None => "the text is null".to_owned(),
    };
    answers.iter().map(|answer| Some(status(answer))).collect()
}

fn texts(answers: &[Option<Arc<Answer>>], text: impl Fn(&Answer) -> Option<&str>) -> StringArray {
    answers.iter().map(|answer| answer.as_deref().and_then(&text)).collect()
}

fn places(answers: &[Option<Arc<Answer>>], place: impl Fn(&Range<usize>) -> usize) -> Int64Array {
    let of = |answer: &Option<Arc<Answer>>| match answer.as_deref() {
        Some(Answer::Part { characters, .. }) => Some(place(characters) as i64),
        _ => None,
    };
    answers.iter().map(of).collect()
}

fn score(answer: Option<&Answer>) -> Option<f64> {
    match answer {
        Some(Answer::Label { score, .. } | Answer::Part { score, .. }) => Some(*score),
        _ => None,
    }
}

fn internal(error: arrow::error::ArrowError) -> Error {
    Error::internal("text", format!("a column of answers: {error}")).because(error)
}
