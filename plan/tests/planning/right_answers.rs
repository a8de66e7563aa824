//! What DataFusion 55 alone answers wrongly, or not at all: answers by the SQL standard, with its optimizer and without.

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::execution::SessionStateBuilder;
use datafusion::optimizer::{Analyzer, Optimizer};
use datafusion::prelude::{SessionConfig, SessionContext};
use gradframe_plan::rules::{analyzer_rules, optimizer_rules};

/// Tables k (of k and j), w (of id and v with a gap), g (of a key and values), s (of texts), p (of a struct beside a number).
const TABLES: [&str; 5] = [
    "CREATE TABLE k AS SELECT * FROM (VALUES (1, 1), (2, 3), (NULL, 2), (4, NULL), (5, 5)) AS t(k, j)",
    "CREATE TABLE w AS SELECT * FROM (VALUES (1, 10), (2, 20), (3, NULL), (4, NULL), (5, 50), (6, 60), (7, NULL)) AS t(id, v)",
    "CREATE TABLE g AS SELECT * FROM (VALUES (1, 5), (1, 3), (2, NULL), (2, 2), (3, 1)) AS t(k, v)",
    "CREATE TABLE s AS SELECT * FROM (VALUES ('ab'), (''), (NULL)) AS t(s)",
    "CREATE TABLE p AS SELECT column1 AS a, named_struct('b', column2) AS s FROM (VALUES (1, 'x'), (2, 'y')) AS t",
];

/// The rows of the query as sorted texts, by whether DataFusion optimizes.
fn answer(sql: &str, optimized: bool) -> Result<Vec<String>, String> {
    let rules = if optimized { optimizer_rules(Optimizer::new().rules) } else { vec![] };
    let state = SessionStateBuilder::new()
        .with_default_features()
        .with_config(SessionConfig::new().with_target_partitions(2))
        .with_analyzer_rules(analyzer_rules(Analyzer::new().rules))
        .with_optimizer_rules(rules)
        .build();
    let context = SessionContext::new_with_state(state);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let collected = runtime.block_on(async {
        for table in TABLES {
            context.sql(table).await?.collect().await?;
        }
        context.sql(sql).await?.collect().await
    });
    collected.map(|batches| rows(&batches)).map_err(|error| error.to_string())
}

fn rows(batches: &[RecordBatch]) -> Vec<String> {
    let options = FormatOptions::default().with_null("NULL");
    let mut rows: Vec<String> = vec![];
    for batch in batches {
        let columns: Vec<_> = batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
        rows.extend(
            (0..batch.num_rows()).map(|row| columns.iter().map(|c| c.value(row).to_string()).collect::<Vec<_>>().join(" ")),
        );
    }
    rows.sort();
    rows
}

/// Each query with its rows, in any order.
fn check(table: &[(&str, &[&str])]) {
    for (sql, expected) in table {
        for optimized in [true, false] {
            let mut expected: Vec<String> = expected.iter().map(|row| (*row).to_owned()).collect();
            expected.sort();
            assert_eq!(answer(sql, optimized), Ok(expected), "{sql}, optimized: {optimized}");
        }
    }
}

#[test]
fn tests_for_membership_are_three_valued_together() {
    check(&[
        ("SELECT k FROM k WHERE NOT (k IN (1) AND k IN (2))", &["1", "2", "4", "5"]),
        ("SELECT k FROM k WHERE k NOT IN (1) OR k NOT IN (2)", &["1", "2", "4", "5"]),
        ("SELECT k FROM k WHERE (k IN (1, 2) AND k IN (3)) IS NULL", &["NULL"]),
        ("SELECT k FROM k WHERE ((k = 1 OR k = 2) AND (k = 3 OR k = 4)) IS NULL", &["NULL"]),
        ("SELECT k FROM k WHERE (NOT (k <> 1 AND k <> 2) AND NOT (k <> 3 AND k <> 4)) IS NULL", &["NULL"]),
        ("SELECT k FROM k WHERE (k IN (1, 2, 5, 6) AND k NOT IN (1, 2, 5, 6)) IS NULL", &["NULL"]),
        (
            "SELECT k, k IN (1, 2) AND k IN (3) AS x, k NOT IN (1) OR k NOT IN (2) AS y FROM k",
            &["1 false true", "2 false true", "NULL NULL NULL", "4 false true", "5 false true"],
        ),
        ("SELECT k FROM k WHERE k IN (1, 2, 4) AND k IN (2, 4, 6)", &["2", "4"]),
        ("SELECT k FROM k WHERE k IN (1, 2, 4, 5) AND k NOT IN (2, 4, 6)", &["1", "5"]),
        // Elements are equal by their values, and a null among them is not known.
        ("SELECT k FROM k WHERE k IN (j) AND k IN (j + 0)", &["1", "5"]),
        ("SELECT k FROM k WHERE k IN (j, 2) AND k IN (1, 2)", &["1", "2"]),
        ("SELECT k FROM k WHERE k IN (1, 2) AND k NOT IN (NULL, 4)", &[]),
        ("SELECT k FROM k WHERE k IN (1, 5) AND k NOT IN (j, 7)", &[]),
        ("SELECT count(*) FILTER (WHERE (k IN (1, 2) AND k IN (3)) IS NULL) AS c FROM k", &["1"]),
        ("SELECT k IN (1, 2) AND k IN (3) AS x, count(*) AS c FROM k GROUP BY k IN (1, 2) AND k IN (3)", &["NULL 1", "false 4"]),
    ]);
}

#[test]
fn a_pattern_that_matches_all_is_null_for_null() {
    check(&[
        (
            "SELECT s, s ~ '.*' AS a, s !~ '.*' AS b, s ~* '.*' AS c FROM s",
            &["ab true false true", " true false true", "NULL NULL NULL NULL"],
        ),
        ("SELECT count(*) AS c FROM s WHERE NOT (s ~ '.*')", &["0"]),
        ("SELECT count(*) AS c FROM s WHERE (s ~ '.*') IS NULL", &["1"]),
    ]);
}

#[test]
fn copies_of_rows_are_counted() {
    let left = "SELECT * FROM (SELECT * FROM (VALUES (1, 'a'), (1, 'a'), (1, 'a'), (2, 'b'), (NULL, 'c'), (NULL, 'c')) AS t(x, y)) AS __with_copies";
    let right = "SELECT * FROM (VALUES (1, 'a'), (3, 'b'), (NULL, 'c')) AS u(x, y)";
    check(&[
        (&format!("{left} EXCEPT ALL {right}"), &["1 a", "1 a", "2 b", "NULL c"]),
        (&format!("{left} INTERSECT ALL {right}"), &["1 a", "NULL c"]),
        (&format!("{left} INTERSECT ALL {left}"), &["1 a", "1 a", "1 a", "2 b", "NULL c", "NULL c"]),
        (&format!("{left} EXCEPT ALL {left}"), &[]),
        (&format!("SELECT * FROM ({left} EXCEPT ALL {right}) AS __with_copies EXCEPT ALL {right}"), &["1 a", "2 b"]),
        (&format!("SELECT count(*) AS c FROM ({left} EXCEPT ALL {right}) AS t WHERE x = 1"), &["2"]),
    ]);
}

#[test]
fn shifts_that_skip_nulls_count_values() {
    check(&[
        (
            "SELECT id, LEAD(v, 2) IGNORE NULLS OVER (ORDER BY id) AS a FROM w",
            &["1 50", "2 60", "3 60", "4 60", "5 NULL", "6 NULL", "7 NULL"],
        ),
        (
            "SELECT id, LAG(v, -2, -1) IGNORE NULLS OVER (ORDER BY id) AS a FROM w",
            &["1 50", "2 60", "3 60", "4 60", "5 -1", "6 -1", "7 -1"],
        ),
        (
            "SELECT id, LAG(v, 2) IGNORE NULLS OVER (ORDER BY id) AS a FROM w",
            &["1 NULL", "2 NULL", "3 10", "4 10", "5 10", "6 20", "7 50"],
        ),
        (
            "SELECT id, LAG(v) IGNORE NULLS OVER (ORDER BY id DESC) AS a FROM w",
            &["1 20", "2 50", "3 50", "4 50", "5 60", "6 NULL", "7 NULL"],
        ),
    ]);
}

#[test]
fn an_order_that_means_nothing_does_no_harm() {
    check(&[
        ("SELECT k, min(v ORDER BY v) AS x FROM g GROUP BY k", &["1 3", "2 2", "3 1"]),
        ("SELECT k, avg(v ORDER BY v DESC) AS x, count(v ORDER BY v) AS c FROM g GROUP BY k", &["1 4.0 2", "2 2.0 1", "3 1.0 1"]),
        ("SELECT k, median(v ORDER BY v) AS x, bit_or(v ORDER BY v) AS b FROM g GROUP BY k", &["1 4.0 7", "2 2.0 2", "3 1.0 1"]),
        ("SELECT k, bool_and(v > 2 ORDER BY v) AS x FROM g GROUP BY k", &["1 true", "2 false", "3 false"]),
        ("SELECT max(v ORDER BY v) AS x, stddev_pop(k ORDER BY v) AS s FROM g WHERE k = 1", &["5 0.0"]),
        ("SELECT k, array_agg(v ORDER BY v) AS x FROM g WHERE k <> 2 GROUP BY k", &["1 [3, 5]", "3 [1]"]),
    ]);
}

#[test]
fn a_list_that_is_written_out_is_searched_as_any_other() {
    check(&[
        (
            "SELECT k, array_has([k, 1], 2) AS a, array_has([k, 1], 1) AS b, array_has([1, 2], k) AS c FROM k",
            &["1 false true true", "2 true true true", "NULL false true NULL", "4 false true false", "5 false true false"],
        ),
        ("SELECT array_has([1, NULL], 2) AS a, array_has([1, NULL], 1) AS b", &["false true"]),
    ]);
}

#[test]
fn a_column_computed_over_another_is_read_beside_a_field() {
    check(&[
        ("SELECT a, s['b'] AS b FROM (SELECT -a AS a, s FROM p WHERE a > 0) x", &["-1 x", "-2 y"]),
        ("SELECT a, s['b'] AS b FROM (SELECT a * 10 AS a, s FROM p LIMIT 10) x", &["10 x", "20 y"]),
        ("SELECT max(a) AS m, s['b'] AS b FROM (SELECT -a AS a, s FROM p WHERE a > 0) x GROUP BY s['b']", &["-1 x", "-2 y"]),
        (
            "SELECT a, s['b'] AS b FROM (SELECT -a AS a, s FROM p WHERE a > 0 UNION ALL SELECT a, s FROM p WHERE a > 5) x",
            &["-1 x", "-2 y"],
        ),
    ]);
}

#[test]
fn a_field_of_what_is_drawn_is_that_of_the_draw() {
    let sql = "SELECT s['a'] = t AS same FROM (SELECT s, s['a'] AS t FROM (SELECT named_struct('a', random()) AS s FROM g) x) y";
    assert_eq!(answer(sql, true).unwrap(), ["true"; 5]);
}

#[test]
fn a_filter_does_not_draw_a_key_again() {
    let sql = "SELECT k FROM (SELECT random() < 0.5 AS k, count(*) AS c FROM g GROUP BY random() < 0.5) x WHERE k";
    for _ in 0..20 {
        let drawn = answer(sql, true).unwrap();
        assert!(drawn.iter().all(|k| k == "true"), "{drawn:?}");
    }
}

#[test]
fn subqueries_that_draw_are_drawn_each_by_itself() {
    for (sql, expected) in [
        ("SELECT (SELECT random()) = (SELECT random()) AS same FROM g", ["false"; 5]),
        ("SELECT (SELECT max(random()) FROM g) <> (SELECT max(random()) FROM g) AS other FROM g", ["true"; 5]),
        // What reads a result does not draw again.
        ("SELECT r = s AS same FROM (SELECT r, r AS s FROM (SELECT (SELECT random()) AS r FROM g) x) y", ["true"; 5]),
        ("SELECT r > 2 AS other FROM (SELECT (SELECT random()) AS r FROM g) x WHERE r < 2", ["false"; 5]),
        ("SELECT (SELECT max(v) FROM g) = (SELECT max(v) FROM g) AS same FROM g", ["true"; 5]),
    ] {
        for optimized in [true, false] {
            assert_eq!(answer(sql, optimized).unwrap(), expected, "{sql}, optimized: {optimized}");
        }
    }
}

#[test]
fn decimals_are_compared_after_they_lost_digits() {
    let of = |test: &str| {
        format!(
            "SELECT x FROM (SELECT column1 AS x, CAST(column2 AS DECIMAL(10, 2)) AS d FROM (VALUES (1, 1.10), (2, 2.20), (3, -2.20), (4, 2.00))) WHERE {test}"
        )
    };
    let tests: [(&str, &[&str]); 7] = [
        ("CAST(d AS INT) = 2", &["2", "4"]),
        ("CAST(d AS INT) > 1", &["2", "4"]),
        ("CAST(d AS INT) <> 2", &["1", "3"]),
        ("CAST(d AS BIGINT) IN (2, 7)", &["2", "4"]),
        ("CAST(d AS BIGINT) BETWEEN -2 AND 1", &["1", "3"]),
        ("2 >= CAST(d AS DECIMAL(10, 0))", &["1", "2", "3", "4"]),
        ("d = 2.20 AND d > 2", &["2"]),
    ];
    for (test, expected) in tests {
        check(&[(&of(test), expected)]);
    }
}
