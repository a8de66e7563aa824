//! What was made of texts, for equal ones of the same query.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use datafusion::execution::TaskContext;

use super::answer::Answer;
use crate::memory::Memory;

/// Bytes that are kept, at most; also no more than the session's memory gives.
const BYTES_MAX: usize = 64 << 20;

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

    pub fn get(&self, text: &str) -> Option<Arc<Answer>> {
        self.answers.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).get(text).map(Arc::clone)
    }

    /// Keeps an answer, if there is room.
    pub fn keep(&self, text: &str, answer: &Arc<Answer>) {
        const ENTRY_BYTES: usize = 64;
        let bytes = text.len() + answer.bytes() + ENTRY_BYTES;
        if self.memory.bytes() + bytes <= BYTES_MAX && self.memory.try_grow(bytes) {
            let mut answers = self.answers.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            answers.insert(text.into(), Arc::clone(answer));
        }
    }
}
