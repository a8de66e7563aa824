//! Formats of results, on standard output and in files.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use arrow::ipc::reader::StreamReader;
use arrow::record_batch::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::support::{Place, read};

const ROWS: &str = "SELECT * FROM (VALUES (1, 'a'), (2, NULL)) AS t(n, s) ORDER BY n";

#[test]
fn the_table_is_drawn_with_its_number_of_rows() {
    let out = Place::new().sql(ROWS, &[]);
    let expected = "\
┌────────┬─────────┐
│      n │ s       │
│ bigint │ varchar │
├────────┼─────────┤
│      1 │ a       │
│      2 │ NULL    │
└────────┴─────────┘
(2 rows)
";
    assert_eq!(out, expected);
}

#[test]
fn a_long_table_is_cut_and_says_so() {
    let place = Place::new();
    let long = "SELECT value AS n FROM generate_series(1, 100)";
    let cut = place.sql(long, &["--max-rows", "3"]);
    assert!(
        cut.ends_with("│      2 │\n│      · │\n│    100 │\n└────────┘\n(100 rows, 3 shown, --max-rows 0 shows all)\n"),
        "{cut}"
    );
    assert!(place.sql(long, &["--max-rows", "0"]).ends_with("│    100 │\n└────────┘\n(100 rows)\n"));
}

#[test]
fn an_output_file_is_of_the_format_it_ends_in() {
    let place = Place::new();
    place.sql(ROWS, &["-o", "out.csv"]);
    place.sql(ROWS, &["-o", "out.JSON"]);
    place.sql(ROWS, &["-o", "other.csv", "--format", "json"]);
    assert_eq!(read(&place.path("out.csv")), "n,s\n1,a\n2,\n");
    assert!(read(&place.path("out.JSON")).starts_with("[{\"n\":1"));
    assert!(read(&place.path("other.csv")).starts_with("[{\"n\":1"));
}

#[test]
fn an_empty_table_still_shows_its_columns() {
    let out = Place::new().sql("SELECT 1 AS only WHERE false", &[]);
    assert!(out.contains("│   only │") && out.ends_with("(0 rows)\n"), "{out}");
}

#[test]
fn a_file_and_a_pipe_have_no_width() {
    let place = Place::new();
    let wide = "SELECT repeat('x', 500) AS long";
    assert!(place.sql(wide, &[]).contains(&"x".repeat(500)));
    place.sql(wide, &["-o", "wide.txt"]);
    assert!(read(&place.path("wide.txt")).contains(&"x".repeat(500)));
}

#[test]
fn what_would_move_the_cursor_is_escaped() {
    let out = Place::new().sql("SELECT 'a' || chr(10) || 'b' || chr(27) || '[31m' AS s", &[]);
    assert!(out.contains(r"│ a\nb\u{1b}[31m │"), "{out}");
}

#[test]
fn explain_is_plain_text() {
    let out = Place::new().sql("EXPLAIN SELECT 1 AS a", &[]);
    assert!(out.contains("Projection: Int64(1) AS a"), "{out}");
    assert!(!out.contains('|') && !out.contains("rows)"), "{out}");
}

#[test]
fn csv_and_json_write_nulls_and_empty_results() {
    let place = Place::new();
    assert_eq!(place.sql(ROWS, &["--format", "csv"]), "n,s\n1,a\n2,\n");
    assert_eq!(place.sql(ROWS, &["--format", "json"]), "[{\"n\":1,\"s\":\"a\"},{\"n\":2,\"s\":null}]\n");
    assert_eq!(place.sql("SELECT 1 AS a WHERE false", &["--format", "csv"]), "a\n");
    assert_eq!(place.sql("SELECT 1 AS a WHERE false", &["--format", "json"]), "[]\n");
}

#[test]
fn parquet_and_arrow_files_hold_the_rows() {
    let place = Place::new();
    assert_eq!(place.sql(ROWS, &["--format", "parquet", "-o", "out.parquet"]), "");
    assert_eq!(place.sql(ROWS, &["--format", "arrow", "-o", "out.arrow"]), "");
    let parquet =
        ParquetRecordBatchReaderBuilder::try_new(File::open(place.path("out.parquet")).unwrap()).unwrap().build().unwrap();
    let arrow = StreamReader::try_new(File::open(place.path("out.arrow")).unwrap(), None).unwrap();
    let parquet: Vec<RecordBatch> = parquet.map(Result::unwrap).collect();
    let arrow: Vec<RecordBatch> = arrow.map(Result::unwrap).collect();
    assert_eq!(parquet[0].columns(), arrow[0].columns());
    assert_eq!((arrow[0].num_rows(), arrow[0].column(1).null_count()), (2, 1));
}

#[test]
fn a_file_holds_the_last_result_alone() {
    let place = Place::new();
    place.sql("SELECT 1 AS a; SELECT 2 AS b", &["--format", "csv", "-o", "out.csv"]);
    assert_eq!(read(&place.path("out.csv")), "b\n2\n");
    assert_eq!(place.files(), ["out.csv"]);
}

#[test]
fn a_failing_query_leaves_the_file_as_it_was() {
    let place = Place::new();
    std::fs::write(place.path("old.csv"), "precious\n").unwrap();
    for file in ["old.csv", "new.csv"] {
        let ended = place.run(&[
            "sql",
            "-c",
            "SELECT 1 / (value - 50000) AS x FROM generate_series(1, 100000)",
            "--format",
            "csv",
            "-o",
            file,
        ]);
        assert_eq!(ended.code, 1, "{}", ended.stderr);
    }
    assert_eq!(read(&place.path("old.csv")), "precious\n");
    assert_eq!(place.files(), ["old.csv"]);
}

#[test]
fn a_type_that_csv_lacks_is_named() {
    let ended = Place::new().run(&["sql", "-c", "SELECT [1, 2] AS list", "--format", "csv"]);
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("--format arrow or parquet"), "{}", ended.stderr);
}

#[test]
fn a_reader_that_leaves_ends_the_command_quietly() {
    let place = Place::new();
    for format in ["csv", "json", "arrow", "parquet"] {
        let sql = "SELECT value, repeat('x', 50) AS s FROM generate_series(1, 3000000)";
        let mut child = place.command(&["sql", "-c", sql, "--format", format]).stdout(Stdio::piped()).spawn().unwrap();
        let mut first = Vec::new();
        BufReader::new(child.stdout.take().unwrap()).take(16).read_until(b'\n', &mut first).unwrap();
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(141), "{format}");
        assert_eq!(String::from_utf8(ended.stderr).unwrap(), "", "{format}");
    }
}
