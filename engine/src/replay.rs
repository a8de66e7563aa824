//! Runs once more: a training's statement from its start, and all that came out differently.

mod compare;
mod data_sets;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema};
use datafusion::catalog::TableProvider;
use datafusion::catalog::view::ViewTable;
use datafusion::scalar::ScalarValue;
use gradframe_connectors::store::{RunChanges, RunStart};
use gradframe_plan::ops::run_log::{LogFilter, LogQuery, LogTable};
use gradframe_plan::services::RunLog;
use gradframe_sql::Rerun;

pub use self::data_sets::labelled_data_sets;

use self::compare::{Facts, Values, apart, changed_files, differing, not_seen, unknown};
use crate::catalog::with_frames;
use crate::frame::statement::{FRAME, needs_frame};
use crate::kept_rows::{TRAINING_ROWS, has_kept_rows, over_kept_rows, with_former_files};
use crate::statements::run_now;
use crate::{DataFrame, Error, Result, Session};

const OP: &str = "replay";
/// The tag of a run that repeats another.
pub(crate) const REPLAY_TAG: &str = "replay_of";
/// What is measured by a clock, or sampled of the machine, and never comes out twice.
const CLOCKED: &str = "seconds";
const SAMPLED: &str = "system/";
/// What of a machine and of this program decides about the bits of a result.
const DECISIVE: [&str; 3] = ["cpu", "system", "gradframe"];
/// Kinds of facts.
const CODE: &str = "code";
const PATCH: &str = "patch";
const VALUE: &str = "value";
const ARTIFACT: &str = "artifact";
/// What a run says itself: there is none of it only if it said so.
const LOGGED: [&str; 3] = ["param", VALUE, ARTIFACT];
/// How far values may be apart, relative to the greater, where the machine is another.
const TOLERANCE: f64 = 1e-6;

/// What came of running a training once more.
#[derive(Debug, Clone, PartialEq)]
pub struct Replay {
    /// The run that was repeated.
    pub run: String,
    /// The run that repeats it.
    pub again: String,
    /// How many logged values were compared.
    pub values: usize,
    /// How far they may be apart, relative to the greater; None if they have to be equal bit for bit.
    pub tolerance: Option<f64>,
    /// In data, environment and values; empty if all is as it was.
    pub differences: Vec<Difference>,
    /// What could not be compared, since the run does not say it: a line each.
    pub unknown: Vec<String>,
}

/// One thing that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// data, file, code, machine, package, param, artifact, value
    pub what: String,
    pub name: String,
    /// None if there was no such thing.
    pub before: Option<String>,
    /// None if there is no such thing now.
    pub now: Option<String>,
}

impl Replay {
    /// Whether each logged value came out again.
    pub fn is_equal(&self) -> bool {
        self.differences.iter().all(|difference| difference.what != "value")
    }
}

impl Session {
    /// Runs the statement of a training once more, from its start and with its seed, over the data as they are now, and
    /// compares all that is known of both runs: data, environment, each logged value. The model stays as it is; the
    /// second run is one of the log, with the tag `replay_of`. `run` is an identifier or the beginning of one.
    ///
    /// A run that no statement has started is repeated by starting its program again, as [`Session::replay_program`] does, where it was
    /// started on this machine and logged into this store.
    ///
    /// Errors: `Plan` for an unknown run, one that is running, and one of which nothing says how it was started, or that was started
    /// elsewhere; those of the training or of the program.
    pub async fn replay_run(&self, run: &str) -> Result<Replay> {
        self.replay_run_over(run, None).await
    }

    /// The same for a training on a frame whose rows have no name in SQL: the frame, as it was fitted to.
    /// Errors: as [`Session::replay_run`]; `Plan` if the run needs a frame and there is none, or there is one that it does not read.
    pub async fn replay_run_over(&self, run: &str, frame: Option<&DataFrame>) -> Result<Replay> {
        let store = self.public().store();
        let run = store.full_run_name(run)?;
        if frame.is_none() && store.run_start(&run)?.statement.is_none() {
            return Box::pin(self.replay_program_of_here(&run)).await;
        }
        let again = match frame {
            Some(frame) => with_frame(frame, Box::pin(self.train_again(&run, true))).await?,
            None => self.train_again(&run, false).await?,
        };
        self.compared(run, again).await
    }

    /// All in which two runs differ, of which the second repeats the first; it is made known as such.
    pub(crate) async fn compared(&self, run: String, again: String) -> Result<Replay> {
        let store = self.public().store();
        let title = format!("replay of {run}");
        store.change_run(&again, &RunChanges { title: Some(&title), ..RunChanges::default() })?;
        store.attach(&again)?.set_tags(&[(REPLAY_TAG.to_owned(), run.clone())])?;

        let (mut before, mut now) = (self.facts(&run, &again).await?, self.facts(&again, &run).await?);
        let mut unknown = unknown(&before);
        unknown.extend(self.not_seen_of_data(&run, &again).await?);
        unknown.extend(not_seen(&mut before, &now));
        if has_kept_rows(store, &run)? {
            // They are read from where an archive has put them, with the types that Parquet gives, by a query that says so.
            let of_rows = |(what, name): &(String, String)| {
                what == "file" || (what == "data" && name == "training columns") || (what == "param" && name == "query")
            };
            before.retain(|key, _| !of_rows(key));
            now.retain(|key, _| !of_rows(key));
            unknown.push("file: the rows are those that the archive has brought along".to_owned());
        }
        let mut differences = differing(&before, &now);
        // A training on a frame has no query beside it; the statement that repeats it has.
        differences.retain(|d| !(d.what == "param" && d.name == "query" && d.before.is_none()));
        let elsewhere = differences.iter().any(|d| d.what == "machine" && DECISIVE.contains(&d.name.as_str()));
        let tolerance = elsewhere.then_some(TOLERANCE);
        let (before, now) = (self.values(&run)?, self.values(&again)?);
        differences.extend(apart(&before, &now, tolerance));
        let values = before.keys().chain(now.keys()).collect::<BTreeSet<_>>().len();
        let (before, now) = (self.contents(&run).await?, self.contents(&again).await?);
        let contents = before.keys().chain(now.keys()).filter(|(what, _)| what == VALUE).collect::<BTreeSet<_>>().len();
        differences.extend(differing(&before, &now));
        Ok(Replay { run, again, values: values + contents, tolerance, differences, unknown })
    }

    /// The rows that a step of a run learned from, as `gradframe.batch_rows` gives them; of a run on a frame whose rows have no name in
    /// SQL with that frame. Errors: `Plan` for an unknown run, a step that it has not reached, and a frame that is missing;
    /// `Execution`, when they are read, if the data have changed.
    pub async fn batch_rows(&self, run: &str, step: u64, frame: Option<&DataFrame>) -> Result<DataFrame> {
        let query = format!("SELECT * FROM gradframe.batch_rows('{}', {step})", run.replace('\'', "''"));
        match frame {
            Some(frame) => with_frame(frame, self.sql(&query)).await,
            None => self.sql(&query).await,
        }
    }

    /// Differences as rows: what, name, before, now.
    pub fn differences(&self, differences: &[Difference]) -> Result<DataFrame> {
        let text =
            |of: fn(&Difference) -> Option<&str>| Arc::new(differences.iter().map(of).collect::<StringArray>()) as ArrayRef;
        let columns =
            vec![text(|d| Some(&d.what)), text(|d| Some(&d.name)), text(|d| d.before.as_deref()), text(|d| d.now.as_deref())];
        let field = |name: &str, nullable| Field::new(name, DataType::Utf8, nullable);
        let fields = vec![field("what", false), field("name", false), field("before", true), field("now", true)];
        let schema = Arc::new(Schema::new(fields));
        let rows = RecordBatch::try_new(Arc::clone(&schema), columns);
        self.from_batches(schema, vec![rows.map_err(|error| Error::internal(OP, error.to_string()))?])
    }

    /// The run of the second training.
    async fn train_again(&self, run: &str, has_frame: bool) -> Result<String> {
        let RunStart { status, seed, statement } = self.public().store().run_start(run)?;
        if status == "running" {
            return Err(Error::plan(OP, format!("run `{run}` is still running")).hint("`gradframe runs tail` follows it"));
        }
        let Some(statement) = statement else {
            let what = format!("run `{run}` was started by no statement that is kept, so no frame is asked for");
            return Err(Error::plan(OP, what).hint("replay it without the frame: its program is started again"));
        };
        if needs_frame(&statement) && !has_frame {
            let what = format!("run `{run}` was trained on a frame of its program");
            return Err(Error::plan(OP, what).hint("hand the frame over: session.replay_run(run, frame=frame) in Python"));
        }
        if has_frame && !needs_frame(&statement) {
            let what = format!("run `{run}` was trained by a query that is kept with it, so the frame would not be read");
            return Err(Error::plan(OP, what).hint("replay it without the frame, or train on the frame anew"));
        }
        let statements = self.parse(&over_kept_rows(self.public().store(), run, statement)?)?;
        let [statement] = statements.as_slice() else {
            return Err(Error::internal(OP, format!("the text kept with run `{run}` is not one statement")));
        };
        let seed = seed.map_or_else(|| self.services().map(|services| services.seed), Ok)?;
        let state = with_former_files(self.public().store(), run, self.state())?;
        let plan = gradframe_sql::plan_rerun(&state, statement, &Rerun { run: None, seed }).await;
        let log = run_now(self, plan.map_err(|error| self.explain_unknown(error))?).await?.collect().await?;
        let named = log.iter().find(|batch| batch.num_rows() > 0).and_then(|batch| {
            cast(batch.column(0), &DataType::Utf8).ok().map(|names| names.as_string::<i32>().value(0).to_owned())
        });
        named.ok_or_else(|| Error::internal(OP, "the training has logged nothing"))
    }

    /// What is known of a run beside its values: on which data and on what it ran. It is to be compared with what is known of `other`.
    async fn facts(&self, run: &str, other: &str) -> Result<Facts> {
        let data = labelled_data_sets([run, other]);
        let run = run.replace('\'', "''");
        let sql = format!(
            "SELECT 'data' AS what, label || ' rows' AS name, arrow_cast(rows, 'Utf8') AS value FROM ({data}) WHERE run = '{run}'
             UNION ALL SELECT 'data', label || ' digest', digest FROM ({data}) WHERE run = '{run}'
             UNION ALL SELECT 'data', label || ' columns', schema FROM ({data}) WHERE run = '{run}'
             UNION ALL SELECT 'file', path, concat(arrow_cast(bytes, 'Utf8'), ' bytes, ',
                 coalesce(hash, version, arrow_cast(modified, 'Utf8'))) FROM gradframe.dataset_files WHERE run = '{run}'
             UNION ALL SELECT 'code', 'commit', commit FROM gradframe.runs WHERE run = '{run}' AND commit IS NOT NULL
             UNION ALL SELECT '{PATCH}', '', diff FROM gradframe.runs WHERE run = '{run}' AND diff IS NOT NULL
             UNION ALL SELECT 'param', name, value FROM gradframe.params WHERE run = '{run}'
             UNION ALL SELECT e.kind, e.name, e.value FROM gradframe.environments AS e
                 JOIN gradframe.runs AS r ON e.environment = r.environment WHERE r.run = '{run}'"
        );
        let mut facts = self.facts_of(&sql).await?;
        if let Some(patch) = facts.remove(&(PATCH.to_owned(), String::new())) {
            facts.extend(
                changed_files(&patch).map(|(file, changes)| ((CODE.to_owned(), format!("{file} beyond the commit")), changes)),
            );
        }
        Ok(facts)
    }

    /// The data sets of a run of which it knows nothing that could have changed: neither a digest nor files.
    async fn not_seen_of_data(&self, run: &str, other: &str) -> Result<Vec<String>> {
        let (data, run) = (labelled_data_sets([run, other]), run.replace('\'', "''"));
        let sql = format!(
            "SELECT 'data', label, '' FROM ({data}) WHERE run = '{run}' AND digest = ''
             AND role NOT IN (SELECT role FROM gradframe.dataset_files WHERE run = '{run}')"
        );
        let found = self.facts_of(&sql).await?;
        Ok(found
            .into_keys()
            .map(|(what, label)| format!("{what}: of `{label}` neither a digest of its rows nor files are known"))
            .collect())
    }

    /// The contents that a run has kept, by kind and path, each by its hash: what it has logged as a text, an image, a table or a
    /// histogram is a value like others; files may hold what a clock says.
    async fn contents(&self, run: &str) -> Result<Facts> {
        let run = run.replace('\'', "''");
        let sql = format!(
            "SELECT CASE kind WHEN 'file' THEN '{ARTIFACT}' ELSE '{VALUE}' END, path, hash FROM gradframe.artifacts
             WHERE run = '{run}' AND NOT starts_with(path, '{SAMPLED}') AND path <> '{TRAINING_ROWS}'"
        );
        self.facts_of(&sql).await
    }

    /// The rows of a query of three texts.
    async fn facts_of(&self, sql: &str) -> Result<Facts> {
        let batches = self.sql(sql).await?.collect().await?;
        let mut facts = Facts::new();
        for batch in &batches {
            let columns = batch.columns().iter().map(|column| cast(column, &DataType::Utf8)).collect::<Result<Vec<_>, _>>();
            let columns = columns.map_err(|error| Error::internal(OP, error.to_string()).because(error))?;
            let text = |column: usize, row: usize| columns[column].as_string::<i32>().value(row).to_owned();
            facts.extend((0..batch.num_rows()).map(|row| ((text(0, row), text(1, row)), text(2, row))));
        }
        Ok(facts)
    }

    /// All values that a run has logged, by metric, step and how often before.
    fn values(&self, run: &str) -> Result<Values> {
        let filters = vec![LogFilter::Eq("run".into(), ScalarValue::from(run))];
        let batches = self.public().store().scan(LogTable::Metrics, &LogQuery { filters, ..LogQuery::default() })?;
        let mut values = Values::new();
        for batch in &batches {
            let (names, steps) = (batch.column(1).as_string::<i32>(), batch.column(2).as_primitive::<Int64Type>());
            let logged = batch.column(4).as_primitive::<Float64Type>();
            let comes_out_again = |name: &str| name != CLOCKED && !name.starts_with(SAMPLED);
            for row in (0..batch.num_rows()).filter(|row| comes_out_again(names.value(*row))) {
                let (name, step) = (names.value(row).to_owned(), steps.value(row));
                let before = values.range((name.clone(), step, 0)..=(name.clone(), step, usize::MAX)).count();
                values.insert((name, step, before), logged.value(row));
            }
        }
        Ok(values)
    }
}

/// Plans with a frame under the name that statements of frames have for it.
async fn with_frame<T>(frame: &DataFrame, planning: impl Future<Output = T>) -> T {
    let table = Arc::new(ViewTable::new(frame.logical_plan().clone(), None)) as Arc<dyn TableProvider>;
    with_frames(BTreeMap::from([(FRAME.to_owned(), table)]), planning).await
}
