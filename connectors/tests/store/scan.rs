//! Filters in SQL mean what they mean in memory.

use std::sync::{Arc, LazyLock};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use datafusion::logical_expr::Operator;
use datafusion::scalar::ScalarValue;
use gradframe_connectors::store::Store;
use gradframe_plan::ops::run_log::{LogFilter, LogQuery, LogTable};
use gradframe_plan::services::{MetricPoint, NewRun, RunLog, RunOutcome};
use proptest::prelude::*;

/// Three runs with values of all kinds, and more rows than fit in one batch.
static STORE: LazyLock<Arc<Store>> = LazyLock::new(|| {
    let store = Store::in_memory().unwrap();
    for (title, seed, points) in [("a", 1, 50), ("b", u64::MAX, 9000), ("a' OR 1", 1 << 63, 3)] {
        let model = (seed == 1).then(|| "m".to_string());
        let run = store.start(NewRun { title: title.into(), seed: Some(seed), model, ..NewRun::default() }).unwrap();
        run.log(&(0..points).map(point).collect::<Vec<_>>()).unwrap();
        run.finish(RunOutcome::Finished).unwrap();
    }
    store
});

const VALUES: [f64; 9] = [f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.0, 1.5, -2.0, 7.0];

fn point(i: i64) -> MetricPoint {
    let value = VALUES[i as usize % VALUES.len()];
    MetricPoint { name: ["loss", "gradient_norm"][i as usize % 2].into(), step: i, epoch: i / 10, value }
}

fn whole(table: LogTable, query: &LogQuery) -> RecordBatch {
    let batches = STORE.scan(table, query).unwrap();
    assert!(batches.iter().all(|batch| (1..=8192).contains(&batch.num_rows())));
    let schema = match &query.projection {
        None => table.schema(),
        Some(columns) => Arc::new(table.schema().project(columns).unwrap()),
    };
    let mut rows = concat_batches(&schema, &batches).unwrap();
    // Without columns only the number of rows is left.
    if schema.fields().is_empty() {
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batches.iter().map(|b| b.num_rows()).sum()));
        rows = RecordBatch::try_new_with_options(schema, vec![], &options).unwrap();
    }
    rows
}

fn comparisons() -> impl Strategy<Value = Operator> {
    prop::sample::select(vec![Operator::Eq, Operator::NotEq, Operator::Lt, Operator::LtEq, Operator::Gt, Operator::GtEq])
}

/// A column of `metrics` or `runs`, and a value to compare it with.
fn compared(table: LogTable) -> BoxedStrategy<(String, ScalarValue)> {
    let text = |names: &'static [&'static str]| prop::sample::select(names.to_vec()).prop_map(ScalarValue::from);
    match table {
        LogTable::Metrics => prop_oneof![
            text(&["loss", "gradient_norm", "LOSS", "", "'"]).prop_map(|v| ("name".to_string(), v)),
            (-1i64..60).prop_map(|v| ("step".to_string(), v.into())),
            (-1i64..8).prop_map(|v| ("epoch".to_string(), v.into())),
            prop::sample::select(VALUES.to_vec()).prop_map(|v| ("value".to_string(), v.into())),
        ]
        .boxed(),
        _ => prop_oneof![
            text(&["a", "b", "a' OR 1", "zzz"]).prop_map(|v| ("title".to_string(), v)),
            text(&["m", "n"]).prop_map(|v| ("model".to_string(), v)),
            prop::sample::select(vec![0u64, 1, 2, 1 << 63, u64::MAX]).prop_map(|v| ("seed".to_string(), v.into())),
            any::<bool>().prop_map(|v| ("reproducible".to_string(), v.into())),
        ]
        .boxed(),
    }
}

fn filter(table: LogTable) -> impl Strategy<Value = LogFilter> {
    let leaf = prop_oneof![
        compared(table).prop_map(|(column, value)| LogFilter::Eq(column, value)),
        (comparisons(), compared(table)).prop_map(|(op, (column, value))| LogFilter::Compare(column, op, value)),
        compared(table).prop_flat_map(move |(column, value)| {
            prop::collection::vec(compared(table), 0..3).prop_map(move |more| {
                let same = more.into_iter().filter(|(name, _)| *name == column).map(|(_, value)| value);
                LogFilter::In(column.clone(), std::iter::once(value.clone()).chain(same).collect())
            })
        }),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| prop::collection::vec(inner, 0..3).prop_map(LogFilter::And))
}

fn query(table: LogTable) -> impl Strategy<Value = LogQuery> {
    let columns = table.schema().fields().len();
    let projection = prop::option::of(prop::collection::vec(0..columns, 0..4));
    (prop::collection::vec(filter(table), 0..3), projection, prop::option::of(0usize..40))
        .prop_map(|(filters, projection, limit)| LogQuery { filters, projection, limit })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn metrics_are_filtered_as_in_memory(query in query(LogTable::Metrics)) {
        let everything = whole(LogTable::Metrics, &LogQuery::default());
        prop_assert_eq!(whole(LogTable::Metrics, &query), query.apply(&everything).unwrap());
    }

    #[test]
    fn runs_are_filtered_as_in_memory(query in query(LogTable::Runs)) {
        let everything = whole(LogTable::Runs, &LogQuery::default());
        prop_assert_eq!(whole(LogTable::Runs, &query), query.apply(&everything).unwrap());
    }
}

#[test]
fn latest_values_of_ended_and_live_runs_are_compared_as_in_memory() {
    let store = Store::in_memory().unwrap();
    let runs: Vec<_> =
        VALUES.iter().flat_map(|value| [value; 2]).map(|value| (store.start(NewRun::default()).unwrap(), value)).collect();
    for (place, (run, value)) in runs.iter().enumerate() {
        run.log(&[MetricPoint { name: "x".into(), step: 0, epoch: 0, value: **value }]).unwrap();
        if place % 2 == 0 {
            run.finish(RunOutcome::Finished).unwrap();
        }
    }
    let found = |filter: Option<LogFilter>| {
        let filters = filter.into_iter().collect();
        let batches = store.scan(LogTable::Latest, &LogQuery { filters, ..LogQuery::default() }).unwrap();
        concat_batches(&LogTable::Latest.schema(), &batches).unwrap()
    };
    let everything = found(None);
    assert_eq!(everything.num_rows(), 2 * VALUES.len());
    let operators = [Operator::Eq, Operator::NotEq, Operator::Lt, Operator::LtEq, Operator::Gt, Operator::GtEq];
    for (column, value) in ["value", "min", "max"].into_iter().flat_map(|column| VALUES.map(|value| (column, value))) {
        for op in operators {
            let filter = LogFilter::Compare(column.into(), op, value.into());
            let expected = LogQuery { filters: vec![filter.clone()], ..LogQuery::default() }.apply(&everything).unwrap();
            assert_eq!(found(Some(filter)), expected, "{column} {op} {value:?}");
        }
    }
}

#[test]
fn large_tables_come_in_batches() {
    let batches = STORE.scan(LogTable::Metrics, &LogQuery::default()).unwrap();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [8192, 9053 - 8192]);
}
