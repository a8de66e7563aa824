//! Expressions as Python writes them: `col("a").sum().over("s")`, so that one can be looked at.

use datafusion::logical_expr::expr::{AggregateFunction, Case, ScalarFunction};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use datafusion::scalar::ScalarValue;
use gradframe_plan::names::type_name;

use super::call::Constant;
use super::deferred::deferred_of;
use super::naming::{Naming, naming_of};
use super::resolve::shown;
use super::selector::{Selector, selector_of};
use super::structure::{Mapping, Mark, mark_of, tuple_items};

/// The column of elements of lists.
const ELEMENT: &str = "__element";

/// The expression with the methods of its parts.
///
/// ```
/// use gradframe::expr::{prelude::*, written};
///
/// let total = (col("fare") * lit(2)).sum().over(["day"]).alias("total");
/// assert_eq!(written(&total), r#"(col("fare") * 2).sum().over("day").alias("total")"#);
/// assert_eq!(written(&!col("s").is_null()), r#"~col("s").is_null()"#);
/// ```
pub fn written(expr: &Expr) -> String {
    match expr {
        Expr::Alias(alias) => format!("{}.alias({:?})", written(&alias.expr), alias.name),
        Expr::Column(column) if column.name == ELEMENT => "element()".to_owned(),
        Expr::Column(column) => format!("col({:?})", column.name),
        Expr::Literal(value, _) => constant(value),
        Expr::BinaryExpr(binary) => operation(binary),
        Expr::Not(value) => format!("~{}", written(value)),
        Expr::Negative(value) => format!("-{}", written(value)),
        Expr::IsNull(value) => method(value, "is_null", vec![]),
        Expr::IsNotNull(value) => method(value, "is_not_null", vec![]),
        Expr::Cast(cast) => method(&cast.expr, "cast", vec![type_name(cast.field.data_type())]),
        Expr::TryCast(cast) => method(&cast.expr, "cast", vec![type_name(cast.field.data_type()), "strict=False".to_owned()]),
        Expr::InList(list) => method(&list.expr, "is_in", vec![format!("[{}]", all(&list.list).join(", "))]),
        Expr::Between(between) => method(&between.expr, "is_between", vec![written(&between.low), written(&between.high)]),
        Expr::Case(case) if case.expr.is_none() => conditional(case),
        Expr::ScalarFunction(function) => call(function),
        Expr::AggregateFunction(aggregate) => aggregated(aggregate),
        other => shown(other),
    }
}

fn all(exprs: &[Expr]) -> Vec<String> {
    exprs.iter().map(written).collect()
}

fn method(of: &Expr, name: &str, arguments: Vec<String>) -> String {
    // A number has no methods of an expression's.
    let of = if matches!(of, Expr::Literal(..)) { format!("lit({})", written(of)) } else { written(of) };
    format!("{of}.{name}({})", arguments.join(", "))
}

fn constant(value: &ScalarValue) -> String {
    match value {
        value if value.is_null() => "None".to_owned(),
        ScalarValue::Boolean(Some(flag)) => if *flag { "True" } else { "False" }.to_owned(),
        ScalarValue::Float64(Some(number)) if number.is_finite() => format!("{number:?}"),
        value => match value.try_as_str() {
            Some(Some(text)) => format!("{text:?}"),
            _ => value.to_string(),
        },
    }
}

fn operation(binary: &BinaryExpr) -> String {
    let operator = match binary.op {
        Operator::Eq => "==",
        Operator::NotEq => "!=",
        Operator::And | Operator::BitwiseAnd => "&",
        Operator::Or | Operator::BitwiseOr => "|",
        Operator::BitwiseXor => "^",
        Operator::StringConcat => "+",
        Operator::IsNotDistinctFrom => return method(&binary.left, "eq_missing", vec![written(&binary.right)]),
        Operator::IsDistinctFrom => return method(&binary.left, "ne_missing", vec![written(&binary.right)]),
        other => return format!("({} {other} {})", written(&binary.left), written(&binary.right)),
    };
    format!("({} {operator} {})", written(&binary.left), written(&binary.right))
}

fn conditional(case: &Case) -> String {
    let branches = case.when_then_expr.iter().map(|(when, then)| format!("when({}).then({})", written(when), written(then)));
    let otherwise = case.else_expr.iter().map(|value| format!("otherwise({})", written(value)));
    branches.chain(otherwise).collect::<Vec<_>>().join(".")
}

fn aggregated(aggregate: &AggregateFunction) -> String {
    let (name, params) = (aggregate.func.name(), &aggregate.params);
    let name = match name {
        "avg" => "mean",
        "stddev" => "std",
        "array_agg" => "implode",
        "first_value" => "first",
        "last_value" => "last",
        name => name.split('[').next().unwrap_or(name).trim_start_matches("value.").trim_start_matches("list."),
    };
    let Some((first, others)) = params.args.split_first() else { return format!("{name}()") };
    // The order of the rows is not the user's.
    let others = others.iter().filter(|other| !matches!(other, Expr::Column(column) if column.name.starts_with("__")));
    method(first, name, others.map(written).collect())
}

fn call(function: &ScalarFunction) -> String {
    if let Some(mark) = mark_of(function) {
        return marked(mark, &function.args);
    }
    if let Some(naming) = naming_of(function) {
        return format!("{}.name.{}", all(&function.args).join(", "), renaming(naming));
    }
    if let Some(selector) = selector_of(function) {
        return selected(selector);
    }
    let (name, constants) = match deferred_of(function) {
        Some(deferred) => (deferred.name, deferred.constants.as_slice()),
        None => (function.func.name(), [].as_slice()),
    };
    let name = name.split('[').next().unwrap_or(name);
    if let ("over", Some((value, rest))) = (name, function.args.split_first()) {
        let is_said =
            |(_, constant): &&(String, Constant)| !OVER_UNSAID.contains(&of_constant(constant).unwrap_or_default().as_str());
        let said = constants.iter().filter(is_said);
        return over(value, rest, said.filter_map(|(name, constant)| Some(format!("{name}={}", of_constant(constant)?))));
    }
    let named = constants.iter().filter_map(|(name, constant)| Some(format!("{name}={}", of_constant(constant)?)));
    match function.args.split_first() {
        Some((first, others)) if !is_of_several(name) => method(first, name, all(others).into_iter().chain(named).collect()),
        _ => format!("{name}({})", all(&function.args).into_iter().chain(named).collect::<Vec<_>>().join(", ")),
    }
}

/// What `over` does unless it is told otherwise.
const OVER_UNSAID: [&str; 3] = ["", "False", "\"group_to_rows\""];

/// Functions that are no methods.
fn is_of_several(name: &str) -> bool {
    const OTHERS: [&str; 13] = [
        "coalesce",
        "fold",
        "reduce",
        "cum_fold",
        "cum_reduce",
        "struct",
        "concat_str",
        "concat_list",
        "concat_arr",
        "repeat",
        "int_range",
        "int_ranges",
        "arctan2",
    ];
    name.ends_with("_horizontal") || OTHERS.contains(&name)
}

fn of_constant(constant: &Constant) -> Option<String> {
    Some(match constant {
        Constant::Value(value) if value.is_null() => return None,
        Constant::Value(value) => self::constant(value),
        Constant::Type(data_type) => type_name(data_type),
        Constant::Expr(expr) => written(expr),
        Constant::List(items) => {
            let items: Vec<String> = items.iter().map(|item| of_constant(item).unwrap_or_else(|| "None".to_owned())).collect();
            format!("[{}]", items.join(", "))
        }
    })
}

fn marked(mark: &Mark, args: &[Expr]) -> String {
    let Some((value, rest)) = args.split_first() else {
        return if *mark == Mark::Length { "len()" } else { "int_range(len())" }.to_owned();
    };
    match mark {
        Mark::Keep => method(value, "filter", all(rest)),
        Mark::Over { mapping, .. } => over(
            value,
            rest,
            match mapping {
                Mapping::Rows => None,
                Mapping::Join => Some("mapping_strategy=\"join\"".to_owned()),
                Mapping::Explode => Some("mapping_strategy=\"explode\"".to_owned()),
            },
        ),
        Mark::Length => method(value, "len", vec![]),
        Mark::Items | Mark::WhereThereIsOne | Mark::Once(_) | Mark::Named { .. } => written(value),
        Mark::Tuple => all(args).join(", "),
        Mark::Position => "int_range(len())".to_owned(),
    }
}

/// The value within groups: `rest` are the keys, and what their rows are ordered by.
fn over(value: &Expr, rest: &[Expr], options: impl IntoIterator<Item = String>) -> String {
    let keys = |at: usize| rest.get(at).cloned().map(tuple_items).unwrap_or_default().iter().map(key).collect::<Vec<_>>();
    let (mut arguments, order) = (keys(0), keys(1));
    arguments.extend((!order.is_empty()).then(|| format!("order_by=[{}]", order.join(", "))));
    arguments.extend(options);
    method(value, "over", arguments)
}

/// A column where a name alone means it.
fn key(expr: &Expr) -> String {
    if let Expr::Column(column) = expr { format!("{:?}", column.name) } else { written(expr) }
}

fn renaming(naming: &Naming) -> String {
    match naming {
        Naming::Keep => "keep()".to_owned(),
        Naming::Prefix(prefix) => format!("prefix({prefix:?})"),
        Naming::Suffix(suffix) => format!("suffix({suffix:?})"),
        Naming::Upper => "to_uppercase()".to_owned(),
        Naming::Lower => "to_lowercase()".to_owned(),
        Naming::Replace(old, new, true) => format!("replace({old:?}, {new:?})"),
        Naming::Replace(old, new, false) => format!("replace({old:?}, {new:?}, literal=True)"),
        Naming::StripPrefix(prefix) => format!("strip_prefix({prefix:?})"),
        Naming::StripSuffix(suffix) => format!("strip_suffix({suffix:?})"),
        Naming::Map(_) => "map(...)".to_owned(),
    }
}

fn selected(selector: &Selector) -> String {
    let quoted = |texts: &[String]| texts.iter().map(|text| format!("{text:?}")).collect::<Vec<_>>().join(", ");
    match selector {
        Selector::All => "all()".to_owned(),
        Selector::Names { names, .. } => format!("col({})", quoted(names)),
        Selector::Matches(pattern) => format!("selectors.matches({pattern:?})"),
        Selector::StartsWith(texts) => format!("selectors.starts_with({})", quoted(texts)),
        Selector::EndsWith(texts) => format!("selectors.ends_with({})", quoted(texts)),
        Selector::Contains(texts) => format!("selectors.contains({})", quoted(texts)),
        Selector::Index(places) => format!("nth({})", places.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
        Selector::Types(classes) => {
            format!("col({})", classes.iter().map(|class| format!("{class:?}")).collect::<Vec<_>>().join(", "))
        }
        Selector::And(left, right) => format!("({} & {})", selected(left), selected(right)),
        Selector::Or(left, right) => format!("({} | {})", selected(left), selected(right)),
        Selector::Xor(left, right) => format!("({} ^ {})", selected(left), selected(right)),
        Selector::Difference(left, right) => format!("({} - {})", selected(left), selected(right)),
    }
}
