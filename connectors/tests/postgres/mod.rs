//! The store in PostgreSQL: a real server, stopped and started, its connections cut.

mod away;
mod connecting;
mod later;
mod left;
mod server;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use gradframe_connectors::store::Store;
use gradframe_ml_core::Tensor;
use gradframe_ml_learn::Checkpoint;
use gradframe_plan::ops::run_log::{LogQuery, LogTable};
use gradframe_plan::services::{MetricRow, ModelRegistry, NewArtifact, NewRun, RunLog, RunOutcome, RunWriter};

use crate::support::model;
use server::Server;

/// Names the server to the tests of the store.
pub const ADDRESS: &str = "GRADFRAME_TEST_STORE";
const CHILD_HOME: &str = "GRADFRAME_TEST_POSTGRES_HOME";
const CHILD_ADDRESS: &str = "GRADFRAME_TEST_POSTGRES_ADDRESS";
const WAIT: Duration = Duration::from_secs(30);

/// What is about files of an embedded store, and has no meaning on a server.
const OF_FILES: [&str; 14] = [
    "store::layouts",
    "while_the_view_is_made",
    "store::leftovers",
    "reading_a_missing_store",
    "a_corrupt_database",
    "a_damaged_checkpoint",
    "leaves_nothing",
    "names_never_leave_the_store",
    "what_a_crash_left",
    "broken_files_are_named",
    "before_anything_is_written",
    "the_table_is_what_was_acknowledged",
    "equal_contents_are_one_object",
    "a_specification_of_an_earlier_build",
];

/// A database for the store of a directory, on the server at `address`.
pub fn database_of(address: &str, home: &Path) -> String {
    let name: String = home.display().to_string().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let (server, programs) = address.split_once('|').unwrap();
    // Already there for another process of the same test.
    let _ = Command::new(programs).args(["-c", &format!("CREATE DATABASE \"{name}\""), server]).output().unwrap();
    server.replace("///postgres?", &format!("///{name}?"))
}

fn open(address: &str, home: &Path) -> Arc<Store> {
    Store::open_shared(address, home.to_path_buf()).unwrap()
}

fn log(run: &Arc<dyn RunWriter>, step: i64, value: f64) -> gradframe_ml_core::Result<()> {
    run.log_rows(&[MetricRow { step, epoch: None, time_us: Some(step), values: &[("loss", value)] }])
}

fn rows(store: &Store, table: LogTable) -> RecordBatch {
    let batches = store.scan(table, &LogQuery::default()).unwrap();
    arrow::compute::concat_batches(&table.schema(), &batches).unwrap()
}

fn steps(store: &Store) -> Vec<i64> {
    let rows = rows(store, LogTable::Metrics);
    rows.column_by_name("step").unwrap().as_primitive::<Int64Type>().values().to_vec()
}

fn texts(store: &Store, table: LogTable, column: &str) -> Vec<String> {
    let rows = rows(store, table);
    rows.column_by_name(column).unwrap().as_string::<i32>().iter().map(|text| text.unwrap_or_default().to_owned()).collect()
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < WAIT, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_tests_of_the_store_pass_on_a_server() {
    let Some(server) = Server::start() else { return };
    let mut tests = Command::new(std::env::current_exe().unwrap());
    tests.args(["store::", "--test-threads", "2"]).env(ADDRESS, server.for_tests());
    tests.args(OF_FILES.iter().flat_map(|name| ["--skip", name]));
    let output = tests.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let passed = said.split("test result: ok. ").nth(1).and_then(|rest| rest.split(' ').next()).and_then(|n| n.parse().ok());
    assert!(passed.unwrap_or(0) >= 35, "only {passed:?} ran:\n{said}");
}

#[test]
fn points_are_neither_lost_nor_doubled_while_the_server_crashes() {
    let Some(mut server) = Server::start() else { return };
    let (address, home) = (server.database("runs"), tempfile::tempdir().unwrap());
    let store = open(&address, home.path());
    let run = store.start(NewRun::default()).unwrap();
    let (stop, mut crashes) = (Arc::new(AtomicBool::new(false)), 0);
    let logger = {
        let (run, stop) = (Arc::clone(&run), Arc::clone(&stop));
        std::thread::spawn(move || {
            let mut step = 0;
            while !stop.load(Ordering::Relaxed) {
                log(&run, step, 0.5).unwrap();
                step += 1;
                if step % 1000 == 0 {
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
            step
        })
    };
    while crashes < 3 {
        std::thread::sleep(Duration::from_millis(600));
        server.crash();
        std::thread::sleep(Duration::from_millis(300));
        server.start_again();
        crashes += 1;
    }
    std::thread::sleep(Duration::from_millis(600));
    stop.store(true, Ordering::Relaxed);
    let logged = logger.join().unwrap();
    let other = tempfile::tempdir().unwrap();
    let reader = open(&address, other.path());
    wait_until("another machine sees all points", || steps(&reader).len() as i64 == logged);
    run.finish(RunOutcome::Finished).unwrap();
    assert_eq!(steps(&reader), (0..logged).collect::<Vec<_>>());
    assert_eq!(steps(&store), steps(&reader));
    assert_eq!(server.sql("runs", "SELECT count(*) FROM gradframe.pieces"), "0", "what is folded needs no pieces");
}

#[test]
fn threads_that_flush_at_once_leave_no_hole_in_what_other_machines_see() {
    let Some(server) = Server::start() else { return };
    let address = server.database("runs");
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(&address, here.path());
    let runs = [0; 4].map(|_| store.start(NewRun::default()).unwrap());
    let end = Instant::now() + Duration::from_secs(3);
    let log_on = |run: &Arc<dyn RunWriter>| {
        let mut step = 0;
        while Instant::now() < end {
            (step..step + 20).for_each(|step| log(run, step, 0.5).unwrap());
            run.flush().unwrap();
            step += 20;
        }
        step
    };
    let logged: i64 = std::thread::scope(|scope| {
        let threads = runs.each_ref().map(|run| scope.spawn(move || log_on(run)));
        threads.map(|thread| thread.join().unwrap()).iter().sum()
    });
    let reader = open(&address, there.path());
    wait_until("another machine sees all points while the runs live", || steps(&reader).len() as i64 == logged);
    runs.iter().for_each(|run| run.finish(RunOutcome::Finished).unwrap());
    assert_eq!(steps(&reader).len() as i64, logged);
}

#[test]
fn a_server_without_room_for_a_connection_is_one_that_is_away() {
    let Some(server) = Server::start() else { return };
    let (address, home) = (server.database("runs"), tempfile::tempdir().unwrap());
    open(&address, home.path()).start(NewRun::default()).unwrap().finish(RunOutcome::Finished).unwrap();
    let others: Vec<_> = (0..60).map(|number| open(&address, &home.path().join(number.to_string()))).collect();
    let connected = others.iter().filter(|store| store.scan(LogTable::Params, &LogQuery::default()).is_ok()).count();
    assert!(connected >= 50, "{connected}");
    let late = Store::open_shared_waiting(&address, home.path().join("late"), Duration::from_millis(300)).unwrap();
    let run = late.start(NewRun { title: "late".into(), ..NewRun::default() }).unwrap();
    log(&run, 0, 0.5).unwrap();
    drop(others);
    run.finish(RunOutcome::Finished).unwrap();
    let reader = open(&address, &home.path().join("reader"));
    wait_until("the run is sent", || texts(&reader, LogTable::Runs, "title").contains(&"late".to_owned()));
    wait_until("its point is there", || steps(&reader) == [0]);
}

#[test]
fn what_a_process_could_not_send_the_next_one_does() {
    let Some(mut server) = Server::start() else { return };
    let (address, home) = (server.database("runs"), tempfile::tempdir().unwrap());
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["postgres::child_whose_server_goes_away", "--exact", "--include-ignored"]);
    let mut child = child.env(CHILD_HOME, home.path()).env(CHILD_ADDRESS, &address).spawn().unwrap();
    wait_until("the child logs", || home.path().join("logs").exists());
    server.crash();
    std::fs::write(home.path().join("is away"), "").unwrap();
    assert!(!child.wait().unwrap().success(), "it aborts");
    server.start_again();
    let next = open(&address, home.path());
    wait_until("the end is written", || texts(&next, LogTable::Runs, "status") == ["finished", "failed"]);
    assert_eq!(texts(&next, LogTable::Runs, "error"), ["", "the process ended before the run did"]);
    assert_eq!(steps(&next).len(), 200, "all that was logged is there");
}

#[test]
#[ignore = "a part of what_a_process_could_not_send_the_next_one_does"]
fn child_whose_server_goes_away() {
    let (Some(home), Ok(address)) = (std::env::var_os(CHILD_HOME), std::env::var(CHILD_ADDRESS)) else { return };
    let home = Path::new(&home);
    let store = Store::open_shared_waiting(&address, home.to_path_buf(), Duration::from_millis(300)).unwrap();
    let runs = [0, 1].map(|_| store.start(NewRun::default()).unwrap());
    std::fs::write(home.join("logs"), "").unwrap();
    wait_until("the server is away", || home.join("is away").exists());
    for step in 0..100 {
        runs.iter().for_each(|run| log(run, step, 1.0).unwrap());
    }
    runs[0].flush().unwrap();
    runs[0].finish(RunOutcome::Finished).unwrap();
    // No destructor runs: what is on the disk is all that is left.
    std::process::abort();
}

#[test]
fn what_cuts_connections_makes_nothing_happen_twice() {
    let Some(server) = Server::start() else { return };
    let (address, home) = (server.database("runs"), tempfile::tempdir().unwrap());
    let store = open(&address, home.path());
    let run = store.start(NewRun::default()).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                server.sql(
                    "postgres",
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'gradframe'",
                );
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        for i in 0..60 {
            run.set_tags(&[(format!("tag {i}"), i.to_string())]).unwrap();
            assert_eq!(store.commit("m", model(f64::from(i)), true).unwrap().version, i as u64 + 1, "no version is taken twice");
            let artifact = NewArtifact { path: &format!("a/{i}.txt"), kind: "file", step: None };
            run.add_artifact(&artifact, &mut format!("content {i}").as_bytes()).unwrap();
        }
        stop.store(true, Ordering::Relaxed);
    });
    run.finish(RunOutcome::Finished).unwrap();
    assert_eq!(rows(&store, LogTable::Tags).num_rows(), 60);
    assert_eq!(rows(&store, LogTable::Artifacts).num_rows(), 60);
    assert_eq!(server.sql("runs", "SELECT count(*), max(version) FROM gradframe.models"), "60|60");
}

#[test]
fn a_machine_sees_what_another_logs_keeps_and_trains() {
    let Some(server) = Server::start() else { return };
    let address = server.database("runs");
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // One by a password, the other by the socket.
    let (writer, reader) = (open(&address, here.path()), open(&server.socket_address("runs"), there.path()));
    assert_eq!(rows(&reader, LogTable::Runs).num_rows(), 0, "no tables yet");
    let run = writer.start(NewRun { title: "é 🦀 'x'".into(), ..NewRun::default() }).unwrap();
    log(&run, 1, f64::NEG_INFINITY).unwrap();
    log(&run, 2, f64::NAN).unwrap();
    wait_until("a live run is seen", || steps(&reader) == [1, 2]);
    assert_eq!(texts(&reader, LogTable::Runs, "status"), ["running"], "a process of elsewhere is not taken for dead");
    let large: Vec<u8> = (0..3_500_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let artifact = NewArtifact { path: "weights/big.bin", kind: "file", step: Some(2) };
    run.add_artifact(&artifact, &mut large.as_slice()).unwrap();
    assert_eq!(std::fs::read(reader.artifact(run.id(), "weights/big.bin").unwrap()).unwrap(), large);
    writer.commit("fare", model(0.1 + 0.2), false).unwrap();
    assert_eq!(reader.get("fare").unwrap().unwrap().model, model(0.1 + 0.2));
    assert_eq!(reader.version_files("fare", 1).unwrap().len(), 2);
    reader.set_alias("fare", "champion", 1).unwrap();
    run.finish(RunOutcome::Finished).unwrap();
    assert_eq!(writer.alias_names().unwrap(), ["fare@champion"]);
    assert_eq!(steps(&reader), [1, 2]);
    assert_eq!(reader.remove_unused_objects().unwrap(), (0, 0));
    reader.remove_run(run.id()).unwrap();
    assert_eq!(reader.remove_unused_objects().unwrap(), (1, 3_500_000), "a model's files stay");
    assert_eq!(writer.get("fare@champion").unwrap().unwrap().version, 1);
}

#[test]
fn an_interrupted_run_goes_on_from_its_checkpoint_on_another_machine() {
    let Some(server) = Server::start() else { return };
    let address = server.database("runs");
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (first, second) = (open(&address, here.path()), open(&address, there.path()));
    let run = first.start(NewRun::default()).unwrap();
    let id = run.id().to_owned();
    let large = vec![0.5_f32; 700_000];
    let checkpoint = |epoch: u64| {
        let mut checkpoint = Checkpoint::default();
        checkpoint.put_number("epoch", epoch);
        checkpoint.put("weights", Tensor::from_vec(&[700_000], large.clone()).unwrap());
        checkpoint
    };
    (1..=3).for_each(|epoch| run.checkpoint(&checkpoint(epoch)).unwrap());
    run.finish(RunOutcome::Cancelled).unwrap();
    assert_eq!(second.checkpoint(&id).unwrap(), Some(checkpoint(3)));
    let again = second.resume(&id, 3, 0).unwrap();
    again.checkpoint(&checkpoint(4)).unwrap();
    again.finish(RunOutcome::Failed("once more".into())).unwrap();
    assert_eq!(first.checkpoint(&id).unwrap(), Some(checkpoint(4)), "not the one that this machine had");
    let once_more = first.resume(&id, 4, 0).unwrap();
    once_more.finish(RunOutcome::Finished).unwrap();
    assert_eq!(second.checkpoint(&id).unwrap(), None);
    assert_eq!(server.sql("runs", "SELECT count(*) FROM gradframe.checkpoint_pieces"), "0");
}

#[test]
fn runs_move_between_a_directory_and_a_server() {
    let Some(server) = Server::start() else { return };
    let (local, home, back) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let embedded = Store::open(local.path().to_path_buf()).unwrap();
    let run = embedded.start(NewRun { title: "moved".into(), experiment: Some("e".into()), ..NewRun::default() }).unwrap();
    for step in 0..2000 {
        log(&run, step, 1.0 / step as f64).unwrap();
    }
    run.add_artifact(&NewArtifact { path: "a.txt", kind: "file", step: None }, &mut &b"hello"[..]).unwrap();
    run.finish(RunOutcome::Finished).unwrap();
    let shared = open(&server.database("runs"), home.path());
    assert_eq!(shared.copy_runs_from(&embedded).unwrap(), [run.id()]);
    let again = Store::open(back.path().to_path_buf()).unwrap();
    again.copy_run_from(&shared, run.id()).unwrap();
    for table in [LogTable::Runs, LogTable::Metrics, LogTable::Latest, LogTable::Artifacts] {
        assert_eq!(rows(&shared, table), rows(&embedded, table), "{table:?}");
        assert_eq!(rows(&again, table), rows(&embedded, table), "{table:?}");
    }
    assert_eq!(std::fs::read(again.artifact(run.id(), "a.txt").unwrap()).unwrap(), b"hello");
}

#[test]
fn a_store_of_a_newer_build_is_refused_and_left_as_it_is() {
    let Some(server) = Server::start() else { return };
    let (address, home) = (server.database("runs"), tempfile::tempdir().unwrap());
    open(&address, home.path()).start(NewRun::default()).unwrap().finish(RunOutcome::Finished).unwrap();
    server.sql("runs", "INSERT INTO gradframe.layout VALUES (999)");
    let store = open(&address, home.path());
    for error in [store.start(NewRun::default()).err().unwrap(), store.scan(LogTable::Runs, &LogQuery::default()).unwrap_err()] {
        assert_eq!(error.kind(), "Execution");
        assert!(error.to_string().contains("layout 999") && error.to_string().contains("newer gradframe"), "{error}");
    }
    assert_eq!(server.sql("runs", "SELECT count(*) FROM gradframe.runs"), "1");
}
