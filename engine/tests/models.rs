//! Training, predicting and evaluating, by SQL and by frames.

use arrow::datatypes::DataType;
use gradframe::FitOptions;
use gradframe::expr::{cast, prelude::*};
use gradframe::ml::{LinearRegression, LogisticRegression};

use crate::support::{CREATE_FARES, TRIPS, error, rows, rows_of, run, session};

async fn trained() -> gradframe::Session {
    let session = session();
    run(&session, TRIPS).await;
    run(&session, CREATE_FARES).await;
    session
}

#[tokio::test]
async fn create_model_gives_its_log_and_trains_once() {
    let session = session();
    run(&session, TRIPS).await;
    let log = session.sql(CREATE_FARES).await.unwrap();
    assert_eq!(log.columns(), ["run", "epoch", "step", "rows", "loss", "gradient_norm", "seconds", "eval_loss", "learning_rate"]);
    assert_eq!(rows_of(&log).await, rows_of(&log).await);
    assert_eq!(rows(&session, "SELECT count(*) FROM gradframe.runs").await, ["1"]);
}

#[tokio::test]
async fn a_line_is_learned_exactly() {
    let session = trained().await;
    let predicted =
        rows(&session, "SELECT round(predicted_fare, 6) FROM ML.PREDICT(MODEL fares, (SELECT 1000.0 AS distance))").await;
    assert_eq!(predicted, ["2003.0"]);
    let error = rows(&session, "SELECT mean_absolute_error < 1e-6 FROM ML.EVALUATE(MODEL fares, (SELECT * FROM trips))").await;
    assert_eq!(error, ["true"]);
}

#[tokio::test]
async fn frames_and_sql_train_and_predict_the_same_bits() {
    let session = trained().await;
    let trips = session.table("trips").await.unwrap();
    let model = trips.select(["distance", "fare"]).unwrap().fit(LinearRegression::new(), "fare", Some("frames")).await.unwrap();
    assert_eq!(model.name(), Some("frames"));
    let by_frame = trips.select(["distance"]).unwrap().predict(&model).unwrap().select(["predicted_fare"]).unwrap();
    let by_sql = "SELECT predicted_fare FROM ML.PREDICT(MODEL fares, (SELECT distance FROM trips))";
    assert_eq!(rows_of(&by_frame).await, rows(&session, by_sql).await);
}

#[tokio::test]
async fn an_unnamed_model_predicts_and_is_not_stored() {
    let session = session();
    run(&session, TRIPS).await;
    let trips = session.table("trips").await.unwrap();
    let model = trips.fit(LinearRegression::new().l2(0.1), "fare", None).await.unwrap();
    assert_eq!(model.name(), None);
    assert_eq!(trips.predict(&model).unwrap().count().await.unwrap(), 100);
    assert!(session.models().unwrap().is_empty());
    assert_eq!(rows(&session, "SELECT status FROM gradframe.runs").await, ["finished"]);
}

#[tokio::test]
async fn classes_are_predicted_with_their_probabilities() {
    let session = session();
    run(&session, TRIPS).await;
    let trips =
        session.sql("SELECT distance, CASE WHEN distance > 50 THEN 'far' ELSE 'near' END AS reach FROM trips").await.unwrap();
    let model = trips.fit(LogisticRegression::new().l2(0.001), "reach", Some("reach")).await.unwrap();
    let predicted = trips.predict(&model).unwrap();
    assert_eq!(predicted.columns(), ["distance", "reach", "predicted_reach", "predicted_reach_probs"]);
    let right = "SELECT count(*) FROM ML.PREDICT(MODEL reach, (SELECT distance FROM trips)) WHERE predicted_reach = CASE WHEN distance > 50 THEN 'far' ELSE 'near' END";
    let right: u32 = rows(&session, right).await[0].parse().unwrap();
    assert!(right >= 98, "{right}");
    let scores = trips.evaluate(&model).unwrap();
    assert_eq!(scores.columns(), ["precision", "recall", "accuracy", "f1_score", "log_loss", "roc_auc"]);
}

#[tokio::test]
async fn a_view_uses_the_newest_version_of_its_model() {
    let session = trained().await;
    run(&session, "CREATE VIEW priced AS SELECT * FROM ML.PREDICT(MODEL fares, (SELECT 10.0 AS distance))").await;
    assert_eq!(rows(&session, "SELECT round(predicted_fare, 3) FROM priced").await, ["23.0"]);
    run(&session, "CREATE OR REPLACE MODEL fares OPTIONS (model_type = 'linear_reg', input_label_cols = ['fare']) AS SELECT distance, fare * 2 AS fare FROM trips").await;
    assert_eq!(rows(&session, "SELECT round(predicted_fare, 3) FROM priced").await, ["46.0"]);
}

#[tokio::test]
async fn models_share_names_with_tables() {
    let session = trained().await;
    assert_eq!(error(&session, CREATE_FARES).await.kind(), "Plan");
    assert_eq!(error(&session, "CREATE TABLE fares AS SELECT 1 AS a").await.kind(), "Plan");
    let on_table = CREATE_FARES.replace("MODEL fares", "OR REPLACE MODEL trips");
    assert_eq!(error(&session, &on_table).await.kind(), "Plan");
    let trips = session.table("trips").await.unwrap();
    assert_eq!(trips.fit(LinearRegression::new(), "fare", Some("trips")).await.unwrap_err().kind(), "Plan");
    assert_eq!(rows(&session, "SELECT count(*) FROM trips").await, ["100"]);
}

#[tokio::test]
async fn create_model_if_not_exists_keeps_the_old_one() {
    let session = trained().await;
    run(&session, &CREATE_FARES.replace("MODEL fares", "MODEL IF NOT EXISTS fares")).await;
    assert_eq!(rows(&session, "SELECT count(*) FROM gradframe.runs").await, ["1"]);
}

#[tokio::test]
async fn a_dropped_model_is_gone() {
    let session = trained().await;
    assert_eq!(session.models().unwrap(), ["fares"]);
    run(&session, "DROP MODEL fares; DROP MODEL IF EXISTS fares").await;
    assert_eq!(error(&session, "DROP MODEL fares").await.kind(), "Plan");
    assert!(session.models().unwrap().is_empty());
}

#[tokio::test]
async fn explain_analyze_trains_and_registers() {
    let session = session();
    run(&session, TRIPS).await;
    run(&session, &format!("EXPLAIN {CREATE_FARES}")).await;
    assert!(session.models().unwrap().is_empty());
    let explained = rows(&session, &format!("EXPLAIN ANALYZE {CREATE_FARES}")).await.join("\n");
    assert!(explained.contains("TrainExec"), "{explained}");
    assert_eq!(session.models().unwrap(), ["fares"]);
}

#[tokio::test]
async fn a_filter_goes_below_a_prediction_and_unread_ones_do_not_run() {
    let session = trained().await;
    let trips = session.table("trips").await.unwrap();
    let predicted = trips.predict("fares").unwrap();
    let filtered = predicted.filter(gradframe::expr::col("distance").gt(gradframe::expr::lit(50.0))).unwrap();
    let plan = filtered.explain(false).await.unwrap();
    let physical = plan.split("physical_plan").nth(1).unwrap();
    assert!(physical.find("PredictExec") < physical.find("FilterExec"), "{plan}");
    let unread = predicted.select(["distance"]).unwrap().explain(false).await.unwrap();
    assert!(!unread.contains("PredictExec"), "{unread}");
}

#[tokio::test]
async fn the_seed_is_the_sessions_unless_given() {
    let session = trained().await;
    run(&session, "SET gradframe.seed = 42").await;
    run(&session, &CREATE_FARES.replace("MODEL fares", "OR REPLACE MODEL fares")).await;
    let trips = session.table("trips").await.unwrap();
    trips.fit(LinearRegression::new().seed(7), "fare", None).await.unwrap();
    assert_eq!(rows(&session, "SELECT seed FROM gradframe.runs ORDER BY started, run").await, ["0", "42", "7"]);
}

#[tokio::test]
async fn what_a_frame_computes_of_single_rows_a_model_stores() {
    let session = session();
    run(&session, TRIPS).await;
    let trips = session.table("trips").await.unwrap();
    let made = || {
        [
            col("distance").sqrt().alias("root"),
            col("distance").round(-1).alias("tens"),
            cast(col("distance"), DataType::Utf8).str().len_chars().alias("digits"),
            col("fare"),
        ]
    };
    let options = FitOptions::new("fare").name("stored").transform(made());
    trips.fit_with(LinearRegression::new().l2(0.1), options).await.unwrap();
    let expected = rows_of(&trips.select(made()).unwrap()).await;
    assert_eq!(rows_of(&trips.transform("stored").unwrap()).await, expected);
    assert_eq!(rows(&session, "SELECT * FROM ML.TRANSFORM(MODEL stored, TABLE trips)").await, expected);
}
