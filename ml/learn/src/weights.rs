//! A model's weights as rows, for `ML.WEIGHTS`.

use gradframe_ml_core::Result;

use crate::estimators::linear_model::{FeatureWeights, LinearWeights};
use crate::estimators::network::{is_network, network_weights};
use crate::model::{Encoding, Model};

/// The intercept's name among features.
pub const INTERCEPT_FEATURE: &str = "__intercept__";
/// The name of nulls among categories.
pub const NULL_CATEGORY: &str = "__null__";

/// One weight.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightRow {
    /// The input column, or `INTERCEPT_FEATURE`.
    pub feature: String,
    /// The string, or `NULL_CATEGORY`; None for a number and the intercept.
    pub category: Option<String>,
    /// The class whose score it adds to; None for regression.
    pub class: Option<String>,
    /// Per unit of the raw column; the intercept is the score where all raw numbers are 0.
    pub weight: f64,
    /// Per standard deviation, as trained; the intercept is the score where all numbers are at their means.
    pub standardized_weight: f64,
}

/// The weights of a linear model: by class, then feature (null indicators and categories beside their feature), then
/// the intercept. Two classes have one score, that of the second class.
/// A module's rows are the elements of its weights, `feature` naming each: `hidden.weight[0, 3]`.
/// A network's rows are its connections: `feature` is a column or a unit (`hidden.1[0]`), `class` the unit it adds to.
/// Errors: `Execution` if a weight is missing or has the wrong shape.
pub fn weights_table(model: &Model) -> Result<Vec<WeightRow>> {
    if model.spec.module.is_some() {
        return Ok(module_weights(model));
    }
    if is_network(model) {
        return network_weights(model);
    }
    let weights = LinearWeights::of(model)?;
    let mut rows = Vec::new();
    for output in 0..weights.width() {
        push_score(&mut rows, model, &weights, output)?;
    }
    Ok(rows)
}

fn module_weights(model: &Model) -> Vec<WeightRow> {
    let mut rows = Vec::new();
    for (name, tensor) in &model.weights {
        for (number, weight) in tensor.to_f64().into_iter().enumerate() {
            let (mut place, mut rest) = (Vec::new(), number);
            for &size in tensor.shape().iter().rev() {
                place.insert(0, (rest % size).to_string());
                rest /= size;
            }
            let feature = if place.is_empty() { name.clone() } else { format!("{name}[{}]", place.join(", ")) };
            rows.push(WeightRow { feature, category: None, class: None, weight, standardized_weight: weight });
        }
    }
    rows
}

/// The weights of one score. The raw intercept takes up what centring took away: sum of w * mean / std.
fn push_score(rows: &mut Vec<WeightRow>, model: &Model, weights: &LinearWeights, output: usize) -> Result<()> {
    let class = class_of(model, weights, output);
    let mut row = |feature: &str, category: Option<&str>, weight: f64, standardized_weight: f64| {
        let (feature, category) = (feature.to_string(), category.map(String::from));
        rows.push(WeightRow { feature, category, class: class.clone(), weight, standardized_weight });
    };
    let mut shift = 0.0;
    for (feature, own) in model.spec.features.iter().zip(&weights.features) {
        match (&feature.encoding, own) {
            (Encoding::Standard { mean, std, .. }, FeatureWeights::Number { value, is_null }) => {
                row(&feature.name, None, value[output] / std, value[output]);
                shift += value[output] * mean / std;
                if let Some(is_null) = is_null {
                    row(&feature.name, Some(NULL_CATEGORY), is_null[output], is_null[output]);
                }
            }
            (Encoding::OneHot { vocabulary, .. }, FeatureWeights::Categories(table)) => {
                let names = vocabulary.iter().map(String::as_str).chain([NULL_CATEGORY]); // the table says if nulls have one
                let values = table.values::<f64>()?.chunks_exact(weights.width());
                names.zip(values).for_each(|(name, w)| row(&feature.name, Some(name), w[output], w[output]));
            }
            _ => {}
        }
    }
    let intercept = weights.intercept[output];
    row(INTERCEPT_FEATURE, None, intercept - shift, intercept);
    Ok(())
}

/// The class that a score is of: the second of two, each of more, none for regression.
fn class_of(model: &Model, weights: &LinearWeights, output: usize) -> Option<String> {
    let class = if weights.outputs.is_some() { output } else { 1 };
    model.spec.label.classes.get(class).map(ToString::to_string)
}
