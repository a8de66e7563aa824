//! The metrics of a task, fed with columns and accounted for.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::Float64Type;
use gradframe_ml_core::{Error, Result};
use gradframe_ml_learn::features::ClassCodes;
use gradframe_ml_learn::metrics::{ClassificationMetrics, NamedValue, RegressionMetrics};
use gradframe_plan::NamedModel;
use gradframe_plan::ops::predict::PredictOptions;

use super::OP;
use crate::columns::{classes, classes_like, numbers};
use crate::memory::Memory;

/// Metrics over the rows seen so far.
pub(super) struct Accumulator {
    model: Arc<NamedModel>,
    codes: ClassCodes,
    metrics: Metrics,
    /// Rows without a label: an error, told with its whole count at the end.
    nulls: usize,
    /// Of this accumulator, then of those merged into it.
    memory: Vec<Memory>,
}

enum Metrics {
    Regression(RegressionMetrics),
    Classification(ClassificationMetrics),
}

impl Accumulator {
    /// No rows yet. Errors: `Plan` for a threshold that the model does not take.
    pub fn new(model: Arc<NamedModel>, options: PredictOptions, memory: Memory) -> Result<Self> {
        let classes = &model.model.spec.label.classes;
        let metrics = match classes.len() {
            0 => Metrics::Regression(RegressionMetrics::default()),
            n => Metrics::Classification(ClassificationMetrics::new(n, options.threshold)?),
        };
        Ok(Accumulator { codes: ClassCodes::new(classes), metrics, nulls: 0, memory: vec![memory], model })
    }

    /// Adds rows. Errors: `Resources` if there is no memory for them.
    pub fn update(&mut self, label: &ArrayRef, prediction: &ArrayRef) -> Result<()> {
        let spec = &self.model.model.spec.label;
        self.nulls += label.logical_null_count();
        if self.nulls > 0 {
            return Ok(());
        }
        match &mut self.metrics {
            Metrics::Regression(metrics) => {
                let (actual, _) = numbers(label)?;
                metrics.update(prediction.as_primitive::<Float64Type>().values(), actual.values::<f64>()?)?;
            }
            Metrics::Classification(metrics) => {
                let code = |class| self.codes.code(&class).map_or(ClassificationMetrics::UNSEEN, |code| code as i32);
                let labels: Vec<i32> = classes_like(label, spec)?.into_iter().flatten().map(code).collect();
                metrics.update(&in_class_order(prediction, &self.codes, spec.classes.len())?, &labels)?;
            }
        }
        self.account()
    }

    /// Adds the rows that come after.
    pub fn merge(mut self, later: Self) -> Self {
        match (&mut self.metrics, later.metrics) {
            (Metrics::Regression(all), Metrics::Regression(later)) => all.merge(later),
            (Metrics::Classification(all), Metrics::Classification(later)) => all.merge(later),
            _ => {} // accumulators of one model are of one kind
        }
        self.nulls += later.nulls;
        self.memory.extend(later.memory);
        self
    }

    /// The metrics. Errors: `Execution` if a label is null.
    pub fn finish(self) -> Result<[NamedValue; 6]> {
        no_nulls(self.nulls, &self.model.model.spec.label.name)?;
        Ok(match self.metrics {
            Metrics::Regression(metrics) => metrics.finish(),
            Metrics::Classification(metrics) => metrics.finish(),
        })
    }

    fn account(&self) -> Result<()> {
        let bytes = match &self.metrics {
            Metrics::Regression(metrics) => metrics.memory_bytes(),
            Metrics::Classification(metrics) => metrics.memory_bytes(),
        };
        let held: usize = self.memory.iter().map(Memory::bytes).sum();
        self.memory[0].grow(bytes.saturating_sub(held), "an exact median or ROC curve over these rows")
    }
}

fn no_nulls(nulls: usize, name: &str) -> Result<()> {
    if nulls == 0 {
        return Ok(());
    }
    let what = format!("label `{name}` is null in {nulls} row{}", if nulls == 1 { "" } else { "s" });
    Err(Error::execution(OP, what).hint(format!("add WHERE {name} IS NOT NULL to the query")))
}

/// The lists of {label, prob} as probabilities [N, C] in class order.
fn in_class_order(lists: &ArrayRef, codes: &ClassCodes, width: usize) -> Result<Vec<f64>> {
    let lists = lists.as_list::<i32>();
    let from = lists.value_offsets().first().copied().unwrap_or(0) as usize;
    let items = lists.values().slice(from, lists.len() * width);
    let items = items.as_struct();
    let values = items.column(1).as_primitive::<Float64Type>();
    let mut ordered = vec![0.0; lists.len() * width];
    for (at, class) in classes(items.column(0))?.into_iter().enumerate() {
        let code = class.and_then(|class| codes.code(&class));
        let code = code.ok_or_else(|| Error::internal(OP, "a predicted class is unknown"))?;
        ordered[at / width * width + code as usize] = values.value(at);
    }
    Ok(ordered)
}
