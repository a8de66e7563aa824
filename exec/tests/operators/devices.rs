//! Numeric stages and predictions on a device: a simulated one everywhere, and CUDA's with `GRADFRAME_DEVICE=cuda`.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float32Array, Float64Array, Int64Array, RecordBatch};
use arrow::datatypes::Int64Type;
use arrow::util::pretty::pretty_format_batches;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, collect, displayable};
use gradframe_exec::device::{Device, Simulated, placed_on};
use gradframe_ml_core::Result;
use gradframe_plan::error::from_datafusion;
use gradframe_plan::ops::predict::{PredictOptions, predict};
use gradframe_plan::options::{DeviceChoice, GradframeOptions};

use crate::testing::{Settings, Testing, floats, line_table, request};

/// Stages of each consumer, of values of all kinds, with nulls.
const QUERIES: [&str; 5] = [
    "SELECT id, x * x + y * y - 2 * x AS z, abs(x * y - x / y) * 0.5 - y AS w FROM t ORDER BY id",
    "SELECT id, CAST(n AS DOUBLE) * x - y / 3.0 + floor(x) % 2 AS z, f * f - f / CAST(3 AS FLOAT) + f AS g FROM t ORDER BY id",
    "SELECT id FROM t WHERE sqrt(x * x + y * y) * 2 - x > y ORDER BY id",
    "SELECT n % 7 AS k, count((1 - x) * y / (2 + y) - x) AS c, max(x * y - x + y / 2 - 1) AS m FROM t GROUP BY 1 ORDER BY 1",
    "SELECT x * 2 + y * x - 1 AS z FROM t WHERE id < 0",
];

fn table(rows: i64) -> Vec<(&'static str, ArrayRef)> {
    const SPECIAL: [f64; 7] = [0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 5e-324, -1e300];
    let number = |i: i64| if i % 11 < 7 && i % 5 == 0 { SPECIAL[(i % 11) as usize] } else { (i * 37 % 1009) as f64 / 7.0 - 60.0 };
    let some = |i: i64, modulus: i64| (i % modulus != 3).then(|| number(i));
    vec![
        ("id", Arc::new(Int64Array::from_iter_values(0..rows))),
        ("x", Arc::new(Float64Array::from_iter((0..rows).map(|i| some(i, 13))))),
        ("y", Arc::new(Float64Array::from_iter((0..rows).map(|i| some(i + 5, 17))))),
        ("f", Arc::new(Float32Array::from_iter((0..rows).map(|i| some(i + 2, 19).map(|x| x as f32))))),
        ("n", Arc::new(Int64Array::from_iter((0..rows).map(|i| (i % 23 != 0).then_some(i * 7 - 1000))))),
    ]
}

fn testing(settings: Settings) -> Testing {
    let t = Testing::with(settings);
    t.table("t", &table(5000), settings.partitions);
    t
}

async fn physical(t: &Testing, plan: &LogicalPlan) -> Arc<dyn ExecutionPlan> {
    t.context.state().create_physical_plan(plan).await.unwrap()
}

async fn run(t: &Testing, plan: Arc<dyn ExecutionPlan>) -> Result<RecordBatch> {
    let schema = plan.schema();
    let batches = collect(plan, t.context.task_ctx()).await.map_err(from_datafusion)?;
    Ok(arrow::compute::concat_batches(&schema, &batches).unwrap())
}

/// Equal to the last bit; NaN too.
fn assert_same(ours: &RecordBatch, expected: &RecordBatch, what: &str) {
    let text = |batch: &RecordBatch| pretty_format_batches(std::slice::from_ref(batch)).unwrap().to_string();
    assert!(ours == expected || text(ours) == text(expected), "{what}:\n{}\n{}", text(ours), text(expected));
}

fn simulated(rows_max: usize) -> Arc<dyn Device> {
    Arc::new(Simulated { rows_max, ..Simulated::default() })
}

/// What a metric comes to in the operators of this name.
fn metric(plan: &Arc<dyn ExecutionPlan>, operator: &str, name: &str) -> usize {
    let own = plan.metrics().filter(|_| plan.name() == operator).and_then(|metrics| metrics.sum_by_name(name));
    let below: usize = plan.children().into_iter().map(|child| metric(child, operator, name)).sum();
    own.map_or(0, |value| value.as_usize()) + below
}

#[tokio::test]
async fn stages_on_a_device_have_the_bits_of_the_cpu() {
    for (batch_size, memory_bytes) in [(8192, None), (100, None), (8192, Some(4 << 20))] {
        let t = testing(Settings { batch_size, memory_bytes, ..Settings::default() });
        for query in QUERIES {
            let plan = t.query(query).await;
            let expected = t.collect(plan.clone()).await.unwrap();
            for rows_max in [usize::MAX, 0] {
                let placed = placed_on(physical(&t, &plan).await, &simulated(rows_max), false).unwrap();
                let text = displayable(placed.as_ref()).indent(false).to_string();
                assert!(text.contains("NumericStageExec: device=simulated:0, "), "{text}");
                assert_same(&run(&t, placed).await.unwrap(), &expected, query);
            }
        }
    }
}

#[tokio::test]
async fn batches_come_out_as_they_came_in() {
    let t = testing(Settings { batch_size: 100, partitions: 1, ..Settings::default() });
    let plan = t.query("SELECT id, x * x + y * y - 2 * x + y AS z FROM t").await;
    let on_cpu = collect(physical(&t, &plan).await, t.context.task_ctx()).await.unwrap();
    let placed = placed_on(physical(&t, &plan).await, &simulated(usize::MAX), true).unwrap();
    let batches = collect(Arc::clone(&placed), t.context.task_ctx()).await.unwrap();
    let rows = |batches: &[RecordBatch]| batches.iter().map(RecordBatch::num_rows).collect::<Vec<_>>();
    assert_eq!(rows(&batches), rows(&on_cpu));
    let of_stage = |name| metric(&placed, "NumericStageExec", name);
    assert_eq!((of_stage("device_runs"), of_stage("device_rows_on_cpu")), (1, 0), "all batches are one piece");
    assert_eq!((of_stage("bytes_to_device"), of_stage("bytes_from_device")), (5000 * 16, 5000 * 8));
}

#[tokio::test]
async fn what_a_device_cannot_do_is_done_by_the_cpu_or_in_strict_mode_an_error() {
    let t = testing(Settings::default());
    let plan = t.query(QUERIES[0]).await;
    let expected = t.collect(plan.clone()).await.unwrap();
    let takes_nothing: Arc<dyn Device> = Arc::new(Simulated { takes_nothing: true, ..Simulated::default() });
    for (device, kind) in [(takes_nothing, "NotImplemented"), (simulated(0), "Resources")] {
        let lenient = placed_on(physical(&t, &plan).await, &device, false).unwrap();
        assert_same(&run(&t, Arc::clone(&lenient)).await.unwrap(), &expected, kind);
        assert_eq!(metric(&lenient, "NumericStageExec", "device_rows_on_cpu"), 5000, "{kind}");
        let strict = placed_on(physical(&t, &plan).await, &device, true).unwrap();
        assert_eq!(run(&t, strict).await.unwrap_err().kind(), kind);
    }
}

#[tokio::test]
async fn a_stage_of_a_function_with_other_bits_stays_on_the_cpu() {
    let t = testing(Settings::default());
    let plan = t.query("SELECT sin(x) * x + y * y - 2 * x AS z FROM t").await;
    let placed = placed_on(physical(&t, &plan).await, &simulated(0), true).unwrap();
    let text = displayable(placed.as_ref()).indent(false).to_string();
    assert!(text.contains("NumericStageExec: device=cpu, "), "{text}");
}

#[tokio::test]
async fn what_fails_in_sql_fails_on_a_device() {
    let t = testing(Settings::default());
    for (query, fails) in [
        ("SELECT sqrt(x * 2) * 2 + y * 3 AS z FROM t", true),
        ("SELECT sqrt(CASE WHEN x < 0 THEN NULL ELSE x END) * 2 + y * 3 - 1 AS z FROM t", false),
    ] {
        let plan = t.query(query).await;
        let placed = placed_on(physical(&t, &plan).await, &simulated(usize::MAX), true).unwrap();
        match run(&t, placed).await {
            Err(error) => assert!(fails && error.to_string().contains("square root of a negative number"), "{error}"),
            Ok(rows) => assert_same(&rows, &t.collect(plan).await.unwrap(), query),
        }
    }
}

#[tokio::test]
async fn predictions_on_a_device_are_those_of_the_cpu() {
    for batch_size in [8192, 100] {
        let t = Testing::with(Settings { batch_size, partitions: 1, ..Settings::default() });
        t.table("t", &line_table(1000), 1);
        t.train("SELECT a, b, kind, y FROM t", request("m", "linear_reg")).await.unwrap();
        for query in ["SELECT id, a, b, kind FROM t", "SELECT id, CASE WHEN id % 7 = 0 THEN NULL ELSE a END AS a, b, kind FROM t"]
        {
            let plan = predict(t.query(query).await, t.model("m"), PredictOptions::default()).unwrap();
            let expected = t.collect(plan.clone()).await.unwrap();
            for rows_max in [usize::MAX, 0] {
                let placed = placed_on(physical(&t, &plan).await, &simulated(rows_max), false).unwrap();
                let text = displayable(placed.as_ref()).indent(false).to_string();
                assert!(text.contains("outputs=[predicted_y], device=simulated:0"), "{text}");
                assert_same(&run(&t, placed).await.unwrap(), &expected, query);
            }
        }
    }
}

/// A session that demands CUDA, as `GRADFRAME_DEVICE=cuda` in the environment asks for; None, said on the terminal, elsewhere.
fn demanding(settings: Settings) -> Option<Testing> {
    if std::env::var("GRADFRAME_DEVICE").as_deref() != Ok("cuda") {
        println!("skipped: GRADFRAME_DEVICE is not cuda");
        return None;
    }
    let options = GradframeOptions { device: DeviceChoice::Cuda, device_strict: true, ..GradframeOptions::default() };
    let t = testing(settings);
    t.context.state_ref().write().config_mut().options_mut().extensions.insert(options);
    Some(t)
}

#[tokio::test]
async fn stages_on_cuda_have_the_bits_of_the_cpu() {
    let settings = Settings { batch_size: 100, ..Settings::default() };
    let Some(t) = demanding(settings) else { return };
    let on_cpu = testing(settings);
    for query in QUERIES {
        let text = t.physical(&t.query(query).await).await;
        assert!(text.contains("NumericStageExec: device=cuda:0, "), "{text}");
        let expected = on_cpu.collect(on_cpu.query(query).await).await.unwrap();
        assert_same(&t.collect(t.query(query).await).await.unwrap(), &expected, query);
    }
    println!("{}", t.analyze(t.query(QUERIES[0]).await).await);
}

#[tokio::test]
async fn predictions_on_cuda_are_those_of_the_cpu_within_rounding() {
    let Some(t) = demanding(Settings::default()) else { return };
    t.table("lines", &line_table(1000), 2);
    t.train("SELECT a, b, kind, y FROM lines", request("m", "linear_reg")).await.unwrap();
    let query = "SELECT id, a, b, kind FROM lines";
    let plan = predict(t.query(query).await, t.model("m"), PredictOptions::default()).unwrap();
    let text = t.physical(&plan).await;
    assert!(text.contains("outputs=[predicted_y], device=cuda:0"), "{text}");
    let ours = t.collect(plan.clone()).await.unwrap();
    t.context.state_ref().write().config_mut().options_mut().extensions.insert(GradframeOptions::default());
    let plan = predict(t.query(query).await, t.model("m"), PredictOptions::default()).unwrap();
    let expected = t.collect(plan).await.unwrap();
    assert_eq!(ours.num_rows(), expected.num_rows());
    for (ours, expected) in by_id(&ours).into_iter().zip(by_id(&expected)) {
        assert!((ours - expected).abs() <= 1e-9 * (1.0 + expected.abs()), "{ours} {expected}");
    }
}

/// The predictions in the order of the rows' numbers.
fn by_id(rows: &RecordBatch) -> Vec<f64> {
    let ids = rows.column(0).as_primitive::<Int64Type>().values().iter().copied();
    let mut pairs: Vec<(i64, f64)> = ids.zip(floats(rows, "predicted_y")).collect();
    pairs.sort_by_key(|(id, _)| *id);
    pairs.into_iter().map(|(_, y)| y).collect()
}
