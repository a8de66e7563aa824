//! Batches for training loops: the same ones every time, dealt out and resumed.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::logical_expr::{ColumnarValue, Volatility, create_udf};
use gradframe::expr::{col, lit, sum};
use gradframe::{DataFrame, LoadOptions, Session};

fn session(threads: usize) -> Session {
    Session::builder().in_memory().threads(threads).batch_size_rows(100).build().unwrap()
}

fn rows_of(session: &Session, rows: i64) -> DataFrame {
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
    let batch = RecordBatch::try_from_iter([("i", column)]).unwrap();
    session.from_batches(batch.schema(), vec![batch]).unwrap()
}

async fn batches(frame: &DataFrame, options: &LoadOptions) -> Vec<Vec<i64>> {
    let mut loader = frame.load(options).await.unwrap();
    let mut all = vec![];
    while let Some(batch) = loader.next().await.unwrap() {
        all.push(batch.column(0).as_primitive::<Int64Type>().values().to_vec());
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rows_come_in_the_plans_order_in_batches_of_one_size() {
    for threads in [1, 3] {
        let frame = rows_of(&session(threads), 10_000).filter((col("i") % lit(2_i64)).eq(lit(0_i64))).unwrap();
        let found = batches(&frame, &LoadOptions::new(64)).await;
        assert!(found.iter().flatten().copied().eq((0..10_000).step_by(2)));
        assert!(found[..found.len() - 1].iter().all(|batch| batch.len() == 64));
        assert_eq!(found.last().unwrap().len(), 5000 % 64);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_shuffle_depends_on_seed_and_epoch_alone() {
    let options = |seed, epoch| LoadOptions { shuffle: Some(seed), epoch, ..LoadOptions::new(50) };
    let one = batches(&rows_of(&session(1), 5000), &options(7, 0)).await;
    let four = batches(&rows_of(&session(4), 5000), &options(7, 0)).await;
    assert_eq!(one, four);
    let all: BTreeSet<i64> = one.iter().flatten().copied().collect();
    assert_eq!(all.len(), 5000);
    assert!(!one.iter().flatten().is_sorted());
    let frame = rows_of(&session(2), 5000);
    let next = batches(&frame, &options(7, 1)).await;
    assert!(next != one && batches(&frame, &options(8, 0)).await != one);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ranks_and_workers_share_the_batches_of_one_loop() {
    let frame = rows_of(&session(2), 1000);
    let base = LoadOptions { shuffle: Some(3), ..LoadOptions::new(16) };
    let whole = batches(&frame, &base).await;
    let mut dealt = vec![];
    for rank in 0..3 {
        let of_rank = LoadOptions { rank, world_size: 3, ..base.clone() };
        let alone = batches(&frame, &of_rank).await;
        let mut workers = vec![];
        for worker in 0..2 {
            workers.push(batches(&frame, &LoadOptions { worker, workers: 2, ..of_rank.clone() }).await.into_iter());
        }
        let mut taken = vec![];
        while let Some(batch) = workers[taken.len() % 2].next() {
            taken.push(batch);
        }
        assert_eq!(taken, alone);
        dealt.push(alone);
    }
    let merged: Vec<_> = (0..whole.len()).map(|i| dealt[i % 3][i / 3].clone()).collect();
    assert_eq!(merged, whole);
    for rank in 0..3 {
        let options = LoadOptions { rank, world_size: 3, drop_last: true, ..base.clone() };
        assert_eq!(batches(&frame, &options).await.len(), 1000 / 48);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_loop_goes_on_where_it_was() {
    let frame = rows_of(&session(3), 3000);
    for shuffle in [None, Some(5)] {
        let base = LoadOptions { shuffle, rank: 1, world_size: 2, ..LoadOptions::new(70) };
        let whole = batches(&frame, &base).await;
        for skip in [0, 1, 7, whole.len(), whole.len() + 5] {
            let rest = batches(&frame, &LoadOptions { skip_batches: skip as u64, ..base.clone() }).await;
            assert_eq!(rest, whole.get(skip..).unwrap_or_default());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_plan_without_an_order_gets_one() {
    let grouped = |threads| {
        let frame = rows_of(&session(threads), 20_000).with_columns([(col("i") % lit(700_i64)).alias("k")]).unwrap();
        frame.group_by(["k"]).agg([sum("i")]).unwrap()
    };
    let expected = batches(&grouped(1), &LoadOptions::new(33)).await;
    assert_eq!(batches(&grouped(4), &LoadOptions::new(33)).await, expected);
    assert_eq!(batches(&grouped(3), &LoadOptions::new(33)).await, expected);
    let sorted = grouped(4).sort(["k"]).unwrap();
    assert!(batches(&sorted, &LoadOptions::new(33)).await.iter().flatten().copied().eq(0..700));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_shuffle_larger_than_memory_spills() {
    let session = Session::builder().in_memory().threads(2).memory_limit_bytes(24 << 20).build().unwrap();
    let numbers =
        session.sql("SELECT value AS i, md5(CAST(value AS VARCHAR)) AS t FROM generate_series(1, 400000)").await.unwrap();
    let options = LoadOptions { shuffle: Some(1), ..LoadOptions::new(10_000) };
    let found = batches(&numbers, &options).await;
    assert_eq!(found.iter().map(Vec::len).sum::<usize>(), 400_000);
    assert_eq!(session.context().runtime_env().memory_pool.reserved(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_cannot_be_dealt_is_refused() {
    let frame = rows_of(&session(1), 10);
    for bad in [
        LoadOptions::new(0),
        LoadOptions { rank: 2, world_size: 2, ..LoadOptions::new(1) },
        LoadOptions { worker: 1, ..LoadOptions::new(1) },
        LoadOptions { world_size: 0, ..LoadOptions::new(1) },
    ] {
        assert_eq!(frame.load(&bad).await.unwrap_err().kind(), "Plan");
    }
    let none = rows_of(&session(1), 0);
    assert!(batches(&none, &LoadOptions { shuffle: Some(1), ..LoadOptions::new(4) }).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_of_any_size_are_dealt_to_ranks_without_overflow() {
    let session = session(2);
    let numbers = session.sql("SELECT value AS x FROM generate_series(1, 10)").await.unwrap();
    for batch_rows in [1 << 63, usize::MAX / 2, usize::MAX] {
        for rank in 0..4 {
            let options = LoadOptions { rank, world_size: 4, ..LoadOptions::new(batch_rows) };
            let mut loader = numbers.load(&options).await.unwrap();
            let rows = loader.next().await.unwrap().map_or(0, |batch| batch.num_rows());
            assert_eq!(rows, if rank == 0 { 10 } else { 0 }, "rank {rank} of batches of {batch_rows}");
            assert!(loader.next().await.unwrap().is_none());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_panic_are_an_error_and_not_the_end() {
    let session = session(2);
    let boom = |arguments: &[ColumnarValue]| {
        let ColumnarValue::Array(values) = &arguments[0] else { panic!("expected an array") };
        let values = values.as_primitive::<Int64Type>();
        assert!(values.values().iter().all(|value| *value < 700), "a panic far below");
        Ok(ColumnarValue::Array(Arc::new(values.clone()) as ArrayRef))
    };
    let function = create_udf("boom", vec![DataType::Int64], DataType::Int64, Volatility::Immutable, Arc::new(boom));
    session.context().register_udf(function);
    let frame = session.sql_with("SELECT boom(i) AS i FROM rows", [("rows", rows_of(&session, 1000))]).await.unwrap();
    let mut loader = frame.load(&LoadOptions::new(50)).await.unwrap();
    let mut rows = 0;
    let error = loop {
        match loader.next().await {
            Ok(Some(batch)) => rows += batch.num_rows(),
            Ok(None) => panic!("it ended after {rows} rows"),
            Err(error) => break error,
        }
    };
    assert!(error.kind() == "Internal" && error.to_string().contains("a panic far below"), "{error}");
}
