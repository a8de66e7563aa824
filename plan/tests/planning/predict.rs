//! What a prediction asks of its input.

use arrow::datatypes::DataType;
use datafusion::prelude::{cast, col, lit};
use gradframe_plan::ops::evaluate::evaluate;
use gradframe_plan::ops::predict::{PredictOptions, predict};

use crate::support::{model, predicted, table};

#[test]
fn outputs_follow_the_input_columns() {
    let plan = predicted(table()).build().unwrap();
    let names: Vec<&str> = plan.schema().fields().iter().map(|f| f.name().as_str()).collect();
    assert_eq!(names, ["id", "a", "b", "kind", "y", "predicted_y"]);
}

#[test]
fn inputs_that_do_not_fit_are_errors_that_name_the_column() {
    let error = |columns: Vec<datafusion::prelude::Expr>| {
        let input = table().project(columns).unwrap().build().unwrap();
        predict(input, model(), PredictOptions::default()).unwrap_err().to_string()
    };
    assert_eq!(
        error(vec![col("a"), col("y").alias("bb")]),
        "ml.predict: the input lacks `b`, a feature of model `m`; hint: did you mean `bb`?"
    );
    let text = error(vec![cast(col("a"), DataType::Utf8).alias("a"), col("b")]);
    assert!(text.contains("feature `a` of model `m` has another type, expected Float64, got Utf8"), "{text}");
    let taken = error(vec![col("a"), col("b"), lit(1).alias("predicted_y")]);
    assert!(taken.contains("the input has a column `predicted_y` already"), "{taken}");
}

#[test]
fn numbers_of_any_type_fit() {
    let columns = vec![cast(col("id"), DataType::Int8).alias("a"), cast(col("b"), DataType::Decimal128(9, 2)).alias("b")];
    let input = table().project(columns).unwrap().build().unwrap();
    assert!(predict(input, model(), PredictOptions::default()).is_ok());
}

#[test]
fn a_threshold_is_for_two_classes() {
    let options = PredictOptions::from_pairs(&[("threshold".into(), 0.3.into())]).unwrap();
    let error = predict(table().build().unwrap(), model(), options).unwrap_err();
    assert!(error.to_string().contains("predicts a number"), "{error}");
    assert!(PredictOptions::from_pairs(&[("threshold".into(), 3.into())]).is_err());
    let unknown = PredictOptions::from_pairs(&[("treshold".into(), 0.3.into())]).unwrap_err();
    assert!(unknown.to_string().contains("did you mean `threshold`?"), "{unknown}");
}

#[test]
fn an_evaluation_needs_the_label() {
    let input = table().project(vec![col("a"), col("b"), col("y").alias("yy")]).unwrap().build().unwrap();
    let error = evaluate(input, model(), PredictOptions::default()).unwrap_err();
    assert!(error.to_string().contains("the input lacks `y`, the label of model `m`"), "{error}");
}
