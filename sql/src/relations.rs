//! The relations of the schema ML, and files, in FROM.
//!
//! To add a relation: a row in [`RELATIONS`] and its planning function.

use std::sync::Arc;

use datafusion::common::DataFusionError;
use datafusion::logical_expr::LogicalPlan;
use datafusion::logical_expr::planner::{PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning};
use datafusion::sql::sqlparser::ast::{ObjectName, Query, Spanned, TableAlias, TableFactor};
use gradframe_ml_core::{Error, Result};
use gradframe_plan::error::to_datafusion;
use gradframe_plan::names::nearest;
use gradframe_plan::ops::evaluate::{evaluate, stored_evaluation};
use gradframe_plan::ops::predict::{PredictOptions, predict};
use gradframe_plan::ops::relations::{feature_info, training_info, weights};
use gradframe_plan::ops::text::{TextOptions, TextTask, answer, classify, embed, generate, generation_defaults};
use gradframe_plan::ops::transform::transformed;
use gradframe_plan::services::{NamedModel, Services};

use crate::errors::{at, ours};
use crate::ml_call::MlCall;
use crate::names::{model_name, unknown_model};
use crate::pivots;
use crate::sources::OpenedFiles;

/// A relation of the schema ML.
struct MlRelation {
    /// In lower case, without the schema.
    name: &'static str,
    plan: fn(MlCall, &mut Context<'_>) -> Result<LogicalPlan>,
}

const RELATIONS: [MlRelation; 10] = [
    MlRelation { name: "predict", plan: plan_predict },
    MlRelation { name: "evaluate", plan: plan_evaluate },
    MlRelation { name: "generate_embedding", plan: plan_embed },
    MlRelation { name: "generate_text", plan: plan_generate },
    MlRelation { name: "classify", plan: plan_classify },
    MlRelation { name: "answer", plan: plan_answer },
    MlRelation { name: "feature_info", plan: plan_feature_info },
    MlRelation { name: "training_info", plan: plan_training_info },
    MlRelation { name: "transform", plan: plan_transform },
    MlRelation { name: "weights", plan: plan_weights },
];

/// `ML.PREDICT(MODEL m, (query) [, STRUCT(0.5 AS threshold)])`
fn plan_predict(mut call: MlCall, context: &mut Context<'_>) -> Result<LogicalPlan> {
    let model = context.trained(&mut call)?;
    let data = context.data(&mut call, "ML.PREDICT(MODEL m, (SELECT ...)) predicts the rows of a query")?;
    let options = predict_options(&mut call)?;
    call.end()?;
    predict(data, model, options)
}

/// `ML.EVALUATE(MODEL m [, (query) [, STRUCT(0.5 AS threshold)]])`: without a query, what training found on the rows that it
/// kept back.
fn plan_evaluate(mut call: MlCall, context: &mut Context<'_>) -> Result<LogicalPlan> {
    let model = context.trained(&mut call)?;
    if call.is_at_end() {
        return stored_evaluation(model).map_err(|error| call.placed(error));
    }
    let data = context.data(
        &mut call,
        "ML.EVALUATE(MODEL m, (SELECT ...)) needs rows that hold the label, best such as training has not seen",
    )?;
    let options = predict_options(&mut call)?;
    call.end()?;
    evaluate(data, model, options)
}

/// `ML.GENERATE_EMBEDDING(MODEL e, (query) [, STRUCT(TRUE AS normalize)])`
fn plan_embed(call: MlCall, context: &mut Context<'_>) -> Result<LogicalPlan> {
    plan_texts(call, context, TextTask::Embed, embed)
}

/// `ML.GENERATE_TEXT(MODEL e, (query) [, STRUCT(0.7 AS temperature, 64 AS max_output_tokens)])`
fn plan_generate(call: MlCall, context: &mut Context<'_>) -> Result<LogicalPlan> {
    plan_texts(call, context, TextTask::Generate, generate)
}

/// `ML.CLASSIFY(MODEL e, (query) [, STRUCT('other' AS pair_column)])`
fn plan_classify(call: MlCall, context: &mut Context<'_>) -> Result<LogicalPlan> {
    plan_texts(call, context, TextTask::Classify, classify)
}

/// `ML.ANSWER(MODEL e, (SELECT question, content ...))`
fn plan_answer(call: MlCall, context: &mut Context<'_>) -> Result<LogicalPlan> {
    plan_texts(call, context, TextTask::Answer, answer)
}

type PlanTexts = fn(LogicalPlan, Arc<NamedModel>, TextOptions, &Services) -> Result<LogicalPlan>;

fn plan_texts(mut call: MlCall, context: &mut Context<'_>, task: TextTask, plan: PlanTexts) -> Result<LogicalPlan> {
    let model = context.model(&mut call)?;
    let hint = format!("{}(MODEL e, (SELECT ... AS {})) reads the texts of a query", call.op().to_uppercase(), task.column());
    let data = context.data(&mut call, &hint)?;
    let before = call.clone();
    let settings = call.settings()?;
    let base = generation_defaults(task, &model, context.services)?;
    let options = TextOptions::from_pairs(task, base, &settings).map_err(|error| {
        let place = before.option_place(&error);
        at(error, place)
    })?;
    call.end()?;
    plan(data, model, options, context.services)
}

/// `ML.FEATURE_INFO(MODEL m)`
fn plan_feature_info(mut call: MlCall, context: &mut Context<'_>) -> Result<LogicalPlan> {
    let model = context.trained(&mut call)?;
    call.end()?;
    feature_info(model)
}

/// `ML.TRANSFORM(MODEL m, (query))`
fn plan_transform(mut call: MlCall, context: &mut Context<'_>) -> Result<LogicalPlan> {
    let model = context.trained(&mut call)?;
    let data = context.data(&mut call, "ML.TRANSFORM(MODEL m, (SELECT ...)) transforms the rows of a query")?;
    call.end()?;
    transformed(data, model)
}

/// `ML.TRAINING_INFO(MODEL m)`
fn plan_training_info(mut call: MlCall, context: &mut Context<'_>) -> Result<LogicalPlan> {
    let model = context.trained(&mut call)?;
    call.end()?;
    training_info(model, context.services)
}

/// `ML.WEIGHTS(MODEL m)`
fn plan_weights(mut call: MlCall, context: &mut Context<'_>) -> Result<LogicalPlan> {
    let model = context.trained(&mut call)?;
    call.end()?;
    weights(model)
}

fn predict_options(call: &mut MlCall) -> Result<PredictOptions> {
    let place = call.next_place();
    let settings = call.settings()?;
    PredictOptions::from_pairs(&settings).map_err(|error| at(error, place))
}

/// What planning a relation may reach.
struct Context<'a> {
    services: &'a Services,
    planner: &'a mut dyn RelationPlannerContext,
}

impl Context<'_> {
    /// A model that was trained here. Errors: `Plan` also for a pretrained one.
    fn trained(&self, call: &mut MlCall) -> Result<Arc<NamedModel>> {
        let place = call.next_place();
        let model = self.model(call)?;
        model.needs_training(&call.op()).map_err(|error| at(error, place))?;
        Ok(model)
    }

    fn model(&self, call: &mut MlCall) -> Result<Arc<NamedModel>> {
        let (op, written) = (call.op(), call.model()?);
        let name = model_name(&op, &written, self.planner.context_provider().options())?;
        match self.services.models.get(&name)? {
            Some(model) => Ok(model),
            None if self.is_table(&written) => {
                let error = Error::plan(op, format!("`{name}` is a table, not a model"));
                Err(at(error.hint("SHOW MODELS lists the models"), written.span().start))
            }
            None => Err(unknown_model(&op, &written, &name, self.services.models.as_ref())),
        }
    }

    fn is_table(&self, name: &ObjectName) -> bool {
        let reference = self.planner.object_name_to_table_reference(name.clone());
        reference.is_ok_and(|reference| self.planner.context_provider().get_table_source(reference).is_ok())
    }

    /// The plan of the data argument; `hint` says what it is for when it is missing.
    fn data(&mut self, call: &mut MlCall, hint: &str) -> Result<LogicalPlan> {
        match call.data()? {
            Some(query) => ours(self.planner.plan(derived(query))),
            None => Err(call.error("no data is given").hint(hint)),
        }
    }
}

/// A query as a relation, which is what a relation planner can have planned.
fn derived(subquery: Box<Query>) -> TableFactor {
    TableFactor::Derived { lateral: false, subquery, alias: None, sample: None }
}

/// Plans relations that DataFusion does not know: `ML.PREDICT(...)` and its like, and files opened beforehand.
///
/// [`crate::plan`] makes one for each statement, on a copy of the session's state.
#[derive(Debug)]
pub struct MlRelationPlanner {
    services: Arc<Services>,
    files: OpenedFiles,
}

impl MlRelationPlanner {
    /// A planner that knows the models but no files.
    pub fn new(services: Arc<Services>) -> Self {
        Self::with_files(services, OpenedFiles::default())
    }

    pub(crate) fn with_files(services: Arc<Services>, files: OpenedFiles) -> Self {
        Self { services, files }
    }

    fn plan_ml(&self, call: MlCall, planner: &mut dyn RelationPlannerContext) -> Result<PlannedRelation> {
        let Some(relation) = RELATIONS.iter().find(|relation| relation.name == call.function) else {
            return Err(unknown_relation(&call));
        };
        call.refuse_lateral()?;
        let alias = call.alias.clone();
        let plan = (relation.plan)(call, &mut Context { services: &self.services, planner })?;
        Ok(PlannedRelation::new(plan, alias))
    }
}

impl RelationPlanner for MlRelationPlanner {
    fn plan_relation(
        &self,
        relation: TableFactor,
        planner: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning, DataFusionError> {
        let relation = match MlCall::from_factor(relation) {
            Ok(call) => return self.plan_ml(call, planner).map(planned).map_err(to_datafusion),
            Err(relation) => relation,
        };
        if let Some((plan, alias)) = pivots::planned(&relation, planner).map_err(to_datafusion)? {
            return Ok(planned(PlannedRelation::new(plan, alias)));
        }
        match self.files.plan(&relation, self.services.sources.functions()).map_err(to_datafusion)? {
            Some(plan) => Ok(planned(PlannedRelation::new(plan, alias(*relation)))),
            None => Ok(RelationPlanning::Original(relation)),
        }
    }
}

fn planned(relation: PlannedRelation) -> RelationPlanning {
    RelationPlanning::Planned(Box::new(relation))
}

fn alias(relation: TableFactor) -> Option<TableAlias> {
    match relation {
        TableFactor::Table { alias, .. } => alias,
        _ => None,
    }
}

fn unknown_relation(call: &MlCall) -> Error {
    let upper = |name: &str| format!("ML.{}", name.to_uppercase());
    let known = RELATIONS.map(|relation| upper(relation.name)).join(", ");
    let hint = match nearest(&call.function, RELATIONS.iter().map(|relation| relation.name)) {
        Some(near) => format!("did you mean `{}`? There are {known}", upper(near)),
        None => format!("there are {known}"),
    };
    call.error(format!("unknown relation `{}`", upper(&call.function))).hint(hint)
}
