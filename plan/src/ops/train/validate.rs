//! What can be known of a training from its schema alone.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::TreeNode;
use datafusion::common::{Column, DFSchema};
use datafusion::functions::math::expr_fn::abs;
use datafusion::logical_expr::{Expr, cast, lit};
use gradframe_ml_core::{Error, Result};
use gradframe_ml_learn::data_types::{accepts, accepts_label};
use gradframe_ml_learn::{ColumnKind, Estimator, Split, Task, check_options};

use super::common::{
    CommonOptions, EVAL_FRACTION, REPRODUCIBLE, SPLIT_COLUMN, SPLIT_METHOD, WEIGHT_COLUMN, split_type, weight_type,
};
use super::job::{JobSpec, TrainJob};
use super::node::ColumnPlaces;
use super::option_values::json;
use super::{DEFAULT_LABEL, OP, TrainRequest};
use crate::functions::{element_named, element_type, marker_of, tensor_element};
use crate::ops::columns::missing;
use crate::ops::transform::{Item, Transform};
use crate::services::Services;

/// A column of a training query.
#[derive(Debug, Clone)]
struct Part {
    name: String,
    expr: Expr,
    data_type: DataType,
}

impl Part {
    fn of(schema: &DFSchema, at: usize) -> Self {
        let column = Column::from(schema.qualified_field(at));
        Part { name: column.name.clone(), expr: Expr::Column(column), data_type: schema.field(at).data_type().clone() }
    }
}

/// The columns of a training query by their part.
#[derive(Debug)]
pub(super) struct Columns {
    features: Vec<Part>,
    label: Part,
    weight: Option<Part>,
    split: Option<Part>,
}

impl Columns {
    fn all(&self) -> impl Iterator<Item = &Part> {
        self.features.iter().chain([&self.label]).chain(&self.weight).chain(&self.split)
    }

    /// The names of the features, the label, the weight and the split column.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.all().map(|part| part.name.as_str())
    }

    /// The features, the label, the weight and the split column.
    pub fn expressions(&self) -> Vec<Expr> {
        self.all().map(|part| part.expr.clone()).collect()
    }

    /// Holds for the rows that a TRANSFORM is fitted to: all but those of weight 0, unless a column says which are trained on. What is fitted
    /// itself cannot tell beforehand. A null weight is for training to refuse.
    pub fn training_rows(&self, split: Split) -> Option<Expr> {
        let by = self.split.as_ref().filter(|part| split == Split::Custom && matches!(part.expr, Expr::Column(_)));
        let trained = by.map(|part| Expr::Not(Box::new(part.expr.clone())));
        let weight = self.weight.as_ref().map(|part| &part.expr).filter(|weight| !is_fitted(weight));
        let weighty = weight.map(|weight| {
            let size = abs(cast(weight.clone(), DataType::Float64));
            size.not_eq(lit(0.0)).or(weight.clone().is_null())
        });
        trained.into_iter().chain(weighty).reduce(Expr::and)
    }

    /// Where the weight and the split column are among them.
    pub fn places(&self) -> ColumnPlaces {
        let label = self.features.len();
        let weight = self.weight.as_ref().map(|_| label + 1);
        let split = self.split.as_ref().map(|_| label + 1 + usize::from(weight.is_some()));
        ColumnPlaces { label, weight, split }
    }
}

/// The label, the columns that the common options name, and every other column as a feature: of the query's columns, or of
/// those that the TRANSFORM makes of them. The options may name columns of the query that the TRANSFORM leaves out.
pub(super) fn columns(
    schema: &DFSchema,
    transform: Option<&Transform>,
    request: &TrainRequest,
    common: &CommonOptions,
    estimator: &dyn Estimator,
) -> Result<Columns> {
    names_differ(schema)?;
    let mut parts = parts(schema, transform)?;
    let name = request.label.as_deref().unwrap_or(DEFAULT_LABEL);
    let Some(label) = take(&mut parts, name) else { return Err(no_label(schema, transform, request, name)) };
    let named = |option, column: &Option<String>| match column {
        Some(column) => option_column(schema, &parts, name, option, column).map(Some),
        None => Ok(None),
    };
    let (weight, split) = (named(WEIGHT_COLUMN, &common.weight_column)?, named(SPLIT_COLUMN, &common.split_column)?);
    if let Some(weight) = &weight {
        weight_type(&weight.name, &weight.data_type)?;
    }
    if let Some(split) = &split {
        split_type(common.split, &split.name, &split.data_type)?;
    }
    parts.retain(|part| [&weight, &split].into_iter().flatten().all(|other| other.name != part.name));
    if let Some(wanted) = estimator.columns() {
        parts = chosen(schema, parts, &wanted)?;
    }
    if parts.is_empty() {
        let hint = "the training query selects the label and the columns to learn from";
        return Err(Error::plan(OP, "there is no feature: the query has only the label").hint(hint));
    }
    parts.iter().try_for_each(|part| feature_type(&part.name, &part.data_type))?;
    Ok(Columns { features: parts, label, weight, split })
}

/// The columns that a module names, in its order. Errors: `Plan` if one is not there, `DType` if one is no number.
fn chosen(schema: &DFSchema, parts: Vec<Part>, wanted: &[String]) -> Result<Vec<Part>> {
    let one = |name: &String| {
        let part = parts.iter().find(|part| part.name == *name).cloned().or_else(|| element(&parts, name));
        let part =
            part.ok_or_else(|| missing(OP, schema, format!("there is no column `{name}`, which the module takes"), name))?;
        match accepts(&part.data_type) {
            Ok(ColumnKind::Text) => {
                let what = format!("feature `{name}` is {}, a module takes numbers", part.data_type);
                Err(Error::dtype(OP, what).hint("make numbers of it: cast it, or use transform=[gf.ml.label_encoder(..), ..]"))
            }
            _ => Ok(part),
        }
    };
    wanted.iter().map(one).collect()
}

/// An element of a column of tensors, as a module names it: `image[12]`.
fn element(parts: &[Part], name: &str) -> Option<Part> {
    let (column, place) = element_named(name)?;
    let part = parts.iter().find(|part| part.name == column)?;
    let data_type = element_type(&part.data_type, place)?.clone();
    Some(Part { name: name.to_owned(), expr: tensor_element(part.expr.clone(), place), data_type })
}

/// Whether an expression has parts that are fitted to all rows.
fn is_fitted(expr: &Expr) -> bool {
    let is_marker = |part: &Expr| Ok(matches!(part, Expr::ScalarFunction(call) if marker_of(call).is_some()));
    expr.exists(is_marker).unwrap_or(true)
}

/// What there is to learn from.
fn parts(schema: &DFSchema, transform: Option<&Transform>) -> Result<Vec<Part>> {
    let Some(transform) = transform else { return Ok((0..schema.fields().len()).map(|i| Part::of(schema, i)).collect()) };
    let part = |item: &Item| {
        let expr = item.over(schema)?;
        Ok(Part { name: item.name.clone(), expr, data_type: item.data_type.clone() })
    };
    transform.items().iter().map(part).collect()
}

fn take(parts: &mut Vec<Part>, name: &str) -> Option<Part> {
    let at = parts.iter().position(|part| part.name == name)?;
    Some(parts.remove(at))
}

/// The column that an option names. Errors: `Plan` if there is none, or if it is the label.
fn option_column(schema: &DFSchema, parts: &[Part], label: &str, option: &str, name: &str) -> Result<Part> {
    if name == label {
        let what = format!("option `{option}` is `{name}`, which is the label");
        return Err(Error::plan(OP, what).hint("select the column a second time, under another name"));
    }
    let raw = || schema.fields().iter().position(|field| field.name() == name).map(|at| Part::of(schema, at));
    let found = parts.iter().find(|part| part.name == name).cloned().or_else(raw);
    found.ok_or_else(|| missing(OP, schema, format!("the query has no column `{name}`, which `{option}` names"), name))
}

fn names_differ(schema: &DFSchema) -> Result<()> {
    let mut seen = HashMap::new();
    for (i, field) in schema.fields().iter().enumerate() {
        if let Some(first) = seen.insert(field.name(), i) {
            let [a, b] = [first, i].map(|i| Column::from(schema.qualified_field(i)).flat_name());
            let what = format!("two columns are named `{}`: `{a}` and `{b}`", field.name());
            return Err(Error::plan(OP, what).hint("select one of them, or rename one with AS"));
        }
    }
    Ok(())
}

fn no_label(schema: &DFSchema, transform: Option<&Transform>, request: &TrainRequest, name: &str) -> Error {
    if transform.is_some() && schema.fields().iter().any(|field| field.name() == name) {
        let error = Error::plan(OP, format!("the TRANSFORM does not pass on `{name}`, the label"));
        return error.hint(format!("add it to the list: TRANSFORM (..., {name})"));
    }
    match request.label {
        Some(_) => missing(OP, schema, format!("the query has no column `{name}` to be the label"), name),
        None => Error::plan(OP, format!("no label: the query has no column `{name}`"))
            .hint("name the label's column: input_label_cols = ['...']"),
    }
}

/// The learner's word on a type, with the column's name.
fn feature_type(name: &str, data_type: &DataType) -> Result<()> {
    accepts(data_type).map(|_| ()).map_err(|e| naming(e, &format!("feature `{name}`")))
}

fn label_type(task: Task, name: &str, data_type: &DataType) -> Result<()> {
    accepts_label(task, data_type).map(|_| ()).map_err(|e| naming(e, &format!("label `{name}`")))
}

fn naming(error: Error, column: &str) -> Error {
    let detail = error.detail();
    let named = Error::dtype(OP, format!("{column}: {}", detail.what));
    match &detail.hint {
        Some(hint) => named.hint(hint.clone()),
        None => named,
    }
}

/// The training asked for. Errors: `Plan` for its options, `DType` for its label.
pub(super) fn job(
    request: TrainRequest,
    columns: &Columns,
    common: CommonOptions,
    estimator: Arc<dyn Estimator>,
    services: &Services,
) -> Result<TrainJob> {
    label_type(estimator.task(), &columns.label.name, &columns.label.data_type)?;
    let given = request.options.iter().map(|(name, value)| Ok((name.clone(), json(name, value)?))).collect::<Result<Vec<_>>>()?;
    let mut options = check_options(estimator.as_ref(), &given)?;
    options.extend(kept(&common));
    Ok(TrainJob::from(JobSpec {
        name: request.name,
        on_existing: request.on_existing,
        label: columns.label.name.clone(),
        label_type: columns.label.data_type.clone(),
        feature_types: columns.features.iter().map(|part| part.data_type.clone()).collect(),
        split: common.split,
        reproducible: common.reproducible,
        options,
        seed: request.seed.unwrap_or(services.seed),
        query: request.query,
        resume: request.resume,
        statement: request.statement,
        estimator,
    }))
}

/// The common options as they are kept with the model, those of no effect left out.
fn kept(common: &CommonOptions) -> impl Iterator<Item = (String, serde_json::Value)> {
    let method = (common.split != Split::None).then(|| common.split.method().into());
    let options = [
        (SPLIT_METHOD, method),
        (EVAL_FRACTION, common.split.eval_fraction().map(Into::into)),
        (SPLIT_COLUMN, common.split_column.clone().map(Into::into)),
        (WEIGHT_COLUMN, common.weight_column.clone().map(Into::into)),
        (REPRODUCIBLE, (!common.reproducible).then(|| false.into())),
    ];
    options.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)))
}
