//! Reading Arrow files.

use async_trait::async_trait;
use datafusion::error::{DataFusionError, Result};
use futures::StreamExt;

use super::FUNCTION;
use super::open_file::open;
use crate::files::error::{bad_file, external};
use crate::files::fit::fit;
use crate::files::selection::FoundFile;
use crate::files::source::{Batches, FileToRead, ReadFile, Wanted};

/// Reads Arrow files, only the columns that are wanted.
#[derive(Debug)]
pub(super) struct IpcReader;

#[async_trait]
impl ReadFile for IpcReader {
    fn file_type(&self) -> &'static str {
        "arrow"
    }

    fn explain(&self) -> String {
        String::new()
    }

    async fn read(&self, file: FileToRead, wanted: Wanted) -> Result<Batches> {
        let found = FoundFile { name: file.name, meta: file.meta };
        let here = open(&file.store, &found, None).await.map_err(external)?.schema();
        let is_wanted = |&column: &usize| wanted.output.field_with_name(here.field(column).name()).is_ok();
        let columns = (0..here.fields().len()).filter(is_wanted).collect();
        let batches = open(&file.store, &found, Some(columns)).await.map_err(external)?;
        let fitted = batches.map(move |batch| {
            let fitted = batch.and_then(|batch| fit(&batch, &wanted.output));
            fitted.map_err(|e| external(bad_file(FUNCTION, &found.name, DataFusionError::from(e))))
        });
        Ok(futures::stream::iter(fitted).boxed())
    }
}
