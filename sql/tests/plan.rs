//! Statements and what they are planned to.

use datafusion::logical_expr::{Extension, LogicalPlan};
use gradframe_ml_core::Result;
use gradframe_plan::ops::train::TrainNode;
use gradframe_plan::services::SourceCall;
use gradframe_sql::{Planned, parse, plan, plan_view};

use crate::services::Setup;

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

/// Plans the one statement of a text.
fn planned(setup: &Setup, sql: &str) -> Result<Planned> {
    let statements = parse(sql)?;
    block_on(plan(&setup.context.state(), &statements[0]))
}

/// The kind and the operators from the root down, or the error.
fn summary(sql: &str) -> String {
    match planned(&Setup::new(), sql) {
        Ok(Planned::Query(plan)) => format!("query {}", operators(&plan)),
        Ok(Planned::Train(plan)) => format!("train {}", operators(&plan)),
        Ok(Planned::Write(plan)) => format!("write {}", operators(&plan)),
        Ok(Planned::LoadModel(request)) => format!("load {}", request.name),
        Ok(Planned::Ddl(plan)) => format!("ddl {}", operators(&plan)),
        Ok(Planned::View { view, sql }) => format!("view {} [{sql}] {}", view.name, operators(&view.input)),
        Ok(Planned::DropModel { name, if_exists }) => format!("drop {name} {if_exists}"),
        Ok(Planned::CacheTable { name, on_cuda }) => format!("cache {name} {on_cuda}"),
        Ok(Planned::UncacheTable { name, if_exists }) => format!("uncache {name} {if_exists}"),
        Err(error) => format!("{}: {error}", error.kind()),
    }
}

/// `Projection > Predict > TableScan`.
fn operators(plan: &LogicalPlan) -> String {
    let shown = plan.display().to_string();
    let name = shown.split([':', ' ', '[']).next().unwrap_or_default().to_owned();
    plan.inputs().into_iter().fold(name, |names, input| format!("{names} > {}", operators(input)))
}

#[track_caller]
fn check(sql: &str, expect: &str) {
    assert_eq!(summary(sql), expect, "for {sql}");
}

#[test]
fn predictions_are_relations() {
    check("SELECT * FROM ML.PREDICT(MODEL m, TABLE t)", "query Projection > Predict > Projection > TableScan");
    check(
        "SELECT p.predicted_y FROM ml.predict(MODEL M, (SELECT x FROM t)) AS p",
        "query Projection > SubqueryAlias > Predict > Projection > TableScan",
    );
    check(
        "SELECT q.a FROM ML.PREDICT(MODEL m, (SELECT x FROM t)) AS q(b, a)",
        "query Projection > SubqueryAlias > Projection > Predict > Projection > TableScan",
    );
    check(
        "WITH c AS (SELECT x FROM t) SELECT predicted_y FROM ML.PREDICT(MODEL public.m, TABLE c)",
        "query Projection > Predict > Projection > SubqueryAlias > Projection > TableScan",
    );
    check(
        "SELECT max(predicted_y) FROM ML.PREDICT(MODEL \"m\", TABLE t) WHERE x > 0",
        "query Projection > Aggregate > Filter > Predict > Projection > TableScan",
    );
}

#[test]
fn a_model_is_found_whatever_else_has_its_name() {
    check(
        "WITH m AS (SELECT x FROM t) SELECT * FROM ML.PREDICT(MODEL m, TABLE m)",
        "query Projection > Predict > Projection > SubqueryAlias > Projection > TableScan",
    );
}

#[test]
fn models_in_other_relations_and_statements() {
    check(
        "SELECT * FROM ML.EVALUATE(MODEL m, TABLE t)",
        "query Projection > Limit > Evaluate > Predict > Projection > TableScan",
    );
    check("SELECT weight FROM ML.WEIGHTS(MODEL m)", "query Projection > TableScan");
    check("SELECT * FROM m", "query Projection > TableScan");
    assert!(summary("SELECT * FROM ML.TRAINING_INFO(MODEL m)").starts_with("query Projection > "));
    assert!(summary("SHOW MODELS").starts_with("query "));
    assert!(summary("DESCRIBE MODEL m").starts_with("query "));
    check("DROP MODEL m", "drop m false");
    check("DROP MODEL IF EXISTS other", "drop other true");
}

#[test]
fn a_training_is_planned_to_be_run_once() {
    let create = "CREATE MODEL n OPTIONS (model_type = 'linear_reg', input_label_cols = ['y']) AS SELECT x, y FROM t";
    check(create, "train Limit > Train > Projection > TableScan");
    check(&format!("EXPLAIN {create}"), "query Explain > Limit > Train > Projection > TableScan");
    check(&format!("EXPLAIN ANALYZE {create}"), "train Analyze > Limit > Train > Projection > TableScan");
    check(&format!("EXPLAIN (ANALYZE, LEVEL summary) {create}"), "train Analyze > Limit > Train > Projection > TableScan");
}

#[test]
fn an_existing_model_is_replaced_kept_or_an_error() {
    let create =
        |how: &str| how.to_owned() + " OPTIONS (model_type = 'linear_reg', input_label_cols = 'y') AS SELECT x, y FROM t";
    assert!(summary(&create("CREATE OR REPLACE MODEL m")).starts_with("train Limit > Train"));
    check(&create("CREATE MODEL IF NOT EXISTS m"), "train EmptyRelation");
    assert!(summary(&create("CREATE MODEL m")).starts_with("Plan: create model: model `m` already exists"));
}

#[test]
fn the_order_of_the_training_query_is_the_order_of_training() {
    let sql = "CREATE MODEL n OPTIONS (model_type = 'linear_reg', input_label_cols = ['y']) AS (SELECT x, y FROM t ORDER BY x)";
    let Ok(Planned::Train(LogicalPlan::Limit(limit))) = planned(&Setup::new(), sql) else { panic!("no training") };
    let LogicalPlan::Extension(Extension { node }) = limit.input.as_ref() else { panic!("no extension") };
    assert_eq!(node.as_any().downcast_ref::<TrainNode>().unwrap().order().len(), 1);
}

#[test]
fn options_of_create_model_are_checked_with_their_place() {
    let create = |options: &str| summary(&format!("CREATE MODEL n OPTIONS ({options}) AS SELECT x, y FROM t"));
    assert_eq!(
        create(""),
        "Plan: create model: no model_type is given (line 1, column 14); hint: OPTIONS (model_type = 'linear_reg')"
    );
    assert_eq!(
        create("model_type = 1"),
        "Plan: create model: option `model_type` takes text, such as 'linear_reg', got `1` (line 1, column 25)"
    );
    assert_eq!(
        create("input_label_cols = ['x', 'y']"),
        "Plan: create model: option `input_label_cols` takes a list of one column, such as ['y'], got `['x', 'y']` (line 1, column 25)"
    );
    assert!(create("seed = -1").starts_with("Plan: create model: option `seed` takes an integer from 0, got `-1`"));
    assert!(create("l2_reg = x").starts_with("Plan: create model: option `l2_reg` takes a number, text, true, false"));
}

#[test]
fn models_and_tables_share_their_names() {
    let create = "OPTIONS (model_type = 'linear_reg') AS SELECT 1";
    check(
        &format!("CREATE MODEL t {create}"),
        "Plan: create model: `t` is a table (line 1, column 14); hint: give the model another name",
    );
    check(
        &format!("CREATE MODEL s.n {create}"),
        "Plan: create model: `s.n` cannot be a model (line 1, column 14); hint: models live in schema `datafusion.public`",
    );
    for statement in ["CREATE TABLE m AS SELECT 1", "CREATE VIEW m AS SELECT 1", "DROP TABLE m"] {
        let error = summary(statement);
        assert!(error.ends_with("`m` is a model; hint: DROP MODEL m removes it"), "{error}");
    }
}

#[test]
fn wrong_calls_say_what_is_expected_and_where() {
    check(
        "SELECT * FROM ML.PREDICT(MODEL mm, TABLE t)",
        "Plan: ml.predict: unknown model `mm` (line 1, column 32); hint: did you mean `m`?",
    );
    check(
        "SELECT * FROM ML.PREDICT(MODEL t, TABLE t)",
        "Plan: ml.predict: `t` is a table, not a model (line 1, column 32); hint: SHOW MODELS lists the models",
    );
    check(
        "SELECT * FROM ML.PREDICT(m, TABLE t)",
        "Plan: ml.predict: expected MODEL and a name, got `m` (line 1, column 26); hint: write ML.PREDICT(MODEL m, ...)",
    );
    check(
        "SELECT * FROM ML.PREDICT()",
        "Plan: ml.predict: no model is given (line 1, column 15); hint: write MODEL and its name as the first argument",
    );
    check(
        "SELECT * FROM ML.PREDIKT(MODEL m)",
        "Plan: ml.predikt: unknown relation `ML.PREDIKT` (line 1, column 15); \
         hint: did you mean `ML.PREDICT`? There are ML.PREDICT, ML.EVALUATE, ML.GENERATE_EMBEDDING, ML.GENERATE_TEXT, ML.CLASSIFY, ML.ANSWER, \
         ML.FEATURE_INFO, ML.TRAINING_INFO, ML.TRANSFORM, ML.WEIGHTS",
    );
    check(
        "SELECT *\nFROM ML.EVALUATE(MODEL m)",
        "Plan: ml.evaluate: model `m` keeps no evaluation, no rows were held back for one (line 2, column 6); \
         hint: give it rows: ML.EVALUATE(MODEL m, (SELECT ...)), or train with data_split_method = 'random'",
    );
    check(
        "SELECT * FROM ML.WEIGHTS(MODEL m, TABLE t)",
        "Plan: ml.weights: unexpected argument `(SELECT * FROM t)` (line 1, column 35)",
    );
    check(
        "SELECT * FROM ML.PREDICT(MODEL m, t)",
        "Plan: ml.predict: expected a query or a table, got `t` (line 1, column 35); hint: write (SELECT ...) or TABLE t",
    );
    let threshold = summary("SELECT * FROM ML.PREDICT(MODEL m, TABLE t, STRUCT(2 AS threshold))");
    assert!(threshold.contains("threshold"), "{threshold}");
    check("DROP MODEL mm", "Plan: drop model: unknown model `mm` (line 1, column 12); hint: did you mean `m`?");
    check("DESCRIBE MODEL zzzzzz", "Plan: describe model: unknown model `zzzzzz` (line 1, column 16); hint: there are `m`");
}

#[test]
fn files_are_relations() {
    check("SELECT t.x FROM 'dir/t.parquet'", "query Projection > TableScan");
    check("SELECT f.x FROM 'dir/*.parquet' AS f", "query Projection > SubqueryAlias > TableScan");
    check("SELECT read_csv.x FROM read_csv(['a.csv', 'b.csv'])", "query Projection > TableScan");
    check(
        "SELECT * FROM ML.PREDICT(MODEL m, (SELECT * FROM READ_CSV('a.csv')))",
        "query Projection > Predict > Projection > TableScan",
    );
    check("SELECT * FROM ML.PREDICT(MODEL m, TABLE 'a.csv')", "query Projection > Predict > Projection > TableScan");
    check("COPY 'a.csv' TO 'b.parquet'", "write CopyTo > Projection > TableScan");
    check("DESCRIBE 'a.csv'", "query DescribeTable");
    check("COPY (SELECT * FROM 'a.csv') TO 'b.parquet'", "write CopyTo > Projection > TableScan");
    check("INSERT INTO t SELECT * FROM 'a.csv'", "write Dml > Projection > Projection > TableScan");
    assert!(summary("SELECT * FROM \"a.csv\"").starts_with("Plan: query: unknown table"));
    check("SELECT * FROM 'missing.csv'", "Execution: read: no file `missing.csv`");
}

#[test]
fn each_file_is_opened_once_with_its_options() {
    let setup = Setup::new();
    let sql = "SELECT * FROM 'a.csv' AS a, 'a.csv' AS b, read_csv('a.csv', header => false, delim = ';') AS c, (SELECT * FROM 'd.csv') AS d";
    planned(&setup, sql).unwrap();
    let call = |function: Option<&str>, path: &str| SourceCall {
        function: function.map(Into::into),
        paths: vec![path.into()],
        options: vec![],
    };
    let options = vec![("header".to_owned(), false.into()), ("delim".to_owned(), ";".into())];
    let expect = [call(None, "a.csv"), SourceCall { options, ..call(Some("read_csv"), "a.csv") }, call(None, "d.csv")];
    assert_eq!(*setup.files.opened.lock().unwrap(), expect);
}

#[test]
fn wrong_calls_of_reading_functions_have_a_place() {
    check(
        "SELECT * FROM read_csv()",
        "Plan: read_csv: no file is given (line 1, column 15); hint: write read_csv('path') or read_csv(['path', 'path'])",
    );
    check("SELECT * FROM read_csv(1)", "Plan: read_csv: expected a path or a list of paths, got `1` (line 1, column 24)");
    check(
        "SELECT * FROM read_csv('a', 'b')",
        "Plan: read_csv: unexpected argument `'b'` (line 1, column 29); hint: options are written `name => value`, several files as ['a', 'b']",
    );
    check("SELECT * FROM read_csv('a', o => 1, o => 2)", "Plan: read_csv: option `o` is given twice (line 1, column 37)");
}

#[test]
fn a_view_keeps_its_text_and_is_made_anew_from_it() {
    let sql = "CREATE VIEW v AS SELECT * FROM ML.PREDICT(MODEL m, (SELECT * FROM 'a.csv'))";
    check(&format!(" {sql} ;"), &format!("view v [{sql}] Projection > Predict > Projection > TableScan"));
    let setup = Setup::new();
    let view = block_on(plan_view(&setup.context.state(), sql)).unwrap();
    assert_eq!(operators(&view), "Projection > Predict > Projection > TableScan");
    assert!(block_on(plan_view(&setup.context.state(), "SELECT 1")).is_err());
}

#[test]
fn other_statements_are_datafusions() {
    check("SET datafusion.execution.batch_size = 1", "ddl SetVariable");
    check("EXPLAIN SELECT 1", "query Explain > Projection > EmptyRelation");
    check("EXPLAIN ANALYZE INSERT INTO t SELECT 1, 2", "write Analyze > Dml > Projection > Projection > EmptyRelation");
    assert!(
        summary("SELECT nothing FROM t").starts_with("Plan: query: unknown column `nothing`"),
        "{}",
        summary("SELECT nothing FROM t")
    );
    check("EXPLAIN DROP MODEL m", "Plan: explain: the statement has no plan");
}

#[test]
fn slips_in_ml_calls_have_hints() {
    check(
        "SELECT ML.PREDICT(MODEL m, TABLE t)",
        "Plan: sql: `ML.PREDICT` is a relation, not a value (line 1, column 8); hint: write SELECT ... FROM ML.PREDICT(...)",
    );
    check(
        "SELECT * FROM ML.PREDICT(MODEL m, SELECT * FROM t)",
        "Plan: sql: expected ), found `t` (line 1, column 49); hint: a query that is an argument stands in parentheses: (SELECT ...)",
    );
    check(
        "SELECT * FROM t, LATERAL ML.PREDICT(MODEL m, (SELECT t.x AS x))",
        "NotImplemented: ml.predict: LATERAL is not built yet (line 1, column 26); hint: join the relations in the query that is given to it",
    );
    check(
        "SELECT * FROM ML.PREDICT(MODEL m, TABLE t, STRUCT(0.5))",
        "Plan: ml.predict: `0.5` in STRUCT has no name (line 1, column 51); hint: write STRUCT(0.5 AS name)",
    );
    check(
        "SELECT * FROM ML.PREDICT(MODEL m, TABLE t, STRUCT(0.5 AS threshold, 0.9 AS \"Threshold\"))",
        "Plan: ml.predict: option `Threshold` is given twice (line 1, column 76)",
    );
    let unknown = summary("SELECT * FROM ML.PREDICT(MODEL m, TABLE t, STRUCT(0.5 AS treshold))");
    assert!(
        unknown.contains("`treshold`") && unknown.contains("line 1") && unknown.contains("did you mean `threshold`?"),
        "{unknown}"
    );
}

#[test]
fn errors_of_training_about_an_option_have_its_place() {
    let place = |options: &str| {
        let sql = format!("CREATE MODEL n OPTIONS (model_type = 'linear_reg', {options}) AS SELECT x, y AS label FROM t");
        planned(&Setup::new(), &sql).unwrap_err().detail().place.map(|place| (place.line, place.column))
    };
    assert_eq!(place("l3_reg = 1"), Some((1, 52)));
    assert_eq!(place("l2_reg = 'a'"), Some((1, 52)));
    assert_eq!(place("input_label_cols = ['z']"), Some((1, 52)));
}

#[test]
fn options_of_explain_are_checked_for_our_statements_too() {
    check("EXPLAIN ANALYZE FORMAT tree SHOW MODELS", "Plan: query: EXPLAIN ANALYZE with FORMAT tree is not supported");
    assert!(summary("EXPLAIN (FORMAT nope) SHOW MODELS").starts_with("Plan: explain: invalid explain format"));
}

#[test]
fn statements_planned_at_the_same_time_do_not_mix_their_files() {
    let setup = Setup::new();
    let state = setup.context.state();
    let [a, b] = ["SELECT a.x FROM 'a.csv'", "SELECT b.x FROM 'b.csv'"].map(|sql| parse(sql).unwrap().remove(0));
    block_on(async {
        let (a, b) = tokio::join!(plan(&state, &a), plan(&state, &b));
        assert_eq!([a.is_ok(), b.is_ok()], [true, true]);
    });
}

#[test]
fn long_statements_do_not_end_the_process() {
    let union = format!("SELECT 1 {}", "UNION ALL SELECT 1 ".repeat(500));
    assert!(summary(&union).starts_with("query Union"));
    let sum = format!("SELECT 1{}", "+1".repeat(1500));
    check(
        &sum,
        "Plan: sql: an expression is more than 1000 levels deep; hint: a chain of operators can often be a list: x IN (1, 2, ...)",
    );
    for sql in ["(".repeat(20_000), format!("SELECT {}1", "- ".repeat(3000)), "EXPLAIN ".repeat(20_000)] {
        assert!(summary(&sql).starts_with("Plan: "));
    }
}
