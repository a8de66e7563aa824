//! Runs that have begun with their server, and go on while it is away.

use gradframe_connectors::store::RunChanges;
use gradframe_plan::services::{BatchOrder, NewDataset};

use super::away::{add, new_run, told, waiting};
use super::*;

/// Longer than any call may take whose server is away.
const SHORT: Duration = Duration::from_secs(10);

/// A server, and the address of its store.
fn there() -> Option<(Server, String)> {
    let server = Server::start()?;
    let address = server.database("runs");
    Some((server, address))
}

fn dataset() -> NewDataset {
    NewDataset { role: "training".into(), name: "rides".into(), rows: Some(9), ..NewDataset::default() }
}

fn text(path: &str) -> NewArtifact<'_> {
    NewArtifact { path, kind: "text", step: Some(1) }
}

#[test]
fn what_a_run_says_while_its_server_is_away_is_there_when_that_answers() {
    told();
    let Some((mut server, address)) = there() else { return };
    let (here, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (store, reader) = (open(&address, here.path()), open(&address, elsewhere.path()));
    let run = store.start(new_run()).unwrap();
    let id = run.id().to_owned();
    add(&run, "a.txt", b"before");
    log(&run, 0, 0.5).unwrap();
    server.crash();

    let start = Instant::now();
    log(&run, 1, 0.5).unwrap();
    let large: Vec<u8> = (0..3_500_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    add(&run, "a.txt", b"while away");
    add(&run, "weights/big.bin", &large);
    add(&run, "a.txt", b"after");
    run.set_params(&[("depth".into(), "3".into())]).unwrap();
    for known in [("lr", "0.2"), ("depth", "4")] {
        let error = run.set_params(&[(known.0.into(), known.1.into())]).unwrap_err();
        assert!(error.kind() == "Plan" && error.to_string().contains("already, got"), "{error}");
    }
    assert_eq!(run.add_artifact(&text("a.txt/x"), &mut &b"x"[..]).unwrap_err().kind(), "Plan");
    run.set_tags(&[("team".into(), "b".into())]).unwrap();
    run.add_dataset(&dataset()).unwrap();
    run.set_batches(&BatchOrder { key: 7, batch_rows: 2, rows: 9 }).unwrap();
    run.flush().unwrap();
    assert!(start.elapsed() < SHORT, "{:?}", start.elapsed());
    assert_eq!(waiting(here.path()), 1);
    let said = told().lines().find(|line| line.contains(&id)).unwrap().to_owned();
    assert!(said.contains("goes on without its store") && said.contains(&here.path().display().to_string()), "{said}");
    assert!(!said.contains("p@ss") && !said.contains("p%40ss"), "{said}");

    server.start_again();
    wait_until("another machine sees what was said", || texts(&reader, LogTable::Params, "name") == ["depth", "lr"]);
    assert_eq!(texts(&reader, LogTable::Artifacts, "path"), ["a.txt", "weights/big.bin"]);
    assert_eq!(waiting(here.path()), 0);
    // Away once more, and the end comes meanwhile.
    server.crash();
    add(&run, "late.txt", b"late");
    let start = Instant::now();
    run.finish(RunOutcome::Finished).unwrap();
    assert!(start.elapsed() < SHORT, "{:?}", start.elapsed());
    assert!(told().contains(&format!("run {id} has ended, and")), "{}", told());
    server.start_again();
    wait_until("the end is told", || texts(&reader, LogTable::Runs, "status") == ["finished"]);
    wait_until("nothing waits", || waiting(here.path()) == 0);
    assert_eq!(steps(&reader), [0, 1]);
    assert_eq!(texts(&reader, LogTable::Tags, "value"), ["b"]);
    assert_eq!(texts(&reader, LogTable::Datasets, "name"), ["rides"]);
    assert_eq!(reader.batches(&id).unwrap(), Some(BatchOrder { key: 7, batch_rows: 2, rows: 9 }));
    for (path, content) in [("weights/big.bin", large.as_slice()), ("a.txt", b"after"), ("late.txt", b"late")] {
        assert_eq!(std::fs::read(reader.artifact(&id, path).unwrap()).unwrap(), content, "{path}");
    }
    let in_order = "SELECT count(*) FROM gradframe.runs r JOIN gradframe.artifacts a USING (run) WHERE r.started <= a.created \
                    AND a.created <= r.ended";
    assert_eq!(server.sql("runs", in_order), "3", "times are those of this machine then, not of the sending");
}

#[test]
fn an_end_alone_waits_for_its_server_too() {
    let Some((mut server, address)) = there() else { return };
    let (here, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(&address, here.path());
    let runs = [0, 1].map(|_| store.start(new_run()).unwrap());
    server.crash();
    let start = Instant::now();
    runs[0].finish(RunOutcome::Finished).unwrap();
    runs[1].finish(RunOutcome::Failed("of itself".into())).unwrap();
    assert!(start.elapsed() < SHORT, "{:?}", start.elapsed());
    server.start_again();
    // Nobody asks this process for anything.
    let reader = open(&address, elsewhere.path());
    wait_until("both ends are told", || texts(&reader, LogTable::Runs, "status") == ["finished", "failed"]);
    assert_eq!(texts(&reader, LogTable::Runs, "error"), ["", "of itself"]);
}

#[test]
fn what_a_killed_process_has_kept_is_told_by_the_next_one_once() {
    let Some((mut server, address)) = there() else { return };
    let home = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["postgres::later::child_that_goes_on_without_its_server", "--exact", "--include-ignored"]);
    let mut child = child.env(CHILD_HOME, home.path()).env(CHILD_ADDRESS, &address).spawn().unwrap();
    wait_until("the child logs", || home.path().join("logs").exists());
    server.crash();
    std::fs::write(home.path().join("is away"), "").unwrap();
    assert!(!child.wait().unwrap().success(), "it aborts");
    assert_eq!(waiting(home.path()), 2);
    let kept = kept(home.path());
    server.start_again();
    let check = |store: &Store| {
        wait_until("ends are written", || texts(store, LogTable::Runs, "status") == ["finished", "failed"]);
        assert_eq!(texts(store, LogTable::Runs, "error"), ["", "the process ended before the run did"]);
        assert_eq!(steps(store).len(), 200);
        assert_eq!(texts(store, LogTable::Artifacts, "path"), ["a.txt", "b.txt", "a.txt", "b.txt"]);
        assert_eq!(waiting(home.path()), 0);
    };
    check(&open(&address, home.path()));
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
    let paths = files.map(|file| file.path()).filter(|path| path.extension().is_some());
    paths.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

#[test]
#[ignore = "a part of what_a_killed_process_has_kept_is_told_by_the_next_one_once"]
fn child_that_goes_on_without_its_server() {
    let (Some(home), Ok(address)) = (std::env::var_os(CHILD_HOME), std::env::var(CHILD_ADDRESS)) else { return };
    let home = Path::new(&home);
    let store = open(&address, home);
    let runs = [0, 1].map(|_| store.start(new_run()).unwrap());
    runs.iter().for_each(|run| add(run, "a.txt", b"before"));
    std::fs::write(home.join("logs"), "").unwrap();
    wait_until("the server is away", || home.join("is away").exists());
    for (i, run) in runs.iter().enumerate() {
        (0..100).for_each(|step| log(run, step, 1.0).unwrap());
        add(run, "b.txt", format!("content {i}").as_bytes());
        run.set_tags(&[("more".into(), "x".into())]).unwrap();
    }
    runs[0].finish(RunOutcome::Finished).unwrap();
    // No destructor runs: what is on the disk is all that is left.
    std::process::abort();
}

#[test]
fn a_server_that_comes_and_goes_gets_each_artifact_once() {
    let Some((mut server, address)) = there() else { return };
    let (here, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(&address, here.path());
    let run = store.start(new_run()).unwrap();
    let (writer, is_done) = (Arc::clone(&run), Arc::new(AtomicBool::new(false)));
    let done = Arc::clone(&is_done);
    let logging = std::thread::spawn(move || {
        for i in 0..60_u8 {
            add(&writer, &format!("{i:02}.bin"), &vec![i; 1_200_000]);
            writer.set_tags(&[("last".into(), i.to_string())]).unwrap();
            log(&writer, i.into(), 0.5).unwrap();
            std::thread::sleep(Duration::from_millis(50));
        }
        done.store(true, Ordering::Relaxed);
    });
    while !is_done.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(700));
        server.crash();
        std::thread::sleep(Duration::from_millis(700));
        server.start_again();
    }
    logging.join().unwrap();
    run.finish(RunOutcome::Finished).unwrap();
    let reader = open(&address, elsewhere.path());
    wait_until("the end is told", || texts(&reader, LogTable::Runs, "status") == ["finished"]);
    wait_until("nothing waits", || waiting(here.path()) == 0);
    assert_eq!(texts(&reader, LogTable::Artifacts, "path").len(), 60);
    assert_eq!(steps(&reader), (0..60).collect::<Vec<_>>());
    assert!(server.sql("runs", "SELECT value FROM gradframe.tags WHERE name = 'last'") == "59");
    for i in 0..60_u8 {
        let path = reader.artifact(run.id(), &format!("{i:02}.bin")).unwrap();
        assert_eq!(std::fs::read(path).unwrap(), vec![i; 1_200_000]);
    }
}

#[test]
fn what_has_become_impossible_meanwhile_is_said_and_not_in_the_way_of_the_rest() {
    told();
    let Some((mut server, address)) = there() else { return };
    let (here, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(&address, here.path());
    let [run, deleted] = [0, 1].map(|_| store.start(new_run()).unwrap());
    let other = open(&address, elsewhere.path()).attach(run.id()).unwrap();
    other.set_params(&[("depth".into(), "3".into())]).unwrap();
    add(&other, "a", b"of another client");
    server.crash();
    run.set_params(&[("depth".into(), "4".into())]).unwrap();
    run.add_artifact(&text("a/b.txt"), &mut &b"below"[..]).unwrap();
    run.set_tags(&[("team".into(), "b".into())]).unwrap();
    add(&deleted, "a.txt", b"of nobody");
    // As soon as the server is back, before this process has looked.
    server.start_again();
    let gone = format!(
        "DELETE FROM gradframe.tags WHERE run = '{0}'; DELETE FROM gradframe.params WHERE run = '{0}';
                        DELETE FROM gradframe.runs WHERE run = '{0}'",
        deleted.id()
    );
    server.sql("runs", &gone);
    wait_until("all is told", || waiting(here.path()) == 0);
    let reader = open(&address, elsewhere.path());
    assert_eq!(texts(&reader, LogTable::Params, "value"), ["3", "0.1"]);
    assert_eq!(texts(&reader, LogTable::Tags, "value"), ["b"]);
    let said = |run: &str| told().lines().filter(|line| line.contains(run)).map(str::to_owned).collect::<Vec<_>>().join("\n");
    let of = said(run.id());
    assert!(of.contains("parameter `depth` is `3` already, got `4`") && of.contains("`a` is a file already"), "{of}");
    // Where this process was first, the artifact was told before the run was deleted.
    let lost = said(deleted.id());
    assert!(lost.contains("no longer in the store") || texts(&reader, LogTable::Artifacts, "path").len() == 2, "{lost}");
    let failed = RunChanges { status: Some("failed"), ..RunChanges::default() };
    reader.change_run(run.id(), &failed).unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_without_room_for_what_waits_is_named() {
    let Some((mut server, address)) = there() else { return };
    let home = tempfile::tempdir().unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=3m", "tmpfs"]).arg(home.path()).output();
    if !mounted.is_ok_and(|mounted| mounted.status.success()) {
        eprintln!("skipped: mounting takes a user who may mount");
        return;
    }
    let store = open(&address, home.path());
    let run = store.start(new_run()).unwrap();
    server.crash();
    add(&run, "small.txt", b"small");
    let large = vec![1; 4 << 20];
    let error = run.add_artifact(&text("big.bin"), &mut &large[..]).unwrap_err();
    assert!(error.kind() == "Resources" && error.to_string().contains(&home.path().display().to_string()), "{error}");
    // Behind it there is room again.
    add(&run, "second.txt", b"second");
    run.finish(RunOutcome::Finished).unwrap();
    server.start_again();
    wait_until("the rest is told", || waiting(home.path()) == 0);
    assert_eq!(texts(&store, LogTable::Artifacts, "path"), ["second.txt", "small.txt"]);
    drop((run, store));
    let _ = Command::new("umount").arg("--lazy").arg(home.path()).status();
}
