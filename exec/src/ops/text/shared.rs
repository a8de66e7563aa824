//! What operators share that ask the same of the same model: the compiled network, and within a query the answers.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, Weak};

use datafusion::execution::TaskContext;
use gradframe_ml_core::Result;
use gradframe_ml_models::Model;
use gradframe_plan::ops::text::{TextNode, TextOptions, TextTask};

use super::known::Known;
use super::worker::Ready;

/// Those that somebody holds.
static ALL: Mutex<Vec<Weak<Shared>>> = Mutex::new(Vec::new());

/// A model, and what is asked of it.
#[derive(Debug)]
pub struct Shared {
    opened: Arc<Model>,
    task: TextTask,
    options: TextOptions,
    pub ready: OnceLock<Result<Ready>>,
    /// Of the queries that run.
    queries: Mutex<Vec<(Weak<TaskContext>, Weak<Known>)>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Shared {
    /// What an operator shares with others that are there.
    pub fn of(node: &TextNode) -> Arc<Shared> {
        let options =
            TextOptions { column: None, pair_column: None, question_column: None, ..TextOptions::clone(node.options()) };
        let mut all = lock(&ALL);
        all.retain(|shared| shared.strong_count() > 0);
        let is_same = |shared: &Arc<Shared>| {
            Arc::ptr_eq(&shared.opened, node.opened()) && shared.task == node.task() && shared.options == options
        };
        if let Some(found) = all.iter().filter_map(Weak::upgrade).find(is_same) {
            return found;
        }
        let (opened, task) = (Arc::clone(node.opened()), node.task());
        let new = Arc::new(Shared { opened, task, options, ready: OnceLock::new(), queries: Mutex::default() });
        all.push(Arc::downgrade(&new));
        new
    }

    /// What a query knows, as long as one of its operators holds it.
    pub fn known(&self, context: &Arc<TaskContext>) -> Arc<Known> {
        let mut queries = lock(&self.queries);
        queries.retain(|(_, known)| known.strong_count() > 0);
        let own = queries.iter().find(|(query, _)| std::ptr::eq(query.as_ptr(), Arc::as_ptr(context)));
        if let Some(known) = own.and_then(|(_, known)| known.upgrade()) {
            return known;
        }
        let new = Arc::new(Known::new(self.task.op(), context));
        queries.push((Arc::downgrade(context), Arc::downgrade(&new)));
        new
    }
}
