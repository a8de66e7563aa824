//! Joins whose build side is too large for memory: when they are merged, when not, and that the answer is the same.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};
use arrow::util::pretty::pretty_format_batches;
use gradframe_ml_core::Result;

use crate::testing::{Settings, Testing};

/// 100 000 rows of 16 bytes a side.
async fn planned(query: &str, memory_bytes: usize) -> (String, String) {
    let t = Testing::with(Settings { memory_bytes: Some(memory_bytes), batch_size: 1024, ..Settings::default() });
    for (name, factor) in [("l", 7), ("r", 11)] {
        let key: ArrayRef = Arc::new(Int64Array::from_iter_values((0..100_000).map(|i| i * factor)));
        let value: ArrayRef = Arc::new(Int64Array::from_iter_values((0..100_000).map(|i| i % 13)));
        t.table(name, &[("k", key), (if name == "l" { "x" } else { "y" }, value)], 2);
    }
    let plan = t.query(query).await;
    let batch = t.collect(plan.clone()).await.unwrap();
    (t.physical(&plan).await, pretty_format_batches(&[batch]).unwrap().to_string())
}

const JOIN: &str = "SELECT x + y AS s, count(*) AS n FROM l JOIN r ON l.k = r.k GROUP BY 1 ORDER BY 1";

#[tokio::test]
async fn a_build_side_over_budget_is_sorted_and_merged() {
    let (hashed, expected) = planned(JOIN, 1 << 30).await;
    assert!(hashed.contains("HashJoinExec") && !hashed.contains("SortMergeJoin"), "{hashed}");
    let (merged, answer) = planned(JOIN, 8 << 20).await;
    assert!(merged.contains("SortMergeJoin") && !merged.contains("HashJoinExec"), "{merged}");
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn a_join_that_can_only_be_hashed_stays() {
    let null_aware = "SELECT count(*) FROM l WHERE k NOT IN (SELECT nullif(y, 99) FROM r)";
    let (plan, _) = planned(null_aware, 8 << 20).await;
    assert!(plan.contains("HashJoinExec") && !plan.contains("SortMergeJoin"), "{plan}");
}

#[tokio::test]
async fn a_small_build_side_stays_however_large_the_other_is() {
    let small = "SELECT count(*) FROM l JOIN (SELECT k FROM r LIMIT 10) AS few ON l.k = few.k";
    let (plan, _) = planned(small, 8 << 20).await;
    assert!(plan.contains("HashJoinExec") && !plan.contains("SortMergeJoin"), "{plan}");
}

/// Two tables with a key, a number and a text, of so many rows and three quarters of them; what a query of them gives, sorted.
async fn rows_of(query: &str, rows: i64, partitions: usize, memory_bytes: usize) -> Result<Vec<String>> {
    let settings = Settings { memory_bytes: Some(memory_bytes), partitions, batch_size: 512, ..Settings::default() };
    let t = Testing::with(settings);
    for (name, rows, step) in [("a", rows, 7919), ("b", rows * 3 / 4, 104_729)] {
        let key: ArrayRef = Arc::new(Int64Array::from_iter((0..rows).map(|i| (i % 19 != 3).then_some(i * step % 40_000))));
        let value: ArrayRef = Arc::new(Int64Array::from_iter_values((0..rows).map(|i| i * 31 % 997)));
        let text: ArrayRef = Arc::new(StringArray::from_iter_values((0..rows).map(|i| format!("{name}{i}"))));
        t.table(name, &[("k", key), ("v", value), ("s", text)], 2);
    }
    let batch = t.collect(t.query(query).await).await?;
    let mut rows: Vec<String> = pretty_format_batches(&[batch]).unwrap().to_string().lines().map(str::to_owned).collect();
    rows.sort_unstable();
    Ok(rows)
}

/// Sides of the condition and of the result that are exchanged, dropped, or of one name.
#[tokio::test(flavor = "multi_thread")]
async fn a_condition_beside_the_keys_reads_its_own_columns_however_the_join_is_made() {
    for kind in ["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"] {
        for (columns, condition) in [
            ("count(a.s), count(b.s)", "a.v > b.v + 500"),
            ("sum(a.v), count(b.s)", "b.v > a.v + 500"),
            ("count(*)", "a.v > b.v"),
        ] {
            for (first, second) in [("a", "b"), ("b", "a")] {
                let query = format!("SELECT {columns} FROM {first} {kind} {second} ON a.k = b.k AND {condition}");
                let ample = rows_of(&query, 80_000, 2, 1 << 30).await.unwrap();
                assert_eq!(rows_of(&query, 80_000, 2, 8 << 20).await.unwrap(), ample, "{query}");
            }
        }
    }
}

/// A sort has -0.0 before 0.0, a merge holds them equal.
#[tokio::test(flavor = "multi_thread")]
async fn keys_with_both_zeros_keep_their_rows_where_memory_is_short() {
    let float = "CASE v % 3 WHEN 0 THEN -CAST(0 AS DOUBLE) WHEN 1 THEN CAST(0 AS DOUBLE) ELSE CAST(v AS DOUBLE) END";
    let side = |name: &str| format!("(SELECT {float} AS f, -({float}) AS g, k FROM {name})");
    for on in ["x.f = y.f AND x.k = y.k", "x.f = y.f AND x.g = y.g AND x.k = y.k"] {
        let query = format!("SELECT count(*) AS n, sum(x.k) AS k FROM {} AS x JOIN {} AS y ON {on}", side("a"), side("b"));
        let ample = rows_of(&query, 80_000, 2, 1 << 30).await.unwrap();
        assert_eq!(rows_of(&query, 80_000, 2, 8 << 20).await.unwrap(), ample, "{on}");
    }
}

/// Of keys that a merge does not know, or takes NaN for what is no number.
#[tokio::test(flavor = "multi_thread")]
async fn rows_of_one_side_are_found_by_any_keys_where_memory_is_short() {
    for (key, within) in
        [("CASE WHEN k % 3 = 0 THEN 'NaN'::double ELSE k::double END", "NOT EXISTS"), ("make_array(k)", "EXISTS")]
    {
        let side = |table: &str| format!("SELECT {key} AS k, v, s FROM {table}");
        let exists = format!("{within} (SELECT 1 FROM ({}) AS b WHERE a.k = b.k)", side("b"));
        let query = format!("SELECT count(*), sum(a.v) FROM ({}) AS a WHERE {exists}", side("a"));
        let ample = rows_of(&query, 60_000, 2, 1 << 30).await.unwrap();
        assert_eq!(rows_of(&query, 60_000, 2, 6 << 20).await.unwrap(), ample, "{query}");
    }
}

/// By neither keys nor memory enough: the same rows, or an error that says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_join_by_conditions_alone_never_gives_other_rows_where_memory_is_short() {
    let condition = "a.v > b.v + 990 AND a.k < b.k";
    let joins =
        ["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"].map(|kind| format!("SELECT a.s, b.s FROM a {kind} b ON {condition}"));
    let exists = ["", "NOT"].map(|not| format!("SELECT a.s FROM a WHERE {not} EXISTS (SELECT 1 FROM b WHERE {condition})"));
    let mut errors = 0;
    for query in joins.iter().chain(&exists) {
        let ample = rows_of(query, 4_000, 1, 1 << 30).await.unwrap();
        for partitions in [1, 3] {
            match rows_of(query, 4_000, partitions, 256 << 10).await {
                Ok(rows) => assert_eq!(rows, ample, "{query} with {partitions} partitions"),
                Err(error) => {
                    assert_eq!(error.kind(), "Resources", "{query}: {error}");
                    errors += 1;
                }
            }
        }
    }
    assert!(errors > 0, "nothing was short");
}

/// By conditions alone, where the side that is kept is estimated not to fit in memory, and does not.
#[tokio::test(flavor = "multi_thread")]
async fn a_join_by_conditions_alone_that_gives_rows_of_one_side_goes_by_the_disk() {
    let table = |name: &str| format!("(SELECT k, v, repeat(s, 40) AS s FROM {name}) AS {name}");
    let (a, b, condition) = (table("a"), table("b"), "a.v > b.v + 990 AND a.k < b.k");
    let joins = ["JOIN", "LEFT JOIN", "RIGHT JOIN"]
        .map(|kind| format!("SELECT left(a.s, 6), left(b.s, 6), length(a.s) FROM {a} {kind} {b} ON {condition}"));
    let exists = ["", "NOT"]
        .map(|not| format!("SELECT left(a.s, 6), length(a.s) FROM {a} WHERE {not} EXISTS (SELECT 1 FROM {b} WHERE {condition})"));
    let marked = format!("SELECT left(b.s, 6) FROM {b} WHERE EXISTS (SELECT 1 FROM {a} WHERE {condition}) OR v > 990");
    for query in joins.into_iter().chain(exists).chain([marked]) {
        is_the_same_in(600 << 10, &query).await;
    }
}

/// The kept side is read twice then, which an exchange of rows among partitions below it does not bear.
#[tokio::test(flavor = "multi_thread")]
async fn a_kept_side_with_groups_is_made_anew_to_be_read_again() {
    let texts = (0..10).map(|n| format!("repeat(s, {}) AS s{n}", 10 + n)).collect::<Vec<_>>().join(", ");
    let kept =
        |name: &str| format!("(SELECT k, v, {texts} FROM (SELECT k, v, max(s) AS s FROM {name} GROUP BY k, v) x) AS {name}");
    let all = |name: &str| format!("length(concat({}))", (0..10).map(|n| format!("{name}.s{n}")).collect::<Vec<_>>().join(", "));
    let (a, b, condition) = (kept("a"), kept("b"), "a.v > b.v + 990 AND a.k < b.k");
    for query in [
        format!("SELECT left(a.s0, 6), {}, b.s FROM {a} JOIN b ON {condition}", all("a")),
        format!("SELECT left(a.s0, 6), {}, b.s FROM {a} LEFT JOIN b ON {condition}", all("a")),
        format!("SELECT left(b.s0, 6), {}, a.s FROM a RIGHT JOIN {b} ON {condition}", all("b")),
        format!("SELECT left(a.s0, 6), {} FROM {a} WHERE NOT EXISTS (SELECT 1 FROM b WHERE {condition})", all("a")),
    ] {
        is_the_same_in(2 << 20, &query).await;
    }
}

async fn is_the_same_in(memory_bytes: usize, query: &str) {
    let ample = rows_of(query, 4_000, 1, 1 << 30).await.unwrap();
    for partitions in [1, 3] {
        let short = rows_of(query, 4_000, partitions, memory_bytes).await;
        assert_eq!(short.unwrap(), ample, "{query} with {partitions} partitions");
    }
}
