//! `ML.TRAINING_INFO`: the metrics of a model's run, pivoted back into the training log.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Float64Type, Int64Type};
use datafusion::logical_expr::{LogicalPlan, Operator};
use datafusion::scalar::ScalarValue;
use gradframe_ml_core::Result;

use super::{arrow_error, scan};
use crate::ops::run_log::{LogFilter, LogQuery, LogTable};
use crate::ops::train::log_schema;
use crate::services::{BATCH_LOSS, NamedModel, RunLog, Services};

/// Begins the names of what is sampled of the machine, at steps of its own.
const SAMPLED: &str = "system/";

/// The training log of the run that made the model; the schema is that of `Train`'s output.
pub fn training_info(model: Arc<NamedModel>, services: &Services) -> Result<LogicalPlan> {
    let runs = Arc::clone(&services.runs);
    scan("training_info", log_schema(), move || {
        let training = &model.model.spec.training;
        let lines = lines(runs.as_ref(), &training.run)?;
        batch(&training.run, training.rows, &lines)
    })
}

/// What was logged at one step.
#[derive(Debug, Default)]
struct Line {
    epoch: i64,
    loss: f64,
    gradient_norm: f64,
    seconds: f64,
    eval_loss: Option<f64>,
    learning_rate: Option<f64>,
}

/// The run's log by step.
fn lines(runs: &dyn RunLog, run: &str) -> Result<BTreeMap<i64, Line>> {
    // Losses of batches count their steps over all epochs; here a step is an epoch.
    let of_epochs = LogFilter::Compare("name".into(), Operator::NotEq, ScalarValue::from(BATCH_LOSS));
    let filters = vec![LogFilter::Eq("run".into(), ScalarValue::from(run)), of_epochs];
    let mut lines = BTreeMap::<i64, Line>::new();
    for points in runs.scan(LogTable::Metrics, &LogQuery { filters, ..LogQuery::default() })? {
        let names = points.column(1).as_string::<i32>();
        let integers = [2, 3].map(|i| points.column(i).as_primitive::<Int64Type>());
        let values = points.column(4).as_primitive::<Float64Type>();
        for row in (0..points.num_rows()).filter(|row| !names.value(*row).starts_with(SAMPLED)) {
            let line = lines.entry(integers[0].value(row)).or_default();
            line.epoch = integers[1].value(row);
            line.set(names.value(row), values.value(row));
        }
    }
    Ok(lines)
}

impl Line {
    fn set(&mut self, name: &str, value: f64) {
        match name {
            "loss" => self.loss = value,
            "gradient_norm" => self.gradient_norm = value,
            "seconds" => self.seconds = value,
            "eval_loss" => self.eval_loss = Some(value),
            "learning_rate" => self.learning_rate = Some(value),
            _ => {} // other metrics of the run
        }
    }
}

fn batch(run: &str, rows: u64, lines: &BTreeMap<i64, Line>) -> Result<RecordBatch> {
    let floats = |get: fn(&Line) -> f64| Arc::new(lines.values().map(get).collect::<Float64Array>()) as ArrayRef;
    let maybe = |get: fn(&Line) -> Option<f64>| Arc::new(lines.values().map(get).collect::<Float64Array>()) as ArrayRef;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec![run; lines.len()])),
        Arc::new(lines.values().map(|l| l.epoch).collect::<Int64Array>()),
        Arc::new(lines.keys().copied().collect::<Int64Array>()),
        Arc::new(Int64Array::from(vec![rows as i64; lines.len()])),
        floats(|l| l.loss),
        floats(|l| l.gradient_norm),
        floats(|l| l.seconds),
        maybe(|l| l.eval_loss),
        maybe(|l| l.learning_rate),
    ];
    RecordBatch::try_new(log_schema(), columns).map_err(arrow_error)
}
