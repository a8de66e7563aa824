//! What a training works on, to be kept with its run: the query, the files below it, and a digest of the rows.

use std::sync::Arc;

use arrow::datatypes::{Field, SchemaRef};
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::{ExecutionPlan, displayable};
use futures::TryStreamExt;
use gradframe_plan::ops::train::TrainJob;
use gradframe_plan::services::{DatasetFile, NewDataset};
use serde_json::json;
use xxhash_rust::xxh3::Xxh3;

use crate::files_below::{FileBelow, files_below};

/// Larger files are told apart by size, time and version alone: reading them once more would cost what the training costs.
const HASHED_BYTES_MAX: u64 = 64 << 20;
/// Of many files no more than so much together.
const HASHED_TOTAL_BYTES_MAX: u64 = 256 << 20;

/// Tells rows apart from other rows, in whatever order they come: equal rows, each as often, have equal digests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Digest {
    rows: u64,
    /// Of the rows' hashes, wrapping around.
    sum: u128,
}

impl Digest {
    /// Adds a row by the hash of its content, which has no key.
    pub fn add(&mut self, hash: u128) {
        self.rows += 1;
        self.sum = self.sum.wrapping_add(hash);
    }

    /// As a run keeps it.
    pub fn text(&self) -> String {
        format!("{:032x}", self.sum)
    }

    /// Adds other rows.
    pub fn merge(&mut self, other: Digest) {
        self.rows += other.rows;
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

/// The data set of a training whose rows were all read.
pub(super) fn dataset(
    job: &TrainJob,
    input: &Arc<dyn ExecutionPlan>,
    columns: &SchemaRef,
    digest: Digest,
    files: Vec<DatasetFile>,
) -> NewDataset {
    let (kind, source) = match &job.query {
        Some(query) => ("query", query.clone()),
        None => ("plan", displayable(input.as_ref()).indent(false).to_string()),
    };
    NewDataset {
        role: "training".into(),
        name: job.title().to_owned(),
        digest: digest.text(),
        kind: kind.into(),
        source,
        schema: schema_text(columns),
        profile: json!({ "num_rows": digest.rows }).to_string(),
        rows: Some(digest.rows),
        files,
    }
}

/// Names and types of columns, as runs keep them.
pub fn schema_text(columns: &SchemaRef) -> String {
    let field = |field: &Arc<Field>| json!({ "name": field.name(), "type": field.data_type().to_string(), "nullable": field.is_nullable() });
    json!(columns.fields().iter().map(field).collect::<Vec<_>>()).to_string()
}

/// The files that a plan reads, as they are now. What cannot be read again, or has changed since, has no hash; the reading itself
/// will tell.
pub async fn files(input: &Arc<dyn ExecutionPlan>, context: &TaskContext) -> Vec<DatasetFile> {
    let mut found = files_below(input);
    let mut hashed_bytes = 0;
    for FileBelow { store, file } in &mut found {
        if file.bytes <= HASHED_BYTES_MAX && hashed_bytes + file.bytes <= HASHED_TOTAL_BYTES_MAX {
            hashed_bytes += file.bytes;
            file.hash = hash(store, file, context).await;
        }
    }
    let named = |FileBelow { store, mut file }: FileBelow| {
        let store = store.as_str();
        let store = if store.starts_with("file:") { "/" } else { store };
        file.path = format!("{store}{}", file.path);
        file
    };
    found.into_iter().map(named).collect()
}

async fn hash(url: &ObjectStoreUrl, file: &DatasetFile, context: &TaskContext) -> Option<String> {
    let store = context.runtime_env().object_store(url).ok()?;
    let found = datafusion::object_store::ObjectStoreExt::get(store.as_ref(), &file.path.as_str().into()).await.ok()?;
    // Stores that list files to the millisecond say their time to the second when they are read.
    let apart_us = found.meta.last_modified.timestamp_micros().abs_diff(file.modified_us);
    if found.meta.size != file.bytes || apart_us >= 1_000_000 {
        return None;
    }
    let mut content = found.into_stream();
    let mut hash = Xxh3::new();
    while let Some(piece) = content.try_next().await.ok()? {
        hash.update(&piece);
    }
    Some(format!("{:032x}", hash.digest128()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_knows_how_often_rows_come_but_not_their_order() {
        let of = |hashes: &[u128]| {
            let mut digest = Digest::default();
            hashes.iter().for_each(|hash| digest.add(*hash));
            digest
        };
        assert_eq!(of(&[1, u128::MAX, 7]), of(&[7, 1, u128::MAX]));
        assert_ne!(of(&[1, 1]), of(&[2]));
        let mut merged = of(&[1, 2]);
        merged.merge(of(&[3]));
        assert_eq!(merged, of(&[1, 2, 3]));
    }
}
