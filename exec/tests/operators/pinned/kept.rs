//! What of a table is kept where: columns on the device, its definition, the files that it was read from.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int8Type;
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::common::{Constraint, Constraints};
use datafusion::logical_expr::lit;
use datafusion::prelude::ParquetReadOptions;
use gradframe_exec::ops::train::dataset_files;
use gradframe_exec::pinned::PinnedTable;

use super::{assert_same, cached, columns, partitions, read, register, run, settings, simulated};
use crate::testing::Testing;

#[test]
fn strings_and_small_numbers_lie_there_wide_decimals_do_not() {
    let t = Testing::with(settings(1));
    let table = cached(&t, 1_000, &simulated(usize::MAX), true).unwrap();
    assert_eq!(table.on_device().join(" "), "n x y f k w b d d2 day small year u");
    // One byte more a row of a column with nulls.
    assert_eq!(table.device_bytes(), 1_000 * (9 + 9 + 9 + 5 + 1 + 2 + 2 + 9 + 8 + 5 + 2 + 9 + 9));
}

/// Each batch has a dictionary of its own, with room for 127 strings; all together they have more.
#[tokio::test]
async fn a_dictionary_that_has_no_room_for_all_strings_stays_on_the_cpu_alone() {
    let batch = |first: i64| {
        let words: Vec<String> = (first..first + 100).map(|word| format!("word {word}")).collect();
        let words: DictionaryArray<Int8Type> = words.iter().map(String::as_str).collect();
        let n: ArrayRef = Arc::new(Int64Array::from_iter_values(first..first + 100));
        RecordBatch::try_from_iter([("n", n), ("w", Arc::new(words) as ArrayRef)]).unwrap()
    };
    let t = Testing::with(settings(2));
    let batches = vec![vec![batch(0), batch(100)], vec![batch(200)]];
    let device = simulated(usize::MAX);
    let table = PinnedTable::on((&device, true), "t", batches[0][0].schema(), batches, &t.context.task_ctx()).unwrap();
    assert_eq!(table.on_device(), ["n"]);
    register(&t, table);
    let plan = t.query("SELECT sum(n) AS s FROM t").await;
    assert!(t.physical(&plan).await.contains("DeviceAggregateExec: device=simulated:0"));
    let sum = RecordBatch::try_from_iter([("s", Arc::new(Int64Array::from(vec![299 * 150])) as ArrayRef)]).unwrap();
    assert_same(&run(&t, plan).await.unwrap(), &sum, "sum(n)");
    let plan = t.query("SELECT count(*) AS c FROM t WHERE w = 'word 250'").await;
    let one = RecordBatch::try_from_iter([("c", Arc::new(Int64Array::from(vec![1])) as ArrayRef)]).unwrap();
    assert_same(&run(&t, plan).await.unwrap(), &one, "w");
}

#[tokio::test]
async fn a_cached_table_has_the_definition_of_the_table() {
    let t = Testing::with(settings(1));
    let (schema, partitions) = partitions(&columns(10));
    let keys = Constraints::new_unverified(vec![Constraint::PrimaryKey(vec![0])]);
    let table = MemTable::try_new(schema, partitions).unwrap().with_constraints(keys.clone());
    let table = table.with_column_defaults(HashMap::from([("n".to_owned(), lit(7i64))]));
    let cached = read(&t, &table).await.unwrap();
    assert_eq!(cached.constraints(), Some(&keys));
    assert_eq!(cached.get_column_default("n"), Some(&lit(7i64)));
    assert_eq!(cached.get_column_default("x"), None);
}

#[tokio::test]
async fn large_batches_of_a_cached_table_are_cut_below_functions() {
    let t = Testing::with(settings(1));
    let words: ArrayRef = Arc::new(StringArray::from_iter_values((0..100_000).map(|row| format!("row {row}"))));
    let whole = RecordBatch::try_from_iter([("w", words)]).unwrap();
    let (device, context) = (simulated(usize::MAX), t.context.task_ctx());
    register(&t, PinnedTable::on((&device, true), "t", whole.schema(), vec![vec![whole]], &context).unwrap());
    let functions = t.physical(&t.query("SELECT upper(w) FROM t").await).await;
    assert!(functions.contains("CutExec"), "{functions}");
    let none = t.physical(&t.query("SELECT w FROM t").await).await;
    assert!(!none.contains("CutExec"), "{none}");
}

#[tokio::test]
async fn the_files_of_a_cached_table_are_those_that_were_read() {
    let t = Testing::with(settings(1));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet").display().to_string();
    let write = async |rows: i64| {
        let frame = t.context.sql(&format!("SELECT value AS n FROM generate_series(1, {rows})")).await.unwrap();
        frame.write_parquet(&path, Default::default(), None).await.unwrap();
    };
    write(10).await;
    t.context.register_parquet("p", &path, ParquetReadOptions::default()).await.unwrap();
    let table = t.context.table_provider("p").await.unwrap();
    let plan = table.scan(&t.context.state(), None, &[], None).await.unwrap();
    let read = dataset_files(&plan, &t.context.task_ctx()).await;
    let options = t.context.copied_config();
    let cached = PinnedTable::read("t", table.as_ref(), plan, options.options(), &t.context.task_ctx()).await.unwrap();
    register(&t, cached);
    let plan = t.context.state().create_physical_plan(&t.query("SELECT n FROM t WHERE n > 3").await).await.unwrap();
    let found = dataset_files(&plan, &t.context.task_ctx()).await;
    assert!(found == read && found.len() == 1 && found[0].hash.is_some(), "{found:?}");
    // What lies there now is not what was read.
    write(1_000).await;
    let found = dataset_files(&plan, &t.context.task_ctx()).await;
    assert_eq!((found[0].bytes, &found[0].hash), (read[0].bytes, &None));
}
