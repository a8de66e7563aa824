//! From paths as written to the files that they mean.

use std::collections::HashSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use datafusion::catalog::Session;
use datafusion::datasource::listing::ListingTableUrl;
use datafusion::execution::object_store::ObjectStoreUrl;
use futures::TryStreamExt;
use gradframe_ml_core::{Error, Result};
use gradframe_plan::error::from_datafusion;
use gradframe_plan::names;
use object_store::ObjectMeta;

use super::compression;

/// What a user asked to read.
#[derive(Debug, Clone)]
pub(super) struct Selection {
    /// The function in errors: `read_csv`.
    pub(super) function: &'static str,
    pub(super) paths: Vec<String>,
    /// Files of a directory count if their names end so, in lower case.
    pub(super) endings: &'static [&'static str],
    /// They count with an ending of compression besides.
    pub(super) compressed: bool,
}

/// The files of a selection: one object store, in the order of the paths and sorted within one.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) store: ObjectStoreUrl,
    pub(super) files: Vec<FoundFile>,
}

/// One file.
#[derive(Debug, Clone)]
pub(super) struct FoundFile {
    /// As the user would name it.
    pub(super) name: String,
    pub(super) meta: ObjectMeta,
}

impl Selection {
    /// Finds the files. Errors: `Plan` if a path or pattern means no file; `External` if the store fails.
    pub(super) async fn find(&self, session: &dyn Session) -> Result<Found> {
        let mut found: Option<Found> = None;
        // What is named again is read again; what patterns and directories have in common, once.
        let (mut seen, mut named) = (HashSet::new(), HashSet::new());
        for path in &self.paths {
            let mut more = match remote(path) {
                Some(url) => self.find_remote(session, url).await?,
                None => self.find_local(path)?,
            };
            let is_name = remote(path).is_none() && Path::new(path.strip_prefix("file://").unwrap_or(path)).is_file();
            more.files.retain(|file| {
                let location = &file.meta.location;
                let again = is_name && !named.insert(location.clone());
                seen.insert(location.clone()) || again
            });
            match &mut found {
                None => found = Some(more),
                Some(found) if found.store == more.store => found.files.extend(more.files),
                Some(_) => return Err(self.error(format!("`{path}` is in another store than `{}`", self.paths[0]))),
            }
        }
        found.ok_or_else(|| self.error("no path is given".into()))
    }

    fn find_local(&self, path: &str) -> Result<Found> {
        let path = path.strip_prefix("file://").unwrap_or(path);
        let files = self.expand(path)?;
        if files.is_empty() {
            return Err(self.error(format!("no file matches `{path}`")));
        }
        let files = files.iter().map(|file| self.local_file(file)).collect::<Result<_>>()?;
        Ok(Found { store: ObjectStoreUrl::local_filesystem(), files })
    }

    /// The files that a path on disk means: itself, what is below it, or what matches it.
    fn expand(&self, path: &str) -> Result<Vec<PathBuf>> {
        let plain = Path::new(path);
        if plain.is_file() {
            return Ok(vec![plain.to_path_buf()]);
        }
        if plain.is_dir() {
            return self.below(plain, &mut HashSet::new());
        }
        if !is_pattern(path) {
            return Err(self.missing(plain));
        }
        let options =
            glob::MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };
        let matches =
            glob::glob_with(path, options).map_err(|e| self.error(format!("`{path}` is not a pattern: {e}")).because(e))?;
        let mut files = Vec::new();
        for entry in matches {
            let entry = entry.map_err(|e| Error::external(self.function, e.to_string()).because(e))?;
            // `dir/**` matches the directories too, whose files it matches one by one.
            if entry.is_dir() && !path.ends_with("**") {
                files.extend(self.below(&entry, &mut HashSet::new())?);
            } else if entry.is_file() {
                files.push(entry);
            }
        }
        Ok(files)
    }

    /// The files of the format below a directory, sorted. Names that begin with `.` or `_` are other programs' notes.
    /// A link to a directory that has been read already leads nowhere new, and one to a directory above would have no end.
    fn below(&self, directory: &Path, read: &mut HashSet<PathBuf>) -> Result<Vec<PathBuf>> {
        let unreadable =
            |e: std::io::Error| Error::external(self.function, format!("cannot list `{}`: {e}", directory.display())).because(e);
        if !read.insert(directory.canonicalize().map_err(unreadable)?) {
            return Ok(Vec::new());
        }
        let entries = fs::read_dir(directory).map_err(unreadable)?;
        let mut paths = entries.map(|entry| entry.map(|e| e.path())).collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
        paths.sort();
        let mut files = Vec::new();
        for path in paths {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with(['.', '_']) {
                continue;
            }
            if path.is_dir() {
                files.extend(self.below(&path, read)?);
            } else if self.has_ending(&name) {
                files.push(path);
            }
        }
        Ok(files)
    }

    /// True if a directory holds files of the format.
    pub(super) fn is_in(&self, directory: &Path) -> bool {
        self.below(directory, &mut HashSet::new()).is_ok_and(|files| !files.is_empty())
    }

    fn has_ending(&self, name: &str) -> bool {
        let name = if self.compressed { compression::plain_name(name) } else { name.to_ascii_lowercase() };
        self.endings.iter().any(|ending| name.ends_with(ending))
    }

    fn local_file(&self, path: &Path) -> Result<FoundFile> {
        let unreadable =
            |e: std::io::Error| Error::external(self.function, format!("cannot open `{}`: {e}", path.display())).because(e);
        let metadata = fs::metadata(path).map_err(unreadable)?;
        let absolute = absolute(path).map_err(unreadable)?;
        let location = object_store::path::Path::from_absolute_path(absolute)
            .map_err(|e| Error::external(self.function, format!("cannot open `{}`: {e}", path.display())).because(e))?;
        let last_modified = metadata.modified().map_err(unreadable)?.into();
        let meta = ObjectMeta { location, last_modified, size: metadata.len(), e_tag: None, version: None };
        Ok(FoundFile { name: path.display().to_string(), meta })
    }

    async fn find_remote(&self, session: &dyn Session, url: &str) -> Result<Found> {
        let base = table_url(url).map_err(|e| self.error(format!("`{url}` is not a URL: {e}")).because(e))?;
        let store = super::remote::store(self.function, session.runtime_env(), &base)?;
        let ending = if base.is_collection() && base.get_glob().is_none() { self.endings[0] } else { "" };
        let listed = base.list_all_files(session, store.as_ref(), ending).await.map_err(from_datafusion)?;
        let mut metas: Vec<ObjectMeta> = listed.try_collect().await.map_err(from_datafusion)?;
        if metas.is_empty() {
            return Err(self.error(format!("no file matches `{url}`")));
        }
        metas.sort_by(|a, b| a.location.cmp(&b.location));
        let files = metas.into_iter().map(|meta| FoundFile { name: meta.location.to_string(), meta }).collect();
        Ok(Found { store: base.object_store(), files })
    }

    fn missing(&self, path: &Path) -> Error {
        let error = self.error(format!("no such file `{}`", path.display()));
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let Ok(siblings) = fs::read_dir(parent) else {
            return error.hint(format!("there is no directory `{}`", parent.display()));
        };
        let siblings: Vec<String> = siblings.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        match names::nearest(&name, siblings.iter().map(String::as_str)) {
            Some(near) => error.hint(format!("did you mean `{}`?", path.with_file_name(near).display())),
            None => error,
        }
    }

    fn error(&self, what: String) -> Error {
        Error::plan(self.function, what)
    }
}

/// The path from the root, without `..`: which directory that is only the file system knows.
fn absolute(path: &Path) -> std::io::Result<PathBuf> {
    if path.components().any(|part| part == Component::ParentDir) { path.canonicalize() } else { std::path::absolute(path) }
}

/// The path if it is a URL of an object store.
pub(super) fn remote(path: &str) -> Option<&str> {
    let (scheme, _) = path.split_once("://")?;
    (scheme != "file" && !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric())).then_some(path)
}

/// A URL, split before the first directory that is a pattern.
fn table_url(url: &str) -> datafusion::error::Result<ListingTableUrl> {
    let Some(pattern) = url.find(['*', '?', '[']) else { return ListingTableUrl::parse(url) };
    let split = url[..pattern].rfind('/').map_or(0, |slash| slash + 1);
    ListingTableUrl::parse(&url[..split])?.with_glob(&url[split..])
}

pub(super) fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?', '['])
}
