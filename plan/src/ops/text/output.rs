//! The columns that the operators over texts append, named as BigQuery names them.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields};

/// An appended column: what it is of, and its name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TextColumn {
    /// What the model makes of the row's texts.
    pub output: TextOutput,
    /// Its name.
    pub name: Arc<str>,
}

impl TextColumn {
    /// The column.
    pub fn field(&self) -> FieldRef {
        let (data_type, nullable) = self.output.data_type();
        Arc::new(Field::new(&*self.name, data_type, nullable))
    }
}

impl From<TextOutput> for TextColumn {
    /// Named as BigQuery names it.
    fn from(output: TextOutput) -> Self {
        TextColumn { name: output.name().into(), output }
    }
}

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TextOutput {
    /// `ml_generate_embedding_result`: so many f32.
    Vector { width: usize },
    /// `ml_generate_embedding_statistics`: {token_count, truncated}.
    Statistics,
    /// `ml_generate_embedding_status`: empty, or why there is no vector.
    VectorStatus,
    /// `ml_generate_text_result`: what comes after the prompt.
    Text,
    /// `ml_generate_text_statistics`: {prompt_token_count, token_count, finish_reason}.
    TextStatistics,
    /// `ml_generate_text_status`: empty, or why there is no text.
    TextStatus,
    /// `label`: the most probable one.
    Label,
    /// `score`: its probability, or that of the answer.
    Score,
    /// `answer`: the part of the text that answers the question.
    Answer,
    /// `answer_start`: its first character, counted from 0.
    AnswerStart,
    /// `answer_end`: the character behind its last.
    AnswerEnd,
    /// Several of them as the fields of a struct.
    Struct(Vec<TextOutput>),
}

impl TextOutput {
    /// The column's name.
    pub fn name(&self) -> &'static str {
        match self {
            TextOutput::Vector { .. } => "ml_generate_embedding_result",
            TextOutput::Statistics => "ml_generate_embedding_statistics",
            TextOutput::VectorStatus => "ml_generate_embedding_status",
            TextOutput::Text => "ml_generate_text_result",
            TextOutput::TextStatistics => "ml_generate_text_statistics",
            TextOutput::TextStatus => "ml_generate_text_status",
            TextOutput::Label => "label",
            TextOutput::Score => "score",
            TextOutput::Answer => "answer",
            TextOutput::AnswerStart => "answer_start",
            TextOutput::AnswerEnd => "answer_end",
            TextOutput::Struct(_) => "struct",
        }
    }

    /// Its type, and whether it may be null: a status never is; the others are where there is no text, or none that the model takes.
    pub fn data_type(&self) -> (DataType, bool) {
        match self {
            TextOutput::Vector { width } => (DataType::FixedSizeList(Self::item(), *width as i32), true),
            TextOutput::Statistics => (DataType::Struct(Self::statistics()), true),
            TextOutput::TextStatistics => (DataType::Struct(Self::text_statistics()), true),
            TextOutput::VectorStatus | TextOutput::TextStatus => (DataType::Utf8, false),
            TextOutput::Text | TextOutput::Label | TextOutput::Answer => (DataType::Utf8, true),
            TextOutput::Score => (DataType::Float64, true),
            TextOutput::AnswerStart | TextOutput::AnswerEnd => (DataType::Int64, true),
            TextOutput::Struct(fields) => (DataType::Struct(Self::fields(fields)), true),
        }
    }

    /// The fields of a struct of them.
    pub fn fields(outputs: &[TextOutput]) -> Fields {
        outputs.iter().map(|output| TextColumn::from(output.clone()).field()).collect()
    }

    /// A number of a vector.
    pub fn item() -> FieldRef {
        Arc::new(Field::new("item", DataType::Float32, false))
    }

    /// What is said of an embedding.
    pub fn statistics() -> Fields {
        Fields::from(vec![Field::new("token_count", DataType::Int64, false), Field::new("truncated", DataType::Boolean, false)])
    }

    /// What is said of a continuation.
    pub fn text_statistics() -> Fields {
        Fields::from(vec![
            Field::new("prompt_token_count", DataType::Int64, false),
            Field::new("token_count", DataType::Int64, false),
            Field::new("finish_reason", DataType::Utf8, false),
        ])
    }
}
