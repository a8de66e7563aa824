//! A run as one file: a tar archive of a store with that run alone, and beside it, to be read without us, its statement, parameters,
//! environment and code; with its training rows if asked. What imports it elsewhere can replay it there.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use arrow::array::{ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use gradframe_connectors::store::{Store, files_below};
use gradframe_plan::error::from_datafusion;
use gradframe_plan::rules::with_exact_aggregates;
use gradframe_plan::services::{DatasetFile, NewArtifact};
use tar::{Archive, Builder, EntryType, HeaderMode};

use crate::aside::Aside;
use crate::kept_rows::{TRAINING_ROWS, has_kept_rows};
use crate::{DataFrame, Error, Result, Session};

const OP: &str = "archive";
/// Where the store is in an archive.
const STORE: &str = "store";

/// What an archive says beside its store, to be read without us: files of one JSON object a line, each of a query.
const READABLE: [(&str, &str); 3] = [
    ("run.ndjson", "SELECT * FROM gradframe.runs WHERE run = {run}"),
    ("params.ndjson", "SELECT name, value FROM gradframe.params WHERE run = {run} ORDER BY name"),
    (
        "environment.ndjson",
        "SELECT e.kind, e.name, e.value FROM gradframe.environments AS e JOIN gradframe.runs AS r ON e.environment = r.environment
         WHERE r.run = {run} ORDER BY 1, 2",
    ),
];

impl Session {
    /// Packs an ended run into one file at `path`, which is written aside and takes its place whole: what
    /// [`Session::import_runs`] takes in elsewhere. With `data` the rows of its training query go along, as they are now, so that
    /// it can be replayed where the data are not; those that came with a run go along with it in any case. Gives the run's whole name.
    ///
    /// Errors: `Plan` for an unknown run, one that runs, and, with `data`, one that was trained by no query that is kept or
    /// in an order of its own; those of the query; `External` if the file cannot be written.
    pub async fn archive_run(&self, run: &str, path: &Path, data: bool) -> Result<String> {
        let store = self.public().store();
        let run = store.full_run_name(run)?;
        let scratch = store.scratch()?;
        let packed = scratch.path().join("packed");
        let target = Store::open(packed.join(STORE))?;
        target.copy_run_from(store, &run)?;
        if data && !has_kept_rows(store, &run)? {
            let rows = self.training_rows(&run, scratch.path()).await?;
            let mut file = File::open(&rows).map_err(|error| cannot("read", &rows, error))?;
            target.put_artifact(&run, &NewArtifact { path: TRAINING_ROWS, kind: "table", step: None }, &mut file)?;
        }
        drop(target);
        self.write_readable(&run, &packed).await?;
        write_whole(path, &packed)?;
        Ok(run)
    }

    /// Takes in the runs of an archive.
    pub(crate) fn import_archive(&self, path: &Path) -> Result<Vec<String>> {
        let store = self.public().store();
        let scratch = store.scratch()?;
        unpack(path, scratch.path())?;
        store.copy_runs_from(Store::open(scratch.path().join(STORE))?.as_ref())
    }

    /// The rows of a run's training query, as they are now, in a Parquet file.
    async fn training_rows(&self, run: &str, directory: &Path) -> Result<PathBuf> {
        let datasets = self.public().store().datasets(run)?;
        let query = datasets.into_iter().find(|dataset| dataset.role == "training" && dataset.kind == "query");
        let query = query.ok_or_else(|| {
            let what = format!("run `{run}` was trained by no query that is kept, so its rows cannot be packed");
            Error::plan(OP, what).hint("without the data it can be packed")
        })?;
        let frame = self.sql(&query.source).await?;
        if crate::frame::statement::is_ordered(frame.logical_plan()) {
            let what = format!("run `{run}` was trained in the order of its query, which a file of its rows does not keep");
            return Err(Error::plan(OP, what).hint("without the data it can be packed"));
        }
        self.check_unchanged(run, &frame).await?;
        // As the training has computed them.
        let exact = with_exact_aggregates(frame.logical_plan().clone()).map_err(from_datafusion)?;
        let frame = DataFrame::new(self.clone(), exact);
        let path = directory.join("training.parquet");
        frame.write_parquet(&path.to_string_lossy()).await?;
        Ok(path)
    }

    /// Errors: `Execution` if a file below the rows is not what the training has read: its rows would be others.
    async fn check_unchanged(&self, run: &str, frame: &DataFrame) -> Result<()> {
        let before = self.public().store().dataset_files(run, "training")?;
        let now: Vec<_> = frame.files().await?.iter().map(content).collect();
        let is_as_it_was = |file: &&DatasetFile| now.contains(&content(file));
        match before.iter().find(|file| !is_as_it_was(file)) {
            None if before.is_empty() || before.len() == now.len() => Ok(()),
            changed => {
                let which =
                    changed.map_or_else(|| "there are more files".to_owned(), |file| format!("`{}` is another", file.path));
                let what = format!("the data of run `{run}` have changed since it was trained: {which}");
                Err(Error::execution(OP, what)
                    .hint("without the data it can be packed; `gradframe runs replay` says what differs"))
            }
        }
    }

    async fn write_readable(&self, run: &str, directory: &Path) -> Result<()> {
        let quoted = format!("'{}'", run.replace('\'', "''"));
        for (name, query) in READABLE {
            let rows = self.sql(&query.replace("{run}", &quoted)).await?;
            rows.write_ndjson(directory.join(name).to_string_lossy()).await?;
        }
        let statement = self.public().store().run_start(run)?.statement;
        let diff = self.sql(&format!("SELECT diff FROM gradframe.runs WHERE run = {quoted}")).await?.collect().await?;
        let diff = diff.first().and_then(|batch| first_text(batch.column(0)));
        for (name, text) in [("statement.sql", statement), ("code.patch", diff)] {
            if let Some(text) = text {
                let path = directory.join(name);
                std::fs::write(&path, text).map_err(|error| cannot("write", &path, error))?;
            }
        }
        Ok(())
    }
}

/// What tells a file's content, wherever it lies by now.
fn content(file: &DatasetFile) -> (u64, String) {
    let said = file.hash.clone().or_else(|| file.version.clone());
    (file.bytes, said.unwrap_or_else(|| file.modified_us.to_string()))
}

/// True of the name of what [`Session::archive_run`] writes.
pub(crate) fn names_archive(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("tar"))
}

/// True of such a file.
pub(crate) fn is_archive(path: &Path) -> bool {
    names_archive(path) && path.is_file()
}

pub(crate) fn first_text(column: &ArrayRef) -> Option<String> {
    let texts = cast(column, &DataType::Utf8).ok()?;
    let texts = texts.as_string_opt::<i32>()?;
    texts.iter().next().flatten().map(str::to_owned)
}

/// All files below the directory, in the order of their names, as one file.
fn write_whole(path: &Path, directory: &Path) -> Result<()> {
    let failed = |error| cannot("write", path, error);
    let mut aside = Aside::new(path).map_err(failed)?;
    let mut archive = Builder::new(aside.file());
    archive.mode(HeaderMode::Deterministic);
    for (name, file) in files_below(directory)? {
        archive.append_path_with_name(&file, &name).map_err(failed)?;
    }
    archive.finish().map_err(failed)?;
    drop(archive);
    aside.take_place().map_err(failed)
}

/// The files of an archive's store, below `directory`. What has another name is left where it is: no entry leads elsewhere.
/// Errors: `Execution` for what is no such archive.
fn unpack(path: &Path, directory: &Path) -> Result<()> {
    let damaged = |error: std::io::Error| {
        Error::execution(OP, format!("`{}` is no archive of a run, or was cut short: {error}", path.display())).because(error)
    };
    let file = File::open(path).map_err(|error| cannot("read", path, error))?;
    let mut found = false;
    for entry in Archive::new(file).entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let name = entry.path().map_err(damaged)?.into_owned();
        let ordinary = name.components().all(|part| matches!(part, Component::Normal(_)));
        if entry.header().entry_type() != EntryType::Regular || !ordinary || !name.starts_with(STORE) {
            continue;
        }
        let target = directory.join(&name);
        let above = target.parent().unwrap_or(directory);
        // A name twice, or as a file and a directory, is the archive's fault.
        let refused = |at: &Path, error: std::io::Error| match error.kind() {
            ErrorKind::AlreadyExists | ErrorKind::NotADirectory | ErrorKind::InvalidFilename => damaged(error),
            _ => cannot("write", at, error),
        };
        std::fs::create_dir_all(above).map_err(|error| refused(above, error))?;
        let mut written = File::create_new(&target).map_err(|error| refused(&target, error))?;
        std::io::copy(&mut entry, &mut written).map_err(damaged)?;
        found |= name == Path::new(STORE).join("store.db");
    }
    if found { Ok(()) } else { Err(Error::execution(OP, format!("`{}` holds no run", path.display()))) }
}

fn cannot(what: &str, path: &Path, error: std::io::Error) -> Error {
    Error::external(OP, format!("cannot {what} `{}`: {error}", path.display())).because(error)
}
