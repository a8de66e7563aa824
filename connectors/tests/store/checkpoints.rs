//! Checkpoints, and runs that go on from them.

use std::sync::Arc;

use super::open;
use gradframe_connectors::store::Store;
use gradframe_ml_core::Tensor;
use gradframe_ml_learn::Checkpoint;
use gradframe_plan::ops::run_log::{LogQuery, LogTable};
use gradframe_plan::services::{MetricPoint, NewRun, RunLog, RunOutcome};

fn checkpoint(epoch: u64) -> Checkpoint {
    let mut checkpoint = Checkpoint::default();
    checkpoint.put_number("epoch", epoch);
    checkpoint.put_number("loss", 0.1f64 + 0.2);
    checkpoint.put("state/hidden.1.weight", Tensor::from_vec(&[2, 2], vec![1.0f32, -0.0, f32::MIN_POSITIVE, 3.5]).unwrap());
    checkpoint.notes.insert("fingerprint".into(), "abc".into());
    checkpoint
}

fn stores() -> (tempfile::TempDir, [Arc<Store>; 2]) {
    let home = tempfile::tempdir().unwrap();
    let on_disk = open(home.path().join("home"));
    (home, [on_disk, Store::in_memory().unwrap()])
}

#[test]
fn the_last_checkpoint_comes_back_bit_for_bit_and_goes_when_the_run_finishes() {
    let (_home, stores) = stores();
    for store in stores {
        let run = store.start(NewRun::default()).unwrap();
        assert_eq!(store.checkpoint(run.id()).unwrap(), None);
        run.checkpoint(&checkpoint(1)).unwrap();
        run.checkpoint(&checkpoint(2)).unwrap();
        assert_eq!(store.checkpoint(run.id()).unwrap(), Some(checkpoint(2)));
        run.finish(RunOutcome::Finished).unwrap();
        assert_eq!(store.checkpoint(run.id()).unwrap(), None);
    }
}

#[test]
fn an_interrupted_run_goes_on_as_the_same_run_without_its_later_points() {
    let (_home, stores) = stores();
    for store in stores {
        let run = store.start(NewRun::default()).unwrap();
        let id = run.id().to_owned();
        let point = |epoch| MetricPoint { name: "loss".into(), step: epoch, epoch, value: epoch as f64 };
        run.log(&[point(1), point(2), point(3)]).unwrap();
        run.checkpoint(&checkpoint(2)).unwrap();
        assert!(store.resume(&id, 2, 0).unwrap_err().to_string().contains("is running"), "it is not interrupted yet");
        run.finish(RunOutcome::Failed("killed".into())).unwrap();

        let again = store.resume(&id, 2, 0).unwrap();
        assert_eq!(again.id(), id);
        again.log(&[point(3)]).unwrap();
        again.finish(RunOutcome::Finished).unwrap();
        let rows = |table| store.scan(table, &LogQuery::default()).unwrap().iter().map(|b| b.num_rows()).sum::<usize>();
        assert_eq!((rows(LogTable::Metrics), rows(LogTable::Runs)), (3, 1));
        assert!(store.resume(&id, 2, 0).unwrap_err().to_string().contains("is finished"));
    }
}

#[test]
fn no_text_but_a_runs_identifier_becomes_a_path() {
    let (_home, stores) = stores();
    for store in stores {
        assert_eq!(store.checkpoint("../models").unwrap(), None);
        let error = store.resume("../models", 0, 0).unwrap_err();
        assert_eq!(error.kind(), "Plan");
        assert!(error.to_string().contains("no run `../models`"), "{error}");
    }
}

#[test]
fn a_damaged_checkpoint_is_named() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path().to_path_buf());
    let run = store.start(NewRun::default()).unwrap();
    run.checkpoint(&checkpoint(1)).unwrap();
    let file = home.path().join("runs").join(run.id()).join("checkpoint.safetensors");
    std::fs::write(&file, b"half").unwrap();
    let error = store.checkpoint(run.id()).unwrap_err();
    assert_eq!(error.kind(), "Execution");
    assert!(error.to_string().contains("checkpoint.safetensors"), "{error}");
}
