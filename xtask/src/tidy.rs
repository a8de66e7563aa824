//! House rules that a machine can hold: headers, lengths, left-over marks, big files.

use std::fs;

use crate::process::{Result, output_of, root};
use crate::source::{Source, rust_files};

/// No file is longer: a longer one is more than one thing.
const FILE_LINES_MAX: usize = 700;
/// No committed file is bigger: data is made or fetched, not kept here.
const FILE_BYTES_MAX: u64 = 1_000_000;
/// Marks of unfinished work, spelt apart so that this file passes its own test.
const MARKS: [&str; 6] = [
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("db", "g!("),
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
];

/// Every breach, one line each; empty when all is well.
pub fn complaints() -> Result<Vec<String>> {
    let files = rust_files()?;
    let mut complaints: Vec<String> = files.iter().flat_map(source_complaints).collect();
    complaints.extend(big_files()?);
    Ok(complaints)
}

fn source_complaints(file: &Source) -> Vec<String> {
    let mut complaints = Vec::new();
    if !file.text.starts_with("//!") {
        complaints.push(format!("{}: begins without a `//!` header that says what it is", file.path));
    }
    let lines = file.text.lines().count();
    if lines > FILE_LINES_MAX {
        complaints.push(format!("{}: {lines} lines, at most {FILE_LINES_MAX}", file.path));
    }
    for (index, line) in file.text.lines().enumerate() {
        if let Some(mark) = MARKS.iter().find(|mark| line.contains(**mark)) {
            complaints.push(format!("{}:{}: `{mark}`", file.path, index + 1));
        }
    }
    complaints
}

/// Files over the limit among those that git knows; none where there is no git.
fn big_files() -> Result<Vec<String>> {
    let mut list = std::process::Command::new("git");
    list.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root());
    let Ok(listed) = output_of(&mut list) else { return Ok(Vec::new()) };
    let size = |path: &&str| fs::metadata(root().join(path)).map_or(0, |metadata| metadata.len());
    let big = listed.split('\0').filter(|path| !path.is_empty() && size(path) > FILE_BYTES_MAX);
    Ok(big.map(|path| format!("{path}: over {FILE_BYTES_MAX} bytes; make or fetch it instead")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_project_is_tidy() {
        assert_eq!(complaints().unwrap(), Vec::<String>::new());
    }

    #[test]
    fn each_breach_is_named() {
        let text = format!("fn main() {{ {}) }}\n{}", MARKS[0], "\n".repeat(FILE_LINES_MAX));
        let file = Source { path: "plan/src/a.rs".into(), text };
        assert_eq!(source_complaints(&file).len(), 3, "no header, too long, a mark");
    }
}
