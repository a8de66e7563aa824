//! `mlflow.db`: the tables of MLflow's store over SQLite, which are only read.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use gradframe_ml_core::{Error, Result};
use gradframe_plan::services::NewDataset;
use rusqlite::{Connection, OpenFlags, Row};

use super::{ForeignPoint, ForeignRun, OP, TaggedDataset, elsewhere, experiment, kept, moved, status, tagged};
use crate::store::Experiment;

/// What stands for infinities: MLflow keeps the greatest numbers instead.
const GREATEST: f64 = 1.797_693_134_862_315_7e308;

/// Whether a file has MLflow's tables.
pub(super) fn is_database(path: &Path) -> bool {
    let tables = "SELECT count(*) FROM sqlite_master WHERE name IN ('runs', 'experiments', 'latest_metrics')";
    open(path).and_then(|db| db.query_row(tables, [], |row| row.get::<_, i64>(0)).map_err(wrong)).is_ok_and(|found| found == 3)
}

/// What is wrong with a database that is none of MLflow's, though it begins as one of SQLite; None of other files.
pub(super) fn damage(path: &Path) -> Option<String> {
    const BEGINS: &[u8; 16] = b"SQLite format 3\0";
    let mut begins = [0; 16];
    File::open(path).and_then(|mut file| file.read_exact(&mut begins)).ok().filter(|()| begins == *BEGINS)?;
    let tables = open(path)
        .and_then(|db| db.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get::<_, i64>(0)).map_err(wrong));
    Some(tables.map_or_else(|error| error.to_string(), |_| "it has no tables of MLflow's".to_owned()))
}

/// The experiments; a database of before MLflow 1.29 does not say when they were made.
pub(super) fn experiments(path: &Path) -> Result<Vec<Experiment>> {
    let database = open(path)?;
    let dated = "SELECT count(*) FROM pragma_table_info('experiments') WHERE name IN ('creation_time', 'last_update_time')";
    let is_dated = database.query_row(dated, [], |row| row.get::<_, i64>(0)).map_err(wrong)? == 2;
    let times = if is_dated { "creation_time, last_update_time" } else { "NULL, NULL" };
    let sql =
        format!("SELECT experiment_id, name, coalesce(lifecycle_stage, ''), {times} FROM experiments ORDER BY experiment_id");
    let mut statement = database.prepare(&sql).map_err(wrong)?;
    let found = statement
        .query_map([], |row| Ok(experiment(row.get(0)?, row.get(1)?, &row.get::<_, String>(2)?, (row.get(3)?, row.get(4)?))));
    let mut found = found.map_err(wrong)?.collect::<rusqlite::Result<Vec<_>>>().map_err(wrong)?;
    for experiment in &mut found {
        let sql = "SELECT key, coalesce(value, '') FROM experiment_tags WHERE experiment_id = ?1 ORDER BY key";
        experiment.tags = pairs(&database, sql, &experiment.id.to_string())?;
    }
    Ok(found)
}

/// Gives each run to `take`.
pub(super) fn each_run(path: &Path, take: &mut dyn FnMut(ForeignRun) -> Result<()>) -> Result<()> {
    let database = open(path)?;
    let sql = "SELECT r.run_uuid, coalesce(r.name, ''), e.name, coalesce(r.status, ''), r.start_time, r.end_time,
                      r.lifecycle_stage = 'deleted' OR coalesce(e.lifecycle_stage, '') = 'deleted', coalesce(r.artifact_uri, '')
               FROM runs AS r JOIN experiments AS e ON r.experiment_id = e.experiment_id ORDER BY r.start_time, r.run_uuid";
    let mut statement = database.prepare(sql).map_err(wrong)?;
    let runs = statement.query_map([], |row| of_row(row, path)).map_err(wrong)?.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
    for mut run in runs {
        run.params = pairs(&database, "SELECT key, coalesce(value, '') FROM params WHERE run_uuid = ?1 ORDER BY key", &run.id)?;
        run.tags = pairs(&database, "SELECT key, coalesce(value, '') FROM tags WHERE run_uuid = ?1 ORDER BY key", &run.id)?;
        run.points = points(&database, &run.id)?;
        run.inputs = inputs(&database, &run.id)?;
        take(run)?;
    }
    Ok(())
}

fn of_row(row: &Row, path: &Path) -> rusqlite::Result<ForeignRun> {
    let artifacts = row.get::<_, String>(7)?;
    let microseconds = |ms: Option<i64>| ms.map(|ms| ms.saturating_mul(1000));
    Ok(ForeignRun {
        id: row.get(0)?,
        name: row.get(1)?,
        experiment: row.get(2)?,
        status: status(&row.get::<_, String>(3)?),
        started_us: microseconds(row.get(4)?),
        ended_us: microseconds(row.get(5)?),
        deleted: row.get::<_, Option<bool>>(6)?.unwrap_or_default(),
        artifacts: kept(&artifacts, path, moved(&artifacts, path)),
        elsewhere: elsewhere(&artifacts, path),
        ..ForeignRun::default()
    })
}

pub(super) fn pairs(database: &Connection, sql: &str, run: &str) -> Result<Vec<(String, String)>> {
    let mut statement = database.prepare_cached(sql).map_err(wrong)?;
    let found = statement.query_map([run], |row| Ok((row.get(0)?, row.get(1)?))).map_err(wrong)?;
    found.collect::<Result<_, _>>().map_err(wrong)
}

/// The data sets of a run; a database of before MLflow 2.4 has none.
fn inputs(database: &Connection, run: &str) -> Result<Vec<TaggedDataset>> {
    let sql = "SELECT i.input_uuid, d.name, d.digest, d.dataset_source_type, d.dataset_source, coalesce(d.dataset_schema, ''),
                      coalesce(d.dataset_profile, '')
               FROM inputs AS i JOIN datasets AS d ON i.source_id = d.dataset_uuid
               WHERE i.source_type = 'DATASET' AND i.destination_type = 'RUN' AND i.destination_id = ?1";
    let Ok(mut statement) = database.prepare_cached(sql) else { return Ok(vec![]) };
    let found = statement.query_map([run], |row| {
        let dataset = NewDataset {
            name: row.get(1)?,
            digest: row.get(2)?,
            kind: row.get(3)?,
            source: row.get(4)?,
            schema: row.get(5)?,
            profile: row.get(6)?,
            ..NewDataset::default()
        };
        Ok((row.get::<_, String>(0)?, dataset))
    });
    let found = found.map_err(wrong)?.collect::<rusqlite::Result<Vec<_>>>().map_err(wrong)?;
    let with_tags = found.into_iter().map(|(input, dataset)| {
        let tags = pairs(database, "SELECT name, value FROM input_tags WHERE input_uuid = ?1 ORDER BY name", &input)?;
        Ok(tagged(dataset, tags))
    });
    with_tags.collect()
}

fn points(database: &Connection, run: &str) -> Result<Vec<ForeignPoint>> {
    let sql = "SELECT key, step, timestamp, value, is_nan FROM metrics WHERE run_uuid = ?1 ORDER BY key, timestamp, step";
    let mut statement = database.prepare_cached(sql).map_err(wrong)?;
    let found = statement.query_map([run], |row| {
        let value = if row.get::<_, bool>(4)? { f64::NAN } else { with_infinities(row.get(3)?) };
        Ok(ForeignPoint { name: row.get(0)?, step: row.get(1)?, time_us: row.get::<_, i64>(2)?.saturating_mul(1000), value })
    });
    found.map_err(wrong)?.collect::<Result<_, _>>().map_err(wrong)
}

/// The value that MLflow keeps this one for.
pub(super) fn with_infinities(value: f64) -> f64 {
    if value.abs() >= GREATEST { f64::INFINITY.copysign(value) } else { value }
}

pub(super) fn open(path: &Path) -> Result<Connection> {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .map_err(|error| Error::external(OP, format!("cannot read `{}`: {error}", path.display())).because(error))
}

pub(super) fn wrong(error: rusqlite::Error) -> Error {
    Error::execution(OP, format!("not a database of MLflow's: {error}")).because(error)
}
