//! What an import takes in of another program. It is gathered first, and told to the store in one transaction: however an import ends, no
//! half of a run or of a logged model is there, and none that is there comes twice.

use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;

use gradframe_ml_core::Result;
use gradframe_plan::services::{MetricRow, NewArtifact, NewDataset, NewRun};

use super::artifacts::objects::{Objects, Staged};
use super::artifacts::{check_path, rows};
use super::points::gathered::GatheredPoints;
use super::runs::unused_id;
use super::sql::{Row, Transaction, params};
use super::{RunChanges, Store, datasets, now_us, run_rows, tracking};

/// Points and files that are not of a run or a logged model yet. What is not taken in is forgotten when this is dropped, or, where the
/// process ends before, when others clear up.
#[derive(Debug)]
pub struct Gathered {
    objects: Arc<Objects>,
    owner: String,
    points: GatheredPoints,
    files: Vec<File>,
}

#[derive(Debug)]
struct File {
    path: String,
    kind: String,
    step: Option<i64>,
    content: Staged,
}

/// A run that is taken in.
#[derive(Debug, Clone, Copy)]
pub struct TakenRun<'a> {
    pub new: &'a NewRun,
    /// What it is called where it comes from: the value that its tag of [`Sources`] gets.
    pub from: &'a str,
    /// How it stands, and since when.
    pub state: RunChanges<'a>,
    /// Why it has failed, as far as is known.
    pub error: Option<&'a str>,
    /// Data sets, each with what is said about it.
    pub datasets: &'a [(NewDataset, Vec<(String, String)>)],
}

/// What a run gets that is there: all of it or nothing.
#[derive(Debug, Clone, Copy)]
pub struct TakenMore<'a> {
    pub params: &'a [(String, String)],
    pub tags: &'a [(String, String)],
    /// A tag that holds no more.
    pub without: Option<&'a str>,
    pub state: RunChanges<'a>,
}

/// Which runs come from where, by the values of a tag.
#[derive(Debug)]
pub struct Sources {
    tag: &'static str,
    runs: HashMap<String, String>,
    /// The last run that was looked at.
    newest: String,
}

impl Gathered {
    /// Adds points. Errors: `Plan` for a name that no metric has.
    pub fn log_rows<'a>(&mut self, mut rows: impl Iterator<Item = MetricRow<'a>>) -> Result<()> {
        rows.try_for_each(|row| self.points.add(&row))
    }

    /// Adds a file, read to its end. Errors: `Plan` for a path that is no relative path of ordinary parts; `External` if it cannot be read
    /// or written, `Resources` if the disk is full.
    pub fn add_file(&mut self, artifact: &NewArtifact<'_>, content: &mut dyn Read) -> Result<()> {
        let NewArtifact { path, kind, step } = *artifact;
        check_path(path)?;
        let content = self.objects.stage(content, &self.owner)?;
        self.files.push(File { path: path.to_owned(), kind: kind.to_owned(), step, content });
        Ok(())
    }

    /// Gives each file's path, length and hash to `insert`, its content being in its place.
    pub(super) fn publish(&self, transaction: &Transaction, insert: impl Fn(&str, (u64, &str)) -> Result<()>) -> Result<()> {
        self.files.iter().try_for_each(|file| {
            file.content.publish(transaction)?;
            insert(&file.path, file.content.content())
        })
    }

    fn insert(&self, transaction: &Transaction, run: &str) -> Result<()> {
        self.points.insert(transaction, run)?;
        self.files.iter().try_for_each(|File { path, kind, step, content }| {
            content.publish(transaction)?;
            let artifact = NewArtifact { path, kind, step: *step };
            rows::insert(transaction, run, &artifact, content.content(), now_us())
        })
    }
}

impl Sources {
    /// The run here that was this one.
    pub fn get(&self, from: &str) -> Option<&str> {
        self.runs.get(from).map(String::as_str)
    }

    /// Sees what has come since the last look.
    fn look(&mut self, transaction: &Transaction) -> Result<()> {
        let sql = "SELECT value, run FROM tags WHERE name = ?1 AND run > ?2 ORDER BY run";
        let found = transaction.rows(sql, params![self.tag, self.newest], |row: &Row| Ok((row.get(0)?, row.get(1)?)))?;
        for (from, run) in found {
            self.newest.clone_from(&run);
            self.runs.entry(from).or_insert(run);
        }
        Ok(())
    }
}

impl Store {
    /// Nothing yet, on the way into this store.
    pub fn gather(&self) -> Gathered {
        self.clean_once();
        let (objects, owner) = (Arc::clone(&self.objects), self.database.owner());
        Gathered { objects, owner, points: GatheredPoints::default(), files: vec![] }
    }

    /// The runs that say by a tag where they come from.
    pub fn sources(&self, tag: &'static str) -> Result<Sources> {
        let mut sources = Sources { tag, runs: HashMap::new(), newest: String::new() };
        self.database.read(|transaction| sources.look(transaction))?;
        Ok(sources)
    }

    /// Takes in a run that belongs to no process, whole; gives its name here, or None if there is one of that source by now.
    pub fn take_in_run(&self, run: &TakenRun<'_>, gathered: &Gathered, sources: &mut Sources) -> Result<Option<String>> {
        let TakenRun { new, from, state, error, datasets } = run;
        let taken = self.database.write(|transaction| {
            sources.look(transaction)?;
            if sources.get(from).is_some() {
                return Ok(None);
            }
            let id = unused_id(transaction)?;
            run_rows::insert_run(transaction, &id, new, "")?;
            run_rows::set_tags(transaction, &id, &[(sources.tag.to_owned(), (*from).to_owned())])?;
            gathered.insert(transaction, &id)?;
            datasets.iter().try_for_each(|(dataset, tags)| datasets::insert_tagged(transaction, &id, dataset, tags))?;
            tracking::change(transaction, &id, state)?;
            transaction.execute("UPDATE runs SET error = ?2 WHERE run = ?1", params![id, error])?;
            Ok(Some(id))
        })?;
        // Once it is sure to be there.
        taken.iter().for_each(|id| drop(sources.runs.insert((*from).to_owned(), id.clone())));
        Ok(taken)
    }

    /// Adds to a run of which `tag` has a value still; false if it has another one by now, and nothing was added.
    pub fn take_in_more(&self, run: &str, tag: (&str, &str), more: &TakenMore<'_>, gathered: &Gathered) -> Result<bool> {
        let TakenMore { params, tags, without, state } = more;
        self.database.write(|transaction| {
            let is_as_it_was = "SELECT EXISTS (SELECT 1 FROM tags WHERE run = ?1 AND name = ?2 AND value = ?3)";
            if !transaction.value::<bool>(is_as_it_was, params![run, tag.0, tag.1])? {
                return Ok(false);
            }
            run_rows::add_params(transaction, run, params)?;
            if let Some(name) = without {
                transaction.execute("DELETE FROM tags WHERE run = ?1 AND name = ?2", params![run, name])?;
            }
            run_rows::set_tags(transaction, run, tags)?;
            gathered.insert(transaction, run)?;
            tracking::change(transaction, run, state)?;
            Ok(true)
        })
    }
}
