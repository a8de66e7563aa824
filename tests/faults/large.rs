//! Gigabytes under half a gigabyte of memory. These take minutes, so they are run by name:
//!
//! ```console
//! $ cargo nextest run -p gradframe-tests --run-ignored only --no-capture faults::large
//! ```
//!
//! Each test is a process of its own (nextest), whose anonymous memory (`RssAnon`) is what it measures. Smaller versions
//! that always run are in `spill.rs`.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Float64Array, RecordBatch};
use gradframe::{Session, SessionBuilder};
use gradframe_tests::outside::tpch_queries;
use gradframe_tests::tpch::{TABLES, table_file, write_tables};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use crate::harness::{exact_texts, rows};

const MEMORY_LIMIT_BYTES: u64 = 512 << 20;
const ANONYMOUS_MEMORY_BYTES_MAX: u64 = 800 << 20;

/// 2.56 GB of numbers that do not compress: 20 columns.
const ROWS: usize = 16_000_000;
const FEATURES: usize = 19;

/// Asks the system every 50 ms how much anonymous memory this process has.
struct Watch {
    peak_bytes: Arc<AtomicU64>,
    ended: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Watch {
    fn start() -> Self {
        let (peak_bytes, ended) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (peak, end) = (Arc::clone(&peak_bytes), Arc::clone(&ended));
        let thread = std::thread::spawn(move || {
            while !end.load(Ordering::Relaxed) {
                peak.fetch_max(anonymous_bytes(), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        Watch { peak_bytes, ended, thread }
    }

    fn peak_bytes(self) -> u64 {
        self.ended.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
        self.peak_bytes.load(Ordering::Relaxed)
    }
}

fn anonymous_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// A number of a row and a column that looks random, from 0 to 1.
fn noise(row: usize, column: usize) -> f64 {
    let mut bits = (row as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (column as u64).wrapping_mul(0xD1B5_4A32_D192_ED03);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((bits ^ (bits >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

fn write_numbers(path: &Path) {
    let batch = |from: usize| {
        let column =
            |c: usize| Arc::new(Float64Array::from_iter_values((from..from + 50_000).map(|row| noise(row, c)))) as ArrayRef;
        let label = |row: usize| (0..FEATURES).map(|c| noise(row, c) * c as f64).sum::<f64>() + noise(row, FEATURES);
        let label = Arc::new(Float64Array::from_iter_values((from..from + 50_000).map(label))) as ArrayRef;
        let columns = (0..FEATURES).map(|c| (format!("x{c}"), column(c)));
        RecordBatch::try_from_iter(columns.chain([("y".to_owned(), label)])).unwrap()
    };
    let properties = WriterProperties::builder().set_dictionary_enabled(false).set_max_row_group_row_count(Some(1 << 18)).build();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch(0).schema(), Some(properties)).unwrap();
    (0..ROWS).step_by(50_000).for_each(|from| writer.write(&batch(from)).unwrap());
    writer.close().unwrap();
}

/// The bytes of the weights, and what EXPLAIN ANALYZE says of Train.
async fn trained(builder: SessionBuilder, file: &Path) -> (Vec<u8>, String) {
    let home = tempfile::tempdir().unwrap();
    let session = builder.home(home.path()).threads(2).build().unwrap();
    let options = "model_type = 'linear_reg', input_label_cols = ['y'], max_iterations = 5";
    let sql = format!("EXPLAIN ANALYZE CREATE MODEL m OPTIONS ({options}) AS SELECT * FROM '{}'", file.display());
    let plan = rows(&session, &sql).await.unwrap().concat().concat();
    let train = plan.lines().find(|line| line.contains("TrainExec")).unwrap_or_default().to_owned();
    let metrics = train.split("metrics=").nth(1).unwrap_or_default().to_owned();
    (fs::read(home.path().join("models/m/1/weights.safetensors")).unwrap(), metrics)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "minutes, 8 GB of disk and 8 GB of memory for the comparison"]
async fn two_and_a_half_gigabytes_train_under_half_a_gigabyte_with_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("numbers.parquet");
    write_numbers(&file);
    println!("{} bytes of Parquet, {} bytes of numbers", fs::metadata(&file).unwrap().len(), ROWS * (FEATURES + 1) * 8);
    let (watch, started) = (Watch::start(), Instant::now());
    let (weights, metrics) = trained(Session::builder().memory_limit_bytes(MEMORY_LIMIT_BYTES), &file).await;
    let peak = watch.peak_bytes();
    println!("limited: {:.0} s, peak RssAnon {} MB, {metrics}", started.elapsed().as_secs_f64(), peak >> 20);
    assert!(peak <= ANONYMOUS_MEMORY_BYTES_MAX, "peak RssAnon is {} MB", peak >> 20);
    assert!(!metrics.contains("spill_count=0"));
    let (watch, started) = (Watch::start(), Instant::now());
    let (expected, metrics) = trained(Session::builder().memory_limit_bytes(64 << 30), &file).await;
    let peak = watch.peak_bytes();
    println!("unlimited: {:.0} s, peak RssAnon {} MB, {metrics}", started.elapsed().as_secs_f64(), peak >> 20);
    assert!(weights == expected, "the limit changed the weights");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "minutes, and 2 GB of disk"]
async fn the_22_queries_of_tpch_at_scale_1_finish_under_half_a_gigabyte() {
    let Some(queries) = tpch_queries() else {
        println!("skipped: no TPC-H queries in GRADFRAME_QUERIES or ../shared/queries/tpch");
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let data = std::env::var_os("GRADFRAME_TPCH_SF1").map_or_else(|| home.path().join("tpch"), Into::into);
    write_tables(&data, 1.0).unwrap();
    let limited = tpch_session(&home.path().join("limited"), &data, MEMORY_LIMIT_BYTES).await;
    let roomy = tpch_session(&home.path().join("roomy"), &data, 64 << 30).await;
    let mut complaints = vec![];
    for number in 1..=22 {
        let query = fs::read_to_string(queries.join(format!("q{number}.sql"))).unwrap();
        let (watch, started) = (Watch::start(), Instant::now());
        let answer = answer(&limited, &query).await;
        println!("q{number}: {:.1} s, peak RssAnon {} MB", started.elapsed().as_secs_f64(), watch.peak_bytes() >> 20);
        match answer {
            Err(error) => complaints.push(format!("q{number}: {error}")),
            Ok(answer) => {
                let expected = self::answer(&roomy, &query).await.unwrap();
                complaints.extend(difference(answer, expected).map(|what| format!("q{number}: {what}")));
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// The first row that differs, rows that tie in their order put the same way; None if there is none.
fn difference(mut answer: Vec<Vec<String>>, mut expected: Vec<Vec<String>>) -> Option<String> {
    answer.sort();
    expected.sort();
    if answer.len() != expected.len() {
        return Some(format!("{} rows, expected {}", answer.len(), expected.len()));
    }
    let mut rows = answer.iter().zip(&expected);
    rows.find(|(row, expected)| row != expected).map(|(row, expected)| format!("{row:?}, expected {expected:?}"))
}

async fn tpch_session(home: &Path, data: &Path, memory_limit_bytes: u64) -> Session {
    let session = Session::builder().home(home).threads(2).memory_limit_bytes(memory_limit_bytes).build().unwrap();
    for table in TABLES {
        let file = table_file(data, table);
        let ddl = format!("CREATE EXTERNAL TABLE {table} STORED AS PARQUET LOCATION '{}'", file.display());
        session.sql(&ddl).await.unwrap();
    }
    session
}

async fn answer(session: &Session, query: &str) -> gradframe::Result<Vec<Vec<String>>> {
    let batches = session.sql(query).await?.collect().await?;
    Ok(batches.iter().flat_map(exact_texts).collect())
}
