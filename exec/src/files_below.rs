//! The files that a plan reads, as they are when it is made. Those below a cached table are what was read when it was cached.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_plan::ExecutionPlan;
use gradframe_plan::services::DatasetFile;

use crate::pinned::PinnedScanExec;

/// A file, with the store that it is in; without a hash.
#[derive(Debug, Clone)]
pub(crate) struct FileBelow {
    pub store: ObjectStoreUrl,
    pub file: DatasetFile,
}

/// Each file once, by store and path.
pub(crate) fn files_below(plan: &Arc<dyn ExecutionPlan>) -> Vec<FileBelow> {
    let mut found = BTreeMap::new();
    let mut add = |below: FileBelow| found.insert((below.store.as_str().to_owned(), below.file.path.clone()), below);
    let visited = plan.apply(|node| {
        if let Some(scan) = node.downcast_ref::<PinnedScanExec>() {
            scan.table().files.iter().cloned().for_each(|file| drop(add(file)));
        }
        let scan = node.downcast_ref::<DataSourceExec>();
        if let Some(scan) = scan.and_then(|source| source.data_source().downcast_ref::<FileScanConfig>()) {
            for file in scan.file_groups.iter().flat_map(|group| group.files()) {
                add(FileBelow { store: scan.object_store_url.clone(), file: described(file) });
            }
        }
        Ok(TreeNodeRecursion::Continue)
    });
    if let Err(error) = visited {
        tracing::debug!(%error, "the files below a plan are not known");
    }
    found.into_values().collect()
}

fn described(file: &PartitionedFile) -> DatasetFile {
    let meta = &file.object_meta;
    DatasetFile {
        path: meta.location.to_string(),
        bytes: meta.size,
        modified_us: meta.last_modified.timestamp_micros(),
        version: meta.version.clone().or_else(|| meta.e_tag.clone()),
        hash: None,
    }
}
