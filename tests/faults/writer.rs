//! A process that writes to a store and says what it has been told is kept: this test program again, running one test.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use gradframe::Session;
use gradframe::progress::{Progress, TrainingProgress};

/// Set for the child: the store's home; the seed of its first training; how many trainings it does.
const HOME: &str = "GRADFRAME_TEST_WRITER_HOME";
const FIRST_SEED: &str = "GRADFRAME_TEST_WRITER_FIRST_SEED";
const TRAININGS: &str = "GRADFRAME_TEST_WRITER_TRAININGS";

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
    words: JoinHandle<Acknowledged>,
}

impl Writer {
    /// Starts a writer whose trainings have the seeds from `first_seed` on.
    pub fn start(home: &Path, first_seed: u64, trainings: u64) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["faults::writer::writes_until_it_is_killed", "--exact", "--include-ignored", "--nocapture"]);
        command.env(HOME, home).env(FIRST_SEED, first_seed.to_string()).env(TRAININGS, trainings.to_string());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let words = std::thread::spawn(move || {
            let mut acknowledged = Acknowledged::default();
            // Half a line is no word.
            out.split(b'\n').map_while(Result::ok).for_each(|line| acknowledged.read(&String::from_utf8_lossy(&line)));
            acknowledged
        });
        Writer { child, words }
    }

    /// Kill -9.
    pub fn kill(mut self) -> Acknowledged {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.words.join().unwrap()
    }

    /// Waits until it has done all its trainings.
    pub fn finish(mut self) -> Acknowledged {
        assert!(self.child.wait().unwrap().success());
        self.words.join().unwrap()
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
#[ignore = "a part of the tests in killed.rs"]
async fn writes_until_it_is_killed() {
    let Some(home) = std::env::var_os(HOME) else { return };
    let number = |name: &str| std::env::var(name).unwrap().parse::<u64>().unwrap();
    // Ends the harness's line.
    say("nothing yet");
    write(home, number(FIRST_SEED), number(TRAININGS)).await;
}

async fn write(home: OsString, first_seed: u64, trainings: u64) {
    let speaker = Arc::new(Speaker::default());
    let session = Session::builder().home(home).threads(2).progress(Arc::clone(&speaker) as _).build().unwrap();
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
