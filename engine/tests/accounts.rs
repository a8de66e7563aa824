//! What a frame says of itself: profiles, explanations, SQL text; and SQL that has names for frames.

use arrow::array::AsArray;
use gradframe::expr::{col, desc, len, lit, prelude::*, sum};
use gradframe::{DataFrame, Explanation};

use crate::support::{TRIPS, lines, rows_of, run, session};

async fn trips() -> (gradframe::Session, DataFrame) {
    let session = session();
    run(&session, TRIPS).await;
    let frame = session.table("trips").await.unwrap();
    (session, frame)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_profile_has_a_row_an_operator() {
    let (_session, frame) = trips().await;
    let totals = frame.filter(col("fare").gt(lit(9.0))).unwrap().group_by(["region"]).agg([sum("fare")]).unwrap();
    let profile = totals.sort(["region"]).unwrap().profile().await.unwrap();
    assert_eq!(lines(&profile.rows).len(), 2);
    let operators: Vec<_> = profile.operators.column(0).as_string::<i32>().iter().flatten().map(str::trim).collect();
    for expected in ["SortExec", "AggregateExec", "FilterExec", "DataSourceExec"] {
        assert!(operators.contains(&expected), "{operators:?}");
    }
    let text = lines(&[profile.operators]).join("\n");
    assert!(text.contains("the rows that pass are gathered"), "{text}");
    let filtered = frame.filter(col("fare").gt(lit(9.0))).unwrap().profile().await.unwrap().operators;
    let copied = filtered.column_by_name("copied_bytes").unwrap().as_primitive::<arrow::datatypes::UInt64Type>();
    assert!(copied.value(0) > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_does_not_stream_says_so() {
    let (session, frame) = trips().await;
    let text = frame.sort(["fare"]).unwrap().explain(false).await.unwrap();
    assert!(text.contains("SortExec does not stream"), "{text}");
    assert!(!frame.sort(["fare"]).unwrap().limit(3).unwrap().explain(false).await.unwrap().contains("does not stream"));
    let sql = lines(&run(&session, "EXPLAIN SELECT *, sum(fare) OVER () AS total FROM trips").await).join("\n");
    assert!(sql.contains("OverExec does not stream"), "{sql}");
    assert!(frame.explain_as(Explanation::Tree).await.unwrap().contains('┌'));
    assert!(frame.explain_as(Explanation::Graphviz).await.unwrap().contains("digraph"));
    assert!("treee".parse::<Explanation>().unwrap_err().to_string().contains("`tree`"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_frame_as_sql_gives_the_same_rows() {
    let (session, frame) = trips().await;
    let memory = session.from_batches(frame.schema(), frame.collect().await.unwrap()).unwrap();
    let steps: [fn(&DataFrame) -> gradframe::Result<DataFrame>; 5] = [
        |f| f.filter(col("fare").gt(lit(100.0)))?.sort(["distance"]),
        |f| f.with_columns([(col("fare") * lit(2.0)).alias("twice")])?.sort([desc("fare")])?.limit(3),
        |f| f.group_by(["region"]).agg([sum("fare")])?.sort(["region"]),
        |f| f.join(&f.group_by(["region"]).agg([sum("fare").alias("total")])?, ["region"], gradframe::How::Inner)?.sort(["fare"]),
        |f| f.select(["region"])?.distinct()?.sort(["region"]),
    ];
    for (i, step) in steps.iter().enumerate() {
        for from in [&frame, &memory] {
            let written = step(from).unwrap();
            let text = written.to_sql().unwrap_or_else(|error| panic!("{i}: {error}"));
            let frames = ["frame", "frame_2"].map(|name| (name, memory.clone()));
            let read = session.sql_with(&text, frames).await.unwrap_or_else(|error| panic!("{i}: {text}: {error}"));
            assert_eq!(rows_of(&read).await, rows_of(&written).await, "{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_sql_has_no_words_for_is_named() {
    let (_session, frame) = trips().await;
    let mapped = frame.map_batches(Ok, gradframe::MapOptions::default()).unwrap();
    let error = mapped.to_sql().unwrap_err();
    assert_eq!(error.kind(), "NotImplemented");
    assert!(error.to_string().contains("MapBatches"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn calls_of_table_functions_are_written_as_calls_or_named() {
    let session = gradframe::Session::builder().in_memory().build().unwrap();
    for query in [
        "SELECT * FROM generate_series(1, 3)",
        "SELECT * FROM range(5, -5, -2)",
        "SELECT * FROM generate_series(9223372036854775806, 9223372036854775807)",
        "SELECT a.value AS x, b.value AS y FROM range(3) AS a JOIN generate_series(1, 2) AS b ON a.value = b.value ORDER BY x",
        "SELECT value * 2 AS x FROM generate_series(-2, 2) WHERE value <> 0 ORDER BY x DESC",
        "SELECT * FROM generate_series(1, 3) AS frame(x)",
    ] {
        let written = session.sql(query).await.unwrap();
        let text = written.to_sql().unwrap_or_else(|error| panic!("{query}: {error}"));
        let read = session.sql(&text).await.unwrap_or_else(|error| panic!("{query}: {text}: {error}"));
        assert_eq!(rows_of(&read).await, rows_of(&written).await, "{text}");
    }
    let moments = "SELECT * FROM generate_series(TIMESTAMP '2024-01-01', TIMESTAMP '2024-01-03', INTERVAL '1 day')";
    let error = session.sql(moments).await.unwrap().to_sql().unwrap_err();
    assert_eq!(error.kind(), "NotImplemented");
    assert!(error.to_string().contains("the call of `generate_series` in FROM"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn functions_of_frames_are_words_of_sql() {
    let (session, frame) = trips().await;
    let shuffled = frame.shuffle(7).unwrap();
    let text = shuffled.to_sql().unwrap();
    assert!(text.contains("\"row_key[UInt64 '7']\"("), "{text}");
    assert_eq!(rows_of(&session.sql(&text).await.unwrap()).await, rows_of(&shuffled).await);
    let ranked = frame.with_columns([col("fare").rank().over(["region"]).alias("rank")]).unwrap();
    let text = ranked.to_sql().unwrap();
    assert_eq!(rows_of(&session.sql(&text).await.unwrap()).await, rows_of(&ranked).await, "{text}");
    let unknown = session.sql("SELECT \"row_kee[1]\"(fare) FROM trips").await.unwrap_err();
    assert_eq!(unknown.kind(), "Plan");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rows_that_are_read_twice_have_one_name() {
    let (session, frame) = trips().await;
    let memory = session.from_batches(frame.schema(), frame.collect().await.unwrap()).unwrap();
    let other = memory.limit(3).unwrap().cache().await.unwrap();
    let both = DataFrame::concat([memory.clone(), memory.clone(), other]).unwrap();
    let (text, frames) = both.to_sql_with_frames().unwrap();
    assert_eq!(frames.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["frame", "frame_2"]);
    let read = session.sql_with(&text, frames).await.unwrap();
    assert_eq!(rows_of(&read).await, rows_of(&both).await, "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_statement_may_have_names_for_frames() {
    let (session, frame) = trips().await;
    let few = frame.limit(3).unwrap();
    let count = async |text: &str| rows_of(&session.sql_with(text, [("Few", few.clone())]).await.unwrap()).await;
    assert_eq!(count("SELECT count(*) FROM few").await, ["3"]);
    assert_eq!(count("SELECT count(*) FROM \"Few\" JOIN trips USING (distance)").await, ["3"]);
    assert_eq!(rows_of(&frame.sql("SELECT count(*) FROM self", "self").await.unwrap()).await, ["100"]);
    assert!(session.sql("SELECT * FROM few").await.is_err(), "the name is gone with its statement");
    let shadow = session.sql_with("SELECT count(*) FROM trips", [("trips", few.clone())]).await.unwrap();
    assert_eq!(rows_of(&shadow).await, ["3"]);
    assert!(session.sql_with("CREATE VIEW v AS SELECT * FROM few", [("few", few.clone())]).await.is_err());
    run(&session, "CREATE VIEW seen AS SELECT * FROM trips").await;
    let through = session.sql_with("SELECT count(*) FROM seen", [("trips", few)]).await.unwrap();
    assert_eq!(rows_of(&through).await, ["100"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn unknown_names_are_those_that_nothing_stands_behind() {
    let (session, _) = trips().await;
    let unknown = |text: &str| {
        let mut names = session.unknown_tables(text).unwrap();
        names.sort();
        names
    };
    assert_eq!(unknown("SELECT * FROM trips JOIN a USING (x) WHERE y IN (SELECT y FROM B)"), ["a", "b"]);
    assert_eq!(unknown("WITH c AS (SELECT * FROM d) SELECT * FROM c"), ["d"]);
    assert_eq!(unknown("SELECT * FROM ML.PREDICT(MODEL m, TABLE f)"), ["f", "m"]);
    assert!(unknown("SHOW MODELS; DROP MODEL m; SELECT * FROM gradframe.runs").is_empty());
    assert_eq!(unknown("CREATE MODEL m OPTIONS (model_type = 'linear_reg') AS SELECT * FROM e"), ["e"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_frame_and_its_sql_are_one_plan() {
    let (session, frame) = trips().await;
    let dear = frame.filter(col("fare").gt(lit(9.0))).unwrap();
    let groups = dear.group_by(["region"]).agg([len()]).unwrap().sort(["region"]).unwrap();
    let steps = [
        (dear.select(["region", "fare"]).unwrap().limit(3).unwrap(), "SELECT region, fare FROM trips WHERE fare > 9.0 LIMIT 3"),
        (groups, "SELECT region, count(1) AS len FROM trips WHERE fare > 9.0 GROUP BY region ORDER BY region NULLS FIRST"),
    ];
    for (written, sql) in steps {
        let text = |frame: &DataFrame| frame.optimized_plan().unwrap().display_indent().to_string();
        assert_eq!(text(&written), text(&session.sql(sql).await.unwrap()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_columns_of_a_frame_are_shown_as_those_of_a_table() {
    let (session, frame) = trips().await;
    let of_table = rows_of(&session.sql("SHOW COLUMNS FROM trips").await.unwrap()).await;
    assert_eq!(of_table.len(), 3);
    for text in ["SHOW COLUMNS FROM few", "show columns in FEW", "SHOW COLUMNS FROM \"Few\""] {
        let shown = session.sql_with(text, [("Few", frame.clone())]).await.unwrap();
        let shown: Vec<_> = rows_of(&shown).await.iter().map(|row| row.replace("few", "trips").replace("Few", "trips")).collect();
        assert_eq!(shown, of_table, "{text}");
    }
    let full = session.sql_with("SHOW FULL COLUMNS FROM few", [("few", frame.clone())]).await.err().unwrap();
    assert_eq!(full.kind(), "NotImplemented");
    let shadow = frame.select(["fare"]).unwrap();
    let shown = session.sql_with("SHOW COLUMNS FROM trips", [("trips", shadow)]).await.unwrap();
    assert_eq!(rows_of(&shown).await.len(), 1);
}
