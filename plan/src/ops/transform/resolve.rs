//! A TRANSFORM over the columns of some input: those of the training query, found by name and, where they came with another type,
//! taken as [`came`] says.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast};
use gradframe_ml_core::{Error, Result};
use gradframe_ml_learn::TransformSpec;

use super::came::{Takes, takes};
use super::checked::checked;
use super::{Input, Item, Transform, planner, reads};
use crate::error::{from_datafusion, to_datafusion};
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
    let names = model.model.spec.features.iter().map(|feature| feature.name.as_str());
    names.map(|name| transform.item(name)?.laid_over(op, &transform.inputs, input, model)).collect()
}

/// The label as the TRANSFORM makes it, over an input that holds its raw columns. Errors: as `feature_exprs`.
pub(crate) fn label_expr(op: &str, spec: &TransformSpec, input: &DFSchema, model: &NamedModel) -> Result<Expr> {
    let transform = Transform::of_spec(spec)?;
    transform.item(&model.model.spec.label.name)?.laid_over(op, &transform.inputs, input, model)
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
    let is_feature = |item: &Item| model.model.spec.features.iter().any(|feature| feature.name == item.name);
    let schema = Arc::clone(input.schema());
    let made = |item: &&Item| is_feature(item) || transform.inputs_of(item).all(|column| has(&schema, &column.name));
    let exprs = transform.items.iter().filter(made);
    let exprs = exprs.map(|item| Ok(item.laid_over(OP, &transform.inputs, &schema, &model)?.alias(item.name.clone())));
    let exprs = exprs.collect::<Result<Vec<Expr>>>()?;
    LogicalPlanBuilder::from(input).project(exprs).and_then(LogicalPlanBuilder::build).map_err(from_datafusion)
}

impl Transform {
    fn item(&self, name: &str) -> Result<&Item> {
        let item = self.items.iter().find(|item| item.name == name);
        item.ok_or_else(|| Error::execution(super::OP, format!("the stored TRANSFORM makes no column `{name}`")))
    }

    fn inputs_of<'a>(&'a self, item: &'a Item) -> impl Iterator<Item = &'a Input> {
        self.inputs.iter().filter(|column| reads(&item.expr, &column.name))
    }
}

impl Item {
    /// The item over an input's columns. Errors: `DType` for a column of another kind of values.
    fn laid_over(&self, op: &str, trained: &[Input], input: &DFSchema, model: &NamedModel) -> Result<Expr> {
        let columns = planner::schema_of(trained.iter().map(|column| (column.name.as_str(), &column.data_type)))?;
        let laid = replaced(self.expr.clone(), |name| {
            let column = trained.iter().find(|column| column.name == name);
            let column =
                column.ok_or_else(|| Error::execution(super::OP, format!("the stored TRANSFORM knows no column `{name}`")))?;
            Raw { op, trained: column, input, model }.taken_by(&self.expr, &columns)
        })?;
        // What is taken as it came may need casts.
        planner::coerce(laid, input)
    }
}

/// A column of the training query in an input.
struct Raw<'a> {
    op: &'a str,
    trained: &'a Input,
    input: &'a DFSchema,
    model: &'a NamedModel,
}

impl Raw<'_> {
    fn taken_by(&self, item: &Expr, columns: &DFSchema) -> Result<Expr> {
        let Input { name, data_type } = self.trained;
        let Some(at) = find(self.op, self.input, name)? else {
            let what = format!("the input lacks `{name}`, which the TRANSFORM of {} reads", self.model.title());
            return Err(missing(self.op, self.input, what, name));
        };
        let came = self.input.field(at).data_type();
        let column = Expr::Column(Column::from(self.input.qualified_field(at)));
        if came == data_type {
            return Ok(column);
        }
        let fits = TypeFamily::of(data_type).zip(TypeFamily::of(came)).is_some_and(|(trained, came)| came.fits(trained));
        if !fits {
            return Err(self.another_type(came));
        }
        Ok(match takes(item, name, columns, data_type, came) {
            Takes::Cast => cast(column, data_type.clone()),
            Takes::AsItCame => column,
            Takes::Checked => checked(column, self.op, name, &self.model.title(), data_type),
        })
    }

    fn another_type(&self, got: &DataType) -> Error {
        let Input { name, data_type } = self.trained;
        let what = format!("column `{name}` of {} has another type, expected {data_type}, got {got}", self.model.title());
        Error::dtype(self.op, what).hint(format!("cast it: CAST({name} AS ...)"))
    }
}

fn has(schema: &DFSchema, name: &str) -> bool {
    schema.fields().iter().any(|field| field.name() == name)
}

/// The expression with another in place of each column.
fn replaced(expr: Expr, with: impl Fn(&str) -> Result<Expr>) -> Result<Expr> {
    let replaced = expr.transform_up(|expr| match expr {
        Expr::Column(column) => with(&column.name).map(Transformed::yes).map_err(to_datafusion),
        other => Ok(Transformed::no(other)),
    });
    replaced.map(|replaced| replaced.data).map_err(from_datafusion)
}
