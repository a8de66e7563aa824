//! What a run is begun with.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;
use std::time::Duration;

use gradframe_connectors::surroundings;
use gradframe_plan::services::{Environment, NewRun};

use super::code::Code;
use crate::program;

/// Between samples of what a run uses, unless it says otherwise.
pub(crate) const SAMPLED_EVERY: Duration = Duration::from_secs(10);

/// What a run is begun with.
///
/// ```
/// use gradframe::{RunOptions, Session};
///
/// let session = Session::builder().in_memory().build()?;
/// let run = session.start_run(RunOptions::new("first try").param("lr", 0.1).tag("team", "taxi").seed(7))?;
/// for step in 0..3 {
///     run.log(step, &[("loss", 1.0 / (step + 1) as f64), ("accuracy", 0.5)])?;
/// }
/// run.finish()?;
/// let curve = session.block_on(session.sql("SELECT step, value FROM gradframe.metrics WHERE name = 'loss'"))?;
/// assert_eq!(session.block_on(curve.count())?, 3);
/// # Ok::<(), gradframe::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    pub(super) title: String,
    experiment: Option<String>,
    seed: Option<u64>,
    params: BTreeMap<String, String>,
    tags: BTreeMap<String, String>,
    environment: Environment,
    pub(super) code: Code,
    sampling: Sampling,
    program: Option<Vec<String>>,
}

/// How often it is looked at what a run uses.
#[derive(Debug, Clone, Copy)]
enum Sampling {
    Every(Duration),
    Never,
}

impl Default for Sampling {
    fn default() -> Self {
        Sampling::Every(SAMPLED_EVERY)
    }
}

impl RunOptions {
    /// A run of this name, which need not be unique: its identifier is.
    pub fn new(title: impl Into<String>) -> Self {
        RunOptions { title: title.into(), ..Self::default() }
    }

    /// The experiment that it belongs to, made if there is none of this name [default: "Default"].
    pub fn experiment(mut self, name: impl Into<String>) -> Self {
        self.experiment = Some(name.into());
        self
    }

    /// The seed that everything random in it comes from.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// A parameter: what was chosen before the run. It never changes.
    pub fn param(mut self, name: impl Into<String>, value: impl Display) -> Self {
        self.params.insert(name.into(), value.to_string());
        self
    }

    /// A tag: what is said about the run. It may change.
    pub fn tag(mut self, name: impl Into<String>, value: impl Display) -> Self {
        self.tags.insert(name.into(), value.to_string());
        self
    }

    /// Something that it runs on, beside the machine, such as `("package", "numpy", "2.1.0")`.
    pub fn environment(mut self, kind: impl Into<String>, name: impl Into<String>, value: impl Display) -> Self {
        self.environment.insert((kind.into(), name.into()), value.to_string());
        self
    }

    /// A directory in the repository of its code [default: the working directory].
    pub fn code(mut self, directory: impl AsRef<Path>) -> Self {
        self.code = Code::At(directory.as_ref().to_path_buf());
        self
    }

    /// Does not look at the state of its code.
    pub fn without_code(mut self) -> Self {
        self.code = Code::Unknown;
        self
    }

    /// Seconds between samples of what is used, as metrics `system/cpu_percent`, `system/memory_bytes` and others, the first after so
    /// many [default: 10]. Known on Linux only.
    pub fn sampled_every(mut self, every: Duration) -> Self {
        self.sampling = Sampling::Every(every);
        self
    }

    /// Does not look at what is used.
    pub fn without_samples(mut self) -> Self {
        self.sampling = Sampling::Never;
        self
    }

    /// How this program was started, from the directory in which it is: then `gradframe runs replay` can start it again. Of a
    /// program in Rust `std::env::args()`. It is kept with the run: say nothing where arguments are secret.
    pub fn program(mut self, command: impl IntoIterator<Item = String>) -> Self {
        self.program = Some(command.into_iter().collect());
        self
    }

    /// How often it is looked at what the run uses; None is never.
    pub(super) fn sample_interval(&self) -> Option<Duration> {
        match self.sampling {
            Sampling::Every(every) => Some(every),
            Sampling::Never => None,
        }
    }

    pub(super) fn into_new_run(self) -> NewRun {
        let mut environment = surroundings::environment().clone();
        environment.extend(self.environment);
        let RunOptions { title, experiment, seed, params, mut tags, program, code, .. } = self;
        program::add_tags(&mut tags, program);
        NewRun { title, experiment, seed, params, tags, code: code.state(), environment, ..NewRun::default() }
    }
}
