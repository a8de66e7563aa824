//! Frames that have a name in one statement alone.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;

/// Frames by name.
pub(crate) type Frames = BTreeMap<String, Arc<dyn TableProvider>>;

tokio::task_local! {
    /// Those of the statement that is being planned.
    static FRAMES: Arc<Frames>;
}

/// Plans or runs a statement in which these frames go before tables of their names.
pub(crate) async fn with_frames<T>(frames: Frames, work: impl Future<Output = T>) -> T {
    FRAMES.scope(Arc::new(frames), work).await
}

/// The frame of this name, in this statement.
pub(super) fn named(name: &str) -> Option<Arc<dyn TableProvider>> {
    FRAMES.try_with(|frames| frames.get(name).cloned()).ok().flatten()
}

/// Whether a frame of this statement has the name.
pub(crate) fn is_frame(name: &str) -> bool {
    named(name).is_some()
}

/// The columns of the frame of this name, in this statement.
pub(crate) fn schema_of_frame(name: &str) -> Option<SchemaRef> {
    Some(named(name)?.schema())
}

/// The names of this statement's frames.
pub(super) fn names() -> Vec<String> {
    FRAMES.try_with(|frames| frames.keys().cloned().collect()).unwrap_or_default()
}
