//! A database that is gone, or that a full disk or a broken copy has left empty, beside what only its rows give a meaning.
//!
//! It is no new store: the next collection of garbage would remove every content, the next training write over the first version.

use std::fs;
use std::path::Path;

use gradframe_ml_core::{Error, Result};

use super::model_files::{UNFINISHED_PREFIX, WRITER};
use super::table_marks::marked_directory;

/// What a database begins with. A file that is shorter is none of SQLite's.
const HEADER_BYTES: u64 = 100;

/// Errors: `External` if there is no database at `path`, or an empty file, though one was there.
pub(super) fn check_not_lost(path: &Path) -> Result<()> {
    // Looked at first: what is there has come after the database, which is there then if it is looked at later.
    let Some(home) = path.parent() else { return Ok(()) };
    let Some(left) = what_is_left(home, path) else { return Ok(()) };
    let is = match fs::metadata(path).map(|file| file.len()) {
        Ok(HEADER_BYTES..) => return Ok(()),
        Ok(bytes) => format!("is cut off, of {bytes} bytes"),
        Err(_) => "is missing".to_owned(),
    };
    let what = format!("`{}` {is}, though `{left}` beside it is of a store that was there", path.display());
    let hint = "put store.db back from a backup; for a new store move what is beside it away, or name another home";
    Err(Error::external("store", what).hint(hint))
}

/// Something that is there only after the database was. What a process has left that died before its first commit is not.
fn what_is_left(home: &Path, path: &Path) -> Option<String> {
    let log = path.with_extension("db-wal");
    if fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
        return Some("store.db-wal".to_owned());
    }
    let is_there = |name: &str| home.join(name).is_dir().then(|| name.to_owned());
    let object = || names_in(&home.join("objects")).find(|name| name.len() == 2 && has_any(&home.join("objects").join(name)));
    let object = || object().map(|name| format!("objects/{name}"));
    is_there("points").or_else(object).or_else(|| version(home)).or_else(|| table(home))
}

fn version(home: &Path) -> Option<String> {
    let models = home.join("models");
    let version_of = |model: String| {
        let directory = models.join(&model);
        let whole = |name: &String| !name.starts_with(UNFINISHED_PREFIX) && !directory.join(name).join(WRITER).exists();
        names_in(&directory).find(whole).map(|version| format!("models/{model}/{version}"))
    };
    names_in(&models).find_map(version_of)
}

fn table(home: &Path) -> Option<String> {
    let tables = home.join("tables");
    // The mark comes first: it is looked for after the directory has been seen.
    let is_marked = |name: &String| names_in(&tables).any(|mark| marked_directory(&mark) == Some(name.as_str()));
    let mut directories = names_in(&tables).filter(|name| !name.starts_with('.') && tables.join(name).is_dir());
    directories.find(|name| !is_marked(name)).map(|name| format!("tables/{name}"))
}

fn has_any(directory: &Path) -> bool {
    names_in(directory).next().is_some()
}

fn names_in(directory: &Path) -> impl Iterator<Item = String> + use<> {
    fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.file_name().to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use gradframe_plan::services::{NewArtifact, NewRun, RunLog, RunOutcome};

    use super::super::Store;
    use super::*;

    /// A store with a run that has logged a value and an artifact.
    fn stored() -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path().to_path_buf()).unwrap();
        let run = store.start(NewRun { title: "r".into(), ..NewRun::default() }).unwrap();
        run.add_artifact(&NewArtifact { path: "a.txt", kind: "file", step: None }, &mut &b"text"[..]).unwrap();
        run.finish(RunOutcome::Finished).unwrap();
        home
    }

    #[test]
    fn a_lost_database_is_no_new_store() {
        for bytes in [None, Some(0), Some(1), Some(99)] {
            let home = stored();
            let database = home.path().join("store.db");
            let whole = fs::read(&database).unwrap();
            for file in ["store.db", "store.db-wal", "store.db-shm"] {
                let _ = fs::remove_file(home.path().join(file));
            }
            bytes.iter().for_each(|bytes| fs::write(&database, &whole[..*bytes]).unwrap());
            let store = Store::open(home.path().to_path_buf()).unwrap();
            for error in [
                store.experiments().unwrap_err(),
                store.remove_unused_objects().unwrap_err(),
                store.start(NewRun { title: "r".into(), ..NewRun::default() }).unwrap_err(),
            ] {
                assert!(error.to_string().contains("store.db") && error.to_string().contains("objects/"), "{bytes:?}: {error}");
            }
            fs::write(&database, &whole).unwrap();
            Store::open(home.path().to_path_buf()).unwrap().experiments().unwrap();
        }
    }

    #[test]
    fn what_died_before_its_first_commit_has_left_no_store() {
        let home = tempfile::tempdir().unwrap();
        for directory in ["tables/t-1", "models/m/.writing-x", "models/n/1", "objects", "processes"] {
            fs::create_dir_all(home.path().join(directory)).unwrap();
        }
        let mark = format!("{}t-1.ab", super::super::TABLE_WRITER_PREFIX);
        for file in ["models/n/1/writer", "objects/.writing-y", "store.db", &format!("tables/{mark}")] {
            fs::write(home.path().join(file), "").unwrap();
        }
        check_not_lost(&home.path().join("store.db")).unwrap();
        let store = Store::open(home.path().to_path_buf()).unwrap();
        store.start(NewRun { title: "r".into(), ..NewRun::default() }).unwrap();
    }
}
