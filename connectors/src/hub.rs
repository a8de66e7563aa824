//! Downloads of pretrained models, by the hub's own client, into the cache that all its clients share.
//!
//! What is downloaded is what is read here: configurations, the tokenizer, templates, the model card, and weights as safetensors. The
//! files are those of one commit, and the branch leads to it only when all of them are there: a download that was ended goes on
//! the next time.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gradframe_ml_core::{Error, Result};
use gradframe_ml_models::files::{HubName, is_revision};
use gradframe_plan::services::FindOptions;
use hf_hub::api::RepoInfo;
use hf_hub::api::sync::{Api, ApiBuilder, ApiError, ApiRepo};
use hf_hub::{Cache, Repo, RepoType};

use crate::pretrained::HubSettings;

const OP: &str = "model files";
/// How long the hub may take to take a connection.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// How long the hub may take to say what a model consists of.
const ANSWER_MAX: Duration = Duration::from_secs(15);
/// How often a file is asked for again after its connection broke; it goes on where it was.
const RETRIES: usize = 3;

/// A model that is to be downloaded.
#[derive(Debug)]
pub(crate) struct Download<'a> {
    model: HubName<'a>,
    cache: &'a Path,
    endpoint: &'a str,
    token: Option<&'a str>,
}

impl<'a> Download<'a> {
    /// None if the name is none of the hub's, or nothing is to be downloaded.
    pub fn of(name: &'a str, hub: &'a HubSettings, options: &'a FindOptions) -> Option<Self> {
        let (model, cache, endpoint) = (HubName::parse(name)?, hub.cache.as_deref()?, hub.endpoint.as_deref()?);
        let token = options.token.as_deref().or(hub.token.as_deref());
        Some(Download { model, cache, endpoint, token })
    }

    /// The directory, when all files are there.
    /// Errors: `External` for a hub that cannot be reached or does not have the model, and for a cache that cannot be written.
    pub fn run(&self) -> Result<PathBuf> {
        let api = self.api()?;
        let info = self.info(&self.repo_of(&api, self.model.revision))?;
        let folder = self.model.folder(self.cache);
        let snapshot = folder.join("snapshots").join(&info.sha);
        let files = self.wanted(&info)?;
        let _alone = alone(&folder)?;
        let repo = self.repo_of(&api, &info.sha);
        for file in files {
            repo.get(file).map_err(|error| self.failed(file, error))?;
        }
        let named = self.repo(self.model.revision);
        let kept = Cache::new(self.cache.to_path_buf()).repo(named).create_ref(&info.sha);
        kept.map_err(|error| unwritable(&folder, error))?;
        Ok(snapshot)
    }

    fn api(&self) -> Result<Api> {
        let builder = ApiBuilder::from_cache(Cache::new(self.cache.to_path_buf()))
            .with_endpoint(self.endpoint.to_owned())
            .with_token(self.token.map(str::to_owned))
            .with_retries(RETRIES)
            .with_user_agent("gradframe", env!("CARGO_PKG_VERSION"));
        builder.build().map_err(|error| self.failed("the hub's client", error))
    }

    fn repo(&self, revision: &str) -> Repo {
        Repo::with_revision(self.model.repository.to_owned(), RepoType::Model, revision.to_owned())
    }

    fn repo_of(&self, api: &Api, revision: &str) -> ApiRepo {
        api.repo(self.repo(revision))
    }

    /// The commit and its files. Asked within bounds, so that a hub that says nothing is an error and not a wait.
    fn info(&self, repo: &ApiRepo) -> Result<RepoInfo> {
        let request = repo.info_request().config().timeout_connect(Some(CONNECT_MAX)).timeout_recv_response(Some(ANSWER_MAX));
        let info = request.build().call().and_then(|mut answer| answer.body_mut().read_json::<RepoInfo>());
        let info = info.map_err(|error| self.refused("its files", error))?;
        match is_revision(&info.sha) {
            true => Ok(info),
            false => Err(Error::external(OP, format!("{} gives `{}` the commit `{}`", self.endpoint, self.name(), info.sha))),
        }
    }

    /// The files that are read here, the small ones first. Errors: `External` for a model whose weights are no safetensors.
    fn wanted<'b>(&self, info: &'b RepoInfo) -> Result<Vec<&'b str>> {
        let mut files: Vec<&str> =
            info.siblings.iter().map(|file| file.rfilename.as_str()).filter(|file| is_wanted(file)).collect();
        if !files.iter().any(|file| is_weights(file)) {
            let what = format!("`{}` of {} has no model.safetensors", self.name(), self.endpoint);
            return Err(Error::external(OP, what)
                .hint("other formats run code when they are read and are not taken: save it as safetensors"));
        }
        files.sort_by_key(|file| (is_weights(file), *file));
        Ok(files)
    }

    fn name(&self) -> String {
        match self.model.revision {
            "main" => self.model.repository.to_owned(),
            revision => format!("{}@{revision}", self.model.repository),
        }
    }

    fn failed(&self, what: &str, error: ApiError) -> Error {
        match error {
            ApiError::RequestError(error) => self.refused(what, *error),
            ApiError::TooManyRetries(error) => self.failed(what, *error),
            ApiError::IoError(error) => unwritable(&self.model.folder(self.cache), error),
            error => Error::external(OP, format!("cannot download {what} of `{}` from {}: {error}", self.name(), self.endpoint))
                .because(error),
        }
    }

    fn refused(&self, what: &str, error: ureq::Error) -> Error {
        let (name, hub) = (self.name(), self.endpoint);
        let missing = format!("`{name}` is not a directory, and {hub} has no such model");
        let (what, hint) = match error {
            ureq::Error::StatusCode(404) => (missing, "check the name and the revision"),
            ureq::Error::StatusCode(401) => {
                (format!("{missing}, or shows it to its owners alone"), "check the name; HF_TOKEN is the key to private models")
            }
            ureq::Error::StatusCode(403) => {
                (format!("{hub} does not give out `{name}`"), "accept the model's terms on its page; HF_TOKEN says who asks")
            }
            _ => (
                format!("`{name}` is not a directory and not in the hub's cache, and {what} cannot be had from {hub}: {error}"),
                "give a directory, or download it where there is a network; HF_HUB_OFFLINE=1 does not ask the hub",
            ),
        };
        Error::external(OP, what).hint(hint).because(error)
    }
}

/// What is read of a model's files, and only where it is read: `config.json`, `1_Pooling/config.json`, `model-00001-of-00002.safetensors`.
/// Weights of other tools (`onnx/`, `consolidated.safetensors`) would double the download.
fn is_wanted(path: &str) -> bool {
    let (folder, file) = path.rsplit_once('/').map_or((None, path), |(folder, file)| (Some(folder), file));
    let is_text = file.ends_with(".json") || file.ends_with(".jinja") || file == "README.md";
    folder.is_none_or(is_module) && !file.starts_with('.') && (is_text || is_weights(file))
}

/// `1_Pooling`: a module of sentence-transformers.
fn is_module(folder: &str) -> bool {
    let named = folder.split_once('_');
    named.is_some_and(|(place, name)| {
        !place.is_empty() && place.chars().all(|c| c.is_ascii_digit()) && name.chars().all(|c| c.is_ascii_alphanumeric())
    })
}

fn is_weights(path: &str) -> bool {
    let file = path.rsplit_once('/').map_or(path, |(_, file)| file);
    file == "model.safetensors" || (file.starts_with("model-") && file.ends_with(".safetensors"))
}

/// One process downloads a model, the others wait for it and find its files.
fn alone(folder: &Path) -> Result<File> {
    let locked = || {
        std::fs::create_dir_all(folder)?;
        let file = File::create(folder.join(".gradframe.lock"))?;
        file.lock()?;
        Ok(file)
    };
    locked().map_err(|error| unwritable(folder, error))
}

fn unwritable(folder: &Path, error: std::io::Error) -> Error {
    let what = format!("cannot write to the hub's cache {}: {error}", folder.display());
    Error::external(OP, what).hint("HF_HUB_CACHE names another place").because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_wanted_and_nothing_else() {
        let wanted =
            ["config.json", "tokenizer.json", "README.md", "chat_template.jinja", "1_Pooling/config.json", "model.safetensors"];
        let sharded = ["model-00001-of-00002.safetensors", "model.safetensors.index.json", "2_Dense/model.safetensors"];
        for file in wanted.into_iter().chain(sharded) {
            assert!(is_wanted(file), "{file}");
        }
        let others = [
            "onnx/model.onnx",
            "onnx/config.json",
            "pytorch_model.bin",
            "consolidated.safetensors",
            "modeling_x.py",
            ".gitattributes",
        ];
        let hostile = [
            "../config.json",
            "/etc/config.json",
            "1_Pooling/../config.json",
            "1_/x/config.json",
            "_x/config.json",
            "1_../config.json",
        ];
        for file in others.into_iter().chain(hostile) {
            assert!(!is_wanted(file), "{file}");
        }
    }
}
