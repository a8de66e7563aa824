//! Verbs of whole frames: joins, rows by place, lists to rows, frames put together.

use gradframe::expr::{col, lit};
use gradframe::{
    DataFrame, ExplodeOptions, How, JoinOptions, Keep, MaintainOrder, PivotOptions, SampleOptions, Session, Stacking,
    UpdateOptions, UpdateRows, Validate,
};

use crate::support::{rows_of, session};

async fn frame(session: &Session, sql: &str) -> DataFrame {
    session.sql(sql).await.unwrap()
}

async fn trips(session: &Session) -> DataFrame {
    frame(session, "SELECT * FROM (VALUES ('EU', 1), ('US', 2), ('EU', 3), (NULL, 4)) AS t(region, riders)").await
}

#[tokio::test]
async fn rows_by_place() {
    let session = session();
    let trips = trips(&session).await;
    assert_eq!(rows_of(&trips.tail(2).unwrap()).await, ["EU | 3", " | 4"]);
    assert_eq!(rows_of(&trips.slice(-3, Some(1)).unwrap()).await, ["US | 2"]);
    assert_eq!(rows_of(&trips.slice(-9, Some(6)).unwrap()).await, ["EU | 1"]);
    assert_eq!(rows_of(&trips.reverse().unwrap().head(1).unwrap()).await, [" | 4"]);
    assert_eq!(rows_of(&trips.gather_every(2, 1).unwrap()).await, ["US | 2", " | 4"]);
    assert_eq!(rows_of(&trips.with_row_index("i", 7).unwrap().head(1).unwrap()).await, ["7 | EU | 1"]);
    assert_eq!(rows_of(&trips.top_k(1, ["riders"], &[]).unwrap()).await, [" | 4"]);
    assert_eq!(rows_of(&trips.drop_nulls(["region"]).unwrap()).await.len(), 3);
}

#[tokio::test]
async fn the_row_that_stays_is_the_one_asked_for() {
    let session = session();
    let trips = trips(&session).await;
    let riders = |keep| trips.unique_with(["region"], keep, true).unwrap().select(["riders"]).unwrap();
    assert_eq!(rows_of(&riders(Keep::First)).await, ["1", "2", "4"]);
    assert_eq!(rows_of(&riders(Keep::Last)).await, ["2", "3", "4"]);
    assert_eq!(rows_of(&riders(Keep::None)).await, ["2", "4"]);
}

#[tokio::test]
async fn a_key_that_is_there_twice_is_named() {
    let session = session();
    let trips = trips(&session).await;
    let twice = trips.join_with(&trips, JoinOptions::on(["region"]).validate(Validate::ManyToOne)).unwrap();
    let error = twice.collect().await.unwrap_err().to_string();
    assert!(error.contains("join: the key `region` = EU is on 2 rows of the right side"), "{error}");
    let riders = JoinOptions::on(["riders"]).validate(Validate::OneToOne);
    assert_eq!(trips.join_with(&trips, riders).unwrap().count().await.unwrap(), 4);
}

#[tokio::test]
async fn joins_keep_the_order_that_is_asked_for() {
    let session = session();
    let trips = trips(&session).await;
    let names = frame(&session, "SELECT * FROM (VALUES ('US', 'x'), ('EU', 'y')) AS t(region, name)").await;
    let options = JoinOptions::on(["region"]).how(How::Left).maintain_order(MaintainOrder::Left);
    assert_eq!(rows_of(&trips.join_with(&names, options).unwrap()).await, ["EU | 1 | y", "US | 2 | x", "EU | 3 | y", " | 4 | "]);
    let full = JoinOptions::on(["region"]).how(How::Full).coalesce(true);
    assert_eq!(trips.join_with(&names, full).unwrap().columns(), ["region", "riders", "name"]);
    let conditions = [col("riders").gt(col("riders_right"))];
    assert_eq!(trips.join_where(&trips, conditions, "_right").unwrap().count().await.unwrap(), 6);
    let computed = JoinOptions::keys([col("riders") * lit(2)], [col("riders") + lit(1)]);
    assert_eq!(trips.join_with(&trips, computed).unwrap().count().await.unwrap(), 2);
}

#[tokio::test]
async fn lists_become_rows_and_structs_columns() {
    let session = session();
    let lists = frame(&session, "SELECT 1 AS i, [10, 20] AS l UNION ALL SELECT 2, NULL UNION ALL SELECT 3, []").await;
    let rows = |options| lists.explode_with(["l"], options).unwrap();
    assert_eq!(rows(ExplodeOptions::default()).count().await.unwrap(), 3);
    assert_eq!(rows(ExplodeOptions { empty_as_null: true, keep_nulls: true }).count().await.unwrap(), 4);
    assert_eq!(rows(ExplodeOptions { empty_as_null: true, keep_nulls: false }).count().await.unwrap(), 3);
    let both = frame(&session, "SELECT [1, 2] AS a, [1] AS b").await;
    let error = both.explode(["a", "b"]).unwrap().collect().await.unwrap_err();
    assert!(error.to_string().contains("`a` has 2 values and `b` 1"), "{error}");
    let structs = frame(&session, "SELECT named_struct('x', 1, 'y', 'a') AS s").await;
    assert_eq!(structs.unnest(["s"], Some(".")).unwrap().columns(), ["s.x", "s.y"]);
}

#[tokio::test]
async fn frames_are_put_together() {
    let session = session();
    let (a, b) = (frame(&session, "SELECT 1 AS x, 'a' AS y").await, frame(&session, "SELECT 2.5 AS x").await);
    let both = |way| DataFrame::concat_with([a.clone(), b.clone()], way);
    assert_eq!(rows_of(&both(Stacking::DiagonalRelaxed).unwrap()).await, ["1.0 | a", "2.5 | "]);
    assert_eq!(both(Stacking::Diagonal).unwrap_err().kind(), "DType");
    assert_eq!(both(Stacking::Vertical).unwrap_err().kind(), "Plan");
    let beside = DataFrame::concat_with([a.clone(), b.rename([("x", "z")]).unwrap()], Stacking::Horizontal).unwrap();
    assert_eq!(rows_of(&beside).await, ["1 | a | 2.5"]);
    let uneven = DataFrame::concat_with([a.clone(), trips(&session).await], Stacking::Horizontal).unwrap();
    assert_eq!(uneven.collect().await.unwrap_err().kind(), "Shape");
    let relaxed = DataFrame::concat_with([a, trips(&session).await], Stacking::HorizontalExtend).unwrap();
    assert_eq!(rows_of(&relaxed).await, ["1 | a | EU | 1", " |  | US | 2", " |  | EU | 3", " |  |  | 4"]);
    let long = frame(&session, "SELECT 1 AS i, 2 AS a, 3.5 AS b").await.unpivot(["a", "b"], ["i"], None, None).unwrap();
    assert_eq!(rows_of(&long).await, ["1 | a | 2.0", "1 | b | 3.5"]);
}

#[tokio::test]
async fn values_become_columns() {
    let session = session();
    let sales =
        frame(&session, "SELECT * FROM (VALUES ('R', 'a', 1), ('R', 'b', 2), ('B', 'a', 3), ('R', 'a', 4)) AS t(city, q, n)")
            .await;
    let cases = sales.pivot_values(["q"]).await.unwrap();
    let options = || PivotOptions::new(["q"]).columns(cases.clone()).index(["city"]).values(["n"]);
    assert_eq!(rows_of(&sales.pivot(options().aggregate("sum")).unwrap()).await, ["R | 5 | 2", "B | 3 | 0"]);
    let error = sales.pivot(options().aggregate("summ")).unwrap_err().to_string();
    assert!(error.contains("did you mean `sum`"), "{error}");
    let error = sales.pivot(options().columns([["a", "b"]])).unwrap_err().to_string();
    assert!(error.contains("a case has 2 values, expected one of each of 1 columns"), "{error}");
    assert!(sales.pivot(options()).unwrap().collect().await.is_err(), "two values in one place and no aggregate");
}

#[tokio::test]
async fn chance_draws_the_same_rows_for_the_same_seed() {
    let session = session();
    let numbers = frame(&session, "SELECT value AS x FROM generate_series(1, 100)").await;
    let drawn = |options| numbers.sample(options).unwrap();
    let ten = SampleOptions::rows(10).seed(3);
    assert_eq!(rows_of(&drawn(ten)).await, rows_of(&drawn(ten)).await);
    assert_ne!(rows_of(&drawn(ten)).await, rows_of(&drawn(ten.seed(4))).await);
    let mut shuffled = rows_of(&drawn(ten.shuffle(true))).await;
    let in_order = rows_of(&drawn(ten)).await;
    assert_ne!(shuffled, in_order);
    shuffled.sort_by_key(|row| row.parse::<i64>().unwrap());
    assert_eq!(shuffled, in_order);
    assert_eq!(drawn(SampleOptions::fraction(0.25)).count().await.unwrap(), 25);
    assert_eq!(drawn(SampleOptions::rows(250).with_replacement(true)).count().await.unwrap(), 250);
    let error = drawn(SampleOptions::rows(101)).collect().await.unwrap_err().to_string();
    assert!(error.contains("sample: more rows are wanted than there are"), "{error}");
    assert!(numbers.sample(SampleOptions::fraction(-0.5)).is_err());
}

#[tokio::test]
async fn another_frames_values_take_the_place_of_ones_own() {
    let session = session();
    let old = frame(&session, "SELECT * FROM (VALUES ('a', 1), ('b', 2), ('c', 3)) AS t(k, n)").await;
    let new = frame(&session, "SELECT * FROM (VALUES ('c', 30), ('b', NULL), ('d', 40)) AS t(k, n)").await;
    let updated = |options| old.update(&new, options).unwrap();
    assert_eq!(rows_of(&updated(UpdateOptions::on(["k"]))).await, ["a | 1", "b | 2", "c | 30"]);
    assert_eq!(rows_of(&updated(UpdateOptions::on(["k"]).include_nulls(true))).await, ["a | 1", "b | ", "c | 30"]);
    assert_eq!(rows_of(&updated(UpdateOptions::on(["k"]).how(UpdateRows::Inner))).await, ["b | 2", "c | 30"]);
    assert_eq!(updated(UpdateOptions::on(["k"]).how(UpdateRows::Full)).count().await.unwrap(), 4);
    assert_eq!(
        rows_of(&old.update(&new.limit(1).unwrap(), UpdateOptions::by_row()).unwrap()).await,
        ["c | 30", "b | 2", "c | 3"]
    );
    assert!(old.update(&new, UpdateOptions::on(["x"])).is_err());
}
