//! Programs that log runs: how one was started is kept with its runs, so that it can be started again and the two be compared.
//!
//! What starts without being asked twice was started here before: the run is of this machine and of a store in a directory, and did not
//! come from another store. Whoever else can write into a store could have it start what they like.

use std::collections::BTreeMap;
use std::io;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use gradframe_connectors::store::PROGRAM_TAG;
use gradframe_connectors::surroundings::machine_identity;
use serde_json::{Value, json};

use crate::replay::REPLAY_TAG;
use crate::{Error, Replay, Result, Session};

const OP: &str = "replay";
/// Tells a program which run it repeats, and of how many of its runs before: `20261126-101500-0abc#0`.
const REPLAYED: &str = "GRADFRAME_REPLAY_OF";
/// Between two looks whether it has ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How a program was started that has logged a run.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Program {
    /// The program itself, then its arguments.
    command: Vec<String>,
    directory: String,
    /// How many runs it had begun before this one.
    runs_before: u64,
    /// What tells its machine from others; None of a run that came from another store.
    machine: Option<String>,
}

impl Program {
    fn text(&self) -> String {
        let Program { command, directory, runs_before, machine } = self;
        json!({ "command": command, "directory": directory, "runs_before": runs_before, "machine": machine }).to_string()
    }

    fn is_of_this_machine(&self) -> bool {
        self.machine.is_some() && self.machine == machine_identity()
    }

    /// None of what is no such text.
    fn of_text(text: &str) -> Option<Self> {
        let said: Value = serde_json::from_str(text).ok()?;
        let words = said["command"].as_array()?.iter().map(|word| word.as_str().map(str::to_owned));
        let command = words.collect::<Option<Vec<_>>>().filter(|command| !command.is_empty())?;
        let machine = said["machine"].as_str().map(str::to_owned);
        Some(Program {
            command,
            directory: said["directory"].as_str()?.to_owned(),
            runs_before: said["runs_before"].as_u64()?,
            machine,
        })
    }

    /// As one would type it.
    fn shown(&self) -> String {
        let word = |word: &String| {
            let plain = !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || "-_./=:,+@%".contains(c));
            if plain { word.clone() } else { format!("'{}'", word.replace('\'', "'\\''")) }
        };
        self.command.iter().map(word).collect::<Vec<_>>().join(" ")
    }
}

/// Adds to a new run's tags how this program was started, and which run it repeats.
pub(crate) fn add_tags(tags: &mut BTreeMap<String, String>, command: Option<Vec<String>>) {
    static BEGUN: AtomicU64 = AtomicU64::new(0);
    let runs_before = BEGUN.fetch_add(1, Ordering::Relaxed);
    if let Some(command) = command.filter(|command| !command.is_empty())
        && let Ok(directory) = std::env::current_dir()
    {
        let directory = directory.to_string_lossy().into_owned();
        let program = Program { command, directory, runs_before, machine: machine_identity() };
        tags.insert(PROGRAM_TAG.to_owned(), program.text());
    }
    let replayed = std::env::var(REPLAYED).ok();
    let replayed = replayed.as_deref().and_then(|text| text.rsplit_once('#'));
    if let Some((run, _)) = replayed.filter(|(_, before)| before.parse() == Ok(runs_before)) {
        tags.insert(REPLAY_TAG.to_owned(), run.to_owned());
    }
}

impl Session {
    /// Starts the program once more that has logged a run, in its directory and with its arguments, and compares all that is known of
    /// both runs: code, data, packages, machine, each logged value but what was sampled of the machine. It logs into this
    /// session's store, unless it names another; what it prints goes to the error output. Dropping the future ends it.
    ///
    /// Errors: `Plan` for an unknown run, one that is running, and one whose program is not known; `External` if it cannot be
    /// started; `Execution` if it fails, or logs no such run.
    pub async fn replay_program(&self, run: &str) -> Result<Replay> {
        let store = self.public().store();
        let run = store.full_run_name(run)?;
        if store.run_start(&run)?.status == "running" {
            return Err(Error::plan(OP, format!("run `{run}` is still running")).hint("`gradframe runs tail` follows it"));
        }
        let program = self.program_of(&run)?.ok_or_else(|| {
            let what = format!("how the program was started that has logged run `{run}` is not known");
            Error::plan(OP, what).hint("programs in files keep it, unless they say code=False")
        })?;
        let before = self.replays(&run).await?;
        let ended = self.start(&program, &run)?.ended().await?;
        let again = self.replays(&run).await?.into_iter().rfind(|again| !before.contains(again));
        let again = again.ok_or_else(|| {
            let what = format!("the program has logged no run into this store again, and has ended with {ended}");
            Error::execution(OP, format!("{what}: {}", program.shown()))
        })?;
        if !ended.success() {
            let what = format!("the program has ended with {ended}, its run is `{again}`: {}", program.shown());
            return Err(Error::execution(OP, what));
        }
        self.compared(run, again).await
    }

    /// How the program was started that has logged a run, as one would type it, and its directory; None of a run that a statement has
    /// started, and of one whose program is not known. Errors: `Plan` for an unknown run.
    pub fn program_of_run(&self, run: &str) -> Result<Option<(String, String)>> {
        let store = self.public().store();
        let run = store.full_run_name(run)?;
        let program = if store.run_start(&run)?.statement.is_some() { None } else { self.program_of(&run)? };
        Ok(program.map(|program| (program.shown(), program.directory)))
    }

    /// Starts the program again of a run that no statement has started, where that was of this machine.
    pub(crate) async fn replay_program_of_here(&self, run: &str) -> Result<Replay> {
        let Some(program) = self.program_of(run)? else {
            let what = format!("run `{run}` was started by no statement that is kept");
            let hint = "start its program again, then `gradframe runs diff` compares the two runs";
            return Err(Error::plan(OP, what).hint(hint));
        };
        if program.is_of_this_machine() && !self.public().store().is_shared() {
            return self.replay_program(run).await;
        }
        let what = format!("run `{run}` was logged by a program elsewhere: {}, in {}", program.shown(), program.directory);
        let hint = "gradframe runs replay --program starts that here; in Python replay_run(run, program=True)";
        Err(Error::plan(OP, what).hint(hint))
    }

    fn program_of(&self, run: &str) -> Result<Option<Program>> {
        let record = self.public().store().run_records(&[run])?.pop();
        let tags = record.map(|record| record.tags).unwrap_or_default();
        Ok(tags.into_iter().find(|(name, _)| name == PROGRAM_TAG).and_then(|(_, text)| Program::of_text(&text)))
    }

    /// The runs that repeat a run. (Which is the newest, no name says: clocks are set back.)
    async fn replays(&self, run: &str) -> Result<Vec<String>> {
        let run = run.replace('\'', "''");
        let sql = format!("SELECT run FROM gradframe.tags WHERE name = '{REPLAY_TAG}' AND value = '{run}' ORDER BY run");
        let batches = self.sql(&sql).await?.collect().await?;
        let mut found = Vec::new();
        for batch in &batches {
            let runs = cast(batch.column(0), &DataType::Utf8).map_err(|error| Error::internal(OP, error.to_string()))?;
            found.extend(runs.as_string::<i32>().iter().flatten().map(str::to_owned));
        }
        Ok(found)
    }

    fn start(&self, program: &Program, run: &str) -> Result<Started> {
        let store = self.public().store();
        let mut command = Command::new(&program.command[0]);
        command.args(&program.command[1..]).current_dir(&program.directory).stdin(Stdio::null());
        command.env(REPLAYED, format!("{run}#{}", program.runs_before));
        if let Some(home) = store.home() {
            command.env("GRADFRAME_HOME", home);
        }
        match store.address() {
            Some(address) => command.env("GRADFRAME_STORE", address),
            None => command.env_remove("GRADFRAME_STORE"),
        };
        command.stdout(error_output()).stderr(Stdio::inherit());
        command.spawn().map(Started).map_err(|error| {
            let what = format!("cannot start {} in {}: {error}", program.shown(), program.directory);
            Error::external(OP, what).because(error)
        })
    }
}

/// What a program prints is no result of ours.
#[cfg(unix)]
fn error_output() -> Stdio {
    use std::os::fd::AsFd;
    io::stderr().as_fd().try_clone_to_owned().map_or_else(|_| Stdio::null(), Stdio::from)
}

#[cfg(not(unix))]
fn error_output() -> Stdio {
    Stdio::null()
}

/// A program that goes on; ended when dropped.
struct Started(Child);

impl Started {
    async fn ended(mut self) -> Result<ExitStatus> {
        loop {
            let looked = self.0.try_wait();
            match looked.map_err(|error: io::Error| Error::external(OP, error.to_string()).because(error))? {
                Some(ended) => return Ok(ended),
                None => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // Of one that has ended both fail, and nothing is to be done.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_read_as_it_was_written_and_shown_as_one_would_type_it() {
        let command = ["python3", "my train.py", "--lr=0.1", "it's", ""].map(str::to_owned).to_vec();
        let program = Program { command, directory: "/home/é".into(), runs_before: 3, machine: machine_identity() };
        assert_eq!(Program::of_text(&program.text()), Some(program.clone()));
        let elsewhere = Program { machine: None, ..program.clone() };
        assert!(Program::of_text(&elsewhere.text()) == Some(elsewhere.clone()) && !elsewhere.is_of_this_machine());
        assert_eq!(program.shown(), r"python3 'my train.py' --lr=0.1 'it'\''s' ''");
        for wrong in ["", "{}", r#"{"command": [], "directory": "/", "runs_before": 0}"#, r#"{"command": [1]}"#] {
            assert_eq!(Program::of_text(wrong), None, "{wrong}");
        }
    }
}
