//! Less memory or disk than the work takes: it spills and the answer is the same, or it says what it needs, and nothing is
//! left behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use gradframe::{Error, Session, SessionBuilder};

use crate::harness::rows;

/// Twenty numbers and a text a row: about 200 bytes as they are ordered.
fn training(rows: usize) -> String {
    let columns: Vec<String> = (0..19).map(|c| format!("sin(i * {}) AS x{c}", 0.37 + f64::from(c) * 0.11)).collect();
    format!(
        "CREATE MODEL m OPTIONS (model_type = 'linear_reg', input_label_cols = ['y'], max_iterations = 5) AS
        SELECT {}, concat('kind ', i % 7) AS kind, cos(i * 0.21) + i % 7 AS y FROM generate_series(1, {rows}) AS t(i)",
        columns.join(", ")
    )
}

fn builder(home: &Path, memory_limit_bytes: u64) -> SessionBuilder {
    Session::builder().home(home).threads(2).memory_limit_bytes(memory_limit_bytes)
}

/// Trains; returns the spill counters of Train and the weights' bytes.
async fn trained(session: &Session, home: &Path, rows_of_data: usize) -> Result<(String, Vec<u8>), Error> {
    let plan = rows(session, &format!("EXPLAIN ANALYZE {}", training(rows_of_data))).await?.concat().concat();
    let train = plan.split("TrainExec").nth(1).unwrap_or_default().lines().next().unwrap_or_default();
    let spills = train.split("spill_count=").nth(1).unwrap_or_default();
    let spills = spills.split("peak_memory").next().unwrap_or_default().to_owned();
    Ok((spills, fs::read(home.join("models/m/1/weights.safetensors")).unwrap()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_training_set_larger_than_memory_gives_the_same_bits_as_in_memory() {
    let (roomy, tight) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let temp = tempfile::tempdir().unwrap();
    // 100 MB.
    let (spills, expected) = trained(&builder(roomy.path(), 4 << 30).build().unwrap(), roomy.path(), 500_000).await.unwrap();
    assert!(spills.starts_with("0,"), "{spills}");
    let session = builder(tight.path(), 48 << 20).temp_directory(temp.path()).build().unwrap();
    let (spills, weights) = trained(&session, tight.path(), 500_000).await.unwrap();
    assert!(!spills.starts_with("0,") && spills.contains("MB"), "{spills}");
    assert!(weights == expected, "spilling changed the weights");
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 0);
}

/// Waits for what other threads are still about to do.
async fn eventually(holds: impl Fn() -> bool, what: &str) {
    for _ in 0..200 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("expected: {what}");
}

/// Nothing half-done is left of a failed training, and the session goes on.
async fn check_nothing_left(session: &Session, home: &Path) {
    let models = fs::read_dir(home.join("models")).map(|entries| entries.count()).unwrap_or(0);
    assert_eq!(models, 0);
    let pool = &session.context().runtime_env().memory_pool;
    eventually(|| pool.reserved() == 0, "memory is given back").await;
    let small = training(2_000).replace("MODEL m", "MODEL small");
    session.sql(&small).await.unwrap();
    assert_eq!(rows(session, "SELECT model FROM gradframe.models").await.unwrap(), [["small"]]);
    let failed = "SELECT count(*) FROM gradframe.runs WHERE status = 'failed'";
    assert_eq!(rows(session, failed).await.unwrap(), [["1"]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_limit_too_small_is_an_error_that_names_the_directory_and_the_bytes() {
    let (home, temp) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let session = builder(home.path(), 48 << 20).temp_directory(temp.path()).disk_limit_bytes(20 << 20).build().unwrap();
    let error = trained(&session, home.path(), 500_000).await.unwrap_err();
    assert_eq!(error.kind(), "Resources", "{error}");
    let expected = format!("to `{}` would pass the disk limit of 20.0 MB, of which", temp.path().display());
    assert!(error.to_string().contains(&expected), "{error}");
    check_nothing_left(&session, home.path()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_temporary_directory_that_is_not_there_is_named_when_it_is_needed_and_not_before() {
    let home = tempfile::tempdir().unwrap();
    let session = builder(home.path(), 48 << 20).temp_directory("/nowhere/at/all").build().unwrap();
    let error = trained(&session, home.path(), 500_000).await.unwrap_err();
    assert_eq!(error.kind(), "Resources", "{error}");
    assert!(error.to_string().contains("can't make a temporary file in `/nowhere/at/all`"), "{error}");
    check_nothing_left(&session, home.path()).await;
    let error = session.sql(SORT).await.unwrap().collect().await.unwrap_err();
    assert!(error.kind() == "Resources" && error.to_string().contains("`/nowhere/at/all`"), "{error}");
}

/// 64 MB of numbers.
const SORT: &str = "SELECT (i * 7919) % 3000017 AS k, i FROM generate_series(1, 4000000) AS t(i) ORDER BY k";

/// A file system of its own, gone when dropped.
struct Tmpfs(PathBuf);

impl Tmpfs {
    /// None where this process may not mount.
    fn mount(at: &Path, megabytes: u32) -> Option<Self> {
        let size = format!("size={megabytes}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(at).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Tmpfs(at.to_owned()))
    }

    fn make_read_only(&self) -> bool {
        let mounted = Command::new("mount").args(["-o", "remount,ro"]).arg(&self.0).output();
        mounted.is_ok_and(|output| output.status.success())
    }

    fn used_bytes(&self) -> u64 {
        let output = Command::new("df").args(["-B1", "--output=used"]).arg(&self.0).output().unwrap();
        String::from_utf8_lossy(&output.stdout).lines().nth(1).unwrap().trim().parse().unwrap()
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_an_error_that_names_the_directory_and_the_bytes() {
    let (home, temp) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let Some(disk) = Tmpfs::mount(temp.path(), 16) else {
        println!("skipped: only root can mount a small file system");
        return;
    };
    let session = builder(home.path(), 48 << 20).temp_directory(temp.path()).build().unwrap();
    let error = trained(&session, home.path(), 500_000).await.unwrap_err();
    assert_eq!(error.kind(), "Resources", "{error}");
    let expected = format!("more to `{}`, where this session has", temp.path().display());
    assert!(error.to_string().contains(&expected) && error.to_string().contains("no space is left"), "{error}");
    eventually(|| disk.used_bytes() == 0, "the disk is empty again").await;
    check_nothing_left(&session, home.path()).await;
    let error = session.sql(SORT).await.unwrap().collect().await.unwrap_err();
    assert!(error.kind() == "Resources" && error.to_string().contains(&expected), "{error}");
    eventually(|| disk.used_bytes() == 0, "the disk is empty again").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_only_directory_is_named() {
    let (home, temp) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let Some(_disk) = Tmpfs::mount(temp.path(), 16).filter(Tmpfs::make_read_only) else {
        println!("skipped: only root can mount a read-only file system");
        return;
    };
    let session = builder(home.path(), 48 << 20).temp_directory(temp.path()).build().unwrap();
    let error = trained(&session, home.path(), 500_000).await.unwrap_err();
    assert_eq!(error.kind(), "Resources", "{error}");
    let expected = format!("can't make a temporary file in `{}`", temp.path().display());
    assert!(error.to_string().contains(&expected), "{error}");
    check_nothing_left(&session, home.path()).await;
}
