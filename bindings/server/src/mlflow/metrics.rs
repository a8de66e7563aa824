//! The history of a metric.

use serde_json::{Value, json};

use super::call::{Call, number};
use super::{Answer, Handler, runs};

pub fn history(handler: &Handler, call: &Call) -> Answer {
    let (run, name) = (runs::looked_at(handler, runs::id(call)?)?.run, call.text("metric_key")?);
    // Clients that log without waiting send several batches at once, and one again whose answer was lost: what was measured first comes
    // first, and once.
    let mut points = handler.tracking.history(&run, name)?;
    points.sort_by_key(|point| (point.time_us, point.step));
    points.dedup_by_key(|point| (point.time_us, point.step, point.value.to_bits()));
    // A client that does not say how many it takes asks for no second page.
    let (start, limit) = runs::page(call, points.len())?;
    let point = |point: &gradframe::HistoryPoint| json!({ "key": name, "value": number(point.value), "timestamp": point.time_us / 1000, "step": point.step });
    let shown: Vec<Value> = points.iter().skip(start).take(limit).map(point).collect();
    let next = (start + limit < points.len()).then(|| (start + limit).to_string());
    Ok(runs::paged("metrics", shown, next))
}

/// How many points of a curve are given where it is drawn beside others.
const DRAWN_POINTS: usize = 320;

/// A metric of several runs between two steps, by step, thinned out evenly; the last point of each stays.
pub fn bulk_interval(handler: &Handler, call: &Call) -> Answer {
    let (runs, name) = (call.texts("run_ids")?, call.text("metric_key")?);
    let (from, to) = (call.integer("start_step")?, call.integer("end_step")?);
    let most = call.integer("max_results")?.and_then(|most| usize::try_from(most).ok()).unwrap_or(DRAWN_POINTS).max(1);
    let mut shown = Vec::new();
    for run in &runs {
        let mut points = handler.tracking.history(run, name)?;
        points.retain(|point| from.is_none_or(|from| point.step >= from) && to.is_none_or(|to| point.step <= to));
        points.sort_by_key(|point| (point.step, point.time_us));
        let apart = points.len().div_ceil(most).max(1);
        let last = points.len().saturating_sub(1);
        let kept = points.iter().enumerate().filter(|(i, _)| i % apart == 0 || *i == last);
        shown.extend(kept.map(|(_, point)| {
            json!({ "key": name, "value": number(point.value), "timestamp": point.time_us / 1000, "step": point.step, "run_id": run })
        }));
    }
    Ok(json!({ "metrics": shown }))
}
