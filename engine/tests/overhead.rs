//! What a small query costs beside its rows, step by step; run by hand, since it measures.

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use gradframe::DataFrame;
use gradframe::expr::{col, lit};

use crate::support::session;

fn small(session: &gradframe::Session) -> DataFrame {
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..10));
    let batch = RecordBatch::try_from_iter([("a", column)]).unwrap();
    session.from_batches(batch.schema(), vec![batch]).unwrap()
}

fn time(what: &str, mut run: impl FnMut()) {
    run();
    let started = Instant::now();
    (0..50).for_each(|_| run());
    println!("{what}: {:.0} us", started.elapsed().as_secs_f64() * 1e6 / 50.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures; cargo nextest run -p gradframe --run-ignored only --no-capture overhead"]
async fn of_ten_rows_and_of_a_hundred_operations() {
    let session = session();
    let frame = small(&session);
    let query = || frame.filter(col("a").gt(lit(3_i64))).unwrap().with_columns([(col("a") * lit(2_i64)).alias("c")]).unwrap();
    time("building", || drop(query()));
    time("state", || drop(session.context().state()));
    time("optimizing", || drop(query().optimized_plan().unwrap()));
    let state = session.context().state();
    let plan = query().logical_plan().clone();
    let started = Instant::now();
    for _ in 0..50 {
        state.create_physical_plan(&plan).await.unwrap();
    }
    println!("planning: {:.0} us", started.elapsed().as_secs_f64() * 1e6 / 50.0);
    let started = Instant::now();
    for _ in 0..50 {
        query().collect().await.unwrap();
    }
    println!("collecting: {:.0} us", started.elapsed().as_secs_f64() * 1e6 / 50.0);
    let hundred = || {
        (0..25).fold(frame.clone(), |frame, i| {
            let more = frame.with_columns([(col("a") + lit(i)).alias(format!("c{i}"))]).unwrap();
            let fewer = more.filter(col("a").gt(lit(-i))).unwrap();
            let name = format!("d{}", i % 3);
            fewer.with_columns([(col(format!("c{i}")) * lit(2_i64)).alias(name)]).unwrap().drop([format!("c{i}")]).unwrap()
        })
    };
    time("building 100", || drop(hundred()));
    time("optimizing 100", || drop(hundred().optimized_plan().unwrap()));
    by_rule(&session, &hundred());
}

/// The rules that take longest, all passes together.
fn by_rule(session: &gradframe::Session, frame: &DataFrame) {
    let state = session.context().state();
    let mut last = Instant::now();
    let mut spent = std::collections::BTreeMap::<String, (usize, f64)>::new();
    let optimized = state.optimizer().optimize(frame.logical_plan().clone(), &state, |_, rule| {
        let entry = spent.entry(rule.name().to_owned()).or_default();
        *entry = (entry.0 + 1, entry.1 + last.elapsed().as_secs_f64() * 1e6);
        last = Instant::now();
    });
    let mut spent: Vec<_> = spent.into_iter().collect();
    spent.sort_by(|a, b| b.1.1.total_cmp(&a.1.1));
    spent.iter().for_each(|(rule, (passes, us))| println!("  {rule}: {us:.0} us in {passes} passes"));
    println!("{}", optimized.unwrap().display_indent());
}
