//! Files of models in a shared store: contents like those of artifacts, with a row that says which version they are of.

use std::path::PathBuf;

use gradframe_ml_core::{Error, Result};
use gradframe_ml_learn::Model;

use super::Store;
use super::artifacts::objects::{Objects, Staged};
use super::model_files::{SPEC, WEIGHTS, encode, read_files};
use super::sql::{Row, Transaction, params};
use super::tracking::ArtifactRecord;

/// A model whose files are on a server, and that has no version yet.
#[derive(Debug)]
pub(super) struct ServerModel {
    files: Vec<(&'static str, Staged)>,
    /// The weights' checksum, kept in the model's row.
    pub weights_xxh3: String,
}

impl ServerModel {
    /// Sends the files.
    pub fn send(objects: &Objects, model: &Model, owner: &str) -> Result<Self> {
        let (files, weights_xxh3) = encode(model)?;
        let stage = |(name, bytes): (&'static str, Vec<u8>)| Ok((name, objects.stage(&mut bytes.as_slice(), owner)?));
        Ok(ServerModel { files: files.into_iter().map(stage).collect::<Result<_>>()?, weights_xxh3 })
    }

    /// Says which version they are of, whose row is there.
    pub fn publish(&self, transaction: &Transaction<'_>, model: &str, version: u64) -> Result<()> {
        for (name, staged) in &self.files {
            staged.publish(transaction)?;
            let sql = "INSERT INTO model_files (model, version, path, bytes, hash) VALUES (?1, ?2, ?3, ?4, ?5)";
            transaction.execute(sql, params![model, version as i64, *name, staged.bytes as i64, staged.hash])?;
        }
        Ok(())
    }
}

impl Store {
    /// Reads a version. Errors: `Execution` if a file of it is missing or was changed.
    pub(super) fn fetch_model(&self, model: &str, version: u64, weights_xxh3: &str) -> Result<Model> {
        let file = |name: &str| {
            let missing = || Error::execution("model", format!("`{model}` version {version} has no `{name}` in the store"));
            self.server_model_file(model, version, name)?.ok_or_else(missing)
        };
        read_files(&file(SPEC)?, &file(WEIGHTS)?, weights_xxh3)
    }

    pub(super) fn server_model_files(&self, model: &str, version: u64) -> Result<Vec<ArtifactRecord>> {
        let sql = "SELECT path, bytes FROM model_files WHERE model = ?1 AND version = ?2 ORDER BY path";
        let record = |row: &Row<'_>| Ok(ArtifactRecord { path: row.get(0)?, bytes: row.get::<i64>(1)? as u64 });
        let found = self.database.read(|transaction| transaction.rows(sql, params![model, version as i64], record))?;
        Ok(found.unwrap_or_default())
    }

    /// Where a copy of a version's file is.
    pub(super) fn server_model_file(&self, model: &str, version: u64, name: &str) -> Result<Option<PathBuf>> {
        let sql = "SELECT hash FROM model_files WHERE model = ?1 AND version = ?2 AND path = ?3";
        let values = params![model, version as i64, name];
        let hash = self.database.read(|transaction| transaction.first(sql, values, |row| row.get::<String>(0)))?.flatten();
        hash.map(|hash| self.objects.path(&hash)).transpose()
    }
}
