//! What lies underneath an error, in a form that survives every copy of it.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// A cause that errors share. An error that DataFusion hands to several of its parts is copied, and keeps a cause of this
/// kind: an exception of the user's with its traceback, say.
#[derive(Debug, Clone)]
pub struct SharedCause(pub Arc<dyn StdError + Send + Sync>);

impl fmt::Display for SharedCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for SharedCause {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(self.0.as_ref())
    }
}
