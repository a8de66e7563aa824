//! What the optimizer does with our operators, over a Parquet file.

use std::fs::File;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::prelude::{col, lit};
use gradframe_plan::ops::evaluate::evaluate;
use gradframe_plan::ops::predict::{PredictOptions, predict};
use parquet::arrow::ArrowWriter;
use tempfile::TempDir;

use crate::testing::{Testing, line_table, request};

/// A session with a model and the table `t` in a Parquet file.
async fn with_file() -> (Testing, TempDir) {
    let t = Testing::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    let rows = RecordBatch::try_from_iter(line_table(1000)).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), rows.schema(), None).unwrap();
    writer.write(&rows).unwrap();
    writer.close().unwrap();
    t.context.register_parquet("t", path.to_str().unwrap(), Default::default()).await.unwrap();
    t.train("SELECT a, b, y FROM t", request("m", "linear_reg")).await.unwrap();
    (t, folder)
}

async fn predicted(t: &Testing, sql: &str) -> LogicalPlanBuilder {
    LogicalPlanBuilder::from(predict(t.query(sql).await, t.model("m"), PredictOptions::default()).unwrap())
}

#[tokio::test]
async fn train_reads_only_its_columns() {
    let (t, _folder) = with_file().await;
    let plan = t.plan("SELECT a, y FROM (SELECT * FROM t)", request("n", "linear_reg")).await.unwrap();
    let text = t.physical(&plan).await;
    assert!(text.contains("TrainExec: model=n, model_type=linear_reg, label=y, features=[a]"), "{text}");
    assert!(text.contains("projection=[a, y]"), "{text}");
}

#[tokio::test]
async fn a_filter_on_a_passed_column_goes_below_the_prediction_into_the_scan() {
    let (t, _folder) = with_file().await;
    let plan = predicted(&t, "SELECT * FROM t").await.filter(col("kind").eq(lit("v"))).unwrap();
    let plan = plan.project(vec![col("id"), col("predicted_y")]).unwrap().build().unwrap();
    let text = t.physical(&plan).await;
    let (model, scan) = (text.find("PredictExec").unwrap(), text.find("DataSourceExec").unwrap());
    assert!(model < scan && text[scan..].contains("predicate=kind"), "{text}");
    assert!(!text.contains("FilterExec"), "{text}");
    assert!(text[scan..].contains("projection=[id, a, b]"), "{text}");
}

#[tokio::test]
async fn a_filter_on_the_prediction_stays_above_it() {
    let (t, _folder) = with_file().await;
    let plan = predicted(&t, "SELECT * FROM t").await.filter(col("predicted_y").gt(lit(0.0))).unwrap().build().unwrap();
    let text = t.physical(&plan).await;
    assert!(text.find("FilterExec").unwrap() < text.find("PredictExec").unwrap(), "{text}");
}

#[tokio::test]
async fn counting_predictions_runs_no_model() {
    use datafusion::functions_aggregate::expr_fn::count;
    let (t, _folder) = with_file().await;
    let plan = predicted(&t, "SELECT * FROM t").await.aggregate(Vec::<datafusion::prelude::Expr>::new(), vec![count(lit(1))]);
    let plan = plan.unwrap().build().unwrap();
    let text = t.physical(&plan).await;
    assert!(!text.contains("PredictExec"), "{text}");
    assert_eq!(t.collect(plan).await.unwrap().num_rows(), 1);
}

#[tokio::test]
async fn top_rows_by_a_passed_column_are_chosen_below_the_prediction() {
    let (t, _folder) = with_file().await;
    let plan = predicted(&t, "SELECT * FROM t").await.sort_with_limit(vec![col("id").sort(false, true)], Some(5)).unwrap();
    let text = t.physical(&plan.build().unwrap()).await;
    assert!(text.find("PredictExec").unwrap() < text.find("SortExec: TopK").unwrap(), "{text}");
}

#[tokio::test]
async fn a_predicate_without_columns_stays_above_training_and_evaluation() {
    let (t, _folder) = with_file().await;
    let query = t.query("SELECT a, b, y FROM t").await;
    let evaluated = evaluate(query, t.model("m"), PredictOptions::default()).unwrap();
    let trained = t.plan("SELECT a, b, y FROM t", request("n", "linear_reg")).await.unwrap();
    for (plan, operator) in [(evaluated, "EvaluateExec"), (trained, "TrainExec")] {
        let random = datafusion::functions::math::expr_fn::random().lt(lit(0.5));
        let plan = LogicalPlanBuilder::from(plan).filter(random).unwrap().build().unwrap();
        let text = t.physical(&plan).await;
        assert!(text.find("FilterExec").unwrap() < text.find(operator).unwrap(), "{text}");
    }
}

#[tokio::test]
async fn evaluation_reads_the_label_and_the_features() {
    let (t, _folder) = with_file().await;
    let plan = evaluate(t.query("SELECT * FROM t").await, t.model("m"), PredictOptions::default()).unwrap();
    let text = t.physical(&plan).await;
    assert!(text.contains("EvaluateExec: model=m@1, label=y"), "{text}");
    assert!(text.contains("projection=[a, b, y]"), "{text}");
}

#[tokio::test]
async fn a_limit_above_training_does_not_lose_the_model() {
    let (t, _folder) = with_file().await;
    let train = t.plan("SELECT a, b, y FROM t", request("n", "linear_reg")).await.unwrap();
    let log = gradframe_exec::ops::train::run_to_end(&train, &t.context.state()).await.unwrap();
    assert!(!log.is_empty());
    let limited = LogicalPlanBuilder::from(train).limit(0, Some(1)).unwrap().build().unwrap();
    assert_eq!(t.collect(limited).await.unwrap().num_rows(), 1);
    assert_eq!(Arc::clone(&t.model("n")).version, 1);
}
