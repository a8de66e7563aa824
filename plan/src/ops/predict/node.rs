//! The logical node of Predict.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::common::{DFSchema, DFSchemaRef};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore};

use super::{PredictOptions, PredictOutput, resolve};
use crate::error::from_datafusion;
use crate::services::NamedModel;

/// Predict: one row out for each row in. Filters and limits that do not touch its outputs pass below it.
#[derive(Debug, Clone)]
pub struct PredictNode {
    input: LogicalPlan,
    model: Arc<NamedModel>,
    options: PredictOptions,
    /// The used features over the input, in the model's order: columns, or the expressions of a TRANSFORM.
    features: Vec<Expr>,
    /// What is still asked for; `PruneModelRule` takes away what nobody reads.
    outputs: Vec<PredictOutput>,
    schema: DFSchemaRef,
}

impl PredictNode {
    pub(super) fn try_new(
        input: LogicalPlan,
        model: Arc<NamedModel>,
        options: PredictOptions,
    ) -> gradframe_ml_core::Result<Self> {
        let outputs = PredictOutput::of(&model.model)?;
        resolve::outputs_are_new(input.schema(), &model, &outputs)?;
        let features = resolve::features(input.schema(), &model)?;
        let schema = schema(&input, &model, &outputs).map_err(from_datafusion)?;
        Ok(PredictNode { input, model, options, features, outputs, schema })
    }

    /// The model that predicts.
    pub fn model(&self) -> &Arc<NamedModel> {
        &self.model
    }

    /// How it predicts.
    pub fn options(&self) -> PredictOptions {
        self.options
    }

    /// The used features over the input, in the model's order: columns, or the expressions of a TRANSFORM.
    pub fn features(&self) -> &[Expr] {
        &self.features
    }

    /// The appended columns.
    pub fn outputs(&self) -> &[PredictOutput] {
        &self.outputs
    }

    /// The rows that it predicts for.
    pub fn input(&self) -> &LogicalPlan {
        &self.input
    }

    /// The same prediction of another input, with only these outputs; the input itself where there are none.
    pub fn rebuilt(&self, input: LogicalPlan, outputs: Vec<PredictOutput>) -> Result<LogicalPlan> {
        if outputs.is_empty() {
            return Ok(input);
        }
        let schema = schema(&input, &self.model, &outputs)?;
        let node = PredictNode { input, outputs, schema, ..self.clone() };
        Ok(LogicalPlan::Extension(datafusion::logical_expr::Extension { node: Arc::new(node) }))
    }
}

fn schema(input: &LogicalPlan, model: &NamedModel, outputs: &[PredictOutput]) -> Result<DFSchemaRef> {
    let passed = input.schema().iter().map(|(qualifier, field)| (qualifier.cloned(), Arc::clone(field)));
    let appended = outputs.iter().map(|o| (None, o.field(&model.model.spec.label)));
    let metadata = input.schema().metadata().clone();
    let schema = DFSchema::new_with_metadata(passed.chain(appended).collect(), metadata)?;
    // Rows pass one to one, so what held of the input's columns holds of them here.
    Ok(Arc::new(schema.with_functional_dependencies(input.schema().functional_dependencies().clone())?))
}

impl UserDefinedLogicalNodeCore for PredictNode {
    fn name(&self) -> &str {
        "Predict"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        self.features.clone()
    }

    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        self.outputs.iter().map(|o| o.name(&self.model.model.spec.label)).collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let features: Vec<String> = self.features.iter().map(Expr::to_string).collect();
        let outputs: Vec<String> = self.outputs.iter().map(|o| o.name(&self.model.model.spec.label)).collect();
        write!(f, "Predict: model={}@{}, ", self.model.name, self.model.version)?;
        write!(f, "features=[{}], outputs=[{}]", features.join(", "), outputs.join(", "))
    }

    fn with_exprs_and_inputs(&self, features: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        let input = inputs.swap_remove(0);
        let schema = schema(&input, &self.model, &self.outputs)?;
        let features = features.into_iter().map(Expr::unalias).collect();
        Ok(PredictNode { input, features, schema, ..self.clone() })
    }

    // Of the input, what the parent reads; the features come on top, through `expressions`.
    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let passed = self.input.schema().fields().len();
        Some(vec![output_columns.iter().copied().filter(|&i| i < passed).collect()])
    }

    fn supports_limit_pushdown(&self) -> bool {
        true
    }
}

impl PartialEq for PredictNode {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.model, &other.model)
            && self.options == other.options
            && self.outputs == other.outputs
            && self.features == other.features
            && self.input == other.input
    }
}

impl Eq for PredictNode {}

impl PartialOrd for PredictNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl Hash for PredictNode {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.model).hash(state);
        self.outputs.hash(state);
        self.features.hash(state);
        self.input.hash(state);
    }
}
