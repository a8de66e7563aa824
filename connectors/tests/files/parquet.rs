//! Parquet: extension types kept, partitions pruned, errors with the file's name.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{Int64Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::physical_plan::displayable;
use datafusion::prelude::{SessionContext, col, lit};

use super::{collect, columns, frame, lines, parquet, rows, text};

/// A file with one column `x`; notes go into the schema's and the field's metadata.
fn write(path: &Path, values: &[i64], schema_note: &str, extension: Option<&str>) {
    let mut notes = HashMap::from([("PARQUET:note".to_string(), schema_note.to_string())]);
    notes.extend(extension.map(|name| ("ARROW:extension:name".to_string(), name.to_string())));
    let field = Field::new("x", DataType::Int64, true).with_metadata(notes);
    let schema = Arc::new(Schema::new_with_metadata(vec![field], HashMap::from([("note".to_string(), schema_note.to_string())])));
    let batch = RecordBatch::try_new(schema.clone(), vec![Arc::new(Int64Array::from(values.to_vec()))]).unwrap();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), schema, None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[tokio::test]
async fn extension_types_survive_and_other_notes_do_not_conflict() {
    let directory = tempfile::tempdir().unwrap();
    write(&directory.path().join("a.parquet"), &[1], "one", Some("my.type"));
    write(&directory.path().join("b.parquet"), &[2], "two", Some("my.type"));
    let table = parquet(&[text(directory.path())]).await.unwrap();
    let kept = HashMap::from([("ARROW:extension:name".to_string(), "my.type".to_string())]);
    assert_eq!(table.schema().field(0).metadata(), &kept);
    assert!(table.schema().metadata().is_empty());
    let rows = rows(table).await.unwrap();
    assert_eq!(rows.schema().field(0).metadata(), &kept);
    assert_eq!(rows.num_rows(), 2);
}

#[tokio::test]
async fn hive_partitions_are_columns_and_prune_files() {
    let directory = tempfile::tempdir().unwrap();
    for (year, month, value) in [(2013, "1", 1), (2013, "2", 2), (2014, "1", 3)] {
        write(&directory.path().join(format!("t/year={year}/month={month}/p.parquet")), &[value], "", None);
    }
    write(&directory.path().join("t/year=__HIVE_DEFAULT_PARTITION__/month=1/p.parquet"), &[4], "", None);
    let table = parquet(&[text(&directory.path().join("t"))]).await.unwrap();
    assert_eq!(columns(&table), ["x Int64", "year Int64", "month Int64"]);

    let filtered = frame(table.clone()).filter(col("year").eq(lit(2013)).and(col("x").gt(lit(1)))).unwrap();
    let plan = displayable(filtered.clone().create_physical_plan().await.unwrap().as_ref()).indent(false).to_string();
    assert!(plan.contains("year=2013") && !plan.contains("year=2014"), "{plan}");
    assert_eq!(lines(&collect(filtered).await.unwrap()), ["2,2013,2"]);

    let null = frame(table.clone()).filter(col("year").is_null()).unwrap();
    assert_eq!(lines(&collect(null).await.unwrap()), ["4,-,1"]);
    let not_null = frame(table.clone()).filter(col("year").is_not_null()).unwrap();
    assert_eq!(not_null.count().await.unwrap(), 3);
    let grouped = frame(table)
        .aggregate(vec![col("month")], vec![datafusion::functions_aggregate::expr_fn::sum(col("x")).alias("s")])
        .unwrap();
    assert_eq!(lines(&collect(grouped.sort(vec![col("month").sort(true, true)]).unwrap()).await.unwrap()), ["1,8", "2,2"]);
}

#[tokio::test]
async fn a_new_file_is_seen_by_the_next_scan() {
    let directory = tempfile::tempdir().unwrap();
    write(&directory.path().join("a.parquet"), &[1], "", None);
    let table = parquet(&[text(&directory.path().join("*.parquet"))]).await.unwrap();
    let context = SessionContext::new();
    assert_eq!(context.read_table(table.clone()).unwrap().count().await.unwrap(), 1);
    write(&directory.path().join("b.parquet"), &[2, 3], "", None);
    assert_eq!(context.read_table(table).unwrap().count().await.unwrap(), 3);
}

#[tokio::test]
async fn broken_files_are_named() {
    let directory = tempfile::tempdir().unwrap();
    write(&directory.path().join("good.parquet"), &[1], "", None);
    let good = fs::read(directory.path().join("good.parquet")).unwrap();
    let bad = directory.path().join("bad.parquet");
    for content in [&b""[..], b"PAR1", b"no parquet at all, but long enough to be looked at", &good[..good.len() - 20]] {
        fs::write(&bad, content).unwrap();
        let error = parquet(&[text(&bad)]).await.unwrap_err();
        assert_eq!(error.kind(), "Execution", "{error}");
        assert!(error.to_string().contains("bad.parquet"), "{error}");
    }
}

#[tokio::test]
async fn files_with_other_types_are_named() {
    let directory = tempfile::tempdir().unwrap();
    write(&directory.path().join("a.parquet"), &[1], "", None);
    let schema = Arc::new(Schema::new(vec![Field::new("x", DataType::Utf8, true)]));
    let file = File::create(directory.path().join("b.parquet")).unwrap();
    ArrowWriter::try_new(file, schema, None).unwrap().close().unwrap();
    let error = parquet(&[text(directory.path())]).await.unwrap_err();
    assert_eq!(error.kind(), "Execution");
    let named = error.to_string().contains("column `x` is Int64 in") && error.to_string().contains("b.parquet`");
    assert!(named, "{error}");
}
