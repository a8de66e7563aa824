//! NDJSON: types, nesting, and errors with file and line.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use datafusion::prelude::{col, lit};
use datafusion::scalar::ScalarValue;
use tempfile::TempDir;

use super::{Options, collect, columns, frame, lines, open, read, rows, text, types};
use crate::support::shared_data;

fn file(content: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.ndjson");
    fs::write(&path, content).unwrap();
    (directory, path)
}

/// The columns and rows of a text, or the error.
async fn table(content: impl AsRef<[u8]>, options: Options<'_>) -> Result<(Vec<String>, Vec<String>), String> {
    let (directory, path) = file(content);
    let place = text(directory.path()) + "/";
    let table = read(Some("read_json"), &path, options).await.map_err(|e| e.to_string().replace(&place, ""))?;
    let names = columns(&table);
    let rows = rows(table).await.map_err(|e| e.to_string().replace(&place, ""))?;
    Ok((names, lines(&rows)))
}

#[tokio::test]
async fn columns_have_the_narrowest_type_that_fits() {
    let content = "{\"i\": 1, \"f\": 1.5, \"b\": true, \"t\": \"x\", \"m\": 1}\n{\"i\": null, \"f\": 2, \"t\": \"\", \"m\": \"y\", \"n\": null}\n";
    let (names, rows) = table(content, &[]).await.unwrap();
    assert_eq!(names, ["i Int64", "f Float64", "b Boolean", "t Utf8", "m Utf8", "n Utf8"]);
    assert_eq!(rows, ["1,1.5,true,x,1,-", "-,2.0,-,,y,-"]);
}

#[tokio::test]
async fn objects_are_structs_and_arrays_are_lists() {
    let content = "{\"s\": {\"x\": 1}, \"l\": [1, 2.5]}\n{\"s\": {\"y\": \"a\"}, \"l\": []}\n";
    let (names, rows) = table(content, &[]).await.unwrap();
    assert!(names[0].starts_with("s Struct") && names[1].starts_with("l List"), "{names:?}");
    assert_eq!(rows, ["{x: 1, y: -},[1.0, 2.5]", "{x: -, y: a},[]"]);
}

#[tokio::test]
async fn what_is_sometimes_nested_is_json_text() {
    let content = "{\"v\": {\"x\": [1, 2]}}\n{\"v\": \"a\"}\n{\"v\": null}\n{\"v\": {}}\n";
    let (names, rows) = table(content, &[]).await.unwrap();
    assert_eq!(names, ["v Utf8"]);
    assert_eq!(rows, ["{\"x\":[1,2]}", "\"a\"", "-", "{}"]);
}

#[tokio::test]
async fn an_array_of_objects_is_read_too() {
    let (names, rows) = table("[\n  {\"a\": 1},\n  {\"a\": 2, \"b\": \"],\"}\n]\n", &[]).await.unwrap();
    assert_eq!(names, ["a Int64", "b Utf8"]);
    assert_eq!(rows, ["1,-", "2,],"]);
}

#[tokio::test]
async fn big_integers_stay_what_they_are() {
    let (names, rows) = table("{\"a\": 18446744073709551615, \"b\": 9223372036854775807}\n", &[]).await.unwrap();
    assert_eq!(names, ["a Utf8", "b Int64"]);
    assert_eq!(rows, ["18446744073709551615,9223372036854775807"]);
}

#[tokio::test]
async fn types_may_be_given() {
    let given = [("types", types(&[("d", "DATE"), ("t", "TIMESTAMP"), ("n", "DOUBLE")]))];
    let content = "{\"d\": \"2013-01-31\", \"t\": \"2013-01-31T05:15:00\", \"n\": 1}\n";
    let (names, rows) = table(content, &given).await.unwrap();
    assert_eq!(names, ["d Date32", "t Timestamp(µs)", "n Float64"]);
    assert_eq!(rows, ["2013-01-31,2013-01-31T05:15:00,1.0"]);
    let error = table("{\"d\": \"2013-01-31\"}\n{\"d\": \"soon\"}\n", &[("types", types(&[("d", "DATE")]))]).await.unwrap_err();
    assert!(error.starts_with("read_json: `t.ndjson`, line 2: column `d` is Date32, got `\"soon\"`"), "{error}");
}

#[tokio::test]
async fn only_the_columns_used_are_read_and_counting_needs_none() {
    let (_directory, path) = file("{\"a\": 1, \"b\": \"x\", \"c\": 10}\n{\"a\": 2, \"c\": 20}\n");
    let selected = frame(open(&path).await.unwrap()).filter(col("c").gt(lit(10))).unwrap().select(vec![col("c"), col("a")]);
    assert_eq!(lines(&collect(selected.unwrap()).await.unwrap()), ["20,2"]);
    assert_eq!(frame(open(&path).await.unwrap()).count().await.unwrap(), 2);
}

#[tokio::test]
async fn errors_name_file_and_line() {
    let good = "{\"a\": 1}\n";
    for (bad, expected) in [
        ("{\"a\": }\n", "line 2: not JSON: expected value at column 7"),
        ("{\"a\": 1\n", "line 2: not JSON: EOF while parsing an object"),
        ("[1]\n", "line 2: expected an object, got `[1]`"),
        ("nul\n", "line 2: not JSON"),
        ("{\"a\": 1} {\"a\": 2}\n", "line 2: not JSON: trailing characters at column 10"),
    ] {
        let error = table(format!("{good}{bad}{good}"), &[]).await.unwrap_err();
        assert!(error.starts_with(&format!("read_json: `t.ndjson`, {expected}")), "{bad}: {error}");
    }
    let error = table([good.as_bytes(), b"{\"a\": \"\xff\"}\n"].concat(), &[]).await.unwrap_err();
    assert_eq!(error, "read_json: `t.ndjson`, line 2: not UTF-8");
}

#[tokio::test]
async fn errors_beyond_the_sample_name_file_and_line_and_lose_nothing() {
    let long: String = (0..30_000).map(|i| format!("{{\"a\": {i}, \"s\": {{\"x\": 1}}}}\n")).collect();
    for (last, expected) in [
        ("{\"a\": \"x\"}", "column `a` is Int64, got `x`; hint: types"),
        ("{\"a\": 1.5}", "column `a` is Int64, got 1.5; hint: types"),
        ("{\"a\": [1]}", "column `a` is Int64, got an array; hint: types"),
        ("{\"a\": 1, \"b\": 2}", "column `b` is not among those of the first rows; hint: a greater schema_infer_rows"),
        ("{\"s\": {\"y\": 2}}", "column `y` is not among those of the first rows; hint"),
        ("{\"a\": 1", "not JSON: EOF while parsing an object"),
    ] {
        let error = table(format!("{long}{last}\n"), &[]).await.unwrap_err();
        assert!(error.starts_with(&format!("read_json: `t.ndjson`, line 30001: {expected}")), "{last}: {error}");
    }
}

#[tokio::test]
async fn compressed_files_are_read_and_truncated_ones_refused() {
    let directory = tempfile::tempdir().unwrap();
    let content: String = (0..50_000).map(|i| format!("{{\"a\": {i}}}\n")).collect();
    for (ending, program) in [("gz", "gzip"), ("zst", "zstd"), ("bz2", "bzip2"), ("xz", "xz")] {
        let path = directory.path().join(format!("t.jsonl.{ending}"));
        let Ok(mut child) = std::process::Command::new(program)
            .arg("-c")
            .stdin(std::process::Stdio::piped())
            .stdout(fs::File::create(&path).unwrap())
            .spawn()
        else {
            eprintln!("skipped: no {program} here");
            continue;
        };
        child.stdin.take().unwrap().write_all(content.as_bytes()).unwrap();
        child.wait().unwrap();
        assert_eq!(frame(open(&path).await.unwrap()).count().await.unwrap(), 50_000, "{ending}");
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        let error = match open(&path).await {
            Ok(table) => rows(table).await.unwrap_err(),
            Err(error) => error,
        };
        assert_eq!(error.kind(), "Execution", "{ending}: {error}");
        assert!(error.to_string().contains(&text(&path)), "{ending}: {error}");
    }
}

#[tokio::test]
async fn an_empty_file_has_no_columns_and_wrong_options_are_plan_errors() {
    let (names, rows) = table("", &[]).await.unwrap();
    assert!(names.is_empty() && rows.is_empty());
    let error = table("{}\n", &[("compresion", ScalarValue::from("gzip"))]).await.unwrap_err();
    assert!(error.starts_with("read_json: unknown option `compresion`; hint: did you mean `compression`?"), "{error}");
}

#[tokio::test]
async fn polars_files_are_read() {
    let Some(folder) = shared_data("formats/polars_io_files/py-polars/tests/unit/io/files") else { return };
    for name in ["foods1.ndjson", "foods2.ndjson"] {
        let table = open(&folder.join(name)).await.unwrap();
        assert_eq!(columns(&table), ["category Utf8", "calories Int64", "fats_g Float64", "sugars_g Int64"], "{name}");
        assert_eq!(frame(table).count().await.unwrap(), 27, "{name}");
    }
}
