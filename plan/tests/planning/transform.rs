//! A TRANSFORM from its text to plain expressions.

use datafusion::logical_expr::LogicalPlan;
use gradframe_ml_core::error::Place;
use gradframe_plan::OnExisting;
use gradframe_plan::ops::train::{TrainRequest, train};
use gradframe_plan::ops::transform::{Transform, WrittenItem};

use crate::support::{services, table};

fn items(sql: &[&str]) -> Vec<WrittenItem> {
    sql.iter().map(|sql| WrittenItem { sql: (*sql).to_owned(), place: None }).collect()
}

fn planned(sql: &[&str]) -> gradframe_ml_core::Result<Transform> {
    Transform::plan(&items(sql), table().build().unwrap().schema())
}

fn shown(sql: &[&str]) -> Vec<String> {
    planned(sql).unwrap().items().iter().map(|item| format!("{} AS {}", item.expr, item.name)).collect()
}

fn error(sql: &str) -> String {
    planned(&[sql]).unwrap_err().to_string()
}

fn trained(transform: &[&str], options: &[(&str, &str)]) -> gradframe_ml_core::Result<LogicalPlan> {
    let options = options.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
    let request = TrainRequest {
        module: None,
        name: Some("new".into()),
        on_existing: OnExisting::Error,
        model_type: "linear_reg".into(),
        label: Some("y".into()),
        options,
        transform: Some(items(transform)),
        seed: None,
        query: None,
        resume: None,
        statement: None,
    };
    train(table().build().unwrap(), request, &services())
}

#[test]
fn a_star_is_written_out_and_names_are_folded_as_in_sql() {
    assert_eq!(shown(&["* EXCEPT (id, kind)"]), ["a AS a", "b AS b", "y AS y"]);
    assert_eq!(shown(&["A", "B AS Bee", "b AS \"Bee\""]), ["a AS a", "b AS bee", "b AS Bee"]);
    assert!(error("* EXCEPT (idd)").contains("did you mean `id`?"));
}

#[test]
fn analytic_functions_may_stand_in_expressions_and_expressions_in_them() {
    let shown = shown(&["2 * ml.standard_scaler(id + 1) OVER () AS z"]);
    assert_eq!(shown, ["CAST(Int64(2) AS Float64) * ml.standard_scaler(CAST(id + Int64(1) AS Float64)) AS z"]);
}

#[test]
fn what_does_not_look_at_one_row_is_refused_by_name() {
    for (sql, expected) in [
        ("random() AS r", "`random()` cannot stand in a TRANSFORM: it gives another value each time"),
        ("now() AS r", "`now()` cannot stand in a TRANSFORM: it gives another value in another query"),
        ("sum(a) AS r", "the aggregate `sum` cannot stand in a TRANSFORM"),
        ("row_number() OVER () AS r", "the window function `row_number` cannot stand in a TRANSFORM"),
        ("a IN (SELECT 1) AS r", "a subquery cannot stand in a TRANSFORM"),
        ("EXISTS (SELECT 1) AS r", "a subquery cannot stand in a TRANSFORM"),
        ("$1 AS r", "the parameter $1 has no value here"),
        ("ML.STANDARD_SCALER(a) AS r", "write ML.STANDARD_SCALER(...) OVER ()"),
        ("ML.STANDARD_SCALER(a) OVER (ORDER BY a) AS r", "takes nothing in its OVER ()"),
        ("ML.STANDARD_SCALER(ML.IMPUTER(a, 'mean') OVER ()) OVER () AS r", "stands within another analytic function"),
        ("ML.STANDARD_SCALER(kind) OVER () AS r", "`kind` is Utf8, expected a number"),
        ("ML.STANDARD_SCALER() OVER () AS r", "no column is given"),
        ("ML.QUANTILE_BUCKETIZE(a, id) OVER () AS r", "`id` is no constant"),
        ("ML.SCALER(a) OVER () AS r", "unknown function `ML.SCALER`"),
        ("ML.BUCKETIZE(kind, [1]) AS r", "expected a number, a list of split points"),
        ("a +", "transform: expected"),
        ("a + 1", "`a + 1` has no name"),
        ("t.a AS r", "unknown column `t.a`"),
    ] {
        let error = error(sql);
        assert!(error.contains(expected), "{sql}: {error}");
    }
}

#[test]
fn what_was_stored_with_xor_keeps_it_and_a_statement_has_powers() {
    let (schema, place) = (table().build().unwrap(), Place { line: 1, column: 1 });
    let in_statement = vec![WrittenItem { sql: "id ^ 2 AS z".to_owned(), place: Some(place) }];
    let power = Transform::plan(&in_statement, schema.schema()).unwrap();
    assert!(power.items()[0].expr.to_string().starts_with("power("), "{}", power.items()[0].expr);
    assert_eq!(shown(&["id ^ 2 AS z"]), ["id BIT_XOR Int64(2) AS z"]);
}

#[test]
fn errors_point_into_the_statement() {
    let item = |sql: &str| vec![WrittenItem { sql: sql.to_owned(), place: Some(Place { line: 3, column: 10 }) }];
    let place = |sql: &str| {
        let error = Transform::plan(&item(sql), table().build().unwrap().schema()).unwrap_err();
        let place = error.detail().place.unwrap();
        (place.line, place.column)
    };
    assert_eq!(place("1 + aa AS x"), (3, 14));
    assert_eq!(place("1 +\n  aa AS x"), (4, 3));
    assert_eq!(place("random() AS x"), (3, 10));
    assert_eq!(place("1 + ML.NOTHING(a) AS x"), (3, 14));
}

#[test]
fn training_reads_the_fit_and_the_rows() {
    let plan = trained(&["ML.STANDARD_SCALER(a) OVER () AS z", "kind", "y"], &[]).unwrap().display_indent().to_string();
    assert!(plan.contains("features=[ml.standard_scaler(t.a) AS z, kind]"), "{plan}");
    assert!(plan.contains("Aggregate: groupBy=[[]], aggr=[[fit_moments(t.a), fit_quantiles(t.a)"), "{plan}");
}

#[test]
fn the_label_must_be_passed_on_and_option_columns_need_not() {
    let error = trained(&["a"], &[]).unwrap_err().to_string();
    assert!(error.contains("the TRANSFORM does not pass on `y`, the label"), "{error}");
    let plan = trained(&["a", "y"], &[("sample_weight_col", "b")]).unwrap().display_indent().to_string();
    assert!(plan.contains("features=[a], weight=b"), "{plan}");
}

#[test]
fn a_deep_expression_is_refused_and_a_long_list_is_not() {
    let deep = format!("{} AS r", vec!["a"; 1500].join(" + "));
    assert!(error(&deep).contains("more than 1000 levels deep"));
    let many: Vec<String> = (0..300).map(|i| format!("a + {i} AS a{i}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(planned(&many).unwrap().items().len(), 300);
}
