//! `mlflow.db`: the tables of MLflow's store over SQLite, which are only read.

use std::path::Path;

use gradframe_ml_core::{Error, Result};
use rusqlite::{Connection, OpenFlags, Row};

use super::{ForeignPoint, ForeignRun, OP, local, status};

/// What stands for infinities: MLflow keeps the greatest numbers instead.
const GREATEST: f64 = 1.797_693_134_862_315_7e308;

/// Whether a file has MLflow's tables.
pub(super) fn is_database(path: &Path) -> bool {
    let tables = "SELECT count(*) FROM sqlite_master WHERE name IN ('runs', 'experiments', 'latest_metrics')";
    open(path).and_then(|db| db.query_row(tables, [], |row| row.get::<_, i64>(0)).map_err(wrong)).is_ok_and(|found| found == 3)
}

/// Gives each run to `take`.
pub(super) fn each_run(path: &Path, take: &mut dyn FnMut(ForeignRun) -> Result<()>) -> Result<()> {
    let database = open(path)?;
    let sql = "SELECT r.run_uuid, coalesce(r.name, ''), e.name, coalesce(r.status, ''), r.start_time, r.end_time,
                      coalesce(r.lifecycle_stage, ''), coalesce(r.artifact_uri, '')
               FROM runs AS r JOIN experiments AS e ON r.experiment_id = e.experiment_id ORDER BY r.start_time, r.run_uuid";
    let mut statement = database.prepare(sql).map_err(wrong)?;
    let runs = statement.query_map([], of_row).map_err(wrong)?.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
    for mut run in runs {
        run.params = pairs(&database, "SELECT key, coalesce(value, '') FROM params WHERE run_uuid = ?1 ORDER BY key", &run.id)?;
        run.tags = pairs(&database, "SELECT key, coalesce(value, '') FROM tags WHERE run_uuid = ?1 ORDER BY key", &run.id)?;
        run.points = points(&database, &run.id)?;
        take(run)?;
    }
    Ok(())
}

fn of_row(row: &Row) -> rusqlite::Result<ForeignRun> {
    let microseconds = |ms: Option<i64>| ms.map(|ms| ms.saturating_mul(1000));
    Ok(ForeignRun {
        id: row.get(0)?,
        name: row.get(1)?,
        experiment: row.get(2)?,
        status: status(&row.get::<_, String>(3)?),
        started_us: microseconds(row.get(4)?),
        ended_us: microseconds(row.get(5)?),
        deleted: row.get::<_, String>(6)? == "deleted",
        artifacts: local(&row.get::<_, String>(7)?),
        ..ForeignRun::default()
    })
}

fn pairs(database: &Connection, sql: &str, run: &str) -> Result<Vec<(String, String)>> {
    let mut statement = database.prepare_cached(sql).map_err(wrong)?;
    let found = statement.query_map([run], |row| Ok((row.get(0)?, row.get(1)?))).map_err(wrong)?;
    found.collect::<Result<_, _>>().map_err(wrong)
}

fn points(database: &Connection, run: &str) -> Result<Vec<ForeignPoint>> {
    let sql = "SELECT key, step, timestamp, value, is_nan FROM metrics WHERE run_uuid = ?1 ORDER BY key, timestamp, step";
    let mut statement = database.prepare_cached(sql).map_err(wrong)?;
    let found = statement.query_map([run], |row| {
        let value = match (row.get::<_, bool>(4)?, row.get::<_, f64>(3)?) {
            (true, _) => f64::NAN,
            (_, value) if value >= GREATEST => f64::INFINITY,
            (_, value) if value <= -GREATEST => f64::NEG_INFINITY,
            (_, value) => value,
        };
        Ok(ForeignPoint { name: row.get(0)?, step: row.get(1)?, time_us: row.get::<_, i64>(2)?.saturating_mul(1000), value })
    });
    found.map_err(wrong)?.collect::<Result<_, _>>().map_err(wrong)
}

fn open(path: &Path) -> Result<Connection> {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .map_err(|error| Error::external(OP, format!("cannot read `{}`: {error}", path.display())).because(error))
}

fn wrong(error: rusqlite::Error) -> Error {
    Error::execution(OP, format!("not a database of MLflow's: {error}")).because(error)
}
