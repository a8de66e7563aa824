//! What processes leave that have ended while their server was away: whole, cut off, or changed by the disk.

use std::path::PathBuf;

use super::away::{add, away, new_run, told, waiting};
use super::*;

const CUT_BYTES: usize = 20;

/// Runs that have begun, logged and finished without their server, and whose process is no more.
fn left_behind(address: &str, home: &Path, runs: usize) -> Vec<String> {
    let store = open(address, home);
    let begin = |i: usize| {
        let run = store.start(new_run()).unwrap();
        (0..10).for_each(|step| log(&run, step, 1.0).unwrap());
        run.set_tags(&[("first".into(), "a".into())]).unwrap();
        run.set_tags(&[("second".into(), "b".into())]).unwrap();
        add(&run, "last.txt", format!("content {i}").as_bytes());
        run.finish(RunOutcome::Finished).unwrap();
        run.id().to_owned()
    };
    (0..runs).map(begin).collect()
}

/// The file of a run, in the one directory of a shared store that there is.
fn file_of(home: &Path, run: &str) -> PathBuf {
    let spool = std::fs::read_dir(home.join("shared")).unwrap().flatten().next().unwrap();
    spool.path().join("outbox").join(format!("{run}.begun"))
}

/// Changes a bit of the first place at which a file says this; gives what it was before.
fn damage(file: &Path, text: &str) -> Vec<u8> {
    let whole = std::fs::read(file).unwrap();
    let at = whole.windows(text.len()).position(|part| part == text.as_bytes()).unwrap();
    let mut changed = whole.clone();
    changed[at] ^= 4;
    std::fs::write(file, changed).unwrap();
    whole
}

#[test]
fn what_the_disk_has_changed_is_named_and_never_taken_for_sent() {
    told();
    let Some((mut server, address)) = away() else { return };
    let home = tempfile::tempdir().unwrap();
    let [not_begun, changed, cut, whole]: [String; 4] = left_behind(&address, home.path(), 4).try_into().unwrap();
    let file = |run: &str| file_of(home.path(), run);
    let before = damage(&file(&not_begun), "Begin");
    damage(&file(&changed), "first");
    let bytes = std::fs::read(file(&cut)).unwrap();
    std::fs::write(file(&cut), &bytes[..bytes.len() - CUT_BYTES]).unwrap();

    server.start_again();
    let store = open(&address, home.path());
    assert_eq!(texts(&store, LogTable::Runs, "run"), [changed.as_str(), &cut, &whole]);
    assert_eq!(texts(&store, LogTable::Runs, "status"), ["finished"; 3]);
    let of = |run: &str| told().lines().filter(|line| line.contains(run)).map(str::to_owned).collect::<Vec<_>>().join("\n");
    // How it begins is damaged: it stays, and is said each time.
    let said = of(&file(&not_begun).display().to_string());
    assert!(said.contains("at byte 0") && said.contains("bring the file back"), "{said}");
    assert!(told().contains("now knows of 2 runs"), "{}", told());
    assert!(file(&not_begun).exists());
    assert_eq!(store.remove_unused_objects().unwrap_err().kind(), "Execution");
    // Another change is damaged: all others are there, and the file is kept.
    let aside = file(&changed).with_extension("begun.damaged");
    assert!(of(&changed).contains(&aside.display().to_string()), "{}", of(&changed));
    assert!(!file(&changed).exists() && aside.exists());
    let tags = format!("SELECT string_agg(name, ',' ORDER BY name) FROM gradframe.tags WHERE run = '{changed}'");
    assert_eq!(server.sql("runs", &tags), "second,team");
    assert_eq!(std::fs::read(store.artifact(&changed, "last.txt").unwrap()).unwrap(), b"content 1");
    // The last one was cut off, which says what it was.
    assert!(of(&cut).contains("left out") && of(&cut).contains("last.txt"), "{}", of(&cut));
    assert!(!file(&cut).exists() && store.artifact(&cut, "last.txt").is_err());
    // Points of the run that waits are seen on its machine.
    assert_eq!(steps(&store).len(), 40);

    std::fs::write(file(&not_begun), before).unwrap();
    assert_eq!(texts(&store, LogTable::Runs, "status"), ["finished"; 4]);
    assert_eq!((steps(&store).len(), waiting(home.path())), (40, 0));
    assert_eq!(store.remove_unused_objects().unwrap(), (0, 0));
    assert_eq!(std::fs::read(store.artifact(&not_begun, "last.txt").unwrap()).unwrap(), b"content 0");
}

#[test]
fn what_was_sent_and_is_damaged_since_is_put_aside_unsent() {
    let Some((mut server, address)) = away() else { return };
    let home = tempfile::tempdir().unwrap();
    let run = left_behind(&address, home.path(), 1).remove(0);
    let file = file_of(home.path(), &run);
    let bytes = std::fs::read(&file).unwrap();
    server.start_again();
    let store = open(&address, home.path());
    assert_eq!(texts(&store, LogTable::Runs, "status"), ["finished"]);
    server.sql("runs", "UPDATE gradframe.tags SET value = 'changed since'");
    for text in ["Begin", "first"] {
        std::fs::write(&file, &bytes).unwrap();
        damage(&file, text);
        assert_eq!(texts(&store, LogTable::Tags, "value").len(), 3);
        assert_eq!(texts(&store, LogTable::Runs, "status"), ["finished"]);
        assert!(!file.exists() && file.with_extension("begun.damaged").exists(), "{text}");
    }
    assert_eq!(texts(&store, LogTable::Tags, "value"), ["changed since"; 3]);
}

#[test]
fn a_run_ends_as_it_did_without_its_server_and_not_once_more() {
    let Some((mut server, address)) = away() else { return };
    let (home, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = open(&address, home.path());
    for outcome in [RunOutcome::Finished, RunOutcome::Failed("a\0b".into()), RunOutcome::Cancelled] {
        first.start(NewRun::default()).unwrap().finish(outcome).unwrap();
    }
    // Its lock goes with it: nothing but what it has written down tells of its end.
    drop(first);
    let ends = file_of(home.path(), "x").ancestors().nth(2).unwrap().join("ends");
    let kept: Vec<(PathBuf, Vec<u8>)> =
        std::fs::read_dir(&ends).unwrap().flatten().map(|file| (file.path(), std::fs::read(file.path()).unwrap())).collect();
    assert_eq!(kept.len(), 3);

    server.start_again();
    let store = open(&address, home.path());
    assert_eq!(texts(&store, LogTable::Runs, "status"), ["finished", "failed", "cancelled"]);
    assert_eq!(texts(&store, LogTable::Runs, "error"), ["", "a\\0b", ""]);
    assert_eq!(std::fs::read_dir(&ends).unwrap().count(), 0);
    // As a process leaves them that ends between the writing of ends and the removal of their files, and the run goes on elsewhere.
    let run = texts(&store, LogTable::Runs, "run").remove(2);
    let other = open(&address, there.path());
    let again = other.resume(&run, 0, 0).unwrap();
    kept.iter().for_each(|(path, bytes)| std::fs::write(path, bytes).unwrap());
    assert_eq!(texts(&open(&address, home.path()), LogTable::Runs, "status"), ["finished", "failed", "running"]);
    again.finish(RunOutcome::Finished).unwrap();
    assert_eq!(texts(&store, LogTable::Runs, "status"), ["finished", "failed", "finished"]);
}
