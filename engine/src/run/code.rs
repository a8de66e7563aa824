//! Where the code of a run is, and what is known of it there.

use std::path::{Path, PathBuf};

use gradframe_connectors::surroundings;
use gradframe_plan::services::CodeState;

/// Where the code of a run is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Code {
    /// In the repository of the working directory.
    #[default]
    Here,
    At(PathBuf),
    /// It is not looked for.
    Unknown,
}

impl Code {
    /// Its state as it is now.
    pub(crate) fn state(&self) -> CodeState {
        self.directory().map(surroundings::code_state).unwrap_or_default()
    }

    /// Its state as it was a moment ago, for what happens often.
    pub(crate) fn recent_state(&self) -> CodeState {
        self.directory().map(surroundings::recent_code_state).unwrap_or_default()
    }

    /// The files beside it that say which packages it has, by name.
    pub(crate) fn lock_files(&self) -> Vec<(String, PathBuf)> {
        self.directory().map(surroundings::lock_files).unwrap_or_default()
    }

    fn directory(&self) -> Option<&Path> {
        match self {
            Code::Here => Some(Path::new(".")),
            Code::At(directory) => Some(directory),
            Code::Unknown => None,
        }
    }
}
