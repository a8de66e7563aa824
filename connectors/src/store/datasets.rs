//! The data that runs were trained or evaluated on: what was asked, which files, how many rows.

use gradframe_ml_core::Result;
use gradframe_plan::services::NewDataset;
use rusqlite::{Row, Transaction, params};

use super::Store;
use super::errors::store_error;
use super::rows::{pairs, rows};

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
    /// Keeps a data set of any run, an ended one too, with what is said about it. Errors: `Plan` for an unknown run.
    pub fn put_dataset(&self, run: &str, dataset: &NewDataset, tags: &[(String, String)]) -> Result<()> {
        self.run_start(run)?;
        self.database.write(|transaction| {
            insert(transaction, run, dataset)?;
            let sql = "INSERT OR REPLACE INTO dataset_tags (run, dataset, digest, name, value) VALUES (?1, ?2, ?3, ?4, ?5)";
            let mut insert = transaction.prepare_cached(sql).map_err(store_error)?;
            tags.iter().try_for_each(|(name, value)| {
                insert.execute([run, &dataset.name, &dataset.digest, name, value]).map(|_| ()).map_err(store_error)
            })
        })
    }

    /// The data sets of a run.
    pub fn datasets(&self, run: &str) -> Result<Vec<DatasetRecord>> {
        let found = self.database.read(|transaction| {
            let sql = "SELECT role, name, digest, kind, source, schema, profile FROM datasets WHERE run = ?1 ORDER BY role, name";
            let mut found = rows(transaction, sql, &[run], DatasetRecord::of_row)?;
            for record in &mut found {
                let tags = "SELECT name, value FROM dataset_tags WHERE run = ?1 AND dataset = ?2 AND digest = ?3 ORDER BY name";
                record.tags = pairs(transaction, tags, &[run, &record.name, &record.digest])?;
            }
            Ok(found)
        })?;
        Ok(found.unwrap_or_default())
    }

    /// The data sets of the runs of an experiment, by its number, each with what it is for.
    pub fn datasets_of_experiment(&self, experiment: &str) -> Result<Vec<(DatasetRecord, String)>> {
        let sql = "SELECT d.role, d.name, d.digest, d.kind, d.source, d.schema, d.profile FROM datasets AS d
                   JOIN runs AS r ON d.run = r.run WHERE r.experiment_id = ?1 AND r.deleted = 0 ORDER BY d.name, d.digest, d.role";
        let found = self.database.read(|transaction| rows(transaction, sql, &[experiment], DatasetRecord::of_row))?;
        Ok(found.unwrap_or_default().into_iter().map(|record| (record.clone(), record.role)).collect())
    }
}

impl DatasetRecord {
    fn of_row(row: &Row) -> rusqlite::Result<Self> {
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

/// Adds a data set of a run, in place of one of that role, name and digest.
pub(super) fn insert(transaction: &Transaction, run: &str, dataset: &NewDataset) -> Result<()> {
    let NewDataset { role, name, digest, kind, source, schema, profile, rows, files } = dataset;
    let sql = "INSERT OR REPLACE INTO datasets (run, role, name, digest, kind, source, schema, profile, rows)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let rows = rows.map(|rows| rows as i64);
    let values = params![run, role, name, digest, kind, source, schema, profile, rows];
    transaction.execute(sql, values).map_err(store_error)?;
    let sql = "INSERT OR REPLACE INTO dataset_files (run, role, path, bytes, modified, version, hash)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let mut insert = transaction.prepare_cached(sql).map_err(store_error)?;
    for file in files {
        let values = params![run, role, file.path, file.bytes as i64, file.modified_us, file.version, file.hash];
        insert.execute(values).map_err(store_error)?;
    }
    Ok(())
}
