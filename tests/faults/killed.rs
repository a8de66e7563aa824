//! Processes on one store at once, killed at any moment: what was acknowledged is there, what is there is whole.
//!
//! The loop of the issue, 100 times: `GRADFRAME_KILLS=100 cargo test -p gradframe-tests killed -- --nocapture`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use arrow::array::AsArray;
use arrow::datatypes::{Float64Type, Int64Type, UInt64Type};
use gradframe::Session;

use super::writer::{Acknowledged, SHARED, TABLE, Writer};
use crate::harness::rows;

/// Kills of the always-on run.
const KILLS: usize = 10;
/// A writer is killed within so long of a random moment; it takes about a third of it to start.
const LIFE_MAX: Duration = Duration::from_millis(900);
/// Seeds of one writer's trainings: more than it lives for.
const SEEDS: u64 = 100_000;

fn session(home: &Path) -> Session {
    Session::builder().home(home).threads(2).seed(1).build().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_writers_and_a_reader_share_a_store() {
    let home = tempfile::tempdir().unwrap();
    let reader = Reader::start(home.path());
    let writers = [10, SEEDS].map(|first| Writer::start(home.path(), first, 6));
    let mut acknowledged = Acknowledged::default();
    writers.into_iter().for_each(|writer| acknowledged.add(writer.finish()));
    reader.stop();
    assert_eq!(acknowledged.trained.len(), 12);
    let session = session(home.path());
    check(&session, home.path(), &acknowledged).await;
    let versions = rows(&session, "SELECT version FROM gradframe.models ORDER BY model, version").await.unwrap();
    assert_eq!(versions.concat(), ["1", "2", "3", "4", "5", "6", "1", "2", "3", "4", "5", "6"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_to_a_kill() {
    let kills = std::env::var("GRADFRAME_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let mut chance = Chance::from_the_clock();
    eprintln!("{kills} kills, moments from {}", chance.0);
    let home = tempfile::tempdir().unwrap();
    let reader = Reader::start(home.path());
    let started = Instant::now();
    let acknowledged = kill_in_a_loop(home.path(), kills, &mut chance);
    let reads = reader.stop();
    let (losses, models) = (acknowledged.losses.len(), acknowledged.trained.len());
    eprintln!("{losses} points and {models} models acknowledged, {reads} reads in {:.1} s", started.elapsed().as_secs_f64());

    check(&session(home.path()), home.path(), &acknowledged).await;
    // A later writer leaves nothing of the dead behind, and goes on where they stopped.
    let later = Writer::start(home.path(), 900 * SEEDS, 2).finish();
    let session = session(home.path());
    check(&session, home.path(), &later).await;
    no_leftovers(&session, home.path()).await;
}

/// Two writers at a time; one of them is killed and another takes its place.
fn kill_in_a_loop(home: &Path, kills: usize, chance: &mut Chance) -> Acknowledged {
    let mut acknowledged = Acknowledged::default();
    let mut next_seed = (1..).map(|writer| writer * SEEDS);
    let mut start = || Writer::start(home, next_seed.next().unwrap(), SEEDS);
    let mut writers = [start(), start()];
    for _ in 0..kills {
        std::thread::sleep(LIFE_MAX.mul_f64(chance.next()));
        let victim = std::mem::replace(&mut writers[(chance.next() * 2.0) as usize], start());
        acknowledged.add(victim.kill());
    }
    writers.into_iter().for_each(|writer| acknowledged.add(writer.kill()));
    acknowledged
}

/// Everything acknowledged is in the store, and every model in it is whole.
async fn check(session: &Session, home: &Path, acknowledged: &Acknowledged) {
    let status = by_seed(session).await;
    let stored = losses(session).await;
    for (point, loss) in &acknowledged.losses {
        assert_eq!(stored.get(point), Some(loss), "loss of seed and epoch {point:?}");
    }
    for seed in &acknowledged.trained {
        assert_eq!(status[seed], "finished", "run of seed {seed}");
    }
    let running: Vec<_> = status.iter().filter(|(_, status)| *status == "running").collect();
    assert!(running.is_empty(), "{running:?}");
    for row in rows(session, "SELECT model, version, run FROM gradframe.models").await.unwrap() {
        let [model, version, run] = &row[..] else { panic!("three columns") };
        is_whole(&home.join("models").join(model).join(version), run);
    }
}

/// Both files, each of one piece and of one training.
fn is_whole(version: &Path, run: &str) {
    let specification = fs::read(version.join("model.json")).unwrap();
    let specification: serde_json::Value = serde_json::from_slice(&specification).unwrap();
    assert_eq!(specification["training"]["run"], run, "{}", version.display());
    let weights = fs::read(version.join("weights.safetensors")).unwrap();
    let header_bytes = u64::from_le_bytes(weights[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&weights[8..8 + header_bytes]).unwrap();
    let ends = header.as_object().unwrap().values().filter_map(|tensor| tensor["data_offsets"][1].as_u64());
    assert_eq!(ends.max().unwrap_or_default() as usize, weights.len() - 8 - header_bytes, "{}", version.display());
}

/// Directories are what the tables say, and nothing else.
async fn no_leftovers(session: &Session, home: &Path) {
    let models = rows(session, "SELECT model, version FROM gradframe.models").await.unwrap();
    for model in names(&home.join("models")) {
        let versions = models.iter().filter(|row| row[0] == model).map(|row| row[1].clone()).collect::<Vec<_>>();
        assert_eq!(names(&home.join("models").join(&model)), sorted(versions), "{model}");
        for version in names(&home.join("models").join(&model)) {
            let files = names(&home.join("models").join(&model).join(version));
            assert_eq!(files, ["model.json", "weights.safetensors"]);
        }
    }
    assert_eq!(names(&home.join("tables")).len(), 1);
    assert_eq!(names(&home.join("processes")).len(), 0);
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    sorted(entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect())
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

/// The status of each run.
async fn by_seed(session: &Session) -> BTreeMap<u64, String> {
    let batches = session.sql("SELECT seed, status FROM gradframe.runs").await.unwrap().collect().await.unwrap();
    let of = |batch: &arrow::array::RecordBatch| {
        let (seeds, status) = (batch.column(0).as_primitive::<UInt64Type>().clone(), batch.column(1).as_string::<i32>().clone());
        (0..batch.num_rows()).map(move |row| (seeds.value(row), status.value(row).to_owned())).collect::<Vec<_>>()
    };
    batches.iter().flat_map(of).collect()
}

/// The bits of each loss, by seed and epoch.
async fn losses(session: &Session) -> BTreeMap<(u64, u64), u64> {
    let sql = "SELECT seed, epoch, value FROM gradframe.metrics JOIN gradframe.runs USING (run) WHERE name = 'loss'";
    let batches = session.sql(sql).await.unwrap().collect().await.unwrap();
    let of = |batch: &arrow::array::RecordBatch| {
        let seeds = batch.column(0).as_primitive::<UInt64Type>().clone();
        let epochs = batch.column(1).as_primitive::<Int64Type>().clone();
        let values = batch.column(2).as_primitive::<Float64Type>().clone();
        let point = move |row| ((seeds.value(row), epochs.value(row) as u64), values.value(row).to_bits());
        (0..batch.num_rows()).map(point).collect::<Vec<_>>()
    };
    batches.iter().flat_map(of).collect()
}

/// Reads all the time what the writers replace, in this process.
struct Reader {
    stop: Arc<AtomicBool>,
    reading: tokio::task::JoinHandle<usize>,
}

impl Reader {
    fn start(home: &Path) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (session, stopped) = (session(home), Arc::clone(&stop));
        let reading = tokio::spawn(async move {
            let mut reads = 0;
            while !stopped.load(Ordering::Relaxed) {
                reads += usize::from(read_model(&session).await) + usize::from(read_table(&session).await);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            reads
        });
        Reader { stop, reading }
    }

    /// How many reads found something.
    fn stop(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(self.reading)).unwrap()
    }
}

/// False before there is a model. Half of one version and half of another would predict no whole multiple.
async fn read_model(session: &Session) -> bool {
    let predict =
        format!("SELECT predicted_y / x FROM ML.PREDICT(MODEL {SHARED}, (SELECT x FROM (VALUES (1.0), (2.0), (8.0)) AS t(x)))");
    let frame = match session.sql(&predict).await {
        Ok(frame) => frame,
        Err(error) if error.to_string().contains("unknown") => return false,
        Err(error) => panic!("{error}"),
    };
    let batches = frame.collect().await.unwrap();
    let slopes: Vec<f64> =
        batches.iter().flat_map(|batch| batch.column(0).as_primitive::<Float64Type>().values().to_vec()).collect();
    let seed = slopes[0].round();
    assert!(slopes.iter().all(|slope| (slope / seed - 1.0).abs() < 1e-6), "{slopes:?}");
    true
}

/// False before there is a table, and where it was replaced between planning and reading.
async fn read_table(session: &Session) -> bool {
    let Ok(found) = rows(session, &format!("SELECT count(*), min(seed) = max(seed) FROM {TABLE}")).await else { return false };
    assert_eq!(found, [["1000", "true"]]);
    true
}

/// Numbers in [0, 1) that look random, and come again from the same start. Source: Steele, Lea & Flood 2014, SplitMix64.
struct Chance(u64);

impl Chance {
    fn from_the_clock() -> Self {
        Chance(SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64)
    }

    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}
