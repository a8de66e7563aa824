//! The run log as tables.

use gradframe::CsvOptions;
use gradframe::expr::{col, lit};
use gradframe::ml::Estimator;

use crate::support::{CREATE_FARES, TRIPS, error, home, rows, run, session};

#[tokio::test]
async fn runs_params_metrics_and_models_are_tables() {
    let session = session();
    run(&session, TRIPS).await;
    run(&session, CREATE_FARES).await;
    assert_eq!(rows(&session, "SELECT status, model FROM gradframe.runs").await, ["finished | fares"]);
    assert_eq!(rows(&session, "SELECT model, model_type, label FROM gradframe.models").await, ["fares | linear_reg | fare"]);
    let params = rows(&session, "SELECT value FROM gradframe.params WHERE name = 'model_type'").await;
    assert!(params.is_empty() || params == ["linear_reg"], "{params:?}");
    let losses = rows(
        &session,
        "SELECT m.value FROM gradframe.metrics m JOIN gradframe.runs USING (run) WHERE m.name = 'loss' ORDER BY m.epoch",
    )
    .await;
    let logged = rows(&session, "SELECT loss FROM ML.TRAINING_INFO(MODEL fares) ORDER BY epoch").await;
    assert_eq!(losses, logged);
    assert!(!losses.is_empty());
}

#[tokio::test]
async fn filters_reach_the_log() {
    let session = session();
    run(&session, TRIPS).await;
    run(&session, CREATE_FARES).await;
    run(&session, &CREATE_FARES.replace("MODEL fares", "OR REPLACE MODEL fares")).await;
    let one =
        rows(&session, "SELECT count(DISTINCT run) FROM gradframe.metrics WHERE run = (SELECT max(run) FROM gradframe.runs)")
            .await;
    assert_eq!(one, ["1"]);
    let some = rows(&session, "SELECT epoch FROM gradframe.metrics WHERE name = 'loss' AND epoch > 0 AND epoch <= 1").await;
    assert!(some.iter().all(|epoch| epoch == "1"), "{some:?}");
    let plan = rows(&session, "EXPLAIN SELECT value FROM gradframe.metrics WHERE run = 'x'").await.join("\n");
    assert!(!plan.contains("FilterExec"), "{plan}");
}

/// 100 rows in mini-batches of 32: four steps an epoch.
const NETWORK: &str = "CREATE MODEL wave OPTIONS (model_type = 'dnn_regressor', input_label_cols = ['y'], hidden_units = [4],
    batch_size = 32, max_iterations = 3, early_stop = false, data_split_method = 'no_split') AS
    SELECT CAST(value AS DOUBLE) AS x, sin(value) AS y FROM generate_series(1, 100)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rows_behind_each_step_of_a_training_are_a_table() {
    let session = session();
    run(&session, NETWORK).await;
    let id = rows(&session, "SELECT run FROM gradframe.runs").await.concat();
    assert_eq!(rows(&session, "SELECT batch_rows, rows FROM gradframe.batches").await, ["32 | 100"]);
    let losses =
        "SELECT epoch, count(*), min(step), max(step) FROM gradframe.metrics WHERE name = 'batch_loss' GROUP BY 1 ORDER BY 1";
    assert_eq!(rows(&session, losses).await, ["1 | 4 | 1 | 4", "2 | 4 | 5 | 8", "3 | 4 | 9 | 12"]);

    let mut epochs = [vec![], vec![], vec![]];
    for step in 1..=12 {
        let batch = rows(&session, &format!("SELECT x FROM gradframe.batch_rows('{id}', {step}) ORDER BY x")).await;
        assert_eq!(batch.len(), if step % 4 == 0 { 4 } else { 32 }, "step {step}");
        epochs[(step - 1) / 4].extend(batch);
    }
    assert_ne!(epochs[0], epochs[1], "each epoch has an order of its own");
    for mut epoch in epochs {
        epoch.sort();
        epoch.dedup();
        assert_eq!(epoch.len(), 100, "each row is learned from once an epoch");
    }
    // The beginning of a run's name is enough; columns, filters and joins as of any table.
    let joined = format!(
        "SELECT count(*), min(b.y) = min(sin(b.x)) FROM gradframe.batch_rows('{}', 12) AS b JOIN generate_series(1, 100) AS s
         ON CAST(b.x AS BIGINT) = s.value WHERE b.x > 0",
        &id[..12]
    );
    assert_eq!(rows(&session, &joined).await, ["4 | true"]);
    assert_eq!(rows(&session, &format!("SELECT count(*) FROM gradframe.batch_rows('{id}', step => 2)")).await, ["32"]);
    assert_eq!(rows(&session, "SELECT count(*) FROM gradframe.runs").await, ["1"], "nothing is trained again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_over_all_rows_has_them_all_and_what_is_none_says_so() {
    let session = session();
    run(&session, TRIPS).await;
    run(&session, CREATE_FARES).await;
    let id = rows(&session, "SELECT run FROM gradframe.runs").await.concat();
    let trained = rows(&session, "SELECT rows FROM gradframe.datasets WHERE role = 'training'").await;
    let kept = rows(&session, &format!("SELECT count(*) FROM gradframe.batch_rows('{id}', 1)")).await;
    assert!(kept[0].parse::<u64>().unwrap() <= trained[0].parse().unwrap() && kept[0] != "0", "{kept:?} of {trained:?}");
    let wrong = [
        (format!("'{id}', 0"), "has no step 0, its first is 1"),
        (format!("'{id}', 1000"), "has no step 1000"),
        (format!("'{id}', 'x'"), "expected a step"),
        (format!("'{id}'"), "expected a run and a step"),
        ("'nobody', 1".into(), "unknown run"),
        ("NULL, 1".into(), "expected the name of a run, got `NULL`"),
        ("['a', 'b'], 1".into(), "expected the name of a run, got `['a', 'b']`"),
        (format!("'{id}', 1, 2"), "unexpected argument `2` (line 1, column"),
        (format!("'{id}', 1, 2"), "hint: write gradframe.batch_rows('run', step)"),
        (String::new(), "no run is given"),
    ];
    for (arguments, expected) in wrong {
        let error = error(&session, &format!("SELECT * FROM gradframe.batch_rows({arguments})")).await;
        assert_eq!(error.kind(), "Plan", "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
    run(&session, "INSERT INTO trips SELECT * FROM trips LIMIT 1").await;
    let changed = error(&session, &format!("SELECT * FROM gradframe.batch_rows('{id}', 1)")).await;
    assert!(changed.to_string().contains("have changed since"), "{changed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trainings_on_frames_replay_to_the_same_bits() {
    let session = session();
    run(&session, TRIPS).await;
    let named = session.table("trips").await.unwrap().filter(col("fare").gt(lit(0.0))).unwrap();
    let of_table = named.fit(Estimator::new("linear_reg").option("l2_reg", 0.1), "fare", Some("by table")).await.unwrap();
    let replay = session.replay_run(of_table.run()).await.unwrap();
    assert!(replay.differences.is_empty() && replay.values > 2 && replay.tolerance.is_none(), "{replay:?}");

    // Files are read by the text, by their paths from the root and with the options that they were opened with.
    let here = tempfile::tempdir().unwrap();
    let file = here.path().join("rides.csv");
    std::fs::write(&file, (0..80).map(|i| format!("{i};{}\n", 2 * i + i % 7)).collect::<String>()).unwrap();
    let options = CsvOptions::new().delimiter(';').header(false);
    let of_file = session.scan_csv(file.display().to_string(), options).await.unwrap();
    let of_file = of_file.filter(col("column_1").gt(lit(3))).unwrap();
    let fitted = of_file.fit(Estimator::new("linear_reg").seed(5), "column_2", None).await.unwrap();
    let replay = session.replay_run(fitted.run()).await.unwrap();
    assert!(replay.differences.is_empty() && replay.values > 2 && replay.tolerance.is_none(), "{replay:?}");
    std::fs::write(&file, (0..80).map(|i| format!("{i};{}\n", 3 * i)).collect::<String>()).unwrap();
    let replay = session.replay_run(fitted.run()).await.unwrap();
    assert!(!replay.is_equal() && replay.differences.iter().any(|d| d.what == "file"), "{replay:?}");

    // Rows of the program have no name: the frame is handed over again.
    let own = session.sql("SELECT CAST(value AS DOUBLE) AS x, sin(value) AS y FROM generate_series(1, 60)").await.unwrap();
    let own = session.from_batches(own.schema(), own.collect().await.unwrap()).unwrap();
    let network = Estimator::new("dnn_regressor").list_option("hidden_units", [4_i64, 3]).option("max_iterations", 2_i64);
    let of_frame = own.fit(network.option("batch_size", 16_i64).seed(7), "y", None).await.unwrap();
    let error = session.replay_run(of_frame.run()).await.unwrap_err();
    assert!(error.kind() == "Plan" && error.to_string().contains("frame of its program"), "{error}");
    let replay = session.replay_run_over(of_frame.run(), Some(&own)).await.unwrap();
    assert!(replay.differences.is_empty(), "{replay:?}");
    let other = own.filter(col("x").gt(lit(3.0))).unwrap();
    let replay = session.replay_run_over(of_frame.run(), Some(&other)).await.unwrap();
    assert!(!replay.is_equal() && replay.differences.iter().any(|d| d.what == "data"), "{replay:?}");
    let error = session.replay_run_over(of_table.run(), Some(&own)).await.unwrap_err();
    assert!(error.kind() == "Plan" && error.to_string().contains("the frame would not be read"), "{error}");
    assert_eq!(rows(&session, "SELECT count(*) FROM gradframe.models").await, ["1"], "replays keep no model");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_came_with_a_run_serve_its_steps_and_go_along_with_it() {
    let (here, session) = home();
    let (data, file) = (here.path().join("rides.csv"), here.path().join("run.tar"));
    let lines: Vec<String> = (0..80).map(|i| format!("{},{}", i, 2.5 * f64::from(i))).collect();
    std::fs::write(&data, format!("km,fare\n{}\n", lines.join("\n"))).unwrap();
    let options =
        "model_type = 'dnn_regressor', hidden_units = [4], batch_size = 16, max_iterations = 2, input_label_cols = ['fare']";
    run(&session, &format!("CREATE MODEL fares OPTIONS ({options}) AS SELECT km, fare FROM '{}'", data.display())).await;
    let id = rows(&session, "SELECT run FROM gradframe.runs").await.concat();
    let step = format!("SELECT km, fare FROM gradframe.batch_rows('{id}', 2) ORDER BY km");
    let learned = rows(&session, &step).await;
    assert!(!learned.is_empty() && learned.len() <= 16, "{learned:?}");
    session.archive_run(&id, &file, true).await.unwrap();
    std::fs::remove_file(&data).unwrap();

    let (_there, other) = home();
    other.import_runs(&file).unwrap();
    assert_eq!(rows(&other, &step).await, learned);
    other.archive_run(&id, &file, true).await.unwrap();
    let (_third, third) = home();
    third.import_runs(&file).unwrap();
    assert_eq!(rows(&third, &step).await, learned);
    assert!(third.replay_run(&id).await.unwrap().is_equal());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_packed_into_a_file_replays_where_its_data_are_not() {
    let (here, session) = home();
    let (data, file) = (here.path().join("rides.csv"), here.path().join("run.tar"));
    let lines: Vec<String> = (0..80).map(|i| format!("{},{}", i, 2.5 * f64::from(i) + f64::from(i % 7))).collect();
    std::fs::write(&data, format!("km,fare\n{}\n", lines.join("\n"))).unwrap();
    let create = format!(
        "CREATE MODEL fares OPTIONS (model_type = 'linear_reg', input_label_cols = ['fare']) AS SELECT km, fare FROM '{}' WHERE km > 2",
        data.display()
    );
    run(&session, &create).await;
    let id = rows(&session, "SELECT run FROM gradframe.runs").await.concat();
    assert_eq!(session.archive_run(&id[..12], &file, true).await.unwrap(), id);
    std::fs::remove_file(&data).unwrap();

    let (_there, other) = home();
    assert_eq!(other.import_runs(&file).unwrap(), [id.as_str()]);
    let replay = other.replay_run(&id).await.unwrap();
    assert!(replay.is_equal() && replay.values > 2 && replay.tolerance.is_none(), "{replay:?}");
    let of_rows = |name: &str| replay.differences.iter().any(|difference| difference.name == name);
    assert!(!of_rows("training digest") && !of_rows("training rows"), "{replay:?}");
    assert_eq!(other.import_runs(&file).unwrap(), Vec::<String>::new(), "each run is taken in once");

    // Cut short, or of something else: nothing is taken in.
    let bytes = std::fs::read(&file).unwrap();
    let (_third, third) = home();
    for wrong in [&bytes[..bytes.len() / 2], b"no archive at all", &[0; 4096]] {
        std::fs::write(&file, wrong).unwrap();
        let error = third.import_runs(&file).unwrap_err();
        assert!(["Execution", "Plan", "External"].contains(&error.kind()), "{error}");
        assert_eq!(rows(&third, "SELECT count(*) FROM gradframe.runs").await, ["0"]);
    }
    let error = session.archive_run(&id, &file, true).await.unwrap_err();
    assert!(error.to_string().contains("rides.csv"), "its data are gone: {error}");
}
