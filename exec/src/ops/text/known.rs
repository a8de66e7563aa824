//! What was made of texts, for equal ones of the same query.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use datafusion::execution::TaskContext;

use super::answer::Answer;
use super::inputs::{Texts, key};
use crate::memory::Memory;

/// Bytes that are kept, at most; also no more than the session's memory gives.
const BYTES_MAX: usize = 32 << 20;
/// What an entry takes beside its text and values: two allocations' heads, the answer, its place in the table.
const ENTRY_BYTES: usize = 160;

/// Answers by their texts, shared by the partitions of a query.
#[derive(Debug)]
pub struct Known {
    answers: Mutex<HashMap<Box<str>, Arc<Answer>>>,
    memory: Memory,
}

impl Known {
    pub fn new(op: &'static str, context: &TaskContext) -> Self {
        Known { answers: Mutex::default(), memory: Memory::new(op, context) }
    }

    pub fn get(&self, texts: Texts) -> Option<Arc<Answer>> {
        self.answers.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).get(&*key(texts)).map(Arc::clone)
    }

    /// Keeps an answer, if there is room.
    pub fn keep(&self, texts: Texts, answer: &Arc<Answer>) {
        let text = key(texts);
        let bytes = text.len() + answer.bytes() + ENTRY_BYTES;
        if self.memory.bytes() + bytes <= BYTES_MAX && self.memory.try_grow(bytes) {
            let mut answers = self.answers.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            answers.insert(text.into_owned().into(), Arc::clone(answer));
        }
    }
}
