//! A network's weights as rows: one a connection, from where it comes (`feature`) to the unit it adds to (`class`).

use gradframe_ml_core::Result;

use super::scores::{checked, network_of};
use crate::features::{DenseColumn, dense_columns};
use crate::model::{Encoding, FeatureSpec, Model};
use crate::nn::Part;
use crate::weights::{INTERCEPT_FEATURE, NULL_CATEGORY, WeightRow};

/// True if the model's weights are a network's.
pub(crate) fn is_network(model: &Model) -> bool {
    model.weights.contains_key("output.bias")
}

/// The rows, layer by layer. Units are `hidden.<layer>[<unit>]`; the output's are the classes, or none for a number and
/// for the one score of two classes (then the second class). Raw weights are per unit of the column where that has a
/// meaning, in the first layer.
/// Errors: `Execution` if a weight is missing or has the wrong shape.
pub(crate) fn network_weights(model: &Model) -> Result<Vec<WeightRow>> {
    let features = &model.spec.features;
    let columns = dense_columns(features);
    let mut rows = Vec::new();
    let network = network_of(model, columns.len())?;
    let layers = network.hidden.len();
    for part in network.parts() {
        let values = checked(model, &part)?.values::<f32>()?;
        let sources = sources(&part, layers, features, &columns);
        let targets = targets(&part, model);
        for (source, values) in sources.iter().zip(values.chunks_exact(targets.len().max(1))) {
            rows.extend(targets.iter().zip(values).map(|(target, &value)| source.row(target.clone(), f64::from(value))));
        }
    }
    Ok(rows)
}

/// Where connections come from.
struct Source {
    feature: String,
    category: Option<String>,
    /// Standard deviation of the column behind it.
    std: f64,
}

impl Source {
    fn of(feature: impl Into<String>, category: Option<String>) -> Self {
        Source { feature: feature.into(), category, std: 1.0 }
    }

    fn row(&self, class: Option<String>, value: f64) -> WeightRow {
        let (feature, category) = (self.feature.clone(), self.category.clone());
        WeightRow { feature, category, class, weight: value / self.std, standardized_weight: value }
    }
}

/// `hidden.2.weight` in its layer and kind: (`hidden.2`, `weight`).
fn split(name: &str) -> (&str, &str) {
    let layer_end = if name.starts_with("output") { name.find('.') } else { name.match_indices('.').nth(1).map(|m| m.0) };
    layer_end.map_or((name, ""), |at| (&name[..at], &name[at + 1..]))
}

/// The rows of a part's tensor.
fn sources(part: &Part, layers: usize, features: &[FeatureSpec], columns: &[DenseColumn]) -> Vec<Source> {
    let (layer, kind) = split(&part.name);
    match kind.split_once('.') {
        Some(("category", number)) => categories(features, number.parse().unwrap_or_default()),
        Some(("norm", statistic)) => vec![Source::of(format!("__norm_{statistic}__"), None)],
        _ if kind == "bias" => vec![Source::of(INTERCEPT_FEATURE, None)],
        _ => units_before(layer, layers, part.shape[0], features, columns),
    }
}

fn categories(features: &[FeatureSpec], number: usize) -> Vec<Source> {
    let one_hot = features.iter().filter(|f| f.encoding.categories().is_some()).nth(number);
    let Some((feature, Encoding::OneHot { vocabulary, nulls })) = one_hot.map(|f| (f, &f.encoding)) else { return vec![] };
    let null = (*nulls > 0).then_some(NULL_CATEGORY);
    let names = vocabulary.iter().map(String::as_str).chain(null);
    names.map(|name| Source::of(&feature.name, Some(name.to_string()))).collect()
}

/// The columns, or the units of the layer before.
fn units_before(layer: &str, layers: usize, count: usize, features: &[FeatureSpec], columns: &[DenseColumn]) -> Vec<Source> {
    let number = layer.strip_prefix("hidden.").map_or(layers + 1, |number| number.parse().unwrap_or(1));
    match number {
        1 => columns.iter().map(|column| column_source(column, features)).collect(),
        _ => (0..count).map(|unit| Source::of(format!("hidden.{}[{unit}]", number - 1), None)).collect(),
    }
}

fn column_source(column: &DenseColumn, features: &[FeatureSpec]) -> Source {
    let (DenseColumn::Value(i) | DenseColumn::IsNull(i)) = *column;
    let std = match (column, &features[i].encoding) {
        (DenseColumn::Value(_), Encoding::Standard { std, .. }) => *std,
        _ => 1.0,
    };
    let category = matches!(column, DenseColumn::IsNull(_)).then(|| NULL_CATEGORY.to_string());
    Source { feature: features[i].name.clone(), category, std }
}

/// The units that a part adds to.
fn targets(part: &Part, model: &Model) -> Vec<Option<String>> {
    let (layer, _) = split(&part.name);
    let classes = &model.spec.label.classes;
    if layer == "output" {
        return match classes.len() {
            0 => vec![None],
            2 => vec![Some(classes[1].to_string())],
            _ => classes.iter().map(|class| Some(class.to_string())).collect(),
        };
    }
    let units = part.shape.last().copied().unwrap_or(0);
    (0..units).map(|unit| Some(format!("{layer}[{unit}]"))).collect()
}
