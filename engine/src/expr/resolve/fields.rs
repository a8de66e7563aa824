//! Several fields of a struct become several expressions: `struct.field("x", "y")`, `struct.unnest()`.

use arrow::array::StringArray;
use arrow::compute::regexp_is_match_scalar;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, ExprSchemable};
use gradframe_plan::error::from_datafusion;
use gradframe_plan::names::{suggest, type_name};

use super::super::call::Constant;
use super::super::deferred::deferred_of;
use super::names::shown;
use super::types::resolve_types;
use crate::{Error, Result};

const OP: &str = "struct.field";

/// The expressions that this one is over a schema: itself without such fields.
/// Errors: `Plan` for a field that is not there, `DType` for what is no struct.
pub(super) fn expand(expr: Expr, schema: &DFSchema) -> Result<Vec<Expr>> {
    let Some((of, wanted)) = first_choice(&expr)? else { return Ok(vec![expr]) };
    let typed = resolve_types(super::qualified(of.clone(), schema)?, schema)?;
    let own = typed.unalias_nested().data.get_type(schema).map_err(from_datafusion)?;
    let arrow::datatypes::DataType::Struct(fields) = &own else {
        return Err(Error::dtype(OP, format!("`{}` is {}, expected a struct", shown(&of), type_name(&own))));
    };
    let known: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
    let mut names = vec![];
    for choice in &wanted {
        names.extend(chosen(choice, &known)?);
    }
    // In the struct's order, as Polars has them.
    known.into_iter().filter(|name| names.iter().any(|chosen| chosen == name)).map(|name| with_field(&expr, name)).collect()
}

/// The struct of the first such choice, and what is chosen.
fn first_choice(expr: &Expr) -> Result<Option<(Expr, Vec<String>)>> {
    let mut found = None;
    let visited = expr.apply(|node| {
        if let Expr::ScalarFunction(function) = node
            && let Some(names) = names_of(function)
        {
            found = function.args.first().cloned().map(|of| (of, names));
            return Ok(TreeNodeRecursion::Stop);
        }
        Ok(TreeNodeRecursion::Continue)
    });
    visited.map_err(from_datafusion)?;
    Ok(found)
}

fn names_of(function: &ScalarFunction) -> Option<Vec<String>> {
    let deferred = deferred_of(function).filter(|deferred| deferred.name == "struct.fields")?;
    let (_, Constant::List(names)) = deferred.constants.first()? else { return None };
    names.iter().map(|name| if let Constant::Value(name) = name { name.try_as_str()?.map(str::to_owned) } else { None }).collect()
}

fn chosen(choice: &str, known: &[&str]) -> Result<Vec<String>> {
    if choice == "*" {
        return Ok(known.iter().map(|name| (*name).to_owned()).collect());
    }
    if choice.starts_with('^') && choice.ends_with('$') {
        let matches = regexp_is_match_scalar(&StringArray::from(known.to_vec()), choice, None);
        let matches = matches.map_err(|error| Error::plan(OP, format!("the pattern `{choice}` is wrong: {error}")))?;
        return Ok((0..known.len()).filter(|&at| matches.value(at)).map(|at| known[at].to_owned()).collect());
    }
    match known.contains(&choice) {
        true => Ok(vec![choice.to_owned()]),
        false => Err(Error::plan(OP, format!("unknown field `{choice}`")).hint(suggest(choice, known.iter().copied()))),
    }
}

/// The expression with one field in the place of all such choices.
fn with_field(expr: &Expr, name: &str) -> Result<Expr> {
    let replaced = expr.clone().transform_up(|node| match node {
        Expr::ScalarFunction(mut function) if names_of(&function).is_some() && function.args.len() == 1 => {
            Ok(Transformed::yes(get_field(function.args.swap_remove(0), name).alias(name)))
        }
        other => Ok(Transformed::no(other)),
    });
    Ok(replaced.map_err(from_datafusion)?.data)
}
