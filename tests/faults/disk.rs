//! Disks that are full, and directories that may not be written.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use gradframe::Session;
use tempfile::TempDir;

use crate::harness::rows;

const TRAINING: &str = "CREATE OR REPLACE MODEL line OPTIONS (model_type = 'linear_reg', input_label_cols = ['y']) AS
    SELECT x, 2 * x AS y FROM (VALUES (1.0), (2.0), (4.0)) AS t(x)";
const PREDICTION: &str = "SELECT round(predicted_y) FROM ML.PREDICT(MODEL line, (SELECT 8.0 AS x))";

fn session_in(home: &Path) -> Session {
    Session::builder().home(home).threads(2).seed(1).build().unwrap()
}

/// A directory that something is mounted on, until dropped.
struct Mount {
    directory: TempDir,
}

impl Mount {
    /// None, with a word about it, where this user may not mount.
    fn of(arguments: &[&str]) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount").args(arguments).arg(directory.path()).output();
        if mounted.is_ok_and(|mounted| mounted.status.success()) {
            return Some(Mount { directory });
        }
        eprintln!("skipped: mount {arguments:?} takes a user who may mount");
        None
    }

    fn home(&self) -> PathBuf {
        self.directory.path().join("home")
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.directory.path()).status();
    }
}

/// Takes all the space that is left.
fn fill(file: &Path) {
    let mut file = File::create(file).unwrap();
    for block in [1 << 20, 1 << 12, 1] {
        while file.write(&vec![1; block]).is_ok() {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_named_and_what_was_acknowledged_stays() {
    let Some(disk) = Mount::of(&["-t", "tmpfs", "-o", "size=3m", "tmpfs"]) else { return };
    let (home, filler) = (disk.home(), disk.directory.path().join("filler"));
    let session = session_in(&home);
    session.sql(TRAINING).await.unwrap();
    let log = rows(&session, "SELECT * FROM gradframe.metrics ORDER BY run, name, step").await.unwrap();

    fill(&filler);
    let table = "CREATE TABLE t AS SELECT i, md5(CAST(i AS VARCHAR)) AS h FROM generate_series(1, 100000) AS t(i)";
    for statement in [TRAINING, table, "CREATE VIEW v AS SELECT 1 AS one"] {
        let error = until_it_fails(&session, statement).await;
        assert_eq!(error.kind(), "Resources", "{statement}: {error}");
        assert!(error.to_string().contains(&*home.to_string_lossy()), "{statement}: {error}");
    }
    for reader in [&session, &session_in(&home)] {
        assert_eq!(rows(reader, PREDICTION).await.unwrap(), [["16"]]);
        let now = rows(reader, "SELECT * FROM gradframe.metrics ORDER BY run, name, step").await.unwrap();
        assert!(log.iter().all(|point| now.contains(point)), "{now:?}");
    }

    fs::remove_file(&filler).unwrap();
    session.sql(TRAINING).await.unwrap();
    let left = rows(&session, "SELECT count(*) FROM gradframe.runs WHERE status = 'running'").await.unwrap();
    assert_eq!(left, [["0"]]);
    assert!(fs::read_dir(home.join("models/line")).unwrap().all(|version| version.unwrap().path().join("model.json").exists()));
}

/// A little may still fit into what the database has already taken.
async fn until_it_fails(session: &Session, statement: &str) -> gradframe::Error {
    for _ in 0..1000 {
        let statement = statement.replacen("CREATE VIEW", "CREATE OR REPLACE VIEW", 1);
        if let Err(error) = session.sql(&statement).await {
            return error;
        }
    }
    panic!("a full disk takes everything: {statement}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_only_home_is_read_and_says_so_when_written() {
    let writable = tempfile::tempdir().unwrap();
    let home = writable.path().join("home");
    session_in(&home).sql(TRAINING).await.unwrap();
    let Some(mount) = Mount::of(&["--bind", &home.to_string_lossy()]) else { return };
    let read_only = mount.directory.path();
    let remounted = Command::new("mount").args(["-o", "remount,ro,bind"]).arg(read_only).status().unwrap();
    assert!(remounted.success());
    reads_and_does_not_write(read_only).await;
    // While another process has the store open, there are files beside the database.
    let session = session_in(&home);
    rows(&session, "SELECT * FROM gradframe.runs").await.unwrap();
    reads_and_does_not_write(read_only).await;
    session.sql(TRAINING).await.unwrap();
    let versions = rows(&session_in(read_only), "SELECT version FROM gradframe.models ORDER BY 1").await.unwrap();
    assert_eq!(versions, [["1"], ["2"]]);
}

async fn reads_and_does_not_write(home: &Path) {
    let session = session_in(home);
    assert_eq!(rows(&session, PREDICTION).await.unwrap(), [["16"]]);
    assert_eq!(rows(&session, "SELECT status FROM gradframe.runs").await.unwrap(), [["finished"]]);
    for statement in [TRAINING, "CREATE VIEW v AS SELECT 1 AS one", "DROP MODEL line", "CREATE TABLE t AS SELECT 1 AS one"] {
        let error = session.sql(statement).await.expect_err(statement);
        assert_eq!(error.kind(), "External", "{statement}: {error}");
        assert!(error.to_string().contains(&*home.to_string_lossy()), "{statement}: {error}");
    }
    assert_eq!(rows(&session, PREDICTION).await.unwrap(), [["16"]]);
}
