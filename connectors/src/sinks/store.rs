//! The local files as a store of one write, which remembers the operating system's first error.
//!
//! DataFusion's writers lose it on the way: what comes back of a full disk is that something was not finished.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use futures::FutureExt;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions,
    PutPayload, PutResult, Result, UploadPart,
};

/// The kind of the first error.
type FirstError = Arc<OnceLock<io::ErrorKind>>;

/// Local files.
#[derive(Debug, Default)]
pub(super) struct WriteStore {
    files: LocalFileSystem,
    first_error: FirstError,
}

impl WriteStore {
    /// The kind of the first error of the operating system, if there was one.
    pub(super) fn first_error(&self) -> Option<io::ErrorKind> {
        self.first_error.get().copied()
    }
}

impl fmt::Display for WriteStore {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.files.fmt(f)
    }
}

/// Keeps the error's kind if it is the first.
fn noted<T>(result: Result<T>, first_error: &FirstError) -> Result<T> {
    result.inspect_err(|error| {
        let chain = std::iter::successors(Some(error as &(dyn StdError + 'static)), |&error| error.source());
        let kind = chain.filter_map(|error| error.downcast_ref::<io::Error>()).map(io::Error::kind).last();
        first_error.get_or_init(|| kind.unwrap_or(io::ErrorKind::Other));
    })
}

#[async_trait]
impl ObjectStore for WriteStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        noted(self.files.put_opts(location, payload, options).await, &self.first_error)
    }

    async fn put_multipart_opts(&self, location: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        let upload = noted(self.files.put_multipart_opts(location, options).await, &self.first_error)?;
        Ok(Box::new(Upload { upload, first_error: self.first_error.clone() }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.files.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.files.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.files.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.files.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.files.copy_opts(from, to, options).await
    }
}

#[derive(Debug)]
struct Upload {
    upload: Box<dyn MultipartUpload>,
    first_error: FirstError,
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (part, first_error) = (self.upload.put_part(data), self.first_error.clone());
        part.map(move |result| noted(result, &first_error)).boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        noted(self.upload.complete().await, &self.first_error)
    }

    async fn abort(&mut self) -> Result<()> {
        self.upload.abort().await
    }
}
