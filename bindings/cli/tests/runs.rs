//! `gradframe runs`.

use gradframe::{RunOptions, Session};

use crate::support::{CREATE_FARES, Place};

/// A place with one run; its identifier.
fn trained() -> (Place, String) {
    let place = Place::new();
    place.sql(CREATE_FARES, &[]);
    let runs = place.sql("SELECT run FROM gradframe.runs", &["--format", "csv"]);
    let run = runs.lines().nth(1).unwrap().to_owned();
    (place, run)
}

#[test]
fn ls_lists_runs() {
    let (place, run) = trained();
    let ended = place.run(&["runs", "ls"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(
        ended.stdout.contains(&run) && ended.stdout.contains("finished") && ended.stdout.ends_with("(1 row)\n"),
        "{}",
        ended.stdout
    );
}

#[test]
fn ls_of_an_empty_home_is_an_empty_table() {
    let ended = Place::new().run(&["runs", "ls"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    assert!(ended.stdout.ends_with("(0 rows)\n"));
}

#[test]
fn show_takes_the_beginning_of_a_run() {
    let (place, run) = trained();
    let ended = place.run(&["runs", "show", &run[..run.len() - 2]]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    for shown in [run.as_str(), "model_type", "loss", "gradient_norm"] {
        assert!(ended.stdout.contains(shown), "{shown}: {}", ended.stdout);
    }
}

#[test]
fn show_of_an_unknown_run_says_where_to_look() {
    let ended = Place::new().run(&["runs", "show", "o'clock"]);
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("unknown run `o'clock`") && ended.stderr.contains("there are no runs yet"), "{}", ended.stderr);
}

#[test]
fn tail_prints_what_is_logged_and_how_it_ended() {
    let (place, run) = trained();
    for args in [&["runs", "tail"][..], &["runs", "tail", &run]] {
        let ended = place.run(args);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
        let lines: Vec<&str> = ended.stdout.lines().collect();
        assert!(lines[0].starts_with("epoch    0  gradient_norm ") && lines[0].contains("  loss "), "{}", ended.stdout);
        assert_eq!(lines.last(), Some(&&*format!("run {run} finished")));
    }
}

#[test]
fn tail_of_a_failed_run_says_why_and_fails() {
    let place = Place::new();
    let failing = CREATE_FARES.replace("(5.0, 17.0)", "(CAST('inf' AS DOUBLE), 17.0)");
    assert_eq!(place.run(&["sql", "-c", &failing]).code, 1);
    let ended = place.run(&["runs", "tail"]);
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains(" failed: ") && ended.stderr.contains("distance"), "{}", ended.stderr);
}

#[test]
fn a_run_that_is_none_or_several_is_said_alike_by_every_command() {
    let place = two_models();
    let commands: [&[&str]; 8] =
        [&["show"], &["tail"], &["resume"], &["replay"], &["rm"], &["export", "--tensorboard"], &["diff"], &["export"]];
    for (start, said) in [
        ("nobody", "error[Plan]: run: unknown run `nobody`\n  hint: there are `2"),
        ("2", "error[Plan]: run: `2` begins several runs\n  hint: name one of them, such as 2"),
        ("%", "error[Plan]: run: unknown run `%`"),
        ("é🦀", "error[Plan]: run: unknown run `é🦀`"),
    ] {
        for command in commands {
            let target = place.path("target");
            let mut args = [&["runs"], command, &[start]].concat();
            match command[0] {
                "diff" => args.push(start),
                "export" => args.push(target.to_str().unwrap()),
                _ => {}
            }
            let ended = place.run(&args);
            assert!(ended.code == 1 && ended.stderr.starts_with(said), "{args:?}: {} {}", ended.code, ended.stderr);
            assert!(!target.exists(), "{args:?}");
        }
    }
}

#[test]
fn tail_as_json_is_an_object_a_point_and_other_formats_are_refused() {
    let (place, run) = trained();
    let ended = place.run(&["runs", "tail", "--format", "json"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    let start = format!("{{\"run\":\"{run}\",\"name\":");
    assert!(!ended.stdout.is_empty() && ended.stdout.lines().all(|line| line.starts_with(&start)), "{}", ended.stdout);
    for wrong in [&["--format", "csv"][..], &["--format", "parquet"], &["-o", "points.json"]] {
        let ended = place.run(&[&["runs", "tail"], wrong].concat());
        assert!(ended.code == 1 && ended.stderr.contains("tail prints"), "{wrong:?}: {}", ended.stderr);
    }
    let shown = place.run(&["runs", "show", &run, "--format", "parquet"]);
    assert!(shown.code == 1 && shown.stdout.is_empty() && shown.stderr.contains("several tables"), "{}", shown.stderr);
}

#[test]
fn tail_without_runs_says_so() {
    let ended = Place::new().run(&["runs", "tail"]);
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("there are no runs yet"), "{}", ended.stderr);
}

#[test]
fn resume_says_what_cannot_go_on() {
    let (place, run) = trained();
    let finished = place.run(&["runs", "resume", &run]);
    assert_eq!(finished.code, 1);
    assert!(finished.stderr.contains("has finished"), "{}", finished.stderr);
    let unknown = place.run(&["runs", "resume", &run.replace("20", "19")]);
    assert_eq!(unknown.code, 1);
    assert!(unknown.stderr.contains("unknown run") && unknown.stderr.contains(&run), "{}", unknown.stderr);
}

/// Two more runs of one experiment, logged by a training each.
fn two_models() -> Place {
    let place = Place::new();
    place.sql(CREATE_FARES, &[]);
    place.sql(&CREATE_FARES.replace("CREATE MODEL", "CREATE OR REPLACE MODEL"), &[]);
    place
}

#[test]
fn ls_filters_sorts_and_shows_chosen_columns() {
    let place = two_models();
    let args = [
        "runs",
        "ls",
        "--columns",
        "title, metrics.loss, params.model_type",
        "--where",
        "metrics.loss < 1e9 AND min.loss >= 0",
        "--sort",
        "metrics.loss DESC",
        "--experiment",
        "Default",
        "--format",
        "json",
    ];
    let ended = place.run(&args);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("metrics.loss") && ended.stdout.matches("linear_reg\"").count() == 2, "{}", ended.stdout);
    let none = place.run(&["runs", "ls", "--where", "params.nothing = 'x'"]);
    assert!(none.stdout.ends_with("(0 rows)\n"), "{}", none.stderr);
    let wrong = place.run(&["runs", "ls", "--where", "metrics.loss < 'x"]);
    assert_eq!(wrong.code, 1);
    assert!(wrong.stderr.contains("in --where (line 1, column 16)"), "{}", wrong.stderr);
}

#[test]
fn runs_differ_are_exported_imported_and_removed() {
    let place = two_models();
    let runs = place.sql("SELECT run FROM gradframe.runs ORDER BY run", &["--format", "csv"]);
    let runs: Vec<&str> = runs.lines().skip(1).collect();
    let diff = place.run(&["runs", "diff", runs[0], runs[1]]);
    assert_eq!(diff.code, 0, "{}", diff.stderr);
    assert!(diff.stdout.contains("seconds") && !diff.stdout.contains("model_type"), "{}", diff.stdout);

    let same = place.run(&["runs", "diff", runs[0], runs[0], "--format", "csv"]);
    assert_eq!((same.code, same.stdout.lines().count()), (0, 1), "{} {}", same.stdout, same.stderr);
    assert!(same.stderr.contains(&format!("both are the run {}", runs[0])), "{}", same.stderr);

    let there = tempfile::tempdir().unwrap();
    let directory = there.path().join("run").to_string_lossy().into_owned();
    let exported = place.run(&["runs", "export", runs[0], &directory]);
    assert_eq!((exported.code, exported.stderr.as_str()), (0, ""));
    let other = Place::new();
    assert_eq!(other.run(&["runs", "import", &directory]).stdout, format!("imported {}\n", runs[0]));
    assert_eq!(other.run(&["runs", "import", &directory]).stdout, "");
    assert!(other.run(&["runs", "show", runs[0]]).stdout.contains("gradient_norm"));

    let kept = place.run(&["runs", "rm", runs[0]]);
    assert!(kept.code == 1 && kept.stderr.contains("comes from it"), "{}", kept.stderr);
    assert_eq!(other.run(&["runs", "rm", runs[0]]).code, 0);
    assert!(other.run(&["runs", "ls"]).stdout.ends_with("(0 rows)\n"));
    assert_eq!(other.run(&["runs", "gc"]).stdout, "removed 0 contents, 0 bytes\n");
}

#[test]
fn an_alias_is_promoted_predicts_and_goes_back() {
    let place = two_models();
    let name = place.sql("SELECT DISTINCT model FROM gradframe.models", &["--format", "csv"]).lines().nth(1).unwrap().to_owned();
    assert_eq!(place.run(&["models", "alias", &name, "champion", "1"]).stdout, format!("{name}@champion is version 1\n"));
    assert_eq!(place.run(&["models", "promote", &name]).stdout, format!("{name}@champion is version 2\n"));
    assert_eq!(place.run(&["models", "rollback", &name]).stdout, format!("{name}@champion is version 1 again\n"));
    assert_eq!(place.run(&["models", "tag", &name, "1", "card=for tests"]).code, 0);
    let shown = place.run(&["models", "show", &format!("{name}@champion")]).stdout;
    assert!(shown.contains("champion") && shown.contains("for tests"), "{shown}");
    assert!(place.run(&["models", "ls"]).stdout.contains("champion"));
    let weights = place.sql(&format!("SELECT count(*) > 0 FROM ML.WEIGHTS(MODEL {name}@champion)"), &["--format", "csv"]);
    assert!(weights.contains("true"), "{weights}");
    let unknown = place.run(&["sql", "-c", &format!("SELECT * FROM ML.WEIGHTS(MODEL {name}@champoin)")]);
    assert!(unknown.code == 1 && unknown.stderr.contains(&format!("{name}@champion")), "{}", unknown.stderr);
    assert_eq!(place.run(&["runs", "gc", "--keep-versions", "1"]).stdout, "removed 0 contents, 0 bytes\n");
}

#[test]
fn replay_trains_again_and_compares_each_value() {
    let (place, run) = trained();
    let ended = place.run(&["runs", "replay", &run, "--format", "csv"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (0, "what,name,before,now\n"), "{}", ended.stderr);
    assert!(ended.stderr.contains("values are equal, bit for bit"), "{}", ended.stderr);
    let models = place.sql("SELECT count(*) AS n FROM gradframe.models", &["--format", "csv"]);
    assert_eq!(models, "n\n1\n", "the model stays as it is");
    let replays = place.sql("SELECT value FROM gradframe.tags WHERE name = 'replay_of'", &["--format", "csv"]);
    assert_eq!(replays, format!("value\n{run}\n"));
}

#[test]
fn replay_over_other_data_says_what_differs() {
    let place = Place::new();
    let file = place.path("fares.csv");
    std::fs::write(&file, "x,y\n1,2\n2,4\n3,6\n4,8.5\n").unwrap();
    let create = format!(
        "CREATE MODEL m OPTIONS (model_type = 'linear_reg', input_label_cols = ['y']) AS SELECT x, y FROM '{}'",
        file.display()
    );
    place.sql(&create, &[]);
    let digest =
        |place: &Place| place.sql("SELECT digest FROM gradframe.datasets ORDER BY run DESC LIMIT 1", &["--format", "csv"]);
    let first = digest(&place);
    std::fs::write(&file, "x,y\n4,8.5\n3,6\n2,4\n1,2\n").unwrap();
    let run = place.sql("SELECT run FROM gradframe.runs", &["--format", "csv"]).lines().nth(1).unwrap().to_owned();
    let ended = place.run(&["runs", "replay", &run, "--format", "csv"]);
    assert_eq!(ended.code, 0, "rows in another order are the same rows: {} {}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("fares.csv,") && first == digest(&place), "{}", ended.stdout);
    std::fs::write(&file, "x,y\n1,2\n2,4\n3,6\n4,9\n5,9\n").unwrap();
    let ended = place.run(&["runs", "replay", &run, "--format", "csv"]);
    assert_eq!(ended.code, 1, "{}", ended.stdout);
    for shown in ["data,training rows,4,5", "data,training digest,", "value,loss at step 0,"] {
        assert!(ended.stdout.contains(shown), "{shown}: {}", ended.stdout);
    }
    assert!(ended.stderr.contains("did not come out again"), "{}", ended.stderr);
}

#[test]
fn a_name_that_no_run_has_is_noted_beside_the_empty_list() {
    let (place, _) = trained();
    for (words, note) in [
        (["--where", "metrics.losss < 1"], "no run has a metric `losss`; did you mean `loss`?"),
        (["--sort", "param.zzzzzzzzzzzzzz"], "no run has a parameter `zzzzzzzzzzzzzz`\n"),
        (["--columns", "run, metrics.lss"], "no run has a metric `lss`; did you mean `loss`?"),
        (["--experiment", "Defualt"], "there is no experiment `Defualt`; did you mean `Default`?"),
    ] {
        let ended = place.run(&["runs", "ls", "--format", "csv", words[0], words[1]]);
        assert!(ended.code == 0 && ended.stderr.contains(note), "{words:?}: {} {}", ended.stdout, ended.stderr);
    }
    let ended = place.run(&["runs", "ls", "--where", "metric.loss < 1e9", "--columns", "run, min.loss", "--format", "csv"]);
    assert_eq!((ended.code, ended.stderr.as_str(), ended.stdout.lines().count()), (0, "", 2), "{}", ended.stdout);
}

#[test]
fn what_is_wrong_in_a_filter_is_shown_in_the_words_of_the_user() {
    let (place, _) = trained();
    for (option, text, said) in [
        ("--where", "metrics.loss <", "in --where"),
        ("--where", "x'; drop table y", "in --where"),
        ("--where", "true; DROP TABLE y", "without `;`"),
        ("--where", "foo = 1", "in --where"),
        ("--where", "metrics.loss < 'x'", "in --where"),
        ("--sort", "metrics.loss +", "in --sort"),
        ("--sort", "nothing", "in --sort"),
        ("--columns", "run,, title", "in --columns"),
    ] {
        let ended = place.run(&["runs", "ls", option, text]);
        assert!(ended.code == 1 && ended.stderr.contains(said), "{text}: {} {}", ended.code, ended.stderr);
        assert!(!ended.stderr.contains("`)`"), "{text}: {}", ended.stderr);
    }
    let commented = place.run(&["runs", "ls", "--where", "metrics.loss < 1e9 -- of the last epoch", "--format", "csv"]);
    assert_eq!((commented.code, commented.stdout.lines().count()), (0, 2), "{}", commented.stderr);
    let ended = place.run(&["runs", "ls", "--where", "metrics.loss < < 1"]);
    assert!(ended.stderr.contains("metrics.loss < < 1\n"), "the place is marked in the text: {}", ended.stderr);
}

#[test]
fn a_home_that_is_not_there_is_noted() {
    let ended = Place::new().run(&["runs", "ls", "--home", "/nowhere/at/all"]);
    assert!(ended.code == 0 && ended.stderr.contains("there is no store at /nowhere/at/all"), "{}", ended.stderr);
}

#[test]
fn a_list_that_is_cut_says_so_and_zero_is_all() {
    let (place, _) = trained();
    place.sql(&CREATE_FARES.replacen("CREATE MODEL", "CREATE OR REPLACE MODEL", 1), &[]);
    let ended = place.run(&["runs", "ls", "-n", "1"]);
    assert!(ended.stderr.contains("1 of 2 runs, -n 0 shows all"), "{}", ended.stderr);
    for all in ["0", "2"] {
        let ended = place.run(&["runs", "ls", "-n", all, "--sort", "params.none, started"]);
        assert!(!ended.stderr.contains(" of 2 runs") && ended.stdout.contains("(2 rows)"), "{} {}", ended.stdout, ended.stderr);
    }
}

#[test]
fn values_that_json_lacks_are_texts() {
    let place = Place::new();
    let values = "SELECT * FROM (VALUES (1, 'NaN'::double), (2, 'inf'::double), (3, '-inf'::double), (4, NULL), (5, 0.5)) AS t(n, v) ORDER BY n";
    let shown = place.sql(values, &["--format", "json"]);
    let expected = r#"[{"n":1,"v":"NaN"},{"n":2,"v":"Infinity"},{"n":3,"v":"-Infinity"},{"n":4,"v":null},{"n":5,"v":0.5}]"#;
    assert_eq!(shown.trim(), expected);
    let within =
        place.sql("SELECT make_array(1.5, 'NaN'::double) AS l, arrow_cast('inf'::double, 'Float32') AS f", &["--format", "json"]);
    assert_eq!(within.trim(), r#"[{"l":[1.5,"NaN"],"f":"Infinity"}]"#);
}

#[test]
fn a_run_is_shown_as_one_object() {
    let (place, run) = trained();
    let ended = place.run(&["runs", "show", &run, "--format", "json"]);
    let shown: String = ended.stdout.lines().collect();
    assert!(shown.starts_with(&format!("{{\"run\":[{{\"run\":\"{run}\"")) && shown.ends_with("]}"), "{shown}");
    for part in ["],\"params\":[", "],\"tags\":[", "],\"metrics\":[{\"name\":", "],\"artifacts\":["] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[test]
fn an_address_of_a_store_is_checked_and_its_password_never_shown() {
    let place = Place::new();
    for (address, code, said) in [
        ("mysql://ann:secret@h/d", 1, "begins with `mysql:`"),
        ("postgresql://ann:secret@h/d?sslmode=maybe", 1, "has sslmode `maybe`"),
        ("postgresql://ann:secret@127.0.0.1:1/d", 4, "no server answers at 127.0.0.1:1"),
    ] {
        let ended = place.run(&["runs", "ls", "--store", address]);
        assert!(ended.code == code && ended.stderr.contains(said), "{address}: {} {}", ended.code, ended.stderr);
        assert!(!ended.stderr.contains("secret"), "{}", ended.stderr);
    }
}

fn session_of(place: &Place) -> Session {
    Session::builder().home(place.path("home")).threads(2).build().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn diff_compares_each_data_set_of_a_role_with_its_like() {
    let place = Place::new();
    let session = session_of(&place);
    let [rides, weather, other] = ["SELECT 1 AS a", "SELECT 1 AS a, 2.5 AS b", "SELECT 'x' AS c"];
    let mut runs = Vec::new();
    for second in [weather, weather, other] {
        let run = session.start_run(RunOptions::new("equal").without_code().without_samples()).unwrap();
        for (query, name) in [(rides, "rides"), (second, "weather")] {
            run.log_input(&session.sql(query).await.unwrap(), name, "training").await.unwrap();
        }
        run.finish().unwrap();
        runs.push(run.id().to_owned());
    }
    let diff = |b: &str| place.run(&["runs", "diff", &runs[0], b, "--format", "csv"]).stdout;
    assert_eq!(diff(&runs[1]).lines().count(), 1, "{}", diff(&runs[1]));
    let found = diff(&runs[2]);
    assert!(found.contains("data,training weather schema,") && !found.contains("rides"), "{found}");
}

#[test]
fn tail_prints_metrics_whatever_the_steps_of_others() {
    let place = Place::new();
    let run = session_of(&place).start_run(RunOptions::new("steps").without_code().without_samples()).unwrap();
    (0..50).for_each(|step| run.log(step, &[("system/cpu", 0.5), ("batch_loss", 2.0)]).unwrap());
    for step in [-1, 0, 0] {
        run.log(step, &[("loss", 0.25)]).unwrap();
    }
    run.finish().unwrap();
    let printed = place.run(&["runs", "tail"]).stdout;
    assert_eq!((printed.matches(" loss 0.250000").count(), printed.matches("batch_loss").count()), (3, 50), "{printed}");
    assert!(!printed.contains("system/"), "{printed}");
    assert_eq!(place.run(&["runs", "tail", "--system"]).stdout.matches("system/cpu").count(), 50);
}

#[test]
fn a_collection_where_there_is_no_store_makes_none() {
    let place = Place::new();
    let ended = place.run(&["runs", "gc", "--home", "none"]);
    assert!(ended.code == 0 && !place.path("none").exists(), "{}", ended.stderr);
}
