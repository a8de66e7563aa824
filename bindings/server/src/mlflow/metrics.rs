//! The history of a metric.

use serde_json::{Value, json};

use super::call::{Call, number};
use super::{Answer, Handler, runs};

/// How many points are given at once unless it is said.
const RESULTS: usize = 25_000;

pub fn history(handler: &Handler, call: &Call) -> Answer {
    let (run, name) = (runs::id(call)?, call.text("metric_key")?);
    runs::record(handler, run)?;
    let points = handler.tracking.history(run, name)?;
    let (start, limit) = runs::page(call, RESULTS)?;
    let point = |point: &gradframe::HistoryPoint| json!({ "key": name, "value": number(point.value), "timestamp": point.time_us / 1000, "step": point.step });
    let shown: Vec<Value> = points.iter().skip(start).take(limit).map(point).collect();
    let next = (start + limit < points.len()).then(|| (start + limit).to_string());
    Ok(runs::paged("metrics", shown, next))
}
