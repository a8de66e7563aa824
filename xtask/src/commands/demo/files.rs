//! A user's table among the files of a folder.

use std::fs;
use std::path::{Path, PathBuf};

use crate::process::Result;

/// Endings of data files, before those of compression.
const ENDINGS: [&str; 11] =
    [".parquet", ".parq", ".pq", ".csv", ".tsv", ".ndjson", ".jsonl", ".json", ".arrow", ".feather", ".ipc"];
const COMPRESSED: [&str; 4] = [".gz", ".zst", ".bz2", ".xz"];

/// What to read for a table: a file or a pattern, and its name in SQL.
#[derive(Debug, PartialEq)]
pub struct Found {
    pub path: String,
    pub name: String,
}

/// `folder/table.csv`, whatever the ending, or the files of `folder/table/`; the table may be named with its ending, too.
/// Errors: nothing is there (with the tables that are), or more than one thing is.
pub fn find(folder: &Path, table: &str) -> Result<Found> {
    let entries = fs::read_dir(folder).map_err(|error| format!("cannot list the folder `{}`: {error}", folder.display()))?;
    let mut entries: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| is_table(path)).collect();
    entries.sort();
    if let Some(exact) = folder.join(table).canonicalize().ok().filter(|path| path.is_file()) {
        return Ok(Found { path: exact.display().to_string(), name: stem(&exact) });
    }
    let matching: Vec<&PathBuf> = entries.iter().filter(|path| stem(path) == table).collect();
    match matching.as_slice() {
        [path] => Ok(Found { path: pattern(path)?, name: table.to_string() }),
        [] => {
            let known: Vec<String> = entries.iter().map(|path| stem(path)).collect();
            Err(format!("no table `{table}` in `{}`; {}", folder.display(), suggestion(table, &known)).into())
        }
        several => {
            let names: Vec<String> = several.iter().map(|path| format!("`{}`", file_name(path))).collect();
            Err(format!("`{table}` may be {}: name one with its ending", names.join(" or ")).into())
        }
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// A file of data, or a folder that holds some.
fn is_table(path: &Path) -> bool {
    if path.is_dir() { ending_inside(path).is_some() } else { ending(&file_name(path)).is_some() }
}

/// The ending of a data file's name, that of compression included.
fn ending(name: &str) -> Option<&str> {
    let lower = name.to_ascii_lowercase();
    let plain = COMPRESSED.iter().find_map(|ending| lower.strip_suffix(ending)).unwrap_or(&lower);
    let found = ENDINGS.iter().find(|ending| plain.ends_with(**ending))?;
    name.get(plain.len() - found.len()..)
}

/// The ending of the first data file in a folder, at any depth.
fn ending_inside(folder: &Path) -> Option<String> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let visible = paths.into_iter().filter(|path| !file_name(path).starts_with(['.', '_']));
    visible
        .into_iter()
        .find_map(|path| if path.is_dir() { ending_inside(&path) } else { ending(&file_name(&path)).map(str::to_string) })
}

/// The name without its ending.
fn stem(path: &Path) -> String {
    let name = file_name(path);
    let ending = ending(&name).map_or(0, str::len);
    name[..name.len() - ending].to_string()
}

fn pattern(path: &Path) -> Result<String> {
    let path = path.canonicalize()?;
    match ending_inside(&path).filter(|_| path.is_dir()) {
        Some(ending) => Ok(format!("{}/**/*{ending}", path.display())),
        None => Ok(path.display().to_string()),
    }
}

/// The nearest name, else all of them.
fn suggestion(name: &str, known: &[String]) -> String {
    let near = known.iter().map(|other| (edits(name, other), other)).filter(|(edits, _)| *edits <= name.len() / 3 + 1).min();
    match near {
        Some((_, near)) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "it holds no data files (Parquet, CSV, NDJSON or Arrow)".to_string(),
        None => format!("there are {}", known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
    }
}

/// Letters to change, add or leave out to make one word of the other (Levenshtein).
fn edits(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.to_lowercase().chars().collect(), b.to_lowercase().chars().collect());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in b.iter().enumerate() {
            let change = diagonal + usize::from(letter != other);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str, files: &[&str]) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("gradframe-xtask-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        for file in files {
            let path = folder.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder.canonicalize().unwrap()
    }

    #[test]
    fn a_table_is_a_file_or_a_folder_of_them() {
        let folder = folder("found", &["housing.csv", "trips/2013/a.parquet", "logs.ndjson.gz", "notes.txt", "raw.data"]);
        let path = |name: &str| format!("{}/{name}", folder.display());
        let found = |table| find(&folder, table).map(|found| (found.path, found.name)).unwrap();
        assert_eq!(found("housing"), (path("housing.csv"), "housing".into()));
        assert_eq!(found("housing.csv"), (path("housing.csv"), "housing".into()));
        assert_eq!(found("trips"), (path("trips/**/*.parquet"), "trips".into()));
        assert_eq!(found("logs"), (path("logs.ndjson.gz"), "logs".into()));
        assert_eq!(found("raw.data"), (path("raw.data"), "raw.data".into()));
        let message = find(&folder, "huosing").unwrap_err().to_string();
        assert!(message.ends_with("did you mean `housing`?"), "{message}");
        let message = find(&folder, "weather").unwrap_err().to_string();
        assert!(message.ends_with("there are `housing`, `logs`, `trips`"), "{message}");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_name_that_means_two_files_is_refused() {
        let folder = folder("two", &["t.csv", "t.parquet"]);
        assert!(find(&folder, "t").unwrap_err().to_string().contains("`t.csv` or `t.parquet`"));
        assert!(find(&folder.join("none"), "t").is_err());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn edits_are_counted() {
        assert_eq!([edits("abc", "abc"), edits("abc", "acb"), edits("", "ab"), edits("kitten", "sitting")], [0, 2, 2, 3]);
    }
}
