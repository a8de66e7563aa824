//! The run log as tables.

use crate::support::{CREATE_FARES, TRIPS, rows, run, session};

#[tokio::test]
async fn runs_params_metrics_and_models_are_tables() {
    let session = session();
    run(&session, TRIPS).await;
    run(&session, CREATE_FARES).await;
    assert_eq!(rows(&session, "SELECT status, model FROM gradframe.runs").await, ["finished | fares"]);
    assert_eq!(rows(&session, "SELECT model, model_type, label FROM gradframe.models").await, ["fares | linear_reg | fare"]);
    let params = rows(&session, "SELECT value FROM gradframe.params WHERE name = 'model_type'").await;
    assert!(params.is_empty() || params == ["linear_reg"], "{params:?}");
    let losses = rows(
        &session,
        "SELECT m.value FROM gradframe.metrics m JOIN gradframe.runs USING (run) WHERE m.name = 'loss' ORDER BY m.epoch",
    )
    .await;
    let logged = rows(&session, "SELECT loss FROM ML.TRAINING_INFO(MODEL fares) ORDER BY epoch").await;
    assert_eq!(losses, logged);
    assert!(!losses.is_empty());
}

#[tokio::test]
async fn filters_reach_the_log() {
    let session = session();
    run(&session, TRIPS).await;
    run(&session, CREATE_FARES).await;
    run(&session, &CREATE_FARES.replace("MODEL fares", "OR REPLACE MODEL fares")).await;
    let one =
        rows(&session, "SELECT count(DISTINCT run) FROM gradframe.metrics WHERE run = (SELECT max(run) FROM gradframe.runs)")
            .await;
    assert_eq!(one, ["1"]);
    let some = rows(&session, "SELECT epoch FROM gradframe.metrics WHERE name = 'loss' AND epoch > 0 AND epoch <= 1").await;
    assert!(some.iter().all(|epoch| epoch == "1"), "{some:?}");
    let plan = rows(&session, "EXPLAIN SELECT value FROM gradframe.metrics WHERE run = 'x'").await.join("\n");
    assert!(!plan.contains("FilterExec"), "{plan}");
}
