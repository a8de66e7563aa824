//! A process that writes to a store and says what it has been told is kept: this test program again, running one test.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use gradframe::Session;
use gradframe::progress::{Progress, TrainingProgress};

/// Set for the child: the store's home; the seed of its first training; how many trainings it does.
const HOME: &str = "GRADFRAME_TEST_WRITER_HOME";
const FIRST_SEED: &str = "GRADFRAME_TEST_WRITER_FIRST_SEED";
const TRAININGS: &str = "GRADFRAME_TEST_WRITER_TRAININGS";
/// Instead of trainings: one statement.
const STATEMENT: &str = "GRADFRAME_TEST_WRITER_STATEMENT";

/// The model that all writers replace: y = seed * x.
pub const SHARED: &str = "shared";
/// The table that all writers replace: a thousand rows of one seed.
pub const TABLE: &str = "numbers";

/// What a writer was told is in the store.
#[derive(Debug, Default)]
pub struct Acknowledged {
    /// Loss by seed and epoch, as bits.
    pub losses: BTreeMap<(u64, u64), u64>,
    /// Seeds of trainings whose statement ended well.
    pub trained: Vec<u64>,
}

impl Acknowledged {
    pub fn add(&mut self, other: Acknowledged) {
        self.losses.extend(other.losses);
        self.trained.extend(other.trained);
    }

    fn read(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |i: usize| words[i].parse::<u64>().unwrap();
        match words[..] {
            ["acknowledged", "loss", ..] => drop(self.losses.insert((number(2), number(3)), number(4))),
            ["acknowledged", "model", _] => self.trained.push(number(2)),
            // The test harness's own words.
            _ => {}
        }
    }
}

/// A running writer, whose words are read as they come.
pub struct Writer {
    child: Child,
    heard: Arc<Mutex<Acknowledged>>,
    listening: JoinHandle<()>,
}

impl Writer {
    /// Starts a writer whose trainings have the seeds from `first_seed` on.
    pub fn start(home: &Path, first_seed: u64, trainings: u64) -> Self {
        Self::spawn(home, &[(FIRST_SEED, &first_seed.to_string()), (TRAININGS, &trainings.to_string())])
    }

    /// Starts a writer that runs one statement. Its losses have the seed 0.
    pub fn run(home: &Path, statement: &str) -> Self {
        Self::spawn(home, &[(STATEMENT, statement)])
    }

    fn spawn(home: &Path, variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["faults::writer::writes_until_it_is_killed", "--exact", "--include-ignored", "--nocapture"]);
        command.env(HOME, home).envs(variables.iter().copied());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let heard = Arc::new(Mutex::new(Acknowledged::default()));
        let hearing = Arc::clone(&heard);
        let listening = std::thread::spawn(move || {
            let lines = out.split(b'\n').map_while(Result::ok);
            lines.for_each(|line| hearing.lock().unwrap().read(&String::from_utf8_lossy(&line)));
        });
        Writer { child, heard, listening }
    }

    /// Waits until so many losses are acknowledged.
    pub fn wait_for_losses(&self, losses: usize) {
        while self.heard.lock().unwrap().losses.len() < losses {
            assert!(!self.listening.is_finished(), "it has ended before");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Kill -9.
    pub fn kill(mut self) -> Acknowledged {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.heard()
    }

    /// Waits until it has done all that it is to do.
    pub fn finish(mut self) -> Acknowledged {
        assert!(self.child.wait().unwrap().success());
        self.heard()
    }

    fn heard(self) -> Acknowledged {
        self.listening.join().unwrap();
        std::mem::take(&mut self.heard.lock().unwrap())
    }
}

/// Says each epoch once the store has its metrics.
#[derive(Debug, Default)]
struct Speaker {
    seed: AtomicU64,
}

impl Progress for Speaker {
    fn reading(&self, _model: &str, _rows: u64) {}

    fn training(&self, _model: &str, at: &TrainingProgress) {
        // Of an epoch under way there is no gradient yet, and nothing in the store.
        if at.step.gradient_norm.is_nan() {
            return;
        }
        let seed = self.seed.load(Ordering::Relaxed);
        say(&format!("loss {seed} {} {}", at.step.epoch, at.step.loss.to_bits()));
    }

    fn trained(&self, _model: &str) {}
}

/// In one write, past the harness's capture.
fn say(what: &str) {
    std::io::stdout().write_all(format!("acknowledged {what}\n").as_bytes()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a part of the tests in killed.rs and resumed.rs"]
async fn writes_until_it_is_killed() {
    let Some(home) = std::env::var_os(HOME) else { return };
    if let Ok(statement) = std::env::var(STATEMENT) {
        session_at(home, &Arc::default()).sql(&statement).await.unwrap();
        return;
    }
    let number = |name: &str| std::env::var(name).unwrap().parse::<u64>().unwrap();
    // Ends the harness's line.
    say("nothing yet");
    write(home, number(FIRST_SEED), number(TRAININGS)).await;
}

fn session_at(home: OsString, speaker: &Arc<Speaker>) -> Session {
    Session::builder().home(home).threads(2).progress(Arc::clone(speaker) as _).build().unwrap()
}

async fn write(home: OsString, first_seed: u64, trainings: u64) {
    let speaker = Arc::new(Speaker::default());
    let session = session_at(home, &speaker);
    for seed in first_seed..first_seed + trainings {
        speaker.seed.store(seed, Ordering::Relaxed);
        let statement = if seed % 2 == 0 { linear(seed) } else { logistic(seed) };
        session.sql(&statement).await.unwrap();
        say(&format!("model {seed}"));
        let replace =
            format!("CREATE OR REPLACE TABLE {TABLE} AS SELECT {seed} AS seed, i FROM generate_series(1, 1000) AS t(i)");
        session.sql(&replace).await.unwrap();
    }
}

/// Few epochs: most of its time goes into the commit.
fn linear(seed: u64) -> String {
    format!(
        "CREATE OR REPLACE MODEL {SHARED} OPTIONS (model_type = 'linear_reg', input_label_cols = ['y'], seed = {seed}) AS
         SELECT x, {seed} * x AS y FROM (VALUES (1.0), (2.0), (4.0)) AS t(x)"
    )
}

/// Many epochs: most of its time goes into the log.
fn logistic(seed: u64) -> String {
    format!(
        "CREATE OR REPLACE MODEL logistic OPTIONS (model_type = 'logistic_reg', input_label_cols = ['y'], seed = {seed}) AS
         SELECT sin(i) AS a, cos(i * i) AS b, sin(i * 0.01 + 1) AS c, (i * 7919) % 13 > 5 + sin(i) AS y
         FROM generate_series(1, 2000) AS t(i)"
    )
}
