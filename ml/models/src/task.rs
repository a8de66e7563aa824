//! What the head of a network is for: as its configuration says, else as the tensors are that it has.

use crate::Weights;
use crate::config::Config;

/// What a head is for, by the names of transformers' classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Task {
    /// Scores of the token at each place, of the vocabulary: `...ForMaskedLM`.
    MaskedTokens,
    /// Scores of the token after each place: `...ForCausalLM`, `GPT2LMHeadModel`.
    NextToken,
    /// Scores of labels of the whole: `...ForSequenceClassification`.
    Sequence,
    /// Scores of labels of each token: `...ForTokenClassification`.
    Tokens,
    /// Scores of each token as the first and as the last of an answer: `...ForQuestionAnswering`.
    Answer,
}

/// Tensors that only a head has, in the order in which they decide. A `classifier` after a pooler is of whole texts.
const HEADS: &[(&str, Task)] = &[
    ("qa_outputs.weight", Task::Answer),
    ("classifier.out_proj.weight", Task::Sequence),
    ("pre_classifier.weight", Task::Sequence),
    ("score.weight", Task::Sequence),
    ("bert.pooler.dense.weight", Task::Sequence),
    ("classifier.weight", Task::Tokens),
    ("cls.predictions.transform.dense.weight", Task::MaskedTokens),
    ("vocab_transform.weight", Task::MaskedTokens),
    ("lm_head.dense.weight", Task::MaskedTokens),
];

impl Task {
    /// The task of a configuration's `architectures`; of one without, by the head that the checkpoint has, where a network that
    /// `continues` texts has one for that. None of a model without a head.
    pub fn of(config: &Config, weights: &Weights, continues: bool) -> Option<Task> {
        match config.get("architectures").and_then(|named| named.get(0)?.as_str()) {
            Some(class) => Task::of_class(class),
            None => Task::of_tensors(weights).or(continues.then_some(Task::NextToken)),
        }
    }

    fn of_class(class: &str) -> Option<Task> {
        let endings = [
            ("ForMaskedLM", Task::MaskedTokens),
            ("ForCausalLM", Task::NextToken),
            ("LMHeadModel", Task::NextToken),
            ("ForSequenceClassification", Task::Sequence),
            ("ForTokenClassification", Task::Tokens),
            ("ForQuestionAnswering", Task::Answer),
        ];
        endings.into_iter().find(|(ending, _)| class.ends_with(ending)).map(|(_, task)| task)
    }

    fn of_tensors(weights: &Weights) -> Option<Task> {
        let is_there = |name: &str| weights.contains(name);
        let labels = ["classifier.weight", "classifier.out_proj.weight", "score.weight"].iter().any(|name| is_there(name));
        let found = HEADS.iter().find(|(name, task)| is_there(name) && (*task != Task::Sequence || labels));
        found.map(|(_, task)| *task)
    }

    /// As users name it.
    pub fn name(self) -> &'static str {
        match self {
            Task::MaskedTokens => "fill-mask",
            Task::NextToken => "text-generation",
            Task::Sequence => "text-classification",
            Task::Tokens => "token-classification",
            Task::Answer => "question-answering",
        }
    }
}
