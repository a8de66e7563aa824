//! What can be known of a training from its schema.

use arrow::datatypes::DataType;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::prelude::{cast, col};
use gradframe_plan::OnExisting;
use gradframe_plan::ops::train::{TrainRequest, train};

use crate::support::{services, table};

fn request(model_type: &str) -> TrainRequest {
    TrainRequest {
        module: None,
        name: Some("new".into()),
        on_existing: OnExisting::Error,
        model_type: model_type.into(),
        label: Some("y".into()),
        options: vec![],
        transform: None,
        seed: None,
        query: None,
        resume: None,
        statement: None,
    }
}

fn plan(input: LogicalPlanBuilder, request: TrainRequest) -> gradframe_ml_core::Result<LogicalPlan> {
    train(input.build().unwrap(), request, &services())
}

fn error(input: LogicalPlanBuilder, request: TrainRequest) -> String {
    plan(input, request).unwrap_err().to_string()
}

#[test]
fn the_plan_says_what_is_learned_from_what() {
    let text = plan(table(), request("linear_reg")).unwrap().display_indent().to_string();
    assert!(text.contains("Train: model=new, model_type=linear_reg, label=y, features=[id, a, b, kind]"), "{text}");
    let names: Vec<String> =
        plan(table(), request("linear_reg")).unwrap().schema().fields().iter().map(|f| f.name().clone()).collect();
    assert_eq!(names, ["run", "epoch", "step", "rows", "loss", "gradient_norm", "seconds", "eval_loss", "learning_rate"]);
}

#[test]
fn an_order_by_travels_inside_the_node() {
    let by = vec![col("t.id").sort(true, false)];
    let on_top = plan(table().sort(by.clone()).unwrap(), request("linear_reg")).unwrap().display_indent().to_string();
    assert!(on_top.contains("order_by=[t.id ASC NULLS LAST]") && !on_top.contains("Sort:"), "{on_top}");
    let below = table().sort(by).unwrap().project(vec![col("a"), col("y")]).unwrap();
    let below = plan(below, request("linear_reg")).unwrap().display_indent().to_string();
    assert!(below.contains("features=[a], order_by=[__order_0 ASC NULLS LAST]"), "{below}");
}

#[test]
fn an_order_by_with_a_limit_chooses_rows_and_stays() {
    let top = table().sort_with_limit(vec![col("t.id").sort(true, false)], Some(9)).unwrap();
    assert!(plan(top, request("linear_reg")).unwrap().display_indent().to_string().contains("Sort:"));
}

#[test]
fn bad_labels_are_errors_that_name_them() {
    let missing = error(table(), TrainRequest { label: Some("yy".into()), ..request("linear_reg") });
    assert_eq!(missing, "train: the query has no column `yy` to be the label; hint: did you mean `y`?");
    let none = error(table(), TrainRequest { label: None, ..request("linear_reg") });
    assert!(none.contains("no column `label`") && none.contains("input_label_cols"), "{none}");
    let text = error(table(), TrainRequest { label: Some("kind".into()), ..request("linear_reg") });
    assert!(text.contains("label `kind`") && text.contains("logistic_reg"), "{text}");
    let float = error(table(), request("logistic_reg"));
    assert!(float.contains("label `y`"), "{float}");
}

#[test]
fn bad_features_are_errors_that_name_them() {
    let only_label = error(table().project(vec![col("y")]).unwrap(), request("linear_reg"));
    assert!(only_label.contains("there is no feature"), "{only_label}");
    let binary = table().project(vec![cast(col("kind"), DataType::Binary).alias("bytes"), col("y")]).unwrap();
    let binary = error(binary, request("linear_reg"));
    assert!(binary.contains("feature `bytes`"), "{binary}");
    let twice = table().alias("l").unwrap().cross_join(table().alias("r").unwrap().build().unwrap()).unwrap();
    let twice = error(twice, request("linear_reg"));
    assert!(twice.contains("two columns are named `id`: `l.id` and `r.id`"), "{twice}");
}

#[test]
fn model_types_options_and_names_are_checked() {
    assert!(error(table(), request("linear_rag")).contains("did you mean `linear_reg`?"));
    let unknown = TrainRequest { options: vec![("l2_rag".into(), 0.1.into())], ..request("linear_reg") };
    assert!(error(table(), unknown).contains("did you mean `l2_reg`?"));
    let null = TrainRequest { options: vec![("l2_reg".into(), datafusion::scalar::ScalarValue::Null)], ..request("linear_reg") };
    assert!(error(table(), null).contains("option `l2_reg`"));
    let taken = TrainRequest { name: Some("m".into()), ..request("linear_reg") };
    assert!(error(table(), taken.clone()).contains("model `m` already exists"));
    let kept = plan(table(), TrainRequest { on_existing: OnExisting::Keep, ..taken }).unwrap();
    assert!(matches!(kept, LogicalPlan::EmptyRelation(_)));
}

fn with_options(options: &[(&str, datafusion::scalar::ScalarValue)]) -> TrainRequest {
    let options = options.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    TrainRequest { options, ..request("linear_reg") }
}

#[test]
fn split_and_weight_columns_are_no_features() {
    let late =
        table().project(vec![col("a"), col("b"), col("id"), col("id").gt(datafusion::prelude::lit(9)).alias("late"), col("y")]);
    let options = [("data_split_method", "custom".into()), ("data_split_col", "late".into()), ("SAMPLE_WEIGHT_COL", "b".into())];
    let text = plan(late.unwrap(), with_options(&options)).unwrap().display_indent().to_string();
    assert!(text.contains("label=y, features=[a, id], weight=b, split_by=late, split=custom"), "{text}");
}

#[test]
fn split_options_are_checked_against_each_other_and_the_schema() {
    let check = |options: &[(&str, datafusion::scalar::ScalarValue)]| error(table(), with_options(options));
    let method = |name: &str| ("data_split_method", datafusion::scalar::ScalarValue::from(name));
    for (options, expected) in [
        (vec![method("randm")], "expected one of auto_split, random, seq, custom, no_split; hint: did you mean `random`?"),
        (vec![method("seq")], "no column is given to split by"),
        (vec![method("random"), ("data_split_col", "id".into())], "option `data_split_col` is of no use"),
        (vec![method("no_split"), ("data_split_eval_fraction", 0.1.into())], "option `data_split_eval_fraction` is of no use"),
        (vec![method("random"), ("data_split_eval_fraction", 1.into())], "is 1, expected a number between 0 and 1"),
        (vec![method("custom"), ("data_split_col", "id".into())], "data_split_col `id` is Int64, expected a boolean"),
        (
            vec![method("seq"), ("data_split_col", "idd".into())],
            "no column `idd`, which `data_split_col` names; hint: did you mean `id`?",
        ),
        (vec![method("seq"), ("data_split_col", "y".into())], "which is the label"),
        (vec![("data_split_col", "id".into())], "given without `data_split_method`"),
        (vec![("sample_weight_col", "kind".into())], "sample_weight_col `kind` is Utf8, expected a number"),
        (vec![("sample_weight_col", 1.into())], "option `sample_weight_col` is 1, expected text"),
        (vec![method("seq"), method("random")], "option `data_split_method` is given twice"),
    ] {
        let error = check(&options);
        assert!(error.contains(expected), "{options:?}: {error}");
    }
}
