//! From an expression as it is written to what a plan can hold: selectors become columns, deferred calls what they are over
//! the columns' types, and what is computed of whole columns becomes windows and aggregates.
//!
//! [`crate::DataFrame::resolve`] is the one place where frames do this.

mod expand;
mod field;
mod fields;
mod lower;
mod names;
mod once;
mod operators;
mod types;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::Expr;
use gradframe_plan::error::from_datafusion;
use gradframe_plan::functions::enum_categories;
use gradframe_plan::names::suggest;
use gradframe_plan::ops::row_order::{ROW_ORDER, row_order_field};

pub(crate) use self::field::{field_of, type_of};
pub(crate) use self::lower::{Group, Layer, Lowered, Lowering, Shape};
pub(crate) use self::names::{named, shown};
pub use self::names::{output_name, root_names};
pub(crate) use self::operators::{
    WIDE_INTEGER, as_values, cast_to, common_moment, common_number, common_type, computed_decimal, computed_nested,
    is_wide_integer, require_boolean, require_comparable, untyped, widest_number, with_moments_alike, zones_differ,
};
pub(crate) use self::types::{resolve_types, resolve_types_around};
use super::ELEMENT;
use crate::{Error, Result};

/// An expression with the name that the frame will show.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) expr: Expr,
    /// As it was written, its selectors being columns.
    pub(crate) written: Expr,
    pub(crate) data_type: DataType,
    /// The categories of an Enum, or of lists of one.
    pub(crate) categories: Option<Vec<String>>,
}

/// The expressions with selectors expanded over `chosen` and types taken from `schema`, each with its name.
/// Errors: `Plan` for unknown columns, named by the method `op` and the expression, with the nearest name that exists.
pub(crate) fn typed(op: &str, exprs: Vec<Expr>, schema: &DFSchema, chosen: &DFSchema) -> Result<Vec<Named>> {
    let with_order = if exprs.iter().all(is_plain) { None } else { Some(with_row_order(op, schema)?) };
    let over = with_order.as_ref().unwrap_or(schema);
    let mut named = vec![];
    for expr in exprs {
        let mut expanded = vec![];
        for expr in expand::expand(expr, chosen)? {
            require_columns(op, &expr, schema)?;
            expanded.extend(fields::expand(expr, over)?);
        }
        for expr in expanded {
            let name = output_name(&expr);
            let written = expr.clone();
            let resolved = types::resolve_types(qualified(expr, schema)?, over).and_then(|expr| {
                let expr = expr.unalias_nested().data.unalias();
                let field = field_of(&expr, over)?;
                Ok((expr, field))
            });
            let (expr, field) = resolved.map_err(|error| names::within(error, &written))?;
            let (data_type, categories) = (field.data_type().clone(), enum_categories(&field));
            named.push(Named { name, expr, written, data_type, categories });
        }
    }
    Ok(named)
}

/// The type of the elements of lists and arrays; other types as they are.
pub(crate) fn item_of(own: &DataType) -> &DataType {
    match own {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => item.data_type(),
        own => own,
    }
}

/// Columns with the qualifier that the schema has for them, so that a column has one form wherever it stands.
fn qualified(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    let qualified = expr.transform(|node| match node {
        Expr::Column(column) if column.relation.is_none() && column.name != ROW_ORDER => {
            let found = schema.qualified_field_with_unqualified_name(&column.name)?;
            Ok(Transformed::yes(Expr::Column(Column::from(found))))
        }
        other => Ok(Transformed::no(other)),
    });
    Ok(qualified.map_err(from_datafusion)?.data)
}

/// Whether the expression is made of columns, constants and operators, which cannot refer to the hidden column.
fn is_plain(expr: &Expr) -> bool {
    let is_other = |part: &Expr| match part {
        Expr::Column(column) => column.name == ROW_ORDER,
        Expr::Literal(..) | Expr::Alias(_) | Expr::BinaryExpr(_) | Expr::Not(_) | Expr::Negative(_) => false,
        _ => true,
    };
    !expr.exists(|part| Ok(is_other(part))).unwrap_or(true)
}

/// Errors: `Plan` for a column that has the name of the hidden one.
pub(crate) fn require_free_row_order(op: &str, schema: &DFSchema) -> Result<()> {
    if !schema.fields().iter().any(|field| field.name() == ROW_ORDER) {
        return Ok(());
    }
    let what = format!("column `{ROW_ORDER}` has the name by which rows are numbered here, out of sight");
    Err(Error::plan(op, what).hint("rename the column"))
}

/// The schema with the hidden column in it, which expressions may refer to.
fn with_row_order(op: &str, schema: &DFSchema) -> Result<DFSchema> {
    require_free_row_order(op, schema)?;
    let fields = schema.iter().map(|(qualifier, field)| (qualifier.cloned(), std::sync::Arc::clone(field)));
    let fields = fields.chain([(None, row_order_field())]).collect();
    DFSchema::new_with_metadata(fields, schema.metadata().clone()).map_err(from_datafusion)
}

fn require_columns(op: &str, expr: &Expr, schema: &DFSchema) -> Result<()> {
    let unknown = expr.column_refs().into_iter().find(|column| !schema.has_column(column) && column.name != ROW_ORDER);
    let Some(column) = unknown else { return Ok(()) };
    if column.name == ELEMENT {
        let what = format!("`{}` is of the elements of a list, and none is looked into here", shown(expr));
        return Err(Error::plan(op, what).hint("element() stands in list.eval, list.agg, list.filter and arr.eval"));
    }
    let place = if matches!(expr, Expr::Column(_)) { String::new() } else { format!(" in `{}`", shown(expr)) };
    let known = schema.fields().iter().map(|field| field.name().as_str());
    Err(Error::plan(op, format!("unknown column `{}`{place}", column.name)).hint(suggest(&column.name, known)))
}
