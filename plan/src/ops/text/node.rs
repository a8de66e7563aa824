//! The logical node of the operators over texts.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::common::{DFSchema, DFSchemaRef};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, UserDefinedLogicalNodeCore};
use gradframe_ml_core::Error;
use gradframe_ml_models::Model;

use super::{TextCall, TextColumn, TextOptions, TextTask};
use crate::error::from_datafusion;
use crate::services::NamedModel;

/// Embed, Generate or Classify: one row out for each row in. Filters and limits that do not touch its outputs pass below it.
#[derive(Debug, Clone)]
pub struct TextNode {
    input: LogicalPlan,
    model: Arc<NamedModel>,
    opened: Arc<Model>,
    task: TextTask,
    options: Arc<TextOptions>,
    texts: Vec<Expr>,
    /// What is still asked for; `PruneModelRule` takes away what nobody reads.
    outputs: Vec<TextColumn>,
    schema: DFSchemaRef,
}

impl TextNode {
    pub(super) fn try_new(
        input: LogicalPlan,
        (model, opened): (Arc<NamedModel>, Arc<Model>),
        task: TextTask,
        options: TextOptions,
        texts: Vec<Expr>,
        outputs: Vec<TextColumn>,
    ) -> gradframe_ml_core::Result<Self> {
        outputs_are_new(task, &input, &outputs)?;
        let schema = schema(&input, &outputs).map_err(from_datafusion)?;
        Ok(TextNode { input, model, opened, task, options: Arc::new(options), texts, outputs, schema })
    }

    /// The operator of a call over these texts of the input, which appends the call's value as `column`.
    /// Errors: `Plan` if the input has a column of that name.
    pub fn of_call(
        input: LogicalPlan,
        call: &TextCall,
        texts: Vec<Expr>,
        column: TextColumn,
    ) -> gradframe_ml_core::Result<LogicalPlan> {
        let model = (Arc::clone(&call.model), Arc::clone(&call.opened));
        let node = TextNode::try_new(input, model, call.task, call.options.clone(), texts, vec![column])?;
        Ok(LogicalPlan::Extension(Extension { node: Arc::new(node) }))
    }

    /// The model's entry in the registry.
    pub fn model(&self) -> &Arc<NamedModel> {
        &self.model
    }

    /// The model's files.
    pub fn opened(&self) -> &Arc<Model> {
        &self.opened
    }

    /// Which of the operators it is.
    pub fn task(&self) -> TextTask {
        self.task
    }

    /// What is asked of it.
    pub fn options(&self) -> &Arc<TextOptions> {
        &self.options
    }

    /// The texts, over the input: one, or the two of a pair.
    pub fn texts(&self) -> &[Expr] {
        &self.texts
    }

    /// The appended columns.
    pub fn outputs(&self) -> &[TextColumn] {
        &self.outputs
    }

    /// The rows whose texts are read.
    pub fn input(&self) -> &LogicalPlan {
        &self.input
    }

    /// The same of another input, with only these outputs; the input itself where there are none.
    pub fn rebuilt(&self, input: LogicalPlan, outputs: Vec<TextColumn>) -> Result<LogicalPlan> {
        if outputs.is_empty() {
            return Ok(input);
        }
        let schema = schema(&input, &outputs)?;
        let node = TextNode { input, outputs, schema, ..self.clone() };
        Ok(LogicalPlan::Extension(Extension { node: Arc::new(node) }))
    }
}

fn schema(input: &LogicalPlan, outputs: &[TextColumn]) -> Result<DFSchemaRef> {
    let passed = input.schema().iter().map(|(qualifier, field)| (qualifier.cloned(), Arc::clone(field)));
    let appended = outputs.iter().map(|output| (None, output.field()));
    let schema = DFSchema::new_with_metadata(passed.chain(appended).collect(), input.schema().metadata().clone())?;
    // Rows pass one to one, so what held of the input's columns holds of them here.
    Ok(Arc::new(schema.with_functional_dependencies(input.schema().functional_dependencies().clone())?))
}

/// No input column may have the name of an output.
fn outputs_are_new(task: TextTask, input: &LogicalPlan, outputs: &[TextColumn]) -> gradframe_ml_core::Result<()> {
    let taken = |output: &&TextColumn| input.schema().fields().iter().any(|field| field.name().as_str() == &*output.name);
    match outputs.iter().find(taken) {
        None => Ok(()),
        Some(output) => {
            let name = &output.name;
            let error = Error::plan(task.op(), format!("the input has a column `{name}` already, which is to be appended"));
            Err(error.hint(format!("rename it: {name} AS ...")))
        }
    }
}

impl UserDefinedLogicalNodeCore for TextNode {
    fn name(&self) -> &str {
        self.task.name()
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        self.texts.clone()
    }

    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        self.outputs.iter().map(|output| output.name.to_string()).collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let outputs: Vec<&str> = self.outputs.iter().map(|output| &*output.name).collect();
        let texts: Vec<String> = self.texts.iter().map(Expr::to_string).collect();
        write!(f, "{}: model={}@{}, ", self.task.name(), self.model.name, self.model.version)?;
        write!(f, "text={}, outputs=[{}]", texts.join(", "), outputs.join(", "))
    }

    fn with_exprs_and_inputs(&self, texts: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        let input = inputs.swap_remove(0);
        let schema = schema(&input, &self.outputs)?;
        let texts = texts.into_iter().map(Expr::unalias).collect();
        Ok(TextNode { input, texts, schema, ..self.clone() })
    }

    // Of the input, what the parent reads; the text comes on top, through `expressions`.
    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let passed = self.input.schema().fields().len();
        Some(vec![output_columns.iter().copied().filter(|&i| i < passed).collect()])
    }

    fn supports_limit_pushdown(&self) -> bool {
        true
    }
}

impl PartialEq for TextNode {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.model, &other.model)
            && self.task == other.task
            && self.options == other.options
            && self.outputs == other.outputs
            && self.texts == other.texts
            && self.input == other.input
    }
}

impl Eq for TextNode {}

impl PartialOrd for TextNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl Hash for TextNode {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.model).hash(state);
        self.task.hash(state);
        self.outputs.hash(state);
        self.texts.hash(state);
        self.input.hash(state);
    }
}
