//! Expressions as SQL, in which a model keeps its transform.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, ExprSchema};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::utils::find_aggregate_exprs;
use datafusion::logical_expr::{Expr, ExprSchemable, cast};
use gradframe_plan::error::from_datafusion;
use gradframe_plan::names::type_name;
use gradframe_plan::ops::transform::{Transform, WrittenItem, planner};

use super::DataFrame;
use super::project::branches_of_one_type;
use super::sql_text::{expression, in_quotes};
use crate::expr::functions::OF_FLOATS;
use crate::expr::resolve::{Group, Lowering, Named, Shape};
use crate::expr::{deferred_of, naming_of, written};
use crate::{Error, Result};

/// The name of the operator in errors.
const OP: &str = "transform";

impl DataFrame {
    /// The expressions as a TRANSFORM holds them, over this frame's columns; selectors give several.
    /// Errors: `Plan` for unknown columns and for what looks at more than one row, `NotImplemented` for a part that SQL has no
    /// words for, which it names as it was written.
    pub(super) fn written(&self, exprs: Vec<Expr>) -> Result<Vec<WrittenItem>> {
        let exprs = exprs.into_iter().map(|expr| self.of_any_number(expr)).collect::<Result<_>>()?;
        self.typed(OP, exprs)?.into_iter().map(|named| self.item(named)).collect()
    }

    /// The expression, in which tests of floats ask whole numbers and decimals, too: training's have one answer, a float that comes at
    /// prediction has its own.
    fn of_any_number(&self, expr: Expr) -> Result<Expr> {
        let is_exact = |of: &Expr| {
            let named = self.typed(OP, vec![of.clone()]).unwrap_or_default();
            named.iter().any(|named| named.data_type.is_integer() || named.data_type.is_decimal())
        };
        let asked = expr.transform_up(|part| match part {
            Expr::ScalarFunction(mut call) if is_float_test(&call) && call.args.iter().all(is_exact) => {
                call.args = call.args.into_iter().map(|of| cast(of, DataType::Float64)).collect();
                Ok(Transformed::yes(Expr::ScalarFunction(call)))
            }
            other => Ok(Transformed::no(other)),
        });
        Ok(asked.map_err(from_datafusion)?.data)
    }

    fn item(&self, named: Named) -> Result<WrittenItem> {
        let (name, own) = (named.name.clone(), named.written.clone());
        let expr = self.pinned(row_by_row(named)?, &own)?;
        // Not with its cause, which names functions as plans do.
        self.stored(&name, expr).map_err(|error| match error {
            Error::NotImplemented(_) => {
                let what = format!("`{name}` cannot be stored in a model: SQL has no words for `{}`", call(self.culprit(&own)));
                Error::not_implemented(OP, what).hint("compute the column before, in the frame that is trained on")
            }
            other => other,
        })
    }

    /// The item of an expression. Errors: `NotImplemented` for what has no words, and for what they would mean otherwise.
    fn stored(&self, name: &str, expr: Expr) -> Result<WrittenItem> {
        let schema = self.plan.schema();
        let holds_query = expr.exists(|part| Ok(matches!(part, Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_))));
        if holds_query.map_err(from_datafusion)? {
            return Err(Error::not_implemented(OP, "a query within an expression"));
        }
        let expr = branches_of_one_type(expr, schema)?;
        let text = expression(&expr, schema, planner()?)?;
        let item = WrittenItem { sql: format!("{text} AS {}", in_quotes(name)), place: None };
        // What is wrong with the text otherwise, training says, of all items together.
        if let Ok(read) = Transform::plan(std::slice::from_ref(&item), schema)
            && let Some(read) = read.items().first()
        {
            let meant = type_name(&expr.get_type(schema).map_err(from_datafusion)?);
            let read = type_name(&read.data_type);
            if read != meant {
                return Err(Error::not_implemented(OP, format!("`{text}` is {read} when it is read again, expected {meant}")));
            }
        }
        Ok(item)
    }

    /// The expression, in which columns of whole numbers that a function leaves as they are, as `floor` does, are bound to their type: of a
    /// float that comes at prediction it would make something else.
    fn pinned(&self, expr: Expr, own: &Expr) -> Result<Expr> {
        let mut bound = vec![];
        self.left_alone(own, &mut bound);
        let pinned = expr.transform(|part| match part {
            Expr::Column(column) if bound.contains(&column) && self.plan.schema().data_type(&column)?.is_integer() => {
                let data_type = self.plan.schema().data_type(&column)?.clone();
                Ok(Transformed::new(cast(Expr::Column(column), data_type), true, TreeNodeRecursion::Jump))
            }
            other => Ok(Transformed::no(other)),
        });
        Ok(pinned.map_err(from_datafusion)?.data)
    }

    /// The columns of calls in an expression that give whole numbers as they were given.
    fn left_alone(&self, own: &Expr, bound: &mut Vec<Column>) {
        if let Expr::ScalarFunction(function) = own
            && naming_of(function).is_none()
            && let Some(argument) = function.args.first()
            && let (Ok(made), Ok(of)) = (self.typed(OP, vec![own.clone()]), self.typed(OP, vec![argument.clone()]))
        {
            let same = made.iter().zip(&of).filter(|(made, of)| made.data_type.is_integer() && made.expr == of.expr);
            bound.extend(same.flat_map(|(made, _)| made.expr.column_refs().into_iter().cloned()));
        }
        parts(own).into_iter().for_each(|part| self.left_alone(part, bound));
    }

    /// The smallest part of an expression that cannot be stored.
    fn culprit<'a>(&self, expr: &'a Expr) -> &'a Expr {
        let storable = |part: &Expr| match self.typed(OP, vec![part.clone()]) {
            Ok(named) => named.into_iter().all(|named| row_by_row(named).and_then(|expr| self.stored("", expr)).is_ok()),
            // By itself it is no expression of this frame.
            Err(_) => true,
        };
        parts(expr).into_iter().find(|part| !storable(part)).map_or(expr, |part| self.culprit(part))
    }
}

/// The expression as a plan holds it. Errors: `Plan` for one that needs other rows than its own: a stored transform is computed of each row
/// again wherever the model predicts.
fn row_by_row(named: Named) -> Result<Expr> {
    let name = named.name.clone();
    let of_columns = named.expr.exists(|part| Ok(matches!(part, Expr::AggregateFunction(_) | Expr::WindowFunction(_))));
    let of_columns = of_columns.map_err(from_datafusion)?;
    let mut lowering = Lowering::default();
    let lowered = lowering.lower_named(named, &Group::default())?;
    let row_by_row = matches!(lowered.shape, Shape::Rows | Shape::Scalar)
        && lowering.layers.is_empty()
        && !lowering.needs_order
        && !of_columns
        && find_aggregate_exprs([&lowered.expr]).is_empty();
    if row_by_row {
        return Ok(lowered.expr);
    }
    let what = format!("`{name}` looks at more than its own row, which a stored transform does not have");
    Err(Error::plan(OP, what).hint("compute the column before, or use what training fits: standard_scaler, imputer, ..."))
}

fn is_float_test(call: &ScalarFunction) -> bool {
    deferred_of(call).is_some_and(|deferred| OF_FLOATS.contains(&deferred.name))
}

fn parts(expr: &Expr) -> Vec<&Expr> {
    let mut parts = vec![];
    let _ = expr.apply_children(|part| {
        parts.push(part);
        Ok(TreeNodeRecursion::Continue)
    });
    parts
}

/// A method with its arguments, without what it is called on: `round(2)`.
fn call(expr: &Expr) -> String {
    let whole = written(expr);
    let of = parts(expr).first().map(|first| format!("{}.", written(first)));
    of.and_then(|of| whole.strip_prefix(&of).map(str::to_owned)).unwrap_or(whole)
}
