//! The columns that the operators over texts append, named as BigQuery names them.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields};

/// One appended column.
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
    /// `score`: its probability.
    Score,
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
        }
    }

    /// The column. A status is never null; the others are where there is no text, or none that the model takes.
    pub fn field(&self) -> FieldRef {
        let (data_type, nullable) = match self {
            TextOutput::Vector { width } => (DataType::FixedSizeList(Self::item(), *width as i32), true),
            TextOutput::Statistics => (DataType::Struct(Self::statistics()), true),
            TextOutput::TextStatistics => (DataType::Struct(Self::text_statistics()), true),
            TextOutput::VectorStatus | TextOutput::TextStatus => (DataType::Utf8, false),
            TextOutput::Text | TextOutput::Label => (DataType::Utf8, true),
            TextOutput::Score => (DataType::Float64, true),
        };
        Arc::new(Field::new(self.name(), data_type, nullable))
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
