//! Queries 1 and 6 of TPC-H, over rows of `lineitem`'s kind.

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, Date32Array, Decimal128Array, RecordBatch, StringViewArray};
use datafusion::catalog::MemTable;
use gradframe_exec::pinned::PinnedTable;

use super::{assert_same, mixed, read, register, run, settings, simulated, strictly_on_cuda};
use crate::testing::Testing;

/// Queries 1 and 6 of TPC-H.
const TPCH: [&str; 2] = [
    "SELECT l_returnflag, l_linestatus, sum(l_quantity), sum(l_extendedprice), sum(l_extendedprice * (1 - l_discount)),
        sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)), avg(l_quantity), avg(l_extendedprice), avg(l_discount), count(*)
        FROM t WHERE l_shipdate <= DATE '1998-09-02' GROUP BY l_returnflag, l_linestatus",
    "SELECT sum(l_extendedprice * l_discount) FROM t WHERE l_shipdate >= DATE '1994-01-01' AND l_shipdate < DATE '1995-01-01'
        AND l_discount BETWEEN 0.05 AND 0.07 AND l_quantity < 24",
];

/// Rows of `lineitem` from a number on.
fn lineitem(from: i64, rows: i64) -> RecordBatch {
    let decimal = |salt: i64, low: i64, high: i64| {
        let values = (from..from + rows).map(move |row| i128::from(low + mixed(row, salt) % (high - low)));
        Arc::new(Decimal128Array::from_iter_values(values).with_precision_and_scale(15, 2).unwrap()) as ArrayRef
    };
    let word = |salt: i64, words: &'static [&'static str]| {
        let words = (from..from + rows).map(move |row| words[mixed(row, salt) as usize % words.len()]);
        Arc::new(StringViewArray::from_iter_values(words)) as ArrayRef
    };
    let days = (from..from + rows).map(|row| 8_036 + (mixed(row, 5) % 2_526) as i32);
    let columns = [
        ("l_quantity", decimal(1, 100, 5_001)),
        ("l_extendedprice", decimal(2, 90_000, 10_500_000)),
        ("l_discount", decimal(3, 0, 11)),
        ("l_tax", decimal(4, 0, 9)),
        ("l_shipdate", Arc::new(Date32Array::from_iter_values(days))),
        ("l_returnflag", word(6, &["A", "N", "R"])),
        ("l_linestatus", word(7, &["F", "O"])),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

/// Partitions of batches, each made by a thread of its own.
fn lineitems(rows: i64, partitions: i64) -> Vec<Vec<RecordBatch>> {
    const BATCH: i64 = 1 << 18;
    let of = |partition: i64| {
        let (from, to) = (rows * partition / partitions, rows * (partition + 1) / partitions);
        let starts = (from..to).step_by(BATCH as usize);
        move || starts.map(|start| lineitem(start, BATCH.min(to - start))).collect::<Vec<_>>()
    };
    let threads: Vec<_> = (0..partitions).map(|partition| std::thread::spawn(of(partition))).collect();
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

#[tokio::test]
async fn queries_of_tpch_over_a_cached_table_are_exact() {
    let t = Testing::with(settings(2));
    let rows = lineitems(50_000, 2);
    let table = PinnedTable::on((&simulated(20_000), true), "t", rows[0][0].schema(), rows.clone(), &t.context.task_ctx());
    register(&t, table.unwrap());
    let on_cpu = Testing::with(settings(2));
    register(&on_cpu, MemTable::try_new(rows[0][0].schema(), rows).unwrap());
    for query in TPCH {
        let plan = t.query(query).await;
        assert!(t.physical(&plan).await.contains("DeviceAggregateExec: device=simulated:0"), "{query}");
        let expected = run(&on_cpu, on_cpu.query(query).await).await.unwrap();
        assert_same(&run(&t, plan).await.unwrap(), &expected, query);
    }
}

/// `GRADFRAME_DEVICE=cuda GRADFRAME_ROWS=60000000` times them, the plan included: the figures of docs/gpu.md.
#[tokio::test]
async fn queries_of_tpch_over_a_table_cached_on_cuda() {
    let rows: i64 = std::env::var("GRADFRAME_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(1_000_000);
    if std::env::var("GRADFRAME_DEVICE").as_deref() != Ok("cuda") {
        return println!("skipped: GRADFRAME_DEVICE is not cuda");
    }
    let t = strictly_on_cuda(16);
    let batches = lineitems(rows, 16);
    let (on_cpu, table) = (Testing::with(settings(16)), MemTable::try_new(batches[0][0].schema(), batches).unwrap());
    let start = Instant::now();
    let cached = read(&t, &table).await.unwrap();
    let bytes = cached.device_bytes() as f64 * 1e-9;
    println!("{rows} rows, {bytes:.2} GB there in {:.2} s", start.elapsed().as_secs_f64());
    register(&t, cached);
    register(&on_cpu, table);
    for query in TPCH {
        let expected = run(&on_cpu, on_cpu.query(query).await).await.unwrap();
        let mut times = vec![];
        for _ in 0..5 {
            let start = Instant::now();
            let ours = run(&t, t.query(query).await).await.unwrap();
            times.push(start.elapsed().as_secs_f64() * 1e3);
            assert_same(&ours, &expected, query);
        }
        println!("first {:.2} ms, then {:.2?} ms\n{}", times[0], &times[1..], t.analyze(t.query(query).await).await);
    }
}
