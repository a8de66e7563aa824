//! Runs that a program logs itself: begun by [`Session::start_run`], read as the tables of schema `gradframe`.

mod code;
mod options;
mod seen;

use std::io::Read;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gradframe_connectors::notices;
use gradframe_connectors::store::{all_below, open_file};
use gradframe_exec::ops::train::schema_text;
use gradframe_plan::services::{MetricRow, NewArtifact, NewDataset, RunOutcome, RunWriter};

pub(crate) use self::code::Code;
pub use self::options::RunOptions;
pub(crate) use self::options::SAMPLED_EVERY;
use self::seen::{Seen, seen};
use crate::around::keep_locks;
use crate::catalog::loader_rows::{LOADER, profile_of};
use crate::frame::statement::query_of;
use crate::{DataFrame, Error, LoadOptions, Result, Session, sampling};

/// So many of what is left out are named, the others counted.
const NAMED_MAX: usize = 5;
/// The times that points may have, in microseconds since 1970, UTC: the years 1 to 9999. What reads them has no others.
pub const TIMES_US: RangeInclusive<i64> = -62_135_596_800_000_000..=253_402_300_799_999_999;

/// An open run. Safe to use from many threads at once. Dropped before it is ended, it has failed.
#[derive(Debug)]
pub struct Run {
    writer: Arc<dyn RunWriter>,
    /// Of its session.
    home: Option<PathBuf>,
}

impl Session {
    /// Begins a run, which is at once a row of `gradframe.runs`.
    ///
    /// Errors: `Plan` for an empty name of the run or its experiment; `External` if the store cannot be written; `Resources`
    /// if the disk is full.
    pub fn start_run(&self, options: RunOptions) -> Result<Run> {
        if options.title.is_empty() {
            return Err(Error::plan("run", "the name is empty, expected at least one character"));
        }
        let (sampled_every, code) = (options.sample_interval(), options.code.clone());
        let writer = self.services()?.runs.start(options.into_new_run())?;
        keep_locks(writer.as_ref(), &code)?;
        if let Some(every) = sampled_every {
            sampling::watch(&writer, every);
        }
        Ok(Run { writer, home: self.home() })
    }
}

impl Run {
    /// Its identifier, as in `gradframe.runs`.
    pub fn id(&self) -> &str {
        self.writer.id()
    }

    /// Adds a value of each of these metrics at one step. NaN and infinities are kept. The values survive the death of the
    /// process when this returns, and a power cut after [`Run::flush`] or the run's end.
    ///
    /// Errors: `Plan` for an empty name, or if the run has ended; `Resources` if the disk is full; `External` if the store is
    /// gone. None of the values is kept then.
    pub fn log(&self, step: i64, values: &[(&str, f64)]) -> Result<()> {
        self.log_row(&MetricRow { step, epoch: None, time_us: None, values })
    }

    /// The same, with an epoch, or at a time of one's own.
    pub fn log_row(&self, row: &MetricRow<'_>) -> Result<()> {
        self.log_rows(std::slice::from_ref(row))
    }

    /// Several rows at once: all of them are kept, or none.
    pub fn log_rows(&self, rows: &[MetricRow<'_>]) -> Result<()> {
        if let Some(time_us) = rows.iter().filter_map(|row| row.time_us).find(|time_us| !TIMES_US.contains(time_us)) {
            let what = format!("time_us is {time_us}, expected microseconds since 1970 in the years 1 to 9999");
            return Err(Error::plan("run", what));
        }
        self.writer.log_rows(rows)
    }

    /// Says how a loop of the program's own loads its batches. What it logs of the metric `loader/batch`, the number of the batch in its
    /// epoch, from 1, with the epoch beside it, tells `gradframe.batch_rows` which rows were in the loop at a step.
    /// Errors: `Plan` if the run has ended; those of planning the frame.
    pub async fn keep_loader(&self, frame: &DataFrame, options: &LoadOptions) -> Result<()> {
        let dataset = NewDataset {
            role: LOADER.into(),
            name: LOADER.into(),
            kind: LOADER.into(),
            source: query_of(frame),
            schema: schema_text(frame.logical_plan().schema().inner()),
            profile: profile_of(options),
            files: frame.files().await?,
            ..NewDataset::default()
        };
        self.writer.add_dataset(&dataset)
    }

    /// Says on which data the run works: a frame's query, schema and files, with their sizes and hashes. `role` is what they are for, such
    /// as "training". Of rows in memory their number and a digest are kept; what is in files is not read. Errors: `Plan` for an empty name or role, or if the run has ended; those of planning the frame.
    pub async fn log_input(&self, frame: &DataFrame, name: &str, role: &str) -> Result<()> {
        for (what, said) in [("name", name), ("role", role)] {
            if said.is_empty() {
                return Err(Error::plan("run", format!("the {what} of a data set is empty, expected at least one character")));
            }
        }
        let Seen { digest, rows, profile } = seen(frame);
        let dataset = NewDataset {
            role: role.into(),
            name: name.into(),
            digest,
            kind: "query".into(),
            source: query_of(frame),
            schema: schema_text(frame.logical_plan().schema().inner()),
            profile,
            rows,
            files: frame.files().await?,
        };
        self.writer.add_dataset(&dataset)
    }

    /// Adds parameters that were not known at the start. Errors: `Plan` for one that has another value; then none is added.
    pub fn set_params<'a>(&self, params: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<()> {
        self.writer.set_params(&owned(params))
    }

    /// Sets tags, in place of those of the same names.
    pub fn set_tags<'a>(&self, tags: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<()> {
        self.writer.set_tags(&owned(tags))
    }

    /// Keeps a file under a name such as `plots/loss.png`, in place of what has the name; of a directory all files below it,
    /// but for the session's home.
    /// Content goes through memory in pieces, and equal contents are kept once. It survives a power cut when this returns.
    ///
    /// Errors: `Plan` for a name that is no relative path of ordinary parts, and for a pipe, a socket or a device, which are left out of a
    /// directory, with a word; `External` for what cannot be read.
    pub fn log_artifact(&self, name: &str, source: impl AsRef<Path>) -> Result<()> {
        let source = source.as_ref();
        if !source.is_dir() {
            return self.log_content(name, "file", None, &mut open_file(source)?);
        }
        let own = self.home_below(source);
        let (files, others) = all_below(source)?;
        tell_of_others(source, &others);
        for (below, file) in files {
            // With each run a store would grow by itself.
            if own.as_ref().is_some_and(|home| Path::new(&below).starts_with(home)) {
                continue;
            }
            self.log_content(&format!("{name}/{below}"), "file", None, &mut open_file(&file)?)?;
        }
        Ok(())
    }

    /// The path from a directory to the session's home, if that is below it.
    fn home_below(&self, directory: &Path) -> Option<PathBuf> {
        let (home, directory) = (self.home.as_ref()?.canonicalize().ok()?, directory.canonicalize().ok()?);
        home.strip_prefix(directory).ok().filter(|below| !below.as_os_str().is_empty()).map(Path::to_path_buf)
    }

    /// Keeps what a reader gives, to its end. `kind` says as what it is to be shown: file, text, image, table, histogram;
    /// `step` to which step it belongs. Errors: as for [`Run::log_artifact`].
    pub fn log_content(&self, name: &str, kind: &str, step: Option<i64>, content: &mut dyn Read) -> Result<()> {
        self.writer.add_artifact(&NewArtifact { path: name, kind, step }, content)
    }

    /// What was logged before survives a power cut when this returns.
    pub fn flush(&self) -> Result<()> {
        self.writer.flush()
    }

    /// Ends the run well. Errors: `Plan` if it has ended already.
    pub fn finish(&self) -> Result<()> {
        self.writer.finish(RunOutcome::Finished)
    }

    /// Ends it as failed, for this reason.
    pub fn fail(&self, why: impl Into<String>) -> Result<()> {
        self.writer.finish(RunOutcome::Failed(why.into()))
    }

    /// Ends it as cancelled by its user.
    pub fn cancel(&self) -> Result<()> {
        self.writer.finish(RunOutcome::Cancelled)
    }
}

/// Says what of a directory is not kept.
fn tell_of_others(directory: &Path, others: &[(String, PathBuf)]) {
    let named = others.iter().take(NAMED_MAX).map(|(path, _)| format!("`{path}`")).reduce(|all, next| format!("{all}, {next}"));
    if let Some(named) = named {
        let more = others.len().saturating_sub(NAMED_MAX);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        notices::tell(&format!("left out of `{}`, since they are no files: {named}{more}", directory.display()));
    }
}

fn owned<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<(String, String)> {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
