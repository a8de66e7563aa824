//! Files whose columns differ, as one table.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Date32Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::ipc::writer::FileWriter;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::prelude::{col, lit};
use datafusion::scalar::ScalarValue;
use tempfile::TempDir;

use super::{Options, collect, columns, frame, lines, read, text, types};

const FORMATS: [&str; 4] = ["csv", "ndjson", "parquet", "arrow"];

fn yes(name: &str) -> (&str, ScalarValue) {
    (name, ScalarValue::from(true))
}

fn write(path: &Path, batch: &RecordBatch) {
    let file = File::create(path).unwrap();
    match path.extension().unwrap().to_str().unwrap() {
        "csv" => arrow::csv::Writer::new(file).write(batch).unwrap(),
        "ndjson" => arrow::json::LineDelimitedWriter::new(file).write(batch).unwrap(),
        "parquet" => {
            let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
            writer.write(batch).unwrap();
            writer.close().unwrap();
        }
        _ => {
            let mut writer = FileWriter::try_new(file, &batch.schema()).unwrap();
            writer.write(batch).unwrap();
            writer.finish().unwrap();
        }
    }
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter(columns).unwrap()
}

/// `a` has i, x, t; `b` has x, t, u in another order, and x is a float there.
fn two_files(format: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let a = batch(vec![
        ("i", Arc::new(Int64Array::from(vec![1, 2]))),
        ("x", Arc::new(Int32Array::from(vec![10, 20]))),
        ("t", Arc::new(StringArray::from(vec!["p", "q"]))),
    ]);
    let b = batch(vec![
        ("t", Arc::new(StringArray::from(vec!["r"]))),
        ("u", Arc::new(Date32Array::from(vec![0]))),
        ("x", Arc::new(Float64Array::from(vec![0.5]))),
    ]);
    write(&directory.path().join(format!("a.{format}")), &a);
    write(&directory.path().join(format!("b.{format}")), &b);
    directory
}

async fn sorted(directory: &Path, format: &str, options: Options<'_>) -> (Vec<String>, Vec<String>) {
    let table = read(None, &directory.join(format!("*.{format}")), options).await.unwrap_or_else(|e| panic!("{format}: {e}"));
    let names = columns(&table).iter().map(|column| column.split(' ').next().unwrap().to_string()).collect();
    let sorted = frame(table).sort(vec![col("t").sort(true, true)]).unwrap();
    (names, lines(&collect(sorted).await.unwrap_or_else(|e| panic!("{format}: {e}"))))
}

#[tokio::test]
async fn columns_are_united_by_name_in_every_format() {
    for format in FORMATS {
        let directory = two_files(format);
        let (names, rows) = sorted(directory.path(), format, &[yes("union_by_name")]).await;
        assert_eq!(names, ["i", "x", "t", "u"], "{format}");
        assert_eq!(rows, ["1,10.0,p,-", "2,20.0,q,-", "-,0.5,r,1970-01-01"], "{format}");
    }
}

#[tokio::test]
async fn without_the_option_they_are_refused_with_both_files_and_the_remedy() {
    for format in ["csv", "parquet", "arrow"] {
        let directory = two_files(format);
        let error = read(None, &directory.path().join(format!("*.{format}")), &[]).await.unwrap_err();
        assert_eq!(error.kind(), "Execution");
        let place = text(directory.path());
        let what = format!("`{place}/b.{format}` has other columns than `{place}/a.{format}`: it lacks `i` and has `u` besides");
        assert_eq!(error.detail().what, what);
        assert!(error.detail().hint.as_ref().unwrap().starts_with("union_by_name => true"));
    }
}

#[tokio::test]
async fn filters_and_selections_see_the_united_columns() {
    for format in FORMATS {
        let directory = two_files(format);
        let path = directory.path().join(format!("*.{format}"));
        let table = read(None, &path, &[yes("union_by_name")]).await.unwrap();
        let big = frame(table.clone()).filter(col("x").lt(lit(15.0))).unwrap().select(vec![col("t")]).unwrap();
        assert_eq!(lines(&collect(big.sort(vec![col("t").sort(true, true)]).unwrap()).await.unwrap()), ["p", "r"], "{format}");
        let missing = frame(table.clone()).filter(col("u").is_null()).unwrap();
        assert_eq!(missing.count().await.unwrap(), 2, "{format}");
        let only = frame(table.clone()).select(vec![col("u")]).unwrap();
        assert_eq!(only.count().await.unwrap(), 3, "{format}");
        let summed = frame(table)
            .aggregate(
                vec![],
                vec![
                    datafusion::functions_aggregate::expr_fn::sum(col("x")),
                    datafusion::functions_aggregate::expr_fn::max(col("x")),
                ],
            )
            .unwrap();
        assert_eq!(lines(&collect(summed).await.unwrap()), ["30.5,20.0"], "{format}");
    }
}

#[tokio::test]
async fn conflicting_types_name_both_files_and_a_cast_ends_it() {
    for format in FORMATS {
        let directory = tempfile::tempdir().unwrap();
        write(&directory.path().join(format!("a.{format}")), &batch(vec![("t", Arc::new(Int64Array::from(vec![7])))]));
        write(&directory.path().join(format!("b.{format}")), &batch(vec![("t", Arc::new(StringArray::from(vec!["x"])))]));
        let path = directory.path().join(format!("*.{format}"));
        let error = read(None, &path, &[]).await.unwrap_err();
        let what = &error.detail().what;
        assert!(what.starts_with("column `t` is Int64 in") && what.contains(&format!("a.{format}` and Utf8")), "{what}");
        assert!(what.ends_with(&format!("b.{format}`")), "{what}");
        let (_, rows) = sorted(directory.path(), format, &[("types", types(&[("t", "VARCHAR")]))]).await;
        assert_eq!(rows, ["7", "x"], "{format}");
    }
}

#[tokio::test]
async fn a_value_that_does_not_fit_the_said_type_is_named_with_its_file() {
    for format in FORMATS {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(format!("a.{format}"));
        write(&path, &batch(vec![("t", Arc::new(StringArray::from(vec!["7", "x"])))]));
        let table = read(None, &path, &[("types", types(&[("t", "BIGINT")]))]).await.unwrap();
        let error = collect(frame(table)).await.unwrap_err();
        assert_eq!(error.kind(), "Execution", "{format}: {error}");
        assert!(error.to_string().contains(&text(&path)), "{format}: {error}");
    }
}

#[tokio::test]
async fn the_files_name_is_a_column_if_wanted_and_prunes() {
    for format in FORMATS {
        let directory = two_files(format);
        let path = directory.path().join(format!("*.{format}"));
        let table = read(None, &path, &[yes("union_by_name"), yes("filename")]).await.unwrap();
        let b = text(&directory.path().join(format!("b.{format}")));
        let of_b = frame(table).filter(col("filename").eq(lit(b.as_str()))).unwrap();
        assert_eq!(lines(&collect(of_b.select(vec![col("t"), col("filename")]).unwrap()).await.unwrap()), [format!("r,{b}")]);
    }
}

#[tokio::test]
async fn describe_files_says_what_is_missing_and_what_is_widened() {
    for format in FORMATS {
        let directory = two_files(format);
        let path = directory.path().join(format!("*.{format}"));
        let described = read(Some("describe_files"), &path, &[]).await.unwrap();
        let notes = frame(described).select(vec![col("column"), col("note")]).unwrap();
        let notes = lines(&collect(notes).await.unwrap());
        assert_eq!(notes[..4], ["i,-", "x,widened", "t,-", "u,missing"], "{format}");

        assert_eq!(notes[4..], ["i,missing", "x,-", "t,-", "u,-"], "{format}");
    }
}

#[tokio::test]
async fn a_header_that_changed_under_an_open_table_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.csv");
    fs::write(&path, "a,b\n1,2\n").unwrap();
    let table = read(None, &path, &[]).await.unwrap();
    fs::write(&path, "b,a\n2,1\n").unwrap();
    assert_eq!(lines(&collect(frame(table.clone())).await.unwrap()), ["1,2"], "columns are found by name");
    fs::write(&path, "a,c\n1,2\n").unwrap();
    let error = collect(frame(table)).await.unwrap_err();
    assert!(error.to_string().contains("has lost the column `b` since the table was opened"), "{error}");
}

#[tokio::test]
async fn a_file_of_other_types_than_the_table_was_opened_with_is_an_error_that_names_it_and_the_column() {
    let int = || ("x", Arc::new(Int64Array::from(vec![1])) as ArrayRef);
    let texts = || ("s", Arc::new(StringArray::from(vec!["a"])) as ArrayRef);
    let floats = || ("x", Arc::new(Float64Array::from(vec![1.5])) as ArrayRef);
    let small = || ("x", Arc::new(Int32Array::from(vec![7])) as ArrayRef);
    for format in ["parquet", "arrow"] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(format!("a.{format}"));
        for (later, says) in [
            (vec![("y", floats().1)], "it lacks the column `x`"),
            (vec![int(), ("S", texts().1)], "it lacks the column `s`"),
            (vec![floats(), texts()], "column `x` is Float64 in it, Int64 in the query"),
            (vec![texts(), ("x", texts().1)], "column `x` is "),
        ] {
            write(&path, &batch(vec![int(), texts()]));
            let table = read(None, &path, &[]).await.unwrap();
            write(&path, &batch(later));
            let error = collect(frame(table)).await.unwrap_err();
            assert_eq!(error.kind(), "Execution", "{format}: {error}");
            let what = &error.detail().what;
            assert!(what.contains(says) && what.contains(&text(&path)), "{format}: {what}");
        }
        // What the table's types hold is read, and what nobody reads is not looked at.
        write(&path, &batch(vec![int(), texts()]));
        let table = read(None, &path, &[]).await.unwrap();
        write(&path, &batch(vec![texts(), small()]));
        assert_eq!(lines(&collect(frame(table.clone())).await.unwrap()), ["7,a"], "{format}");
        write(&path, &batch(vec![floats(), texts()]));
        let only = frame(table).select(vec![col("s")]).unwrap();
        assert_eq!(lines(&collect(only).await.unwrap()), ["a"], "{format}");
    }
}

#[tokio::test]
async fn a_file_that_comes_later_must_fit_into_the_table_and_may_lack_columns_by_the_option_alone() {
    for format in ["parquet", "arrow"] {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(format!("{name}.{format}"));
        write(
            &at("a"),
            &batch(vec![
                ("x", Arc::new(Int64Array::from(vec![Some(1), None]))),
                ("t", Arc::new(StringArray::from(vec!["p", "s"]))),
            ]),
        );
        let pattern = directory.path().join(format!("*.{format}"));
        let strict = read(None, &pattern, &[]).await.unwrap();
        let by_name = read(None, &pattern, &[yes("union_by_name")]).await.unwrap();
        write(&at("b"), &batch(vec![("t", Arc::new(StringArray::from(vec!["q"])))]));
        let error = collect(frame(strict)).await.unwrap_err();
        assert!(error.to_string().contains("it lacks the column `x`"), "{error}");
        let mut rows = lines(&collect(frame(by_name.clone())).await.unwrap());
        rows.sort();
        assert_eq!(rows, ["-,q", "-,s", "1,p"], "{format}");
        write(
            &at("c"),
            &batch(vec![("x", Arc::new(Float64Array::from(vec![1.5]))), ("t", Arc::new(StringArray::from(vec!["r"])))]),
        );
        let error = collect(frame(by_name)).await.unwrap_err();
        assert!(error.to_string().contains("column `x` is Float64"), "{error}");
    }
}
