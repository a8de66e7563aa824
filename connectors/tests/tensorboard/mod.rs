//! Runs through TensorBoard's event files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use gradframe_connectors::store::Store;
use gradframe_connectors::tensorboard::{export, has_events, import};
use gradframe_plan::ops::run_log::{LogQuery, LogTable};
use gradframe_plan::services::{MetricRow, NewArtifact, NewRun, RunLog, RunOutcome};

const STARTED_US: i64 = 1_795_398_312_250_000;

/// A run of some of everything in a store, exported; the file.
fn exported(directory: &Path) -> PathBuf {
    let store = Store::in_memory().unwrap();
    let params = [("lr", "0.1"), ("kind", "adam")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    let run = store.start(NewRun { title: "a/b".into(), params: params.into(), ..NewRun::default() }).unwrap();
    for step in 0..3 {
        let values = [("loss/train", 1.0 / (step + 1) as f64), ("odd 🦀", f64::NAN)];
        run.log_rows(&[MetricRow { step, epoch: None, time_us: Some(STARTED_US + step), values: &values }]).unwrap();
    }
    let keep = |path: &str, kind: &str, step, content: &[u8]| {
        run.add_artifact(&NewArtifact { path, kind, step }, &mut &content[..]).unwrap();
    };
    keep("note/000000003.txt", "text", Some(3), b"**hello**");
    keep("shot.png", "image", None, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x07\0\0\0\x09");
    keep("weights.bin", "file", None, b"nothing that TensorBoard shows");
    run.finish(RunOutcome::Failed("no more".into())).unwrap();
    export(&store, run.id(), directory).unwrap()
}

fn rows(store: &Store, table: LogTable) -> RecordBatch {
    let batches = store.scan(table, &LogQuery::default()).unwrap();
    arrow::compute::concat_batches(&table.schema(), &batches).unwrap()
}

fn texts(rows: &RecordBatch, column: &str) -> Vec<String> {
    rows.column_by_name(column).unwrap().as_string::<i32>().iter().map(|text| text.unwrap_or("-").to_owned()).collect()
}

#[test]
fn a_run_comes_back_with_its_points_times_params_artifacts_and_end() {
    let place = tempfile::tempdir().unwrap();
    exported(&place.path().join("logs"));
    let store = Store::in_memory().unwrap();
    let runs = import(&store, &place.path().join("logs")).unwrap();
    let found = rows(&store, LogTable::Runs);
    assert_eq!((texts(&found, "run"), texts(&found, "status")), (runs, vec!["failed".to_owned()]));
    assert_eq!(texts(&found, "experiment"), ["logs"]);
    assert!(texts(&found, "title")[0].starts_with("a_b/"), "{found:?}");
    let params = rows(&store, LogTable::Params);
    assert_eq!(
        (texts(&params, "name"), texts(&params, "value")),
        (vec!["kind".into(), "lr".into()], vec!["adam".into(), "0.1".into()])
    );
    let points = rows(&store, LogTable::Metrics);
    assert_eq!(texts(&points, "name")[2..4], ["loss/train", "odd 🦀"]);
    assert_eq!(points.column(2).as_primitive::<Int64Type>().values()[..3], [0, 1, 2]);
    assert_eq!(points.column(4).as_primitive::<Float64Type>().values()[..3], [1.0, 0.5, f64::from(1.0f32 / 3.0)]);
    assert!(points.column(4).as_primitive::<Float64Type>().value(5).is_nan());
    assert_eq!(points.column(5).as_primitive::<TimestampMicrosecondType>().values()[..2], [STARTED_US, STARTED_US + 1]);
    let artifacts = rows(&store, LogTable::Artifacts);
    assert_eq!(texts(&artifacts, "path"), ["note/000000003.txt", "shot/000000000.png"]);
}

#[test]
fn what_was_taken_in_is_not_again_until_it_says_more() {
    let place = tempfile::tempdir().unwrap();
    let logs = place.path().join("logs");
    let file = exported(&logs);
    let store = Store::in_memory().unwrap();
    assert_eq!(import(&store, &logs).unwrap().len(), 1);
    assert_eq!(import(&store, &logs).unwrap(), Vec::<String>::new());
    std::fs::copy(&file, file.with_extension("more")).unwrap();
    assert_eq!(import(&store, &logs).unwrap().len(), 1);
}

#[test]
fn an_export_takes_the_place_of_the_one_before_and_leaves_nothing_aside() {
    let place = tempfile::tempdir().unwrap();
    let store = Store::in_memory().unwrap();
    let run = store.start(NewRun { title: "live".into(), ..NewRun::default() }).unwrap();
    let first = export(&store, run.id(), place.path()).unwrap();
    run.log_rows(&[MetricRow { step: 0, epoch: None, time_us: None, values: &[("loss", 1.0)] }]).unwrap();
    assert_eq!(export(&store, run.id(), place.path()).unwrap(), first);
    let files: Vec<_> = std::fs::read_dir(first.parent().unwrap()).unwrap().flatten().map(|entry| entry.path()).collect();
    assert_eq!(files, [first]);
    let unknown = export(&store, "19990101", place.path()).unwrap_err();
    assert_eq!(unknown.kind(), "Plan");
}

#[test]
fn a_torn_tail_is_left_out_and_said() {
    let place = tempfile::tempdir().unwrap();
    let file = exported(place.path());
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() - 7]).unwrap();
    let store = Store::in_memory().unwrap();
    assert_eq!(import(&store, place.path()).unwrap().len(), 1);
    let tags = rows(&store, LogTable::Tags);
    let note = texts(&tags, "value").into_iter().find(|value| value.contains("not written to its end, at byte"));
    assert!(note.is_some_and(|note| note.contains("tfevents")), "{tags:?}");
    // Without its end nobody knows that it failed.
    assert_eq!(texts(&rows(&store, LogTable::Runs), "status"), ["finished"]);
}

#[test]
fn one_damaged_file_is_named_with_the_byte_and_nothing_is_taken_in() {
    let place = tempfile::tempdir().unwrap();
    exported(&place.path().join("a good one"));
    let file = exported(&place.path().join("b"));
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    let store = Store::in_memory().unwrap();
    let error = import(&store, place.path()).unwrap_err();
    let text = error.to_string();
    assert!(error.kind() == "Execution" && text.contains(&file.display().to_string()) && text.contains("at byte "), "{text}");
    assert_eq!(rows(&store, LogTable::Runs).num_rows(), 0);
}

#[test]
fn event_files_are_known_by_their_names_and_empty_ones_are_no_runs() {
    let place = tempfile::tempdir().unwrap();
    assert!(!has_events(place.path()).unwrap());
    assert!(!has_events(&place.path().join("nothing")).unwrap());
    let file = place.path().join("deep/events.out.tfevents.1.host");
    std::fs::create_dir(place.path().join("deep")).unwrap();
    std::fs::write(&file, b"").unwrap();
    assert!(has_events(place.path()).unwrap() && has_events(&file).unwrap());
    let store: Arc<Store> = Store::in_memory().unwrap();
    assert_eq!(import(&store, place.path()).unwrap(), Vec::<String>::new());
    std::fs::write(&file, b"not an event file at all").unwrap();
    assert_eq!(import(&store, &file).unwrap_err().kind(), "Execution");
}

#[test]
fn a_run_that_goes_on_is_exported_with_all_its_metrics() {
    let place = tempfile::tempdir().unwrap();
    let store = Store::open(place.path().join("home")).unwrap();
    let run = store.start(NewRun { title: "live".into(), ..NewRun::default() }).unwrap();
    let names: Vec<String> = (0..400).map(|metric| format!("m{metric:03}")).collect();
    for step in 0..20 {
        let values: Vec<(&str, f64)> = names.iter().map(|name| (name.as_str(), step as f64)).collect();
        run.log_rows(&[MetricRow { step, epoch: None, time_us: Some(STARTED_US), values: &values }]).unwrap();
    }
    export(&store, run.id(), &place.path().join("logs")).unwrap();
    let other = Store::in_memory().unwrap();
    import(&other, &place.path().join("logs")).unwrap();
    let (points, latest) = (rows(&other, LogTable::Metrics), rows(&other, LogTable::Latest));
    assert_eq!((points.num_rows(), texts(&latest, "name")), (8000, names));
}
