//! Which logged models a filter finds, in which order. Metrics are those of the data sets that are asked for, or all.

use std::collections::{BTreeSet, HashMap};

use gradframe::{LoggedMetric, LoggedModel, PointsOf};
use serde_json::Value;

use super::super::answer::Failure;
use super::super::call::Call;
use super::super::registry::{IMPORTED_TAG, value_of};
use super::super::runs::{RESULTS_MAX, page_asked, paged};
use super::super::search::{Filter, Key, Kind, Order};
use super::super::{Answer, Handler};

/// The run that logged a model.
const SOURCE_RUN: &str = "source_run_id";
/// How many are given at once unless it is said.
const RESULTS: usize = 100;
/// What can be compared beside parameters, tags and metrics.
const ATTRIBUTES: [&str; 11] = [
    "name",
    "model_id",
    "experiment_id",
    "model_type",
    "status",
    SOURCE_RUN,
    "creation_time",
    "creation_timestamp",
    "creation_timestamp_ms",
    "last_updated_timestamp",
    "last_updated_timestamp_ms",
];

/// A data set, by its name alone if there is no digest.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Dataset {
    name: String,
    digest: Option<String>,
}

/// A page of the logged models of experiments that pass a filter.
pub fn answer(handler: &Handler, call: &Call) -> Answer {
    let experiments: Vec<i64> = call.texts("experiment_ids")?.iter().filter_map(|id| id.parse().ok()).collect();
    let filter = Filter::read(call.optional("filter")?.unwrap_or_default(), &ATTRIBUTES)?;
    filter.check(&kind)?;
    let datasets = datasets(call)?;
    let (order, of_orders) = orders(call)?;
    let order = Order::read(&order, &ATTRIBUTES, "creation_timestamp DESC, model_id")?.check(&kind)?;
    // The others are read of one page alone.
    let metrics: Vec<String> = filter.keys().iter().chain(order.keys()).filter_map(metric).collect();
    let on: Vec<String> = datasets.iter().map(|dataset| dataset.name.clone()).collect();
    let points = PointsOf::Named { metrics: &metrics, datasets: &on };
    let mut found = handler.store().logged_models(&experiments, &points)?;
    let former = former_runs(handler, &filter, &found)?;
    found.retain(|model| passes(model, &filter, &datasets, &former));
    let by = |model: &LoggedModel, at: usize, key: &Key| sorted_by(model, key, of_orders.get(at).and_then(Option::as_ref));
    let (found, next) = page_asked(call, RESULTS, RESULTS_MAX)?.of(found, &order, by)?;
    let shown = found.into_iter().map(|mut found| {
        found.metrics = handler.store().logged_metrics(&found.id)?;
        super::model(handler, &found)
    });
    Ok(paged("models", shown.collect::<Result<_, _>>()?, next))
}

fn metric(key: &Key) -> Option<String> {
    if let Key::Metric(name) = key { Some(name.clone()) } else { None }
}

/// What the models' runs were called where they were imported from, if a filter asks for runs: links have these names still.
fn former_runs(handler: &Handler, filter: &Filter, models: &[LoggedModel]) -> Result<HashMap<String, String>, Failure> {
    let asks = filter.keys().iter().any(|key| matches!(key, Key::Attribute(name) if name == SOURCE_RUN));
    let runs: BTreeSet<&str> = models.iter().map(|model| model.run.as_str()).filter(|run| asks && !run.is_empty()).collect();
    if runs.is_empty() {
        return Ok(HashMap::new());
    }
    let records = handler.tracking.run_records(&runs.into_iter().collect::<Vec<_>>())?;
    let former = records.into_iter().filter_map(|record| Some((value_of(&record.tags, IMPORTED_TAG)?, record.run)));
    Ok(former.map(|(former, run)| (run, former)).collect())
}

/// A metric passes if one of its points does, as in MLflow's own store; where none is compared, the model needs some on the data sets.
fn passes(model: &LoggedModel, filter: &Filter, datasets: &[Dataset], former: &HashMap<String, String>) -> bool {
    let is_wanted = |metric: &LoggedMetric| datasets.is_empty() || datasets.iter().any(|dataset| dataset.has(metric));
    let of_key = |key: &Key| -> Vec<String> {
        let Key::Metric(name) = key else {
            let former = former.get(&model.run).filter(|_| *key == Key::Attribute(SOURCE_RUN.to_owned())).cloned();
            return value(model, key).into_iter().chain(former).collect();
        };
        let points = model.metrics.iter().filter(|metric| metric.name == *name && is_wanted(metric));
        points.map(|metric| metric.value.to_string()).collect()
    };
    let compares_metrics = filter.keys().iter().any(|key| matches!(key, Key::Metric(_)));
    filter.holds_of_any(&of_key) && (datasets.is_empty() || compares_metrics || model.metrics.iter().any(is_wanted))
}

/// Of a metric the latest value, by time, then step.
fn sorted_by(model: &LoggedModel, key: &Key, dataset: Option<&Dataset>) -> Option<String> {
    let Key::Metric(name) = key else { return value(model, key) };
    let of_name = model.metrics.iter().filter(|metric| metric.name == *name);
    let points = of_name.filter(|metric| dataset.is_none_or(|dataset| dataset.has(metric)));
    points.max_by_key(|metric| (metric.time_us, metric.step)).map(|metric| metric.value.to_string())
}

impl Dataset {
    /// None of an object that names no data set. Errors: for a name that is no text, and a digest without a name.
    fn read(object: &Value) -> Result<Option<Self>, Failure> {
        let text = |name: &str| match object.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
            Some(other) => Err(Failure::invalid(format!("`{name}` is {other}, expected a text"))),
        };
        match (text("dataset_name")?, text("dataset_digest")?) {
            (Some(name), digest) => Ok(Some(Dataset { name, digest })),
            (None, None) => Ok(None),
            (None, Some(digest)) => Err(Failure::invalid(format!("the `dataset_digest` {digest} needs a `dataset_name`"))),
        }
    }

    fn has(&self, metric: &LoggedMetric) -> bool {
        metric.dataset == self.name && self.digest.as_ref().is_none_or(|digest| metric.digest == *digest)
    }
}

fn datasets(call: &Call) -> Result<Vec<Dataset>, Failure> {
    let unnamed = || Failure::invalid("`datasets` has one without a `dataset_name`");
    call.list("datasets")?.into_iter().map(|object| Dataset::read(object)?.ok_or_else(unnamed)).collect()
}

/// What to sort by: `field_name` and `ascending`, as text; and on which data set each.
fn orders(call: &Call) -> Result<(Vec<String>, Vec<Option<Dataset>>), Failure> {
    let order = |order: &Value| match order.get("field_name").and_then(Value::as_str) {
        Some(field) => {
            let ascending = order.get("ascending").and_then(Value::as_bool).unwrap_or(true);
            Ok((format!("{field} {}", if ascending { "ASC" } else { "DESC" }), Dataset::read(order)?))
        }
        None => Err(Failure::invalid("`order_by` has no `field_name`")),
    };
    call.list("order_by")?.into_iter().map(order).collect()
}

/// What a name of a logged model is compared with. Parameters are often numbers, and may be compared with one.
fn kind(key: &Key) -> Option<Kind> {
    match key {
        Key::Metric(_) => Some(Kind::Number),
        Key::Param(_) | Key::Tag(_) => Some(Kind::Any),
        Key::Attribute(name) => Some(match name.as_str() {
            "experiment_id" => Kind::Any,
            name if name.starts_with("creation_time") || name.starts_with("last_updated_timestamp") => Kind::Number,
            _ => Kind::Text,
        }),
        _ => None,
    }
}

fn value(model: &LoggedModel, key: &Key) -> Option<String> {
    let name = match key {
        Key::Attribute(name) => name.as_str(),
        Key::Tag(name) => return value_of(&model.tags, name),
        Key::Param(name) => return value_of(&model.params, name),
        _ => return None,
    };
    Some(match name {
        "name" => model.name.clone(),
        "model_id" => model.id.clone(),
        "experiment_id" => model.experiment.to_string(),
        "model_type" => model.model_type.clone(),
        "status" => model.status.trim_start_matches("LOGGED_MODEL_").to_owned(),
        SOURCE_RUN => model.run.clone(),
        "last_updated_timestamp" | "last_updated_timestamp_ms" => (model.updated_us / 1000).to_string(),
        _ => (model.created_us / 1000).to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(name: &str, dataset: &str, (step, time_us): (i64, i64), value: f64) -> LoggedMetric {
        LoggedMetric { run: "r".into(), name: name.into(), dataset: dataset.into(), digest: "1".into(), step, value, time_us }
    }

    fn of(metrics: Vec<LoggedMetric>) -> LoggedModel {
        let (id, name, status) = ("m-1".into(), "net".into(), "LOGGED_MODEL_READY".into());
        let (model_type, run) = (String::new(), String::new());
        let (params, tags) = (vec![("alpha".into(), "2".into())], vec![]);
        LoggedModel { id, experiment: 0, name, model_type, run, status, created_us: 0, updated_us: 0, params, tags, metrics }
    }

    #[test]
    fn a_metric_passes_by_any_of_its_points_on_the_data_sets() {
        let model = of(vec![point("acc", "", (0, 1), 0.1), point("acc", "d1", (1, 2), 0.9), point("acc", "d2", (1, 3), 0.5)]);
        let on = |name: &str, digest: Option<&str>| Dataset { name: name.into(), digest: digest.map(str::to_owned) };
        for (filter, datasets, expected) in [
            ("metrics.acc > 0.8", vec![], true),
            ("metrics.acc < 0.2", vec![], true),
            ("metrics.acc > 0.8", vec![on("d1", None)], true),
            ("metrics.acc > 0.8", vec![on("d2", None)], false),
            ("metrics.acc > 0.8", vec![on("d2", None), on("d1", Some("1"))], true),
            ("metrics.acc > 0.8", vec![on("d1", Some("2"))], false),
            ("", vec![on("d2", None)], true),
            ("name = 'net'", vec![on("d3", None)], false),
            ("metrics.other IS NULL", vec![on("d1", None)], true),
            ("params.alpha = 2 AND params.alpha = '2' AND experiment_id = '0'", vec![], true),
        ] {
            let read = Filter::read(filter, &ATTRIBUTES).unwrap();
            read.check(&kind).unwrap();
            assert_eq!(passes(&model, &read, &datasets, &HashMap::new()), expected, "{filter} {datasets:?}");
        }
        for wrong in
            ["metrics.acc > '1'", "name = 1", "creation_time = 'x'", "last_updated_timestamp_ms LIKE '1'", "datasets.name = 'x'"]
        {
            assert!(Filter::read(wrong, &ATTRIBUTES).unwrap().check(&kind).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_metric_sorts_by_its_latest_point() {
        let model = of(vec![point("acc", "d", (9, 1), 0.1), point("acc", "d", (2, 5), 0.2), point("acc", "e", (1, 5), 0.3)]);
        let by = |dataset: Option<&str>| {
            let dataset = dataset.map(|name| Dataset { name: name.into(), digest: None });
            sorted_by(&model, &Key::Metric("acc".into()), dataset.as_ref())
        };
        assert_eq!((by(None), by(Some("e")), by(Some("f"))), (Some("0.2".into()), Some("0.3".into()), None));
    }
}
