//! Expressions as frames resolve them: the plans, the order of rows, and memory.

use gradframe::Session;
use gradframe::expr::{Constants, call, prelude::*, selectors};

use crate::support::{rows_of, run, session};

/// Rows enough for several batches on several threads.
async fn numbers(session: &Session, rows: usize) -> gradframe::DataFrame {
    run(
        session,
        &format!("CREATE TABLE numbers AS SELECT value AS i, value % 3 AS k FROM generate_series(1, {rows}) ORDER BY value"),
    )
    .await;
    session.table("numbers").await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn windows_over_rows_and_groups_keep_the_order_of_the_rows() {
    let session = Session::builder().in_memory().threads(4).batch_size_rows(1000).build().unwrap();
    let frame = numbers(&session, 50_000).await;
    let stepped = frame
        .with_columns([
            (col("i") - col("i").shift(1)).alias("step"),
            (col("i") - col("i").shift(1).over(["k"])).alias("step_of_k"),
            (col("i") - lit(1_i64)).alias("place"),
        ])
        .unwrap();
    let in_order = stepped.with_columns([(col("i") - col("i").shift(1)).alias("again")]).unwrap();
    let wrong = in_order.filter(col("step").not_eq(lit(1)).or(col("step_of_k").not_eq(lit(3))).or(col("again").not_eq(lit(1))));
    assert_eq!(wrong.unwrap().count().await.unwrap(), 0);
    assert_eq!(rows_of(&in_order.head(2).unwrap()).await, ["1 | 1 |  |  | 0 | ", "2 | 2 | 1 |  | 1 | 1"]);
}

#[tokio::test]
async fn an_expression_without_windows_is_the_plan_that_sql_makes() {
    let session = session();
    let frame = numbers(&session, 10).await;
    let plan = frame.select([selectors::numeric().expr() * lit(2)]).unwrap().explain(false).await.unwrap();
    assert!(!plan.contains("RowOrder") && !plan.contains("Window"), "{plan}");
    let ordered = frame.select([col("i").shift(1)]).unwrap().explain(false).await.unwrap();
    assert!(ordered.contains("RowOrderExec") && ordered.contains("rows=streaming"), "it streams: {ordered}");
}

#[tokio::test]
async fn a_window_over_more_rows_than_memory_holds_goes_to_the_disk_or_says_that_it_cannot() {
    let session = Session::builder().in_memory().threads(2).memory_limit_bytes(4 << 20).build().unwrap();
    let wide = "SELECT i, repeat('x', 200) AS s FROM (SELECT unnest(range(0, 100000)) AS i)";
    let rows = session.sql(wide).await.unwrap();
    let batches = rows.with_columns([(col("i") - col("i").mean()).alias("i")]).unwrap().collect().await.unwrap();
    assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 100_000);
    let ranked = rows.with_columns([col("s").rank().alias("place")]).unwrap();
    let error = ranked.collect().await.unwrap_err();
    assert_eq!(error.kind(), "Resources", "{error}");
    assert_eq!(session.context().runtime_env().memory_pool.reserved(), 0);
}

#[tokio::test]
async fn a_sum_does_not_depend_on_threads_where_it_leaves_64_bits_and_comes_back() {
    for (threads, batch) in [(1, 8192), (4, 100)] {
        let session = Session::builder().in_memory().threads(threads).batch_size_rows(batch).build().unwrap();
        let frame = numbers(&session, 10_000).await;
        let large = lit(i64::MAX / 4);
        let signs = when((col("i") % lit(2_i64)).eq(lit(0_i64))).then(large.clone()).otherwise(lit(0_i64) - large).alias("x");
        let frame = frame.with_columns([signs]).unwrap();
        assert_eq!(rows_of(&frame.select([col("x").sum()]).unwrap()).await, ["0"]);
        let grouped = frame.group_by(["k"]).agg([(col("x").sum() / lit(i64::MAX / 4)).alias("n")]).unwrap();
        assert_eq!(rows_of(&grouped.sort(["k"]).unwrap()).await, ["0 | -1", "1 | 0", "2 | 1"]);
        let error = frame.filter(col("x").gt(lit(0))).unwrap().select([col("x").sum()]).unwrap().collect().await.unwrap_err();
        assert!(
            error.to_string().starts_with("sum: `sum(x)` is 11529215046068469755000, which does not fit in Int64"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn lists_and_scalars_are_columns_of_their_own_length() {
    let session = session();
    let frame = numbers(&session, 7).await;
    let mode = call("mode", vec![col("k")], Constants::new()).unwrap();
    let modes = frame.select([mode.sum().alias("m"), col("i").sum().shift(1).alias("s"), col("i").sum().sum().alias("t")]);
    assert_eq!(rows_of(&modes.unwrap()).await, ["1 |  | 28"]);
    let error = frame.select([col("i").sum() + lit("x")]).unwrap_err();
    assert!(error.to_string().contains("which `+` does not take, in `sum(i) + 'x'`"), "{error}");
}
