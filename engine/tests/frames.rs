//! The lazy frame's methods, each against the SQL that means the same.

use gradframe::expr::{asc, cast, col, count, desc, div, fill_null, first, len, lit, max, mean, n_unique, sum, when};
use gradframe::{CsvOptions, DataFrame, How, Session};

use crate::support::{rows, rows_of, run, session};

async fn people() -> (Session, DataFrame) {
    let session = session();
    run(&session, "CREATE TABLE people AS SELECT * FROM (VALUES ('ann', 'EU', 30, 10.0), ('bob', 'US', 40, NULL), ('cid', 'EU', NULL, 30.0)) AS t(name, region, age, paid)").await;
    let people = session.table("people").await.unwrap();
    (session, people)
}

async fn same(session: &Session, frame: &DataFrame, sql: &str) {
    assert_eq!(rows_of(frame).await, rows(session, sql).await, "{sql}");
}

#[tokio::test]
async fn columns_are_selected_added_dropped_and_renamed() {
    let (session, people) = people().await;
    let chosen = people.select([col("name"), (col("age") + lit(1)).alias("next")]).unwrap();
    same(&session, &chosen.sort(["name"]).unwrap(), "SELECT name, age + 1 FROM people ORDER BY name").await;
    let added = people.with_columns([col("age") * lit(2)]).unwrap();
    assert_eq!(added.columns(), ["name", "region", "age", "paid"]);
    let renamed = people.drop(["region"]).unwrap().rename([("age", "Years")]).unwrap();
    assert_eq!(renamed.columns(), ["name", "Years", "paid"]);
    same(&session, &renamed.filter(col("Years").gt(lit(35))).unwrap().select(["name"]).unwrap(), "SELECT 'bob'").await;
}

#[tokio::test]
async fn rows_are_filtered_sorted_and_sliced() {
    let (session, people) = people().await;
    same(&session, &people.sort([desc("age")]).unwrap(), "SELECT * FROM people ORDER BY age DESC NULLS FIRST").await;
    same(
        &session,
        &people.sort([asc("paid")]).unwrap().limit(1).unwrap(),
        "SELECT * FROM people ORDER BY paid NULLS FIRST LIMIT 1",
    )
    .await;
    same(
        &session,
        &people.sort(["name"]).unwrap().slice(1, Some(1)).unwrap(),
        "SELECT * FROM people ORDER BY name LIMIT 1 OFFSET 1",
    )
    .await;
    assert_eq!(people.filter(col("age").gt(lit(1))).unwrap().count().await.unwrap(), 2);
}

#[tokio::test]
async fn groups_are_aggregated_as_polars_names_them() {
    let (session, people) = people().await;
    let grouped = people
        .group_by(["region"])
        .agg([sum("age"), mean("paid").alias("paid"), len(), n_unique("name").alias("names")])
        .unwrap();
    assert_eq!(grouped.columns(), ["region", "age", "paid", "len", "names"]);
    same(
        &session,
        &grouped.sort(["region"]).unwrap(),
        "SELECT region, sum(age), avg(paid), count(*), count(DISTINCT name) FROM people GROUP BY region ORDER BY region",
    )
    .await;
    let ratio = people.group_by(["region"]).agg([div(sum("age"), len()).alias("r")]).unwrap().sort(["region"]).unwrap();
    assert_eq!(rows_of(&ratio).await, ["EU | 15.0", "US | 40.0"]);
}

#[tokio::test]
async fn a_sum_of_nothing_is_zero_in_frames_and_null_in_sql() {
    let (session, people) = people().await;
    let nobody = people.filter(col("name").eq(lit("zoe"))).unwrap();
    assert_eq!(rows_of(&nobody.select([sum("age"), count("name"), max("paid")]).unwrap()).await, ["0 | 0 | "]);
    assert_eq!(rows(&session, "SELECT sum(age) FROM people WHERE name = 'zoe'").await, [""]);
}

#[tokio::test]
async fn a_column_that_is_no_aggregate_becomes_a_list_as_in_polars() {
    let (_session, people) = people().await;
    let lists = people.group_by(["region"]).agg([col("name"), first("age")]).unwrap().sort(["region"]).unwrap();
    assert_eq!(rows_of(&lists).await, ["EU | [ann, cid] | 30", "US | [bob] | 40"]);
}

#[tokio::test]
async fn conditions_casts_and_fills() {
    let (session, people) = people().await;
    let label = when(col("age").gt(lit(35))).then(lit("old")).when(col("age").is_null()).then(lit("?")).otherwise(lit("young"));
    let frame = people
        .select([col("name"), label.alias("label"), fill_null("paid", lit(0.0)), cast("age", arrow::datatypes::DataType::Utf8)])
        .unwrap();
    same(
        &session,
        &frame.sort(["name"]).unwrap(),
        "SELECT name, CASE WHEN age > 35 THEN 'old' WHEN age IS NULL THEN '?' ELSE 'young' END, coalesce(paid, 0.0), age FROM people ORDER BY name",
    )
    .await;
}

#[tokio::test]
async fn joins_keep_the_rows_their_kind_says() {
    let (session, people) = people().await;
    let regions = session.sql("SELECT * FROM (VALUES ('EU', 1, 'x'), ('AS', 2, 'y')) AS t(region, id, name)").await.unwrap();
    let columns = |how| people.join(&regions, ["region"], how).unwrap().columns();
    assert_eq!(columns(How::Inner), ["name", "region", "age", "paid", "id", "name_right"]);
    assert_eq!(columns(How::Semi), ["name", "region", "age", "paid"]);
    let mut counted = vec![];
    for how in [How::Inner, How::Left, How::Right, How::Full, How::Semi, How::Anti] {
        counted.push(people.join(&regions, ["region"], how).unwrap().count().await.unwrap());
    }
    assert_eq!(counted, [2, 3, 3, 4, 2, 1]);
    let none: [&str; 0] = [];
    assert_eq!(people.join(&regions, none, How::Cross).unwrap().count().await.unwrap(), 6);
    let by_right = people.join(&regions, ["region"], How::Right).unwrap().sort(["id"]).unwrap();
    assert_eq!(rows_of(&by_right.select(["region"]).unwrap().distinct().unwrap().sort(["region"]).unwrap()).await, ["AS", "EU"]);
}

#[tokio::test]
async fn rows_are_made_distinct_and_stacked() {
    let (_session, people) = people().await;
    let twice = people.union(&people).unwrap();
    assert_eq!(twice.count().await.unwrap(), 6);
    assert_eq!(twice.distinct().unwrap().count().await.unwrap(), 3);
    assert_eq!(twice.unique(["region"]).unwrap().count().await.unwrap(), 2);
    assert_eq!(people.union(&people.drop(["age"]).unwrap()).unwrap_err().kind(), "Plan");
}

#[tokio::test]
async fn files_are_written_and_scanned() {
    let (session, people) = people().await;
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    assert_eq!(people.write_parquet(path("p.parquet")).await.unwrap(), 3);
    assert_eq!(people.write_csv(path("p.csv")).await.unwrap(), 3);
    let sorted = |frame: DataFrame| frame.sort(["name"]).unwrap();
    let expected = rows_of(&sorted(people)).await;
    assert_eq!(rows_of(&sorted(session.scan_parquet(path("*.parquet")).await.unwrap())).await, expected);
    assert_eq!(rows_of(&sorted(session.scan_csv(path("p.csv"), CsvOptions::new()).await.unwrap())).await, expected);
}

#[tokio::test]
async fn names_keep_their_case() {
    let session = session();
    let frame = session.sql("SELECT 1 AS \"Total.Sum\", 2 AS total").await.unwrap();
    assert_eq!(rows_of(&frame.select([col("Total.Sum")]).unwrap()).await, ["1"]);
    let batches = frame.collect().await.unwrap();
    let again = session.from_batches(frame.schema(), batches).unwrap();
    session.register("Mine", &again).unwrap();
    assert_eq!(rows(&session, "SELECT total FROM \"Mine\"").await, ["2"]);
    assert_eq!(session.register("Mine", &again).unwrap_err().kind(), "Plan");
    assert!(session.deregister("Mine").unwrap());
}

#[tokio::test]
async fn a_frame_is_explained() {
    let (_session, people) = people().await;
    let plan = people.filter(col("age").gt(lit(35))).unwrap().select(["name"]).unwrap();
    assert!(plan.explain(false).await.unwrap().contains("physical_plan"));
    assert!(plan.explain(true).await.unwrap().contains("output_rows=1"));
}
