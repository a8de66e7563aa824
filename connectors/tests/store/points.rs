//! Points on their way: live, folded, interrupted, and read by others meanwhile.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type};
use datafusion::scalar::ScalarValue;
use gradframe_connectors::store::Store;
use gradframe_plan::ops::run_log::{LogFilter, LogQuery, LogTable};
use gradframe_plan::services::{BATCH_LOSS, MetricPoint, MetricRow, NewRun, RunLog, RunOutcome, RunWriter};
use proptest::prelude::*;

use super::{files_below, open};

fn rows(store: &Store, table: LogTable, query: &LogQuery) -> RecordBatch {
    let batches = store.scan(table, query).unwrap();
    arrow::compute::concat_batches(&table.schema(), &batches).unwrap()
}

fn everything(store: &Store, table: LogTable) -> RecordBatch {
    rows(store, table, &LogQuery::default())
}

fn log(run: &Arc<dyn RunWriter>, step: i64, values: &[(&str, f64)]) {
    run.log_rows(&[MetricRow { step, epoch: None, time_us: Some(step), values }]).unwrap();
}

fn segments(home: &Path) -> usize {
    files_below(home).iter().filter(|file| file.iter().any(|part| part == "points")).count()
}

#[test]
fn points_are_the_same_before_and_after_their_run_ends() {
    let home = tempfile::tempdir().unwrap();
    for store in [open(home.path().into()), Store::in_memory().unwrap()] {
        let run = store.start(NewRun::default()).unwrap();
        for step in 0..20_000 {
            log(&run, step, &[("loss", 1.0 / step as f64), ("a/'b' 🦀", f64::NAN)]);
        }
        let live = [LogTable::Metrics, LogTable::Latest].map(|table| everything(&store, table));
        run.finish(RunOutcome::Finished).unwrap();
        assert_eq!([LogTable::Metrics, LogTable::Latest].map(|table| everything(&store, table)), live);
        assert_eq!((live[0].num_rows(), live[1].num_rows()), (40_000, 2));
    }
    assert_eq!(segments(home.path()), 0, "what is folded is gone from the files");
}

#[test]
fn any_number_of_runs_may_be_live() {
    // Without a file for each.
    let store = Store::in_memory().unwrap();
    let ended = store.start(NewRun::default()).unwrap();
    log(&ended, 0, &[("loss", 1.0)]);
    ended.finish(RunOutcome::Finished).unwrap();
    let live: Vec<_> = (0..1100).map(|_| store.start(NewRun::default()).unwrap()).collect();
    live.iter().for_each(|run| log(run, 0, &[("loss", 1.0)]));
    assert_eq!(everything(&store, LogTable::Latest).num_rows(), 1101);
}

/// Told to a child whose files have no room for a large record.
const FULL_DISK: &str = "GRADFRAME_TEST_FULL_DISK";

#[cfg(target_os = "linux")]
#[test]
fn a_call_that_found_no_room_leaves_no_file() {
    let limited = "trap '' XFSZ; ulimit -f 4000; exec \"$0\" \"$@\"";
    let mut child = std::process::Command::new("sh");
    child.args(["-c", limited]).arg(std::env::current_exe().unwrap());
    child.args(["store::points::child_on_a_full_disk", "--exact", "--include-ignored"]).env(FULL_DISK, "1");
    let output = child.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
#[ignore = "a part of a_call_that_found_no_room_leaves_no_file"]
fn child_on_a_full_disk() {
    if std::env::var_os(FULL_DISK).is_none() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path().into());
    let run = store.start(NewRun::default()).unwrap();
    // Four megabytes at least, where two are allowed.
    let large = vec![("loss", 0.5); 500_000];
    let try_large = || run.log_rows(&[MetricRow { step: 0, epoch: None, time_us: None, values: &large }]);
    for _ in 0..3 {
        try_large().unwrap_err();
        assert_eq!(segments(home.path()), 0);
    }
    log(&run, 1, &[("loss", 1.0)]);
    // The torn end of a segment that has points stays in its file; what is tried after it leaves none.
    (0..3).for_each(|_| drop(try_large().unwrap_err()));
    assert_eq!(segments(home.path()), 1);
    log(&run, 2, &[("loss", 2.0)]);
    run.finish(RunOutcome::Finished).unwrap();
    let mut steps = everything(&store, LogTable::Metrics).column(2).as_primitive::<Int64Type>().values().to_vec();
    // They were in two segments.
    steps.sort_unstable();
    assert_eq!(steps, [1, 2]);
}

#[test]
fn damage_costs_the_points_that_it_hits_and_the_file_is_kept() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path().into());
    let run = store.start(NewRun::default()).unwrap();
    (0..1000).for_each(|step| log(&run, step, &[("loss", 1.0)]));
    // Of a shared store they lie elsewhere.
    let Ok(mut files) = std::fs::read_dir(home.path().join("points")) else { return };
    let file = files.next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    assert_eq!(everything(&store, LogTable::Metrics).num_rows(), 999);
    run.finish(RunOutcome::Finished).unwrap();
    assert_eq!(everything(&store, LogTable::Metrics).num_rows(), 999);
    let mut kept = file.clone().into_os_string();
    kept.push(".damaged");
    assert!(!file.exists() && std::fs::read(kept).unwrap() == bytes);
}

#[test]
fn another_process_s_store_sees_points_at_once() {
    let home = tempfile::tempdir().unwrap();
    let (writer, reader) = (open(home.path().into()), open(home.path().into()));
    let run = writer.start(NewRun::default()).unwrap();
    for step in 0..5 {
        log(&run, step, &[("loss", 0.5)]);
        assert_eq!(everything(&reader, LogTable::Metrics).num_rows() as i64, step + 1);
    }
    assert_eq!(segments(home.path()), 1);
}

#[test]
fn a_long_run_is_folded_while_it_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path().into());
    let run = store.start(NewRun::default()).unwrap();
    let names: Vec<String> = (0..50).map(|i| format!("metric{i}")).collect();
    let values: Vec<(&str, f64)> = names.iter().map(|name| (name.as_str(), 1.0)).collect();
    // 30 MB of records.
    for step in 0..60_000 {
        log(&run, step, &values);
    }
    let query = LogQuery { filters: vec![LogFilter::Eq("name".into(), "metric7".into())], ..LogQuery::default() };
    let curve = rows(&store, LogTable::Metrics, &query);
    let steps = curve.column_by_name("step").unwrap().as_primitive::<Int64Type>().values().to_vec();
    assert_eq!(steps, (0..60_000).collect::<Vec<_>>());
    run.finish(RunOutcome::Finished).unwrap();
    let count = LogQuery { projection: Some(vec![]), ..LogQuery::default() };
    let counted: usize = store.scan(LogTable::Metrics, &count).unwrap().iter().map(RecordBatch::num_rows).sum();
    assert_eq!(counted, 50 * 60_000);
    assert_eq!(everything(&store, LogTable::Latest).num_rows(), 50);
}

#[test]
fn readers_see_each_point_once_while_runs_end() {
    let home = tempfile::tempdir().unwrap();
    let (writer, reader) = (open(home.path().into()), open(home.path().into()));
    let done = Arc::new(AtomicBool::new(false));
    let ended = Arc::clone(&done);
    let writing = std::thread::spawn(move || {
        for _ in 0..40 {
            let run = writer.start(NewRun { title: "r".into(), ..NewRun::default() }).unwrap();
            (0..10).for_each(|step| log(&run, step, &[("loss", 1.0), ("accuracy", 2.0)]));
            run.finish(RunOutcome::Finished).unwrap();
        }
        ended.store(true, Ordering::Release);
    });
    let mut most = 0;
    while !done.load(Ordering::Acquire) {
        let found = everything(&reader, LogTable::Metrics);
        assert!(found.num_rows() >= most, "a point that was there is gone");
        most = found.num_rows();
        let keys: std::collections::BTreeSet<(String, String, i64)> = keys(&found).into_iter().collect();
        assert_eq!(keys.len(), found.num_rows(), "no point is there twice");
    }
    writing.join().unwrap();
    assert_eq!(everything(&reader, LogTable::Metrics).num_rows(), 40 * 10 * 2);
}

fn keys(rows: &RecordBatch) -> Vec<(String, String, i64)> {
    let text = |i: usize| rows.column(i).as_string::<i32>();
    let steps = rows.column(2).as_primitive::<Int64Type>();
    (0..rows.num_rows()).map(|i| (text(0).value(i).into(), text(1).value(i).into(), steps.value(i))).collect()
}

#[test]
fn a_run_that_is_resumed_forgets_the_points_of_later_epochs() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path().into());
    let run = store.start(NewRun::default()).unwrap();
    let point = |epoch: i64| MetricPoint { name: "loss".into(), step: epoch, epoch, value: epoch as f64 };
    run.log(&(0..10).map(point).collect::<Vec<_>>()).unwrap();
    let batch = |step: i64| MetricPoint { name: BATCH_LOSS.into(), step, epoch: (step - 1) / 3 + 1, value: step as f64 };
    run.log(&(1..=18).map(batch).collect::<Vec<_>>()).unwrap();
    run.finish(RunOutcome::Cancelled).unwrap();
    // After four epochs of three batches, and two batches of the fifth.
    let again = store.resume(run.id(), 4, 2).unwrap();
    again.log(&[MetricPoint { value: 0.25, ..point(5) }]).unwrap();
    again.log(&[batch(15)]).unwrap();
    again.finish(RunOutcome::Finished).unwrap();
    let of =
        |name: &str| LogQuery { filters: vec![LogFilter::Eq("name".into(), ScalarValue::from(name))], ..LogQuery::default() };
    let steps = rows(&store, LogTable::Metrics, &of(BATCH_LOSS));
    let steps = steps.column_by_name("step").unwrap().as_primitive::<Int64Type>().values().to_vec();
    assert_eq!(steps, (1..=15).collect::<Vec<_>>());
    let values = rows(&store, LogTable::Metrics, &of("loss"));
    let values = values.column_by_name("value").unwrap().as_primitive::<Float64Type>().values().to_vec();
    assert_eq!(values, [0.0, 1.0, 2.0, 3.0, 4.0, 0.25]);
    let latest = rows(&store, LogTable::Latest, &of("loss"));
    assert_eq!(latest.column_by_name("value").unwrap().as_primitive::<Float64Type>().value(0), 0.25);
    assert_eq!(latest.column_by_name("points").unwrap().as_primitive::<Int64Type>().value(0), 6);
}

#[test]
fn what_comes_after_a_torn_record_is_in_another_segment() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path().into());
    let run = store.start(NewRun::default()).unwrap();
    log(&run, 0, &[("loss", 1.0)]);
    // As a power cut leaves it: half of a record, then nothing.
    let segment =
        home.path().join(files_below(home.path()).into_iter().find(|file| file.iter().any(|part| part == "points")).unwrap());
    let bytes = std::fs::read(&segment).unwrap();
    std::fs::write(&segment, [&bytes[..], &bytes[..bytes.len() / 2]].concat()).unwrap();
    assert_eq!(everything(&store, LogTable::Metrics).num_rows(), 1);
    run.finish(RunOutcome::Finished).unwrap();
    assert_eq!(everything(&store, LogTable::Metrics).num_rows(), 1);
}

#[test]
fn a_row_with_a_wrong_name_is_refused_whole() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path().into());
    let run = store.start(NewRun::default()).unwrap();
    log(&run, 0, &[("loss", 1.0)]);
    let too_long = "n".repeat(70_000);
    for (name, said) in [("", "is empty"), (too_long.as_str(), "70000 bytes")] {
        let error = run.log_rows(&[MetricRow { step: 1, epoch: None, time_us: None, values: &[("good", 1.0), (name, 1.0)] }]);
        let error = error.unwrap_err();
        assert!(error.kind() == "Plan" && error.to_string().contains(said), "{error}");
    }
    log(&run, 2, &[("loss", 0.5)]);
    assert_eq!(everything(&store, LogTable::Metrics).num_rows(), 2, "nothing of a refused row");
}

#[test]
fn experiments_tags_and_environments_are_rows() {
    let store = Store::in_memory().unwrap();
    let text = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect();
    let environment: std::collections::BTreeMap<(String, String), String> =
        [(("package".to_owned(), "numpy".to_owned()), "2.1".to_owned())].into();
    let new = |title: &str| NewRun {
        title: title.into(),
        experiment: Some("taxi 🚕".into()),
        tags: text(&[("team", "a")]),
        environment: environment.clone(),
        ..NewRun::default()
    };
    let (first, second) = (store.start(new("one")).unwrap(), store.start(new("two")).unwrap());
    first.set_tags(&[("team".into(), "b".into())]).unwrap();
    first.set_params(&[("lr".into(), "0.1".into())]).unwrap();
    first.set_params(&[("lr".into(), "0.1".into()), ("depth".into(), "3".into())]).unwrap();
    let error = first.set_params(&[("new".into(), "1".into()), ("lr".into(), "0.2".into())]).unwrap_err();
    assert!(error.to_string().contains("`lr` is `0.1` already, got `0.2`"), "{error}");
    assert_eq!(everything(&store, LogTable::Params).num_rows(), 2, "none of a refused call");
    assert_eq!(everything(&store, LogTable::Experiments).num_rows(), 2);
    assert_eq!(everything(&store, LogTable::Environments).num_rows(), 1, "equal environments are one");
    let runs = |filter| rows(&store, LogTable::Runs, &LogQuery { filters: vec![filter], ..LogQuery::default() });
    let of = runs(LogFilter::Eq("experiment".into(), "taxi 🚕".into()));
    assert_eq!(of.num_rows(), 2);
    assert!(of.column_by_name("seed").unwrap().is_null(0));
    let tags = everything(&store, LogTable::Tags);
    assert_eq!(tags.column(2).as_string::<i32>().iter().flatten().collect::<Vec<_>>(), ["b", "a"]);
    drop(second);
}

/// What a writer may do, and how much of it.
#[derive(Debug, Clone)]
enum Act {
    Start,
    Log(usize, &'static str, i64, f64),
    End(usize),
}

fn act() -> impl Strategy<Value = Act> {
    let name = prop::sample::select(vec!["loss", "", "a b", "é/..", "'\"", "eval"]);
    prop_oneof![
        1 => Just(Act::Start),
        8 => (any::<usize>(), name, -5..50_i64, any::<f64>()).prop_map(|(run, name, step, value)| Act::Log(run, name, step, value)),
        1 => any::<usize>().prop_map(Act::End),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Against a list of what was acknowledged: the table is that list, wherever the points are just then.
    #[test]
    fn the_table_is_what_was_acknowledged(acts in prop::collection::vec(act(), 1..60)) {
        let store = Store::in_memory().unwrap();
        let mut runs = vec![store.start(NewRun::default()).unwrap()];
        let mut expected: Vec<(String, String, i64, u64)> = Vec::new();
        for act in acts {
            match act {
                Act::Start => runs.push(store.start(NewRun::default()).unwrap()),
                Act::End(run) => drop(runs[run % runs.len()].finish(RunOutcome::Finished)),
                Act::Log(run, name, step, value) => {
                    let run = &runs[run % runs.len()];
                    let values = [(name, value)];
                    if run.log_rows(&[MetricRow { step, epoch: None, time_us: None, values: &values }]).is_ok() {
                        expected.push((run.id().into(), name.into(), step, value.to_bits()));
                    }
                }
            }
        }
        expected.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        let found = everything(&store, LogTable::Metrics);
        let values = found.column(4).as_primitive::<Float64Type>();
        let found: Vec<_> =
            keys(&found).into_iter().zip(values.values()).map(|((run, name, step), v)| (run, name, step, v.to_bits())).collect();
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn one_curve_is_read_without_the_others() {
    let store = Store::in_memory().unwrap();
    for _ in 0..3 {
        let run = store.start(NewRun::default()).unwrap();
        (0..100).for_each(|step| log(&run, step, &[("loss", 1.0), ("accuracy", step as f64)]));
        run.finish(RunOutcome::Finished).unwrap();
    }
    let name = LogFilter::In("name".into(), vec!["accuracy".into()]);
    let late = LogFilter::Compare("step".into(), datafusion::logical_expr::Operator::GtEq, ScalarValue::from(98_i64));
    let query = LogQuery { filters: vec![name, late], projection: Some(vec![4, 0, 4]), limit: Some(5) };
    let found = store.scan(LogTable::Metrics, &query).unwrap();
    assert_eq!(found.iter().map(RecordBatch::num_rows).sum::<usize>(), 5);
    assert_eq!(found[0].column(0).as_primitive::<Float64Type>().values()[..2], [98.0, 99.0]);
    assert_eq!(found[0].num_columns(), 3);
}
