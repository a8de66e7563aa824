//! Texts and what they parse to. A line below is a statement and its summary, or its error.

use gradframe_plan::services::OnExisting;
use gradframe_sql::{CreateModel, LoadModel, Statement, parse};
use proptest::prelude::*;

/// The statements of a text in one line, in a form short enough to write down.
fn summary(sql: &str) -> String {
    match parse(sql) {
        Ok(statements) => statements.iter().map(|parsed| summarize(&parsed.statement)).collect::<Vec<_>>().join(" ; "),
        Err(error) => format!("{}: {error}", error.kind()),
    }
}

fn summarize(statement: &Statement) -> String {
    match statement {
        Statement::Sql(sql) => sql.to_string(),
        Statement::CreateModel(create) => create_model(create),
        Statement::LoadModel(load) => load_model(load),
        Statement::DropModel { name, if_exists } => format!("drop {name}{}", if *if_exists { " if exists" } else { "" }),
        Statement::ShowModels => "show models".into(),
        Statement::CacheTable { name, on_cuda } => format!("cache {name} on {}", if *on_cuda { "cuda" } else { "cpu" }),
        Statement::UncacheTable { name, if_exists } => format!("uncache {name}{}", if *if_exists { " if exists" } else { "" }),
        Statement::Summarize { query } => format!("summarize {query}"),
        Statement::DescribeModel { name } => format!("describe {name}"),
        Statement::Explain { options, statement: inner } => {
            let flag = |on: bool, name: &'static str| if on { name } else { "" };
            let format = options.format.as_ref().map(|format| format!(" {format}")).unwrap_or_default();
            let (analyze, verbose) = (flag(options.analyze, " analyze"), flag(options.verbose, " verbose"));
            format!("explain{analyze}{verbose}{format}: {}", summarize(inner))
        }
    }
}

fn create_model(create: &CreateModel) -> String {
    let existing = match create.on_existing {
        OnExisting::Error => "",
        OnExisting::Replace => " or replace",
        OnExisting::Keep => " if not exists",
    };
    let options: Vec<String> = create.options.iter().map(|option| format!("{}={}", option.name, option.value)).collect();
    format!("create{existing} {} ({}) as [{}]", create.name, options.join(", "), create.query_text)
}

fn load_model(load: &LoadModel) -> String {
    let options: Vec<String> = load.options.iter().map(|option| format!("{}={}", option.name, option.value)).collect();
    format!("load {} ({})", load.name, options.join(", "))
}

#[track_caller]
fn check(sql: &str, expect: &str) {
    assert_eq!(summary(sql), expect, "for {sql}");
}

#[test]
fn tables_are_cached_somewhere() {
    check("CACHE TABLE t ON CUDA; cache table public.T on cpu", "cache t on cuda ; cache public.T on cpu");
    check("UNCACHE TABLE t; UNCACHE TABLE IF EXISTS t", "uncache t ; uncache t if exists");
    check(
        "CACHE TABLE t",
        "Plan: sql: expected ON CUDA or ON CPU, found the end of the statement (line 1, column 14); hint: say where: CACHE TABLE t ON CUDA",
    );
}

#[test]
fn a_pretrained_model_has_no_query() {
    check("CREATE MODEL e OPTIONS (model_type='HuggingFace', path='d')", "load e (model_type='HuggingFace', path='d')");
    check(
        "CREATE MODEL e OPTIONS (model_type='huggingface') AS SELECT 1",
        "Plan: create model: model_type `huggingface` takes no query (line 1, column 51); hint: it is trained already",
    );
}

#[test]
fn create_model_in_all_its_forms() {
    check("CREATE MODEL m OPTIONS (model_type='linear_reg') AS SELECT 1", "create m (model_type='linear_reg') as [SELECT 1]");
    check("create or replace model m options () as select 1", "create or replace m () as [select 1]");
    check(
        "CREATE MODEL IF NOT EXISTS m OPTIONS (L2_Reg = 0.5,) AS (SELECT 1);",
        "create if not exists m (l2_reg=0.5) as [(SELECT 1)]",
    );
    check(
        "CREATE MODEL s.\"My Model\" OPTIONS (input_label_cols = ['y'], seed = -1) AS WITH c AS (SELECT 1) SELECT * FROM c",
        "create s.\"My Model\" (input_label_cols=['y'], seed=-1) as [WITH c AS (SELECT 1) SELECT * FROM c]",
    );
    check(
        "/* é */ CREATE MODEL modèle OPTIONS (k = 'ü;') -- here\nAS SELECT a -- 'there\nFROM t\n; SELECT 2",
        "create modèle (k='ü;') as [SELECT a -- 'there\nFROM t] ; SELECT 2",
    );
}

#[test]
fn other_statements_about_models() {
    check("DROP MODEL m", "drop m");
    check("drop model if exists a.m", "drop a.m if exists");
    check("SHOW MODELS; show models", "show models ; show models");
    check("DESCRIBE MODEL m", "describe m");
    check("DESC MODEL \"M\"", "describe \"M\"");
}

#[test]
fn explain_reaches_every_statement_in_both_grammars() {
    let create = "CREATE MODEL m OPTIONS (a = 1) AS SELECT 1";
    check(&format!("EXPLAIN {create}"), "explain: create m (a=1) as [SELECT 1]");
    check(&format!("EXPLAIN ANALYZE VERBOSE {create}"), "explain analyze verbose: create m (a=1) as [SELECT 1]");
    check(&format!("EXPLAIN (ANALYZE, FORMAT tree) {create}"), "explain analyze tree: create m (a=1) as [SELECT 1]");
    check("EXPLAIN FORMAT TREE SELECT 1", "explain tree: SELECT 1");
    check("EXPLAIN (SELECT 1)", "explain: (SELECT 1)");
    check("EXPLAIN SHOW MODELS", "explain: show models");
}

#[test]
fn ml_relations_become_calls_with_subqueries() {
    check(
        "SELECT * FROM ML.PREDICT(MODEL m, TABLE t, STRUCT(0.5 AS threshold)) AS p",
        "SELECT * FROM ML.PREDICT((SELECT * FROM m), (SELECT * FROM t), STRUCT(0.5 AS threshold)) AS p",
    );
    for around in [
        "{}",
        "CREATE VIEW v AS {}",
        "CREATE TABLE t AS {}",
        "INSERT INTO t {}",
        "SELECT ({})",
        "PREPARE p AS {}",
        "COPY ({}) TO 'f.csv'",
    ] {
        let with = |model| around.replace("{}", &format!("WITH c AS (SELECT 1) SELECT * FROM ml.weights({model})"));
        let (written, rewritten) = (with("MODEL m"), with("(SELECT * FROM m)"));
        assert_eq!(summary(&written), summary(&rewritten), "for {written}");
        assert!(!summary(&written).starts_with("Plan"), "{}", summary(&written));
    }
}

#[test]
fn columns_and_tables_named_model_are_ordinary() {
    check("SELECT model, t.model AS models FROM model AS t", "SELECT model, t.model AS models FROM model AS t");
    check("CREATE TABLE model (model INT)", "CREATE TABLE model (model INT)");
    check("DROP TABLE model", "DROP TABLE model");
    check("SELECT \"table\" FROM \"model\"", "SELECT \"table\" FROM \"model\"");
    check("DESCRIBE model", "DESCRIBE model");
}

#[test]
fn no_statement_is_no_error() {
    check("", "");
    check(" ;; -- nothing\n;", "");
}

#[test]
fn each_statement_keeps_its_own_text() {
    let parsed = parse(" SELECT 'é;' ;\n\n-- note\nCREATE VIEW v AS\n  SELECT 1 -- one\n  ;").unwrap();
    let texts: Vec<&str> = parsed.iter().map(|parsed| parsed.text.as_str()).collect();
    assert_eq!(texts, ["SELECT 'é;'", "CREATE VIEW v AS\n  SELECT 1"]);
}

#[test]
fn create_model_errors_say_what_is_missing() {
    check(
        "CREATE MODEL m AS SELECT 1",
        "Plan: sql: expected OPTIONS, found `AS` (line 1, column 16); hint: a model needs its type: OPTIONS (model_type = 'linear_reg')",
    );
    check(
        "CREATE MODEL m OPTIONS (a = 1)\n  SELECT 1",
        "Plan: sql: expected AS, found `SELECT` (line 2, column 3); hint: the training data comes last: CREATE MODEL m OPTIONS (...) AS SELECT ...",
    );
    check("CREATE MODEL 1", "Plan: sql: expected the name of a model, found `1` (line 1, column 14)");
    check("CREATE MODEL", "Plan: sql: expected the name of a model, found the end of the statement (line 1, column 13)");
    check(
        "CREATE OR REPLACE MODEL IF NOT EXISTS m",
        "Plan: create model: OR REPLACE and IF NOT EXISTS exclude each other (line 1, column 25); hint: keep one of them",
    );
    check(
        "CREATE MODEL m OPTIONS (a = 1, A = 2) AS SELECT 1",
        "Plan: create model: option `a` is given twice (line 1, column 32)",
    );
    check(
        "CREATE MODEL m TRANSFORM () OPTIONS (a = 1) AS SELECT 1",
        "Plan: sql: expected an expression, found `)` (line 1, column 27)",
    );
}

#[test]
fn syntax_errors_have_a_place_and_common_slips_a_hint() {
    check("SELEC 1", "Plan: sql: expected an SQL statement, found `SELEC` (line 1, column 1); hint: did you mean `SELECT`?");
    check(
        "SELECT 1;\nSELECT * FORM t",
        "Plan: sql: expected end of statement, found `FORM` (line 2, column 10); hint: did you mean `FROM`?",
    );
    check("SELECT a, FROM t WHERE", "Plan: sql: expected an expression, found the end of the statement (line 1, column 23)");
    check(
        "SELECT (1",
        "Plan: sql: expected ), found the end of the statement (line 1, column 10); \
         hint: the parenthesis opened at line 1, column 8 is never closed",
    );
    check("SELECT f(1, )", "Plan: sql: expected an expression, found `)` (line 1, column 13); hint: remove the comma before it");
    check("SELECT 'a", "Plan: sql: unterminated string literal (line 1, column 8)");
    check("EXPLAIN EXPLAIN SELECT 1", "Plan: explain: a plan can be explained only once (line 1, column 9)");
    check("SHOW MODELS m", "Plan: sql: expected end of statement, found `m` (line 1, column 13)");
}

/// Words and signs of the grammar, so that soup often is nearly a statement.
fn soup() -> impl Strategy<Value = String> {
    const WORDS: [&str; 40] = [
        "CREATE",
        "OR",
        "REPLACE",
        "MODEL",
        "IF",
        "NOT",
        "EXISTS",
        "OPTIONS",
        "AS",
        "SELECT",
        "FROM",
        "ML",
        ".",
        "PREDICT",
        "(",
        ")",
        ",",
        ";",
        "TABLE",
        "STRUCT",
        "[",
        "]",
        "=",
        "=>",
        "'a'",
        "\"b\"",
        "m",
        "1",
        "-",
        "*",
        "EXPLAIN",
        "ANALYZE",
        "FORMAT",
        "DROP",
        "DESCRIBE",
        "SHOW",
        "MODELS",
        "TRANSFORM",
        "WITH",
        "é",
    ];
    prop::collection::vec(prop::sample::select(&WORDS[..]), 0..24).prop_map(|words| words.join(" "))
}

proptest! {
    #[test]
    fn token_soup_never_panics(sql in soup()) {
        let _ = parse(&sql);
    }

    #[test]
    fn any_text_never_panics(sql in "\\PC{0,60}") {
        let _ = parse(&sql);
    }
}
