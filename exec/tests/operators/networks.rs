//! Networks: mini-batches over the encoded rows, checkpoints, and going on from them.

use std::collections::BTreeSet;

use gradframe_ml_learn::Checkpoint;
use gradframe_plan::ops::relations::training_info;
use gradframe_plan::ops::train::{TrainRequest, list};
use gradframe_plan::services::{MetricPoint, RunOutcome};

use crate::testing::{Settings, Testing, floats, line_table, request};

const QUERY: &str = "SELECT a, b, kind, y FROM t";
/// Rows that are computed of others, exactly.
const COMPUTED: &str = "SELECT avg(a) AS a, sum(b) AS b, kind, covar_pop(a, y) AS c, avg(y) AS y FROM t GROUP BY kind, id % 300";

/// Four epochs of a small network with everything random switched on.
fn network(options: &[(&str, f64)]) -> TrainRequest {
    let mut request = request("m", "dnn_regressor");
    request.options = vec![("hidden_units".into(), list(&[8i64.into()])), ("batch_norm".into(), true.into())];
    let defaults = [("max_iterations", 4.0), ("batch_size", 100.0), ("dropout", 0.1), ("learning_rate", 0.01)];
    let given = |name| options.iter().any(|(own, _)| *own == name);
    request.options.extend(defaults.iter().filter(|(n, _)| !given(*n)).map(|(n, v)| (n.to_string(), (*v).into())));
    request.options.extend(options.iter().map(|(name, value)| (name.to_string(), (*value).into())));
    request
}

fn bits(t: &Testing) -> Vec<u8> {
    t.model("m").model.weights.values().flat_map(|w| w.buffer().to_vec()).collect()
}

#[tokio::test]
async fn a_network_learns_the_line_and_logs_its_epochs() {
    let t = Testing::new();
    t.table("t", &line_table(2000), 2);
    t.train(QUERY, network(&[("max_iterations", 30.0), ("dropout", 0.0)])).await.unwrap();
    let info = t.collect(training_info(t.model("m"), &t.services).unwrap()).await.unwrap();
    let losses = floats(&info, "loss");
    assert!(losses.last().unwrap() * 20.0 < losses[0], "{losses:?}");
    assert!(floats(&info, "learning_rate").iter().all(|rate| *rate == 0.01));
    assert_eq!(t.runs.outcome(), Some(RunOutcome::Finished));
}

#[tokio::test]
async fn weights_have_the_same_bits_whatever_the_partitions_batches_and_threads() {
    let mut distinct = BTreeSet::new();
    for (partitions, batch_size) in [(1, 8192), (2, 100), (4, 17)] {
        let t = Testing::with(Settings { partitions, batch_size, ..Settings::default() });
        t.table("t", &line_table(3000), partitions);
        t.train(QUERY, network(&[])).await.unwrap();
        distinct.insert(bits(&t));
    }
    assert_eq!(distinct.len(), 1);
}

/// A session whose run 1 was interrupted and left this checkpoint.
async fn interrupted(t: &Testing, checkpoint: &Checkpoint) {
    let run = t.services.runs.start(Default::default()).unwrap();
    run.checkpoint(checkpoint).unwrap();
    let late = MetricPoint { name: "loss".into(), step: 99, epoch: 99, value: 0.0 };
    run.log(&[late]).unwrap();
    run.finish(RunOutcome::Failed("killed".into())).unwrap();
}

#[tokio::test]
async fn a_resumed_run_ends_with_the_bits_of_one_never_interrupted() {
    resumes(QUERY).await;
}

#[tokio::test]
async fn a_run_over_exact_aggregates_is_resumed_with_other_partitions() {
    resumes(COMPUTED).await;
}

async fn resumes(query: &str) {
    let whole = Testing::new();
    whole.table("t", &line_table(1234), 2);
    whole.train(query, network(&[])).await.unwrap();
    let checkpoints = whole.runs.all()[0].checkpoints.clone();
    assert_eq!(checkpoints.len(), 3, "after each epoch but the last");
    for checkpoint in &checkpoints {
        let t = Testing::new();
        t.table("t", &line_table(1234), 3);
        interrupted(&t, checkpoint).await;
        t.train(query, TrainRequest { resume: Some("run1".into()), ..network(&[]) }).await.unwrap();
        assert_eq!(bits(&t), bits(&whole));
        let runs = t.runs.all();
        assert_eq!(runs.len(), 1, "it is the same run");
        assert!(runs[0].points.iter().all(|point| point.epoch <= 4), "later points are forgotten");
        let epochs: u64 = checkpoint.number("epoch").unwrap();
        assert_eq!(runs[0].points.iter().filter(|point| point.name == "loss").count() as u64, 4 - epochs);
        assert_eq!(t.runs.outcome(), Some(RunOutcome::Finished));
        assert_eq!(t.model("m").model.spec.training.run, "run1");
    }
}

#[tokio::test]
async fn a_checkpoint_of_other_options_or_rows_is_refused_and_there_may_be_none() {
    let whole = Testing::new();
    whole.table("t", &line_table(500), 1);
    whole.train(QUERY, network(&[])).await.unwrap();
    let checkpoint = whole.runs.all()[0].checkpoints[0].clone();
    for (rows, rate) in [(501, 0.01), (500, 0.02)] {
        let t = Testing::new();
        t.table("t", &line_table(rows), 1);
        interrupted(&t, &checkpoint).await;
        let resumed = TrainRequest { resume: Some("run1".into()), ..network(&[("learning_rate", rate)]) };
        let error = t.train(QUERY, resumed).await.unwrap_err();
        assert!(error.to_string().contains("run `run1` cannot go on"), "{error}");
    }
    let none = TrainRequest { resume: Some("run9".into()), ..network(&[]) };
    let error = whole.train(QUERY, TrainRequest { on_existing: gradframe_plan::OnExisting::Replace, ..none }).await.unwrap_err();
    assert!(error.to_string().contains("run `run9` has no checkpoint"), "{error}");
}

#[tokio::test]
async fn a_diverging_training_says_where_and_leaves_no_model() {
    let t = Testing::new();
    t.table("t", &line_table(500), 2);
    let mut request = network(&[("learning_rate", 1e30)]);
    request.options.push(("optimizer".into(), "sgd".into()));
    let error = t.train(QUERY, request).await.unwrap_err();
    assert_eq!(error.kind(), "Execution");
    assert!(error.to_string().contains("in epoch 1, step "), "{error}");
    assert!(t.services.models.get("m").unwrap().is_none());
    assert!(matches!(t.runs.outcome(), Some(RunOutcome::Failed(_))));
}
