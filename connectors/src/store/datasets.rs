//! The data that runs were trained or evaluated on: what was asked, which files, how many rows.

use gradframe_ml_core::Result;
use gradframe_plan::services::{BatchOrder, DatasetFile, NewDataset};

use super::Store;
use super::sql::{Row, Transaction, params, put};

/// A data set of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetRecord {
    pub role: String,
    pub name: String,
    pub digest: String,
    pub kind: String,
    pub source: String,
    pub schema: String,
    pub profile: String,
    pub tags: Vec<(String, String)>,
}

impl Store {
    /// Keeps a data set of any run, an ended one too, with what is said about it. One of that name and digest which the run has already
    /// stays as it is, whatever it was for. Errors: `Plan` for an unknown run.
    pub fn put_dataset(&self, run: &str, dataset: &NewDataset, tags: &[(String, String)]) -> Result<()> {
        self.run_start(run)?;
        self.database.write(|transaction| insert_tagged(transaction, run, dataset, tags))
    }

    /// The data sets of a run.
    pub fn datasets(&self, run: &str) -> Result<Vec<DatasetRecord>> {
        let found = self.database.read(|transaction| {
            let sql = "SELECT role, name, digest, kind, source, schema, profile FROM datasets WHERE run = ?1 ORDER BY role, name";
            let mut found = transaction.rows(sql, params![run], DatasetRecord::of_row)?;
            for record in &mut found {
                let tags = "SELECT name, value FROM dataset_tags WHERE run = ?1 AND dataset = ?2 AND digest = ?3 ORDER BY name";
                record.tags = transaction.pairs(tags, params![run, record.name, record.digest])?;
            }
            Ok(found)
        })?;
        Ok(found.unwrap_or_default())
    }

    /// The files of a run's data sets of a role, as they were when they were read.
    pub fn dataset_files(&self, run: &str, role: &str) -> Result<Vec<DatasetFile>> {
        let sql = "SELECT path, bytes, modified, version, hash FROM dataset_files WHERE run = ?1 AND role = ?2 ORDER BY path";
        let of_row = |row: &Row| {
            let bytes = row.get::<i64>(1)? as u64;
            Ok(DatasetFile { path: row.get(0)?, bytes, modified_us: row.get(2)?, version: row.get(3)?, hash: row.get(4)? })
        };
        Ok(self.database.read(|transaction| transaction.rows(sql, params![run, role], of_row))?.unwrap_or_default())
    }

    /// Which rows a run's steps have learned from; None of a run that had no mini-batches.
    pub fn batches(&self, run: &str) -> Result<Option<BatchOrder>> {
        let sql = "SELECT key, batch_rows, rows FROM batches WHERE run = ?1";
        let number = |row: &Row, column| row.get::<i64>(column).map(|bits| bits as u64);
        let of_row = |row: &Row| Ok(BatchOrder { key: number(row, 0)?, batch_rows: number(row, 1)?, rows: number(row, 2)? });
        Ok(self.database.read(|transaction| transaction.first(sql, params![run], of_row))?.flatten())
    }

    /// The data sets of the runs of an experiment, by its number, each with what it is for.
    pub fn datasets_of_experiment(&self, experiment: &str) -> Result<Vec<(DatasetRecord, String)>> {
        let sql = "SELECT d.role, d.name, d.digest, d.kind, d.source, d.schema, d.profile FROM datasets AS d
                   JOIN runs AS r ON d.run = r.run WHERE r.experiment_id = ?1 AND r.deleted = 0 ORDER BY d.name, d.digest, d.role";
        let found = self.database.read(|transaction| transaction.rows(sql, params![experiment], DatasetRecord::of_row))?;
        Ok(found.unwrap_or_default().into_iter().map(|record| (record.clone(), record.role)).collect())
    }
}

impl DatasetRecord {
    fn of_row(row: &Row) -> Result<Self> {
        Ok(DatasetRecord {
            role: row.get(0)?,
            name: row.get(1)?,
            digest: row.get(2)?,
            kind: row.get(3)?,
            source: row.get(4)?,
            schema: row.get(5)?,
            profile: row.get(6)?,
            tags: vec![],
        })
    }
}

/// Keeps which rows a run's steps learn from.
pub(super) fn set_batches(transaction: &Transaction, run: &str, batches: &BatchOrder) -> Result<()> {
    let BatchOrder { key, batch_rows, rows } = *batches;
    let values = params![run, batch_rows as i64, rows as i64, key as i64];
    transaction.execute(&put("batches", &["run"], &["batch_rows", "rows", "key"]), values).map(|_| ())
}

/// As [`Store::put_dataset`].
pub(super) fn insert_tagged(transaction: &Transaction, run: &str, dataset: &NewDataset, tags: &[(String, String)]) -> Result<()> {
    let known = "SELECT EXISTS (SELECT 1 FROM datasets WHERE run = ?1 AND name = ?2 AND digest = ?3)";
    if transaction.value(known, params![run, dataset.name, dataset.digest])? {
        return Ok(());
    }
    insert(transaction, run, dataset)?;
    let sql = put("dataset_tags", &["run", "dataset", "digest", "name"], &["value"]);
    tags.iter().try_for_each(|(name, value)| {
        transaction.execute(&sql, params![run, dataset.name, dataset.digest, name, value]).map(|_| ())
    })
}

/// Adds a data set of a run, in place of one of that role, name and digest.
pub(super) fn insert(transaction: &Transaction, run: &str, dataset: &NewDataset) -> Result<()> {
    let NewDataset { role, name, digest, kind, source, schema, profile, rows, files } = dataset;
    let sql = put("datasets", &["run", "role", "name", "digest"], &["kind", "source", "schema", "profile", "rows"]);
    let rows = rows.map(|rows| rows as i64);
    let values = params![run, role, name, digest, kind, source, schema, profile, rows];
    transaction.execute(&sql, values)?;
    let sql = put("dataset_files", &["run", "role", "path"], &["bytes", "modified", "version", "hash"]);
    for file in files {
        let values = params![run, role, file.path, file.bytes as i64, file.modified_us, file.version, file.hash];
        transaction.execute(&sql, values)?;
    }
    Ok(())
}
