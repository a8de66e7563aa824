//! Whether a search looks at what is deleted.

use serde_json::Value;

use super::answer::Failure;
use super::call::Call;

/// Of experiments or runs, those that a search looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    Active,
    Deleted,
    All,
}

impl View {
    /// The one that the call names by its word or its number in MLflow's protocol; those that are not deleted if it names none.
    /// Errors: for what is no view.
    pub fn read(call: &Call, name: &str) -> Result<Self, Failure> {
        let said = match call.value(name) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.to_ascii_uppercase(),
            Some(other) => other.to_string(),
        };
        match said.as_str() {
            "" | "ACTIVE_ONLY" | "1" => Ok(View::Active),
            "DELETED_ONLY" | "2" => Ok(View::Deleted),
            "ALL" | "3" => Ok(View::All),
            _ => Err(Failure::invalid(format!("`{name}` is {said}, expected ACTIVE_ONLY, DELETED_ONLY or ALL"))),
        }
    }

    /// Whether it has what is deleted, or is not.
    pub fn has(self, deleted: bool) -> bool {
        match self {
            View::Active => !deleted,
            View::Deleted => deleted,
            View::All => true,
        }
    }
}
