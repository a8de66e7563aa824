//! The project's own source files, and reading Rust without its comments and strings.

use std::fs;
use std::path::{Path, PathBuf};

use crate::process::{Result, root};

/// Folders of the repository that hold Rust.
const FOLDERS: [&str; 11] =
    ["ml", "gpu", "plan", "exec", "sql", "connectors", "engine", "bindings", "tests", "xtask", "examples"];

/// A Rust file of the project.
pub struct Source {
    /// Relative to the root, with forward slashes.
    pub path: String,
    pub text: String,
}

/// Every Rust file of the project, in path order.
pub fn rust_files() -> Result<Vec<Source>> {
    let mut paths = Vec::new();
    for folder in FOLDERS {
        collect(&root().join(folder), &mut paths)?;
    }
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> Result {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let path = entry?.path();
        let built = path.file_name().is_some_and(|name| name == "target" || name.as_encoded_bytes().starts_with(b"."));
        if path.is_dir() && !built {
            collect(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Source> {
    let text = fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let relative = path.strip_prefix(root()).unwrap_or(path);
    Ok(Source { path: relative.to_string_lossy().replace('\\', "/"), text })
}

impl Source {
    /// The lines of code, numbered from 1, with line comments and the insides of plain string literals taken out.
    pub fn code_lines(&self) -> impl Iterator<Item = (usize, String)> + '_ {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, code_of(line)))
    }
}

/// A line without its comment and without what stands between quotes. Strings over several lines are not followed.
fn code_of(line: &str) -> String {
    let mut code = String::with_capacity(line.len());
    let mut characters = line.chars().peekable();
    let mut in_string = false;
    while let Some(character) = characters.next() {
        match character {
            '\\' if in_string => drop(characters.next()),
            '"' => in_string = !in_string,
            '/' if !in_string && characters.peek() == Some(&'/') => break,
            _ if in_string => {}
            _ => code.push(character),
        }
    }
    code
}

#[cfg(test)]
mod tests {
    use super::code_of;

    #[test]
    fn comments_and_strings_are_no_code() {
        assert_eq!(code_of("let x = 1; // unsafe"), "let x = 1; ");
        assert_eq!(code_of(r#"call("an \"unsafe // word", y)"#), "call(, y)");
    }
}
