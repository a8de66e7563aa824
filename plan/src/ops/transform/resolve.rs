//! A TRANSFORM over the columns of some input: those of the training query, found by name and, where they came with another type,
//! taken as [`came`] says.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast};
use gradframe_ml_core::{Error, Result};
use gradframe_ml_learn::TransformSpec;

use super::came::{Takes, takes};
use super::{Input, Item, Transform, planner};
use crate::error::{from_datafusion, to_datafusion};
use crate::functions::as_trained;
use crate::ops::columns::{TypeFamily, find, missing};
use crate::services::NamedModel;

/// The expression with each column as the schema qualifies it.
pub(super) fn qualified(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    replaced(expr, |name| match schema.fields().iter().position(|field| field.name() == name) {
        Some(at) => Ok(Expr::Column(Column::from(schema.qualified_field(at)))),
        None => Err(Error::internal(super::OP, format!("column `{name}` is lost"))),
    })
}

/// The features of a model over an input that holds its raw columns, in the model's order.
/// Errors: `Plan` if a column is not there or is there twice, `DType` if it is of another kind.
pub(crate) fn feature_exprs(op: &str, spec: &TransformSpec, input: &DFSchema, model: &NamedModel) -> Result<Vec<Expr>> {
    let transform = Transform::of_spec(spec)?;
    let laying = Laying::new(op, &transform, input, model)?;
    model.model.spec.features.iter().map(|feature| laying.named(&feature.name)).collect()
}

/// The label as the TRANSFORM makes it, over an input that holds its raw columns. Errors: as `feature_exprs`.
pub(crate) fn label_expr(op: &str, spec: &TransformSpec, input: &DFSchema, model: &NamedModel) -> Result<Expr> {
    let transform = Transform::of_spec(spec)?;
    Laying::new(op, &transform, input, model)?.named(&model.model.spec.label.name)
}

/// `ML.TRANSFORM(MODEL m, input)`: the columns that the TRANSFORM makes of the input's rows. What is no feature (the label,
/// the sample weight, the column to split by) is among them if the input holds what it is made of.
/// Errors: `Plan` if the model has no TRANSFORM or a column of a feature is missing; `DType` if one is of another kind.
pub fn transformed(input: LogicalPlan, model: Arc<NamedModel>) -> Result<LogicalPlan> {
    const OP: &str = "ml.transform";
    let spec = model.model.spec.transform.as_ref().ok_or_else(|| {
        let error = Error::plan(OP, format!("model `{}` has no TRANSFORM", model.name));
        error.hint("CREATE MODEL m TRANSFORM (...) OPTIONS (...) AS SELECT ... stores one")
    })?;
    let transform = Transform::of_spec(spec)?;
    let schema = Arc::clone(input.schema());
    let laying = Laying::new(OP, &transform, &schema, &model)?;
    let features: HashSet<&str> = model.model.spec.features.iter().map(|feature| feature.name.as_str()).collect();
    let columns: HashSet<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let has_all = |item: &Item| item.expr.column_refs().iter().all(|column| columns.contains(column.name.as_str()));
    let made = transform.items.iter().filter(|item| features.contains(item.name.as_str()) || has_all(item));
    let exprs = made.map(|item| Ok(laying.laid(item)?.alias(item.name.clone()))).collect::<Result<Vec<Expr>>>()?;
    LogicalPlanBuilder::from(input).project(exprs).and_then(LogicalPlanBuilder::build).map_err(from_datafusion)
}

/// A TRANSFORM on its way over an input that holds its raw columns.
struct Laying<'a> {
    op: &'a str,
    items: HashMap<&'a str, &'a Item>,
    /// The columns of the training by their names, and as a schema.
    trained: HashMap<&'a str, &'a Input>,
    columns: DFSchema,
    input: &'a DFSchema,
    model: &'a NamedModel,
}

impl<'a> Laying<'a> {
    fn new(op: &'a str, transform: &'a Transform, input: &'a DFSchema, model: &'a NamedModel) -> Result<Self> {
        let columns = planner::schema_of(transform.inputs.iter().map(|column| (column.name.as_str(), &column.data_type)))?;
        let items = transform.items.iter().map(|item| (item.name.as_str(), item)).collect();
        let trained = transform.inputs.iter().map(|column| (column.name.as_str(), column)).collect();
        Ok(Laying { op, items, trained, columns, input, model })
    }

    /// The item of this name over the input's columns. Errors: as `laid`.
    fn named(&self, name: &str) -> Result<Expr> {
        match self.items.get(name) {
            Some(item) => self.laid(item),
            None => Err(Error::execution(super::OP, format!("the stored TRANSFORM makes no column `{name}`"))),
        }
    }

    /// The item over the input's columns. Errors: `DType` for a column of another kind of values.
    fn laid(&self, item: &Item) -> Result<Expr> {
        let laid = replaced(item.expr.clone(), |name| self.column(name, &item.expr))?;
        // What is taken as it came may need casts.
        planner::coerce(laid, self.input)
    }

    /// A column of the training query in the input, as the item takes it.
    fn column(&self, name: &str, item: &Expr) -> Result<Expr> {
        let trained = self.trained.get(name).map(|trained| &trained.data_type);
        let trained =
            trained.ok_or_else(|| Error::execution(super::OP, format!("the stored TRANSFORM knows no column `{name}`")))?;
        let Some(at) = find(self.op, self.input, name)? else {
            let what = format!("the input lacks `{name}`, which the TRANSFORM of {} reads", self.model.title());
            return Err(missing(self.op, self.input, what, name));
        };
        let came = self.input.field(at).data_type();
        let column = Expr::Column(Column::from(self.input.qualified_field(at)));
        if came == trained {
            return Ok(column);
        }
        let fits = TypeFamily::of(trained).zip(TypeFamily::of(came)).is_some_and(|(trained, came)| came.fits(trained));
        if !fits {
            return Err(self.another_type(name, trained, came));
        }
        match takes(item, name, &self.columns, trained, came) {
            Takes::Cast => Ok(cast(column, trained.clone())),
            Takes::AsItCame => Ok(column),
            Takes::Checked => as_trained(column, self.op, name, &self.model.title(), trained).map_err(from_datafusion),
        }
    }

    fn another_type(&self, name: &str, expected: &DataType, got: &DataType) -> Error {
        let what = format!("column `{name}` of {} has another type, expected {expected}, got {got}", self.model.title());
        Error::dtype(self.op, what).hint(format!("cast it: CAST({name} AS ...)"))
    }
}

/// The expression with another in place of each column.
fn replaced(expr: Expr, with: impl Fn(&str) -> Result<Expr>) -> Result<Expr> {
    let replaced = expr.transform_up(|expr| match expr {
        Expr::Column(column) => with(&column.name).map(Transformed::yes).map_err(to_datafusion),
        other => Ok(Transformed::no(other)),
    });
    replaced.map(|replaced| replaced.data).map_err(from_datafusion)
}
