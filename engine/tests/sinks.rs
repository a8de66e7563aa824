//! Files that are written all at once, or not at all.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::{ArrayRef, Int64Array, UnionArray};
use arrow::datatypes::{DataType, Field, UnionFields};
use arrow::record_batch::RecordBatch;
use gradframe::{Session, WriteOptions};

use crate::support::{lines, session};

/// Names in a directory that a reader of it would not skip, and those that it would.
fn names(directory: &Path) -> (Vec<String>, Vec<String>) {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    let (mut hidden, mut seen): (Vec<_>, Vec<_>) = entries.partition(|name| name.starts_with('.'));
    seen.sort();
    hidden.sort();
    (seen, hidden)
}

/// The rows of SQL as lines, or its error.
async fn copy(session: &Session, sql: &str) -> gradframe::Result<Vec<String>> {
    Ok(lines(&session.sql(sql).await?.collect().await?))
}

fn numbers(to: u64) -> String {
    format!("SELECT value AS i, value % 3 AS part FROM generate_series(1, {to})")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_see_the_old_files_or_the_new_ones() {
    let directory = tempfile::tempdir().unwrap();
    let session = session();
    let target = directory.path().join("t").display().to_string();
    let options = "FORMAT parquet, PARTITION_BY part, OVERWRITE";
    copy(&session, &format!("COPY ({}) TO '{target}' ({options})", numbers(10))).await.unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let reader = tokio::spawn({
        let (session, target, done) = (crate::support::session(), target.clone(), done.clone());
        async move {
            let mut seen = Vec::new();
            while !done.load(Ordering::SeqCst) {
                let count = copy(&session, &format!("SELECT count(*), sum(i) FROM '{target}'")).await;
                seen.push(count.map(|rows| rows[0].clone()).map_err(|e| e.to_string()));
            }
            seen
        }
    });
    for round in 0..20 {
        let to = if round % 2 == 0 { 20 } else { 10 };
        copy(&session, &format!("COPY ({}) TO '{target}' ({options})", numbers(to))).await.unwrap();
    }
    done.store(true, Ordering::SeqCst);
    for outcome in reader.await.unwrap() {
        match outcome {
            Ok(row) => assert!(row == "10 | 55" || row == "20 | 210", "{row}"),
            // A file that was listed is gone when it is opened: an error, never a part of the rows.
            Err(error) => assert!(["o such file", "not found", "no file"].iter().any(|gone| error.contains(gone)), "{error}"),
        }
    }
    assert_eq!(names(directory.path()), (vec!["t".to_string()], vec![]));
}

#[tokio::test]
async fn a_failed_write_leaves_what_was_there_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let session = session();
    for format in ["csv", "json", "parquet", "arrow"] {
        let target = directory.path().join(format!("t.{format}"));
        let failing = "SELECT 10 / (5000 - value) AS x FROM generate_series(1, 20000)";
        let first = copy(&session, &format!("COPY ({failing}) TO '{}'", target.display())).await.unwrap_err();
        assert!(first.to_string().contains("division"), "{first}");
        assert!(!target.exists());
        copy(&session, &format!("COPY ({}) TO '{}'", numbers(3), target.display())).await.unwrap();
        let before = fs::read(&target).unwrap();
        copy(&session, &format!("COPY ({failing}) TO '{}' (OVERWRITE)", target.display())).await.unwrap_err();
        assert_eq!(fs::read(&target).unwrap(), before);
        fs::remove_file(target).unwrap();
    }
    assert_eq!(names(directory.path()), (vec![], vec![]));
}

#[tokio::test]
async fn a_table_may_be_overwritten_by_what_is_read_from_it() {
    let directory = tempfile::tempdir().unwrap();
    let session = session();
    let target = directory.path().join("t.parquet").display().to_string();
    copy(&session, &format!("COPY ({}) TO '{target}'", numbers(50_000))).await.unwrap();
    let frame = session.scan_parquet(&target).await.unwrap();
    assert_eq!(frame.write_parquet(&target).await.unwrap(), 50_000);
    for left in [25_000, 12_500] {
        let half = format!("COPY (SELECT * FROM '{target}' WHERE i <= {left}) TO '{target}' (OVERWRITE)");
        assert_eq!(copy(&session, &half).await.unwrap(), [left.to_string()]);
        assert_eq!(frame.count().await.unwrap(), left);
    }
}

#[tokio::test]
async fn a_link_stays_and_what_it_leads_to_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let (real, link) = (directory.path().join("real.csv"), directory.path().join("link.csv"));
    fs::write(&real, "old\n").unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let frame = session().sql("SELECT 1 AS a").await.unwrap();
    frame.write_csv(link.display().to_string()).await.unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&real).unwrap(), "a\n1\n");
}

/// A pipe of this name.
fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipe_is_given_the_rows_and_stays() {
    use std::os::unix::fs::FileTypeExt;
    let directory = tempfile::tempdir().unwrap();
    let (path, link, session) = (directory.path().join("rows"), directory.path().join("link.csv"), session());
    pipe(&path);
    std::os::unix::fs::symlink(&path, &link).unwrap();
    // More than a pipe holds at once.
    let rows: String = (1..=50_000).map(|i| format!("{i},{}\n", i % 3)).collect();
    for (target, options) in [(&path, "FORMAT csv"), (&path, "FORMAT csv, OVERWRITE"), (&link, "OVERWRITE")] {
        let reader = std::thread::spawn({
            let path = path.clone();
            move || fs::read_to_string(path).unwrap()
        });
        let sql = format!("COPY ({}) TO '{}' ({options})", numbers(50_000), target.display());
        assert_eq!(copy(&session, &sql).await.unwrap(), ["50000"]);
        assert_eq!(reader.join().unwrap(), format!("i,part\n{rows}"));
        assert!(fs::metadata(&path).unwrap().file_type().is_fifo());
    }
    assert_eq!(names(directory.path()), (vec!["link.csv".to_string(), "rows".to_string()], vec![]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_to_a_pipe_that_nobody_reads_waits_and_can_be_cancelled() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rows.csv");
    pipe(&path);
    let frame = session().sql("SELECT 1 AS a").await.unwrap();
    let write = frame.write_csv(path.display().to_string());
    assert!(tokio::time::timeout(std::time::Duration::from_millis(300), write).await.is_err());
    let reader = std::thread::spawn({
        let path = path.clone();
        move || fs::read_to_string(path).unwrap()
    });
    assert_eq!(frame.write_csv(path.display().to_string()).await.unwrap(), 1);
    assert_eq!(reader.join().unwrap(), "a\n1\n");
}

#[tokio::test]
async fn sockets_and_directories_in_the_place_of_pipes_are_errors_that_change_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (socket, fifo, session) = (directory.path().join("s.csv"), directory.path().join("p"), session());
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    pipe(&fifo);
    for (target, options, says) in [
        (socket.display().to_string(), "OVERWRITE", "is a socket"),
        (socket.display().to_string(), "FORMAT csv", "is a socket"),
        (fifo.display().to_string(), "FORMAT csv, OVERWRITE, PARTITION_BY part", "is a pipe or device"),
    ] {
        let error = copy(&session, &format!("COPY ({}) TO '{target}' ({options})", numbers(3))).await.unwrap_err();
        assert_eq!(error.kind(), "Plan", "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
    assert_eq!(names(directory.path()), (vec!["p".to_string(), "s.csv".to_string()], vec![]));
}

#[tokio::test]
async fn a_file_that_is_replaced_keeps_its_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("secret.csv");
    let frame = session().sql("SELECT 1 AS a").await.unwrap();
    for mode in [0o600, 0o640, 0o664] {
        fs::write(&path, "old\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        frame.write_csv(path.display().to_string()).await.unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode);
        assert_eq!(fs::read_to_string(&path).unwrap(), "a\n1\n");
    }
}

#[tokio::test]
async fn a_directory_with_anything_else_in_it_is_not_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("thesis.tex"), "years of work").unwrap();
    let target = directory.path().display().to_string() + "/";
    let frame = session().sql("SELECT 1 AS a").await.unwrap();
    let options = WriteOptions::new().format("parquet").overwrite(true);
    let error = frame.write(&target, options).await.unwrap_err();
    assert_eq!(error.kind(), "Plan");
    assert!(error.to_string().contains("thesis.tex"), "{error}");
    assert!(directory.path().join("thesis.tex").exists());
}

#[tokio::test]
async fn odd_values_of_partitions_come_back_as_they_were() {
    let directory = tempfile::tempdir().unwrap();
    let session = session();
    let target = directory.path().join("t").display().to_string();
    let values = "(1, 'a/b'), (2, '..'), (3, 'x=y&z'), (4, 'ä ö%20'), (5, NULL), (6, 'a:b*?')";
    let query = format!("SELECT * FROM (VALUES {values}) AS t(i, v)");
    copy(&session, &format!("COPY ({query}) TO '{target}' (FORMAT parquet, PARTITION_BY v)")).await.unwrap();
    let read = copy(&session, &format!("SELECT i, v FROM '{target}' ORDER BY i")).await.unwrap();
    assert_eq!(read, copy(&session, &format!("{query} ORDER BY i")).await.unwrap());
}

/// A file system of its own, or None where that is not allowed.
struct Mounted(PathBuf);

impl Mounted {
    fn new(at: PathBuf, options: &str) -> Option<Self> {
        fs::create_dir_all(&at).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", options, "gradframe-test"]).arg(&at).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Mounted(at));
        }
        eprintln!("skipped: this user may not mount a file system");
        None
    }

    fn remount(&self, options: &str) -> bool {
        Command::new("mount").args(["-o", options]).arg(&self.0).status().is_ok_and(|status| status.success())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[tokio::test]
async fn a_full_disk_is_an_error_that_names_the_file_and_leaves_the_old_one() {
    let directory = tempfile::tempdir().unwrap();
    let Some(disk) = Mounted::new(directory.path().join("disk"), "size=2m") else { return };
    let session = session();
    for format in ["csv", "json", "parquet", "arrow"] {
        let target = disk.0.join(format!("t.{format}")).display().to_string();
        copy(&session, &format!("COPY ({}) TO '{target}'", numbers(10))).await.unwrap();
        let big = "SELECT random() AS x, random() AS y FROM generate_series(1, 1000000)";
        let error = copy(&session, &format!("COPY ({big}) TO '{target}' (OVERWRITE)")).await.unwrap_err();
        assert_eq!(error.kind(), "Resources", "{error}");
        assert!(error.to_string().contains(&format!("no space left on the disk for `{target}`")), "{error}");
        let kept = copy(&session, &format!("SELECT count(*) FROM '{target}'")).await.unwrap();
        assert_eq!(kept, ["10"], "{format}");
        fs::remove_file(&target).unwrap();
    }
    assert_eq!(names(&disk.0), (vec![], vec![]));
}

#[tokio::test]
async fn a_read_only_directory_is_an_error_that_names_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let Some(disk) = Mounted::new(directory.path().join("disk"), "size=2m") else { return };
    if !disk.remount("remount,ro") {
        return;
    }
    let target = disk.0.join("t.parquet").display().to_string();
    let error = session().sql("SELECT 1 AS a").await.unwrap().write_parquet(&target).await.unwrap_err();
    assert_eq!(error.kind(), "External", "{error}");
    assert!(error.to_string().contains(&format!("not allowed to write `{target}`")), "{error}");
}

#[tokio::test]
async fn a_parent_that_is_a_file_is_an_error_that_names_it() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("file"), "x").unwrap();
    let target = directory.path().join("file/t.csv").display().to_string();
    let error = session().sql("SELECT 1 AS a").await.unwrap().write_csv(&target).await.unwrap_err();
    assert!(error.kind() == "External" && error.to_string().contains(&target), "{error}");
}

/// What a killed process has left is no harm to readers, and the next write to the same target takes it away.
#[tokio::test]
async fn what_a_killed_write_left_is_skipped_and_swept() {
    let directory = tempfile::tempdir().unwrap();
    let left = directory.path().join(".t-999999-1-0.copying");
    fs::create_dir_all(left.join("data")).unwrap();
    fs::write(left.join("data/half.parquet"), "PAR1").unwrap();
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    fs::File::open(&left).unwrap().set_modified(long_ago).unwrap();
    let session = session();
    copy(&session, &format!("COPY ({}) TO '{}/u/'", numbers(3), directory.path().display())).await.unwrap_err();
    let parquet = format!("COPY ({}) TO '{}/u.parquet'", numbers(3), directory.path().display());
    copy(&session, &parquet).await.unwrap();
    let all = format!("SELECT count(*) FROM '{}'", directory.path().display());
    assert_eq!(copy(&session, &all).await.unwrap(), ["3"]);
    assert!(left.exists(), "another target's");
    copy(&session, &format!("COPY ({}) TO '{}/t' (FORMAT parquet)", numbers(3), directory.path().display())).await.unwrap();
    assert!(!left.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn explain_analyze_counts_what_each_format_writes() {
    let (directory, session) = (tempfile::tempdir().unwrap(), session());
    for format in ["parquet", "csv", "json", "arrow"] {
        let target = directory.path().join(format).display().to_string();
        let plan =
            copy(&session, &format!("EXPLAIN ANALYZE COPY ({}) TO '{target}' (FORMAT {format})", numbers(3))).await.unwrap();
        let plan = plan.join("\n");
        for metric in ["rows_written=3", "bytes_written=", "elapsed_compute=", "data_wait="] {
            assert!(plan.contains(metric), "{format} without {metric}: {plan}");
        }
        assert!(!plan.contains("bytes_written=0"), "{plan}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_column_that_parquet_has_no_type_for_is_named_before_anything_is_written() {
    let (session, directory) = (session(), tempfile::tempdir().unwrap());
    let fields = UnionFields::try_new([0_i8], [Field::new("a", DataType::Int64, true)]).unwrap();
    let values: Vec<ArrayRef> = vec![Arc::new(Int64Array::from(vec![1, 2]))];
    let union = UnionArray::try_new(fields, vec![0_i8, 0].into(), None, values).unwrap();
    let batch = RecordBatch::try_from_iter([
        ("i", Arc::new(Int64Array::from(vec![3, 4])) as ArrayRef),
        ("u", Arc::new(union) as ArrayRef),
    ])
    .unwrap();
    let frame = session.from_batches(batch.schema(), vec![batch]).unwrap();
    let target = directory.path().join("rows.parquet").display().to_string();
    let error = frame.write_parquet(&target).await.unwrap_err();
    assert_eq!(error.kind(), "NotImplemented");
    assert!(error.to_string().contains("column `u` is"), "{error}");
    assert_eq!(names(directory.path()), (vec![], vec![]));
    frame.drop(["u"]).unwrap().write_parquet(&target).await.unwrap();
}
