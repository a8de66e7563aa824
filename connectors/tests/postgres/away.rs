//! Runs that begin while their server is away.

use std::sync::{Mutex, OnceLock};

use gradframe_connectors::notices;
use gradframe_plan::services::{BatchOrder, DatasetFile, NewDataset};

use super::*;

const FAR: Duration = Duration::from_millis(300);

/// What users have been told, of any run.
pub(super) fn told() -> String {
    static TOLD: OnceLock<Mutex<Vec<String>>> = OnceLock::new();
    let told = TOLD.get_or_init(|| {
        notices::listen(|what| TOLD.get().unwrap().lock().unwrap().push(what.to_owned()));
        Mutex::default()
    });
    told.lock().unwrap().join("\n")
}

pub(super) fn new_run() -> NewRun {
    NewRun {
        title: "é 🦀 'x'".into(),
        experiment: Some("far".into()),
        seed: Some(u64::MAX),
        params: [("lr".to_owned(), "0.1".to_owned())].into(),
        tags: [("team".to_owned(), "a\\u0000b".to_owned())].into(),
        environment: [(("package".to_owned(), "numpy".to_owned()), "2.1".to_owned())].into(),
        ..NewRun::default()
    }
}

fn dataset() -> NewDataset {
    let file = DatasetFile { path: "/a.csv".into(), bytes: 7, modified_us: 5, version: None, hash: Some("x".into()) };
    NewDataset { role: "training".into(), name: "rides".into(), rows: Some(9), files: vec![file], ..NewDataset::default() }
}

pub(super) fn add(run: &Arc<dyn RunWriter>, path: &str, content: &[u8]) {
    run.add_artifact(&NewArtifact { path, kind: "file", step: Some(3) }, &mut &content[..]).unwrap();
}

pub(super) fn waiting(home: &Path) -> usize {
    let mut open = vec![home.join("shared")];
    let mut count = 0;
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).into_iter().flatten().flatten() {
            count += usize::from(entry.path().extension().is_some_and(|ending| ending == "begun" || ending == "later"));
            open.push(entry.path());
        }
    }
    count
}

/// A server that is away, and the address of its store.
pub(super) fn away() -> Option<(Server, String)> {
    let mut server = Server::start()?;
    let address = server.database("runs");
    server.crash();
    Some((server, address))
}

#[test]
fn a_run_that_begins_without_its_server_is_there_when_that_answers() {
    told();
    let Some((mut server, address)) = away() else { return };
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (store, reader) = (open(&address, here.path()), open(&address, there.path()));
    let run = store.start(new_run()).unwrap();
    let id = run.id().to_owned();
    let said = told().lines().find(|line| line.contains(&id)).unwrap().to_owned();
    assert!(said.contains("127.0.0.1") && said.contains(&here.path().display().to_string()), "{said}");
    assert!(!said.contains("p@ss") && !said.contains("p%40ss"), "{said}");
    (0..100).for_each(|step| log(&run, step, 0.5).unwrap());
    run.set_params(&[("depth".into(), "3".into())]).unwrap();
    let error = run.set_params(&[("new".into(), "1".into()), ("lr".into(), "0.2".into())]).unwrap_err();
    assert!(error.kind() == "Plan" && error.to_string().contains("`lr` is `0.1` already, got `0.2`"), "{error}");
    assert_eq!(run.set_tags(&[("a".into(), "b\0c".into())]).unwrap_err().kind(), "Plan");
    run.set_tags(&[("team".into(), "b".into()), ("more".into(), "x".into())]).unwrap();
    let large: Vec<u8> = (0..3_500_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    add(&run, "weights/big.bin", &large);
    add(&run, "a.txt", b"before");
    add(&run, "a.txt", b"after");
    assert_eq!(
        run.add_artifact(&NewArtifact { path: "../x", kind: "file", step: None }, &mut &b""[..]).unwrap_err().kind(),
        "Plan"
    );
    for path in ["a.txt/x", "weights"] {
        let error = run.add_artifact(&NewArtifact { path, kind: "file", step: None }, &mut &b"x"[..]).unwrap_err();
        assert!(error.kind() == "Plan" && error.to_string().contains("cannot be kept"), "{error}");
    }
    run.add_dataset(&dataset()).unwrap();
    run.set_batches(&BatchOrder { key: 1 << 63, batch_rows: 2, rows: 9 }).unwrap();
    run.flush().unwrap();
    assert_eq!(store.scan(LogTable::Runs, &LogQuery::default()).unwrap_err().kind(), "External");

    server.start_again();
    wait_until("another machine sees the run", || texts(&reader, LogTable::Runs, "run") == [id.as_str()]);
    wait_until("its points too", || steps(&reader).len() == 100);
    assert_eq!(waiting(here.path()), 0);
    // From now on as of any run.
    log(&run, 100, 0.25).unwrap();
    run.set_params(&[("late".into(), "1".into())]).unwrap();
    add(&run, "late.txt", b"late");
    run.finish(RunOutcome::Finished).unwrap();
    assert_eq!(texts(&reader, LogTable::Runs, "status"), ["finished"]);
    assert_eq!(texts(&reader, LogTable::Runs, "title"), ["é 🦀 'x'"]);
    assert_eq!(texts(&reader, LogTable::Runs, "experiment"), ["far"]);
    assert_eq!(steps(&reader), (0..=100).collect::<Vec<_>>());
    assert_eq!(texts(&reader, LogTable::Params, "name"), ["depth", "late", "lr"]);
    assert_eq!(texts(&reader, LogTable::Tags, "value"), ["x", "b"]);
    assert_eq!(texts(&reader, LogTable::Artifacts, "path"), ["a.txt", "late.txt", "weights/big.bin"]);
    assert_eq!(texts(&reader, LogTable::Environments, "value"), ["2.1"]);
    assert_eq!(texts(&reader, LogTable::Datasets, "name"), ["rides"]);
    assert_eq!(reader.batches(&id).unwrap(), Some(BatchOrder { key: 1 << 63, batch_rows: 2, rows: 9 }));
    assert_eq!(reader.run_start(&id).unwrap().seed, Some(u64::MAX));
    for (path, content) in [("weights/big.bin", large.as_slice()), ("a.txt", b"after"), ("late.txt", b"late")] {
        assert_eq!(std::fs::read(reader.artifact(&id, path).unwrap()).unwrap(), content, "{path}");
    }
    assert_eq!(server.sql("runs", "SELECT count(*) FROM gradframe.pieces"), "0");
    let in_order = "SELECT count(*) FROM gradframe.runs r JOIN gradframe.artifacts a USING (run) WHERE r.started <= a.created \
                    AND a.created <= r.ended";
    assert_eq!(server.sql("runs", in_order), "3", "times are those of this machine then, not of the sending");
}

#[test]
fn what_has_ended_without_its_server_is_told_by_the_next_process_once() {
    let Some((mut server, address)) = away() else { return };
    let home = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["postgres::away::child_that_begins_without_its_server", "--exact", "--include-ignored"]);
    let ended = child.env(CHILD_HOME, home.path()).env(CHILD_ADDRESS, &address).status().unwrap();
    assert!(!ended.success(), "it aborts");
    assert_eq!(waiting(home.path()), 2);
    // Still away: what looks for it there leaves it as it is.
    assert!(open(&address, home.path()).scan(LogTable::Runs, &LogQuery::default()).is_err());
    assert_eq!(waiting(home.path()), 2);
    let kept = kept(home.path());

    server.start_again();
    let check = |store: &Store| {
        wait_until("ends are written", || texts(store, LogTable::Runs, "status") == ["finished", "failed"]);
        assert_eq!(texts(store, LogTable::Runs, "error"), ["", "the process ended before the run did"]);
        assert_eq!(steps(store).len(), 200);
        assert_eq!(texts(store, LogTable::Artifacts, "path"), ["a.txt", "a.txt"]);
        assert_eq!(texts(store, LogTable::Tags, "name").len(), 4);
        assert_eq!(waiting(home.path()), 0);
    };
    check(&open(&address, home.path()));
    assert_eq!(server.sql("runs", "SELECT count(*) FROM gradframe.runs WHERE ended > started"), "2");
    // As a process leaves them that ends between the sending and the removal.
    for (path, bytes) in &kept {
        std::fs::write(path, bytes).unwrap();
    }
    server.sql("runs", "UPDATE gradframe.tags SET value = 'changed since'");
    check(&open(&address, home.path()));
    assert_eq!(server.sql("runs", "SELECT count(*) FROM gradframe.tags WHERE value = 'changed since'"), "4");
}

/// The files that wait.
fn kept(home: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let spools = std::fs::read_dir(home.join("shared")).unwrap().flatten();
    let files = spools.flat_map(|spool| std::fs::read_dir(spool.path().join("outbox")).unwrap().flatten());
    files.map(|file| (file.path(), std::fs::read(file.path()).unwrap())).collect()
}

#[test]
#[ignore = "a part of what_has_ended_without_its_server_is_told_by_the_next_process_once"]
fn child_that_begins_without_its_server() {
    let (Some(home), Ok(address)) = (std::env::var_os(CHILD_HOME), std::env::var(CHILD_ADDRESS)) else { return };
    let store = Store::open_shared_waiting(&address, home.into(), FAR).unwrap();
    let runs = [0, 1].map(|_| store.start(new_run()).unwrap());
    for (i, run) in runs.iter().enumerate() {
        (0..100).for_each(|step| log(run, step, 1.0).unwrap());
        add(run, "a.txt", format!("content {i}").as_bytes());
        run.set_tags(&[("more".into(), "x".into())]).unwrap();
    }
    runs[0].finish(RunOutcome::Finished).unwrap();
    // No destructor runs: what is on the disk is all that is left.
    std::process::abort();
}

#[test]
fn a_server_that_crashes_while_it_is_told_hears_all_of_it_once() {
    let Some((mut server, address)) = away() else { return };
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = Store::open_shared_waiting(&address, here.path().to_path_buf(), FAR).unwrap();
    let runs: Vec<Arc<dyn RunWriter>> = (0..8).map(|_| store.start(new_run()).unwrap()).collect();
    for (i, run) in runs.iter().enumerate() {
        (0..50).for_each(|step| log(run, step, 1.0).unwrap());
        add(run, "big.bin", &vec![i as u8; 2_500_000]);
    }
    for pause in [1050, 1200] {
        server.start_again();
        std::thread::sleep(Duration::from_millis(pause));
        server.crash();
    }
    server.start_again();
    wait_until("all are sent", || waiting(here.path()) == 0);
    runs.iter().for_each(|run| run.finish(RunOutcome::Finished).unwrap());
    let reader = open(&address, there.path());
    assert_eq!(texts(&reader, LogTable::Runs, "status"), ["finished"; 8]);
    assert_eq!(steps(&reader).len(), 400);
    for (i, run) in runs.iter().enumerate() {
        assert_eq!(std::fs::read(reader.artifact(run.id(), "big.bin").unwrap()).unwrap(), vec![i as u8; 2_500_000]);
    }
}

#[test]
fn a_run_that_its_server_would_not_take_does_not_begin_without_it() {
    let Some((mut server, address)) = away() else { return };
    let home = tempfile::tempdir().unwrap();
    let store = open(&address, home.path());
    for wrong in
        [NewRun { title: "a\0b".into(), ..NewRun::default() }, NewRun { experiment: Some(String::new()), ..NewRun::default() }]
    {
        assert_eq!(store.start(wrong).err().unwrap().kind(), "Plan");
    }
    assert_eq!(waiting(home.path()), 0);
    // A content that nothing in the store names yet is no rubbish.
    let run = store.start(NewRun::default()).unwrap();
    add(&run, "a.txt", b"kept");
    server.start_again();
    let other = open(&address, home.path());
    assert_eq!(other.remove_unused_objects().unwrap(), (0, 0));
    wait_until("it is sent", || waiting(home.path()) == 0);
    assert_eq!(std::fs::read(store.artifact(run.id(), "a.txt").unwrap()).unwrap(), b"kept");
}
