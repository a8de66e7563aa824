//! Training: what is learned, in which order, and what is left behind.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, StringArray};
use arrow::datatypes::{Float64Type, Int64Type};
use gradframe_exec::ops::train::run_to_end;
use gradframe_plan::OnExisting;
use gradframe_plan::ops::relations::{training_info, weights};
use gradframe_plan::services::RunOutcome;

use crate::testing::{Settings, Testing, floats, line_table, request};

const QUERY: &str = "SELECT a, b, kind, y FROM t";

#[tokio::test]
async fn a_line_is_learned_exactly() {
    let t = Testing::new();
    t.table("t", &line_table(1000), 2);
    let log = t.train(QUERY, request("m", "linear_reg")).await.unwrap();
    assert!(!log.is_empty());
    let rows = t.collect(weights(t.model("m")).unwrap()).await.unwrap();
    let (features, values) = (rows.column(0).as_string::<i32>(), floats(&rows, "weight"));
    let weight = |name| values[features.iter().position(|f| f == Some(name)).unwrap()];
    assert!((weight("a") - 3.0).abs() < 1e-4, "{}", weight("a"));
    assert!((weight("b") + 2.0).abs() < 1e-4, "{}", weight("b"));
    assert_eq!(t.runs.outcome(), Some(RunOutcome::Finished));
}

#[tokio::test]
async fn weights_have_the_same_bits_whatever_the_partitions_batches_and_file_order() {
    let mut distinct = BTreeSet::new();
    for (partitions, batch_size) in [(1, 8192), (2, 8192), (4, 100), (3, 17)] {
        let t = Testing::with(Settings { partitions, batch_size, ..Settings::default() });
        t.table("t", &line_table(150_000), partitions);
        t.train(QUERY, request("m", "linear_reg")).await.unwrap();
        let bits: Vec<u8> = t.model("m").model.weights.values().flat_map(|w| w.buffer().to_vec()).collect();
        distinct.insert(bits);
    }
    assert_eq!(distinct.len(), 1);
}

#[tokio::test]
async fn an_order_by_sets_the_order_and_ties_are_settled_by_content() {
    let mut distinct = BTreeSet::new();
    for (query, partitions) in [("SELECT a, b, y FROM t ORDER BY kind", 1), ("SELECT a, b, y FROM t ORDER BY kind", 3)] {
        let t = Testing::with(Settings { partitions, ..Settings::default() });
        t.table("t", &line_table(70_000), partitions);
        let plan = t.plan(query, request("m", "linear_reg")).await.unwrap();
        assert!(t.physical(&plan).await.contains("order_by=["), "{}", t.physical(&plan).await);
        assert!(!t.physical(&plan).await.contains("SortExec"));
        run_to_end(&plan, &t.context.state()).await.unwrap();
        let model = t.model("m");
        assert_eq!(model.model.spec.features.len(), 2); // the key is no feature
        distinct.insert(model.model.weights.values().flat_map(|w| w.buffer().to_vec()).collect::<Vec<u8>>());
    }
    assert_eq!(distinct.len(), 1);
}

#[tokio::test]
async fn classes_of_every_label_type_are_learned() {
    let x: ArrayRef = Arc::new(Float64Array::from_iter_values((0..300).map(|i| (i % 30) as f64)));
    let above = |i: i64| i % 30 >= 15;
    let labels: [ArrayRef; 3] = [
        Arc::new(BooleanArray::from_iter((0..300).map(|i| Some(above(i))))),
        Arc::new(Int64Array::from_iter_values((0..300).map(|i| if above(i) { 9 } else { -4 }))),
        Arc::new(StringArray::from_iter_values((0..300).map(|i| if above(i) { "yes" } else { "no" }))),
    ];
    for label in labels {
        let t = Testing::new();
        t.table("t", &[("x", x.clone()), ("y", label)], 2);
        let mut request = request("m", "logistic_reg");
        request.options.push(("l2_reg".into(), 0.01.into()));
        t.train("SELECT * FROM t", request).await.unwrap();
        assert_eq!(t.model("m").model.spec.label.classes.len(), 2);
    }
}

#[tokio::test]
async fn executing_again_replays_the_log_and_never_trains_again() {
    let t = Testing::new();
    t.table("t", &line_table(500), 2);
    let plan = t.plan(QUERY, request("m", "linear_reg")).await.unwrap();
    let first = run_to_end(&plan, &t.context.state()).await.unwrap();
    let again = run_to_end(&plan, &t.context.state()).await.unwrap();
    let rows = |log: &[arrow::array::RecordBatch]| log.iter().map(|b| b.num_rows()).sum::<usize>();
    assert_eq!(rows(&first), rows(&again));
    assert_eq!((t.runs.all().len(), t.model("m").version), (1, 1));
}

#[tokio::test]
async fn training_info_is_the_log_again() {
    let t = Testing::new();
    t.table("t", &line_table(500), 2);
    let log = t.train(QUERY, request("m", "linear_reg")).await.unwrap();
    let log = arrow::compute::concat_batches(&log[0].schema(), &log).unwrap();
    let info = t.collect(training_info(t.model("m"), &t.services).unwrap()).await.unwrap();
    assert_eq!(info, log);
    assert_eq!(info.column(3).as_primitive::<Int64Type>().value(0), 500);
    let losses = info.column(4).as_primitive::<Float64Type>().values().to_vec();
    assert!(losses.last() < losses.first());
}

#[tokio::test]
async fn replace_makes_a_new_version_and_keep_trains_nothing() {
    let t = Testing::new();
    t.table("t", &line_table(200), 1);
    let with = |on_existing| gradframe_plan::ops::train::TrainRequest { on_existing, ..request("m", "linear_reg") };
    t.train(QUERY, with(OnExisting::Error)).await.unwrap();
    let again = t.plan(QUERY, with(OnExisting::Error)).await.unwrap_err();
    assert!(again.to_string().contains("model `m` already exists"), "{again}");
    assert!(t.train(QUERY, with(OnExisting::Keep)).await.unwrap().iter().all(|b| b.num_rows() == 0));
    t.train(QUERY, with(OnExisting::Replace)).await.unwrap();
    assert_eq!((t.model("m").version, t.runs.all().len()), (2, 2));
}

#[tokio::test]
async fn a_query_that_adds_floats_repeats_unless_asked_for_speed_and_one_that_draws_numbers_does_not() {
    let t = Testing::new();
    t.table("t", &line_table(500), 2);
    let sums = "SELECT kind, sum(a) AS a, avg(a) AS m, sum(y) AS y FROM t GROUP BY kind, id";
    t.train(sums, request("sums", "linear_reg")).await.unwrap();
    let mut fast = request("fast", "linear_reg");
    fast.options.push(("reproducible".into(), false.into()));
    t.train(sums, fast).await.unwrap();
    t.train("SELECT kind, max(a) AS a, max(y) AS y FROM t GROUP BY kind, id", request("maxima", "linear_reg")).await.unwrap();
    t.train("SELECT a, sum(a) OVER (PARTITION BY kind) AS s, y FROM t", request("windows", "linear_reg")).await.unwrap();
    t.train("SELECT approx_percentile_cont(a, 0.5) AS a, max(y) AS y FROM t GROUP BY id", request("near", "linear_reg"))
        .await
        .unwrap();
    t.train("SELECT a + random() AS a, y FROM t", request("noisy", "linear_reg")).await.unwrap();
    let reproducible: Vec<bool> = t.runs.all().iter().map(|r| r.new.reproducible).collect();
    assert_eq!(reproducible, [true, false, true, true, false, false]);
}

#[tokio::test]
async fn a_query_that_takes_rows_as_they_come_is_said_not_to_repeat() {
    let t = Testing::new();
    t.table("t", &line_table(500), 4);
    let queries = [
        ("SELECT array_length(array_agg(kind)) AS a, max(y) AS y FROM t GROUP BY id", false),
        ("SELECT array_length(array_agg(kind ORDER BY kind)) AS a, max(y) AS y FROM t GROUP BY id", true),
        ("SELECT a, y FROM t LIMIT 300", false),
        // Which of the rows with the same key is nothing that the key says.
        ("SELECT a, y FROM t ORDER BY kind LIMIT 300", false),
        ("SELECT a, y FROM t ORDER BY a, y LIMIT 300", true),
        ("SELECT a, y FROM t ORDER BY y, a DESC OFFSET 100", true),
        ("SELECT a, y FROM t OFFSET 100", false),
        ("SELECT any_value(id) AS a, max(y) AS y FROM t GROUP BY kind", false),
        ("SELECT a, y + row_number() OVER () AS y FROM t", false),
        ("SELECT a, y + row_number() OVER (ORDER BY kind) AS y FROM t", false),
        ("SELECT a, y + rank() OVER (ORDER BY kind) AS y FROM t", true),
        ("SELECT a, y + sum(a) OVER (PARTITION BY kind) AS y FROM t", true),
        ("SELECT a, y + sum(a) OVER (PARTITION BY kind ORDER BY id ROWS 3 PRECEDING) AS y FROM t", false),
        ("SELECT a, y + sum(a) OVER (PARTITION BY kind ORDER BY id) AS y FROM t", true),
        ("SELECT a, y FROM (VALUES (1.0, random()), (2.0, 1.0)) AS v(a, y)", false),
        // A tie does not show where rows are put in the order of what is taken.
        ("SELECT first_value(a ORDER BY a) AS a, max(y) AS y FROM t GROUP BY kind, id", true),
        ("SELECT last_value(a ORDER BY id, a) AS a, max(y) AS y FROM t GROUP BY kind, id", true),
        ("SELECT nth_value(a, 1 ORDER BY a DESC) AS a, max(y) AS y FROM t GROUP BY kind, id", true),
        ("SELECT first_value(a ORDER BY kind) AS a, max(y) AS y FROM t GROUP BY kind, id", false),
        ("SELECT array_length(array_agg(a ORDER BY kind)) AS a, max(y) AS y FROM t GROUP BY kind, id", false),
        ("SELECT median(a) AS a, percentile_cont(a, 0.3) AS p, max(y) AS y FROM t GROUP BY kind, id", true),
        // Of scalar subqueries, which have plans of their own.
        ("SELECT a * (SELECT avg(a) FROM t) AS a, y FROM t", true),
        ("SELECT a * (SELECT max(a + random()) FROM t) AS a, y FROM t", false),
        ("SELECT a, y FROM t WHERE a > (SELECT approx_percentile_cont(a, 0.1) FROM t) - 1000.0", false),
        ("SELECT a * (SELECT max(b) FROM (SELECT a AS b FROM t LIMIT 300)) AS a, y FROM t", false),
        // Of the time, which plans have as a constant.
        ("SELECT a + extract(epoch FROM now()) AS a, y FROM t", false),
        ("SELECT a, y FROM t WHERE current_date > DATE '1999-01-01'", false),
        ("SELECT a, y FROM t WHERE y < (SELECT max(y) + extract(year FROM current_date) FROM t)", false),
    ];
    for (at, (query, repeats)) in queries.into_iter().enumerate() {
        t.train(query, request(&format!("m{at}"), "linear_reg")).await.unwrap();
        assert_eq!(t.runs.all().last().map(|run| run.new.reproducible), Some(repeats), "{query}");
    }
}

#[tokio::test]
async fn analyze_shows_the_work() {
    let t = Testing::new();
    t.table("t", &line_table(500), 2);
    let text = t.analyze(t.plan(QUERY, request("m", "linear_reg")).await.unwrap()).await;
    for metric in ["rows=500", "steps=", "flops=", "data_wait=", "time_fit=", "cache_bytes=", "peak_memory=", "output_rows="] {
        assert!(text.contains(metric), "{metric} in {text}");
    }
    assert_eq!(t.model("m").version, 1); // EXPLAIN ANALYZE trains
}
