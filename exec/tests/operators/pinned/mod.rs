//! Aggregates over cached tables on a device give what the CPU gives: on a simulated one everywhere, on CUDA's with
//! `GRADFRAME_DEVICE=cuda`.

mod kept;
mod queries;
mod short;
mod tpch;

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int8Array, Int64Array,
    RecordBatch, StringArray, StringViewArray, UInt64Array,
};
use arrow::datatypes::{DataType, Float32Type, Float64Type, SchemaRef};
use arrow::util::pretty::pretty_format_batches;
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::collect;
use gradframe_exec::device::{Device, Simulated};
use gradframe_exec::pinned::PinnedTable;
use gradframe_ml_core::Result;
use gradframe_plan::error::from_datafusion;
use gradframe_plan::functions::checked_sum;
use gradframe_plan::options::{DeviceChoice, GradframeOptions};

use crate::testing::{Settings, Testing};

fn mixed(row: i64, salt: i64) -> i64 {
    let mixed = (row.wrapping_add(1)).wrapping_mul(0x5851_F42D_4C95_7F2D ^ salt.wrapping_mul(0x1405_7B7E_F767_814F));
    (mixed >> 20 ^ mixed >> 41) & 0xffff_ffff
}

/// Columns of all kinds, with nulls, NaN and infinities.
fn columns(rows: i64) -> Vec<(&'static str, ArrayRef)> {
    const SPECIAL: [f64; 7] = [0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 5e-324, -1e300];
    let some = |row: i64, salt: i64| mixed(row, salt) % 11 != 3;
    let number = |row: i64, salt: i64| (mixed(row, salt) % 2001 - 1000) as f64 / 8.0;
    let special = |row: i64, salt: i64| match mixed(row, salt + 50) % 29 {
        at @ 0..7 => SPECIAL[at as usize],
        _ => number(row, salt),
    };
    let words = ["alpha", "beta", "gamma", "delta", ""];
    let decimal = |salt: i64, most: i64, some: &dyn Fn(i64) -> bool| {
        let values = (0..rows).map(|row| some(row).then(|| i128::from(mixed(row, salt) % most)));
        Decimal128Array::from_iter(values).with_precision_and_scale(15, 2).unwrap()
    };
    let word = |row| some(row, 7).then(|| words[(mixed(row, 8) % 5) as usize]);
    vec![
        ("n", Arc::new(Int64Array::from_iter((0..rows).map(|row| some(row, 1).then(|| mixed(row, 2) % 4001 - 2000))))),
        ("x", Arc::new(Float64Array::from_iter((0..rows).map(|row| some(row, 3).then(|| number(row, 4)))))),
        ("y", Arc::new(Float64Array::from_iter((0..rows).map(|row| some(row, 5).then(|| special(row, 6)))))),
        ("f", Arc::new(Float32Array::from_iter((0..rows).map(|row| some(row, 9).then(|| number(row, 10) as f32))))),
        ("k", Arc::new(StringViewArray::from_iter_values((0..rows).map(|row| ["A", "N", "R"][(mixed(row, 11) % 3) as usize])))),
        ("w", Arc::new(StringArray::from_iter((0..rows).map(word)))),
        ("b", Arc::new(BooleanArray::from_iter((0..rows).map(|row| some(row, 12).then(|| mixed(row, 13) % 2 == 0))))),
        ("d", Arc::new(decimal(14, 10_000_000, &|row| some(row, 15)))),
        ("d2", Arc::new(decimal(16, 11, &|_| true))),
        (
            "day",
            Arc::new(Date32Array::from_iter((0..rows).map(|row| some(row, 17).then(|| 8036 + (mixed(row, 18) % 2526) as i32)))),
        ),
        ("small", Arc::new(Int8Array::from_iter((0..rows).map(|row| some(row, 19).then(|| (mixed(row, 20) % 23) as i8 - 9))))),
        ("year", Arc::new(Int64Array::from_iter((0..rows).map(|row| some(row, 23).then(|| 1992 + mixed(row, 24) % 7))))),
        ("u", Arc::new(UInt64Array::from_iter((0..rows).map(|row| some(row, 21).then(|| mixed(row, 22) as u64))))),
        ("note", Arc::new(Decimal128Array::from_iter_values((0..rows).map(i128::from)).with_precision_and_scale(30, 2).unwrap())),
    ]
}

/// In partitions of several batches, some of them empty.
fn partitions(columns: &[(&'static str, ArrayRef)]) -> (SchemaRef, Vec<Vec<RecordBatch>>) {
    let whole = RecordBatch::try_from_iter_with_nullable(columns.iter().map(|(name, column)| (*name, Arc::clone(column), true)));
    let whole = whole.unwrap();
    let rows = whole.num_rows();
    let cuts = [0, rows / 7, rows / 7, rows / 3, rows / 2, rows];
    let parts: Vec<RecordBatch> = cuts.windows(2).map(|cut| whole.slice(cut[0], cut[1] - cut[0])).collect();
    (whole.schema(), vec![parts[..3].to_vec(), parts[3..].to_vec()])
}

fn simulated(rows_max: usize) -> Arc<dyn Device> {
    Arc::new(Simulated { rows_max, ..Simulated::default() })
}

fn cached(t: &Testing, rows: i64, device: &Arc<dyn Device>, is_strict: bool) -> Result<PinnedTable> {
    let (schema, partitions) = partitions(&columns(rows));
    PinnedTable::on((device, is_strict), "t", schema, partitions, &t.context.task_ctx())
}

/// Caches what a table's scan gives, as `CACHE TABLE t ON CUDA` does.
async fn read(t: &Testing, table: &MemTable) -> Result<PinnedTable> {
    let plan = table.scan(&t.context.state(), None, &[], None).await.unwrap();
    PinnedTable::read("t", table, plan, t.context.copied_config().options(), &t.context.task_ctx()).await
}

/// A session whose device is CUDA's, and must be.
fn strictly_on_cuda(partitions: usize) -> Testing {
    let t = Testing::with(settings(partitions));
    let options = GradframeOptions { device: DeviceChoice::Cuda, device_strict: true, ..GradframeOptions::default() };
    t.context.state_ref().write().config_mut().options_mut().extensions.insert(options);
    t
}

fn register(t: &Testing, table: impl TableProvider + 'static) {
    t.context.register_udaf(checked_sum().as_ref().clone());
    t.context.deregister_table("t").unwrap();
    t.context.register_table("t", Arc::new(table)).unwrap();
}

async fn run(t: &Testing, plan: LogicalPlan) -> Result<RecordBatch> {
    let plan = t.context.state().create_physical_plan(&plan).await.map_err(from_datafusion)?;
    let schema = plan.schema();
    let batches = collect(plan, t.context.task_ctx()).await.map_err(from_datafusion)?;
    Ok(arrow::compute::concat_batches(&schema, &batches).unwrap())
}

/// The rows in an order of their own: what groups come in no order.
fn sorted(batch: &RecordBatch) -> RecordBatch {
    let keys = batch.columns().iter().filter(|column| !column.data_type().is_floating());
    let keys: Vec<_> = keys.map(|column| arrow::compute::SortColumn { values: Arc::clone(column), options: None }).collect();
    if keys.is_empty() || batch.num_rows() < 2 {
        return batch.clone();
    }
    let order = arrow::compute::lexsort_to_indices(&keys, None).unwrap();
    arrow::compute::take_record_batch(batch, &order).unwrap()
}

/// Equal, but for the rounding of sums of floats.
fn assert_same(ours: &RecordBatch, expected: &RecordBatch, what: &str) {
    if let Some(difference) = difference(ours, expected) {
        panic!("{what}:\n{difference}");
    }
}

fn difference(ours: &RecordBatch, expected: &RecordBatch) -> Option<String> {
    let (ours, expected) = (sorted(ours), sorted(expected));
    let text = |batch: &RecordBatch| pretty_format_batches(std::slice::from_ref(batch)).unwrap().to_string();
    let floats = |array: &ArrayRef| -> Option<Vec<Option<f64>>> {
        Some(match array.data_type() {
            DataType::Float64 => array.as_primitive::<Float64Type>().iter().collect(),
            DataType::Float32 => array.as_primitive::<Float32Type>().iter().map(|x| x.map(f64::from)).collect(),
            _ => return None,
        })
    };
    let near = |(a, b): (Option<f64>, Option<f64>)| match (a, b) {
        (Some(a), Some(b)) => a.to_bits() == b.to_bits() || (a - b).abs() <= 1e-12 * (1e5 + b.abs()),
        (a, b) => a.is_none() && b.is_none(),
    };
    let same = |(a, b): (&ArrayRef, &ArrayRef)| match (floats(a), floats(b)) {
        (Some(a), Some(b)) => a.len() == b.len() && a.into_iter().zip(b).all(near),
        _ => a == b,
    };
    let is_same = ours.num_columns() == expected.num_columns() && ours.columns().iter().zip(expected.columns()).all(same);
    (!is_same).then(|| format!("{}\n{}", text(&ours), text(&expected)))
}

fn settings(partitions: usize) -> Settings {
    Settings { partitions, ..Settings::default() }
}
