//! What operators and conditions mean over the types of their parts, as Polars has it, in one place.
//!
//! Integer constants take the type of the other side; texts are put together by `+`; times and durations have an arithmetic
//! of their own; what cannot be compared, negated or taken for a condition is an error here, before any data are read, and
//! not a cast that nobody asked for. What needs no change is left to DataFusion.

mod branches;
mod decimals;
mod enums;
mod kind;
mod moments;
mod nested;
mod numbers;
mod stored;
mod structs;
mod within;

use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::expr::{InList, ScalarFunction};
use datafusion::logical_expr::type_coercion::binary::comparison_coercion;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

pub(crate) use self::branches::common_type;
pub(crate) use self::decimals::{WIDE_INTEGER, computed as computed_decimal, is_wide_integer};
use self::kind::Kind;
pub(crate) use self::moments::{common_moment, zones_differ};
pub(crate) use self::nested::computed as computed_nested;
pub(crate) use self::numbers::{cast_to, common_number, untyped, widest_number};
pub(crate) use self::stored::as_values;
pub(crate) use self::within::with_moments_alike;
use super::super::enums::{field_of, placed};
use super::field::type_of;
use super::names::shown;
use crate::{Error, Result};
use gradframe_plan::functions::{categories, struct_of};
use gradframe_plan::names::type_name;

const CAST: &str = "cast one of them";

/// A part of an expression with its type.
type Typed = (Expr, DataType);

/// The expression as a plan can hold it; its parts are so already. Errors: `DType`, naming the parts and their types.
pub(super) fn meant(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::BinaryExpr(binary) => meant_binary(binary, schema),
        Expr::Negative(value) => negated(*value, schema),
        Expr::Not(value) => {
            require_condition("not_", &value, schema)?;
            Ok(Transformed::no(Expr::Not(value)))
        }
        Expr::Case(case) => branches::of_case(case, schema),
        Expr::InList(list) => listed(list, schema),
        other => Ok(Transformed::no(other)),
    }
}

/// A function of DataFusion's whose arguments are to have one type.
pub(super) fn meant_function(function: ScalarFunction, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let name = function.func.name().to_owned();
    match name.as_str() {
        "coalesce" => branches::of_coalesce(function, schema),
        "named_struct"
            if function.args.iter().filter_map(|arg| field_of(arg, schema)).any(|field| categories(&field).is_some()) =>
        {
            Ok(Transformed::yes(struct_of(function.args)))
        }
        name if name.starts_with("list.") => of_lists(function, schema),
        _ => Ok(Transformed::no(Expr::ScalarFunction(function))),
    }
}

/// A function of lists, of Enums by their places.
fn of_lists(mut function: ScalarFunction, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let placed = placed(function.func.name(), function.args.clone(), schema)?;
    if placed.exprs == function.args {
        return Ok(Transformed::no(Expr::ScalarFunction(function)));
    }
    function.args.clone_from(&placed.exprs);
    Ok(Transformed::yes(placed.restore(Expr::ScalarFunction(function))))
}

/// Errors: `DType` if the expression is neither true nor false.
pub(super) fn require_condition(op: &str, condition: &Expr, schema: &DFSchema) -> Result<()> {
    require_boolean(op, condition, &type_of(condition, schema)?)
}

/// [`require_condition`] of an expression of this type.
pub(crate) fn require_boolean(op: &str, condition: &Expr, own: &DataType) -> Result<()> {
    if matches!(own, DataType::Boolean | DataType::Null) {
        return Ok(());
    }
    let what = format!("`{}` is {own}, expected a condition (Boolean)", shown(condition), own = type_name(own));
    Err(Error::dtype(op, what).hint("compare it with something"))
}

fn meant_binary(binary: BinaryExpr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    use Operator::{
        And, Divide, Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, Minus, Modulo, Multiply, NotEq, Or, Plus,
    };
    if let Some(plain) = stored::over_values(&binary, schema) {
        return Ok(Transformed::yes(meant_binary(plain, schema)?.data));
    }
    match binary.op {
        Plus | Minus | Multiply | Divide | Modulo => arithmetic(binary, schema),
        Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom => compared(binary, schema),
        And | Or => {
            let op = if binary.op == And { "and_" } else { "or_" };
            require_condition(op, &binary.left, schema)?;
            require_condition(op, &binary.right, schema)?;
            Ok(Transformed::no(Expr::BinaryExpr(binary)))
        }
        _ => Ok(Transformed::no(Expr::BinaryExpr(binary))),
    }
}

fn arithmetic(binary: BinaryExpr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let (left, right) = (type_of(&binary.left, schema)?, type_of(&binary.right, schema)?);
    let kinds = (Kind::of(&left), Kind::of(&right));
    match kinds {
        (Kind::Other, _) | (_, Kind::Other) => {
            let error = not_taken(&binary, &left, &right);
            let operation = |a: Expr, b: Expr| Expr::BinaryExpr(BinaryExpr::new(Box::new(a), binary.op, Box::new(b)));
            let sides = ((*binary.left.clone(), left.clone()), (*binary.right.clone(), right.clone()));
            if let Some(nested) = nested::computed(sides.0, sides.1, schema, &operation)? {
                return Ok(Transformed::yes(nested));
            }
            of_datafusion(binary, schema).ok_or(error)
        }
        (Kind::Text, Kind::Text | Kind::Boolean | Kind::Null) | (Kind::Boolean | Kind::Null, Kind::Text)
            if binary.op == Operator::Plus =>
        {
            Ok(Transformed::yes(together(binary, &left, &right)))
        }
        (Kind::Null, _) | (_, Kind::Null) => Ok(Transformed::no(Expr::BinaryExpr(binary))),
        (Kind::Decimal, _) | (_, Kind::Decimal) => {
            let words = shown(&Expr::BinaryExpr(binary.clone()));
            let error = not_taken(&binary, &left, &right);
            let computed = decimals::arithmetic(binary.op, (*binary.left, left), (*binary.right, right), &words);
            computed.map(Transformed::yes).ok_or(error)
        }
        (l, r) if l.is_number() && r.is_number() => numbers::arithmetic(binary, &left, &right),
        (l, r) if l.is_moment() || r.is_moment() => {
            let sides = ((*binary.left.clone(), left.clone()), (*binary.right.clone(), right.clone()));
            match moments::arithmetic(binary.op, sides.0, sides.1) {
                Some(expr) if expr == Expr::BinaryExpr(binary.clone()) => Ok(Transformed::no(expr)),
                Some(expr) => super::types::resolve_types(expr, schema).map(Transformed::yes),
                None => Err(not_taken(&binary, &left, &right)),
            }
        }
        _ => Err(not_taken(&binary, &left, &right)),
    }
}

fn not_taken(binary: &BinaryExpr, left: &DataType, right: &DataType) -> Error {
    let sides = format!(
        "`{}` is {left} and `{}` is {right}",
        shown(&binary.left),
        shown(&binary.right),
        left = type_name(left),
        right = type_name(right)
    );
    Error::dtype("arithmetic", format!("{sides}, which `{}` does not take", binary.op)).hint(CAST)
}

/// Texts one after the other; null if one of them is.
fn together(binary: BinaryExpr, left: &DataType, right: &DataType) -> Expr {
    let text = |side: Box<Expr>, data_type: &DataType| match Kind::of(data_type) {
        Kind::Text => side,
        _ => Box::new(numbers::cast_to(*side, data_type, &DataType::Utf8)),
    };
    let (left, right) = (text(binary.left, left), text(binary.right, right));
    Expr::BinaryExpr(BinaryExpr::new(left, Operator::StringConcat, right))
}

fn compared(binary: BinaryExpr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    if let Some(places) = enums::compared(&binary, schema)? {
        return Ok(Transformed::yes(places));
    }
    let (left, right) = (type_of(&binary.left, schema)?, type_of(&binary.right, schema)?);
    if let Some(answer) = structs::compared(&binary, &left, &right)? {
        return Ok(Transformed::yes(answer));
    }
    require_comparable(&binary.left, &left, &binary.right, &right)?;
    match (Kind::of(&left), Kind::of(&right)) {
        (Kind::Boolean, other) | (other, Kind::Boolean) if matches!(other, Kind::Integer | Kind::Float) => {
            numbers::arithmetic(binary, &left, &right)
        }
        (Kind::Decimal, Kind::Float) | (Kind::Float, Kind::Decimal) => Ok(decimals::compared_with_float(binary, &left, &right)),
        (Kind::Duration, Kind::Duration) if let Some(common) = moments::common_duration(&[left.clone(), right.clone()]) => {
            Ok(Transformed::yes(as_common(binary, (&left, &right), &common)))
        }
        (Kind::Date, Kind::Timestamp) | (Kind::Timestamp, Kind::Date) if zoned(&left) || zoned(&right) => {
            let (left, right) = (moments::as_instant(*binary.left, &left), moments::as_instant(*binary.right, &right));
            Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr::new(Box::new(left), binary.op, Box::new(right)))))
        }
        (Kind::Date, Kind::Timestamp) | (Kind::Timestamp, Kind::Date)
            if let Some(common) = moments::dates_beside_no_zone(&[left.clone(), right.clone()]) =>
        {
            Ok(Transformed::yes(as_common(binary, (&left, &right), &common)))
        }
        (Kind::Other, _) | (_, Kind::Other) => {
            let error = not_comparable(&binary.left, &left, &binary.right, &right);
            of_datafusion(binary, schema).ok_or(error)
        }
        _ => Ok(Transformed::no(Expr::BinaryExpr(binary))),
    }
}

/// The comparison of both sides in one type.
fn as_common(binary: BinaryExpr, (left, right): (&DataType, &DataType), common: &DataType) -> Expr {
    let (left, right) = (cast_to(*binary.left, left, common), cast_to(*binary.right, right, common));
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), binary.op, Box::new(right)))
}

/// The operator as it is, if DataFusion takes it.
fn of_datafusion(binary: BinaryExpr, schema: &DFSchema) -> Option<Transformed<Expr>> {
    let expr = Expr::BinaryExpr(binary);
    type_of(&expr, schema).is_ok().then(|| Transformed::no(expr))
}

fn listed(list: InList, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let own = type_of(&list.expr, schema)?;
    let mut types = vec![own.clone()];
    for value in &list.list {
        let other = type_of(value, schema)?;
        require_comparable(&list.expr, &own, value, &other)?;
        let is_known = own.is_null() || other.is_null() || comparison_coercion(&own, &other).is_some();
        let is_known = is_known && (own != DataType::Date32 || !zoned(&other)) && (other != DataType::Date32 || !zoned(&own));
        if !is_known || own.is_nested() != other.is_nested() && !own.is_null() && !other.is_null() {
            return Err(not_comparable(&list.expr, &own, value, &other));
        }
        types.push(other);
    }
    match moments::common_moment(&types) {
        Some(common) => Ok(Transformed::yes(Expr::InList(in_unit(list, &types, &common)))),
        None => Ok(Transformed::no(Expr::InList(list))),
    }
}

/// The list and what is looked for in it, of these types in this order, as moments or durations of one unit.
fn in_unit(list: InList, types: &[DataType], common: &DataType) -> InList {
    let values = list.list.into_iter().zip(&types[1..]).map(|(value, own)| cast_to(value, own, common)).collect();
    InList::new(Box::new(cast_to(*list.expr, &types[0], common)), values, list.negated)
}

/// Errors: `DType` for values that could only be compared after a cast that nobody asked for.
pub(crate) fn require_comparable(left: &Expr, left_type: &DataType, right: &Expr, right_type: &DataType) -> Result<()> {
    let is_constant = |expr: &Expr| matches!(expr, Expr::Literal(..));
    let fits = match (Kind::of(left_type), Kind::of(right_type)) {
        // A text says a moment, but not how long something takes.
        (Kind::Text, other) if other.is_moment() => is_constant(left) && other != Kind::Duration,
        (other, Kind::Text) if other.is_moment() => is_constant(right) && other != Kind::Duration,
        (Kind::Text, other) | (other, Kind::Text) => !other.is_number() && other != Kind::Decimal,
        (a, b) if a.is_moment() || b.is_moment() => {
            let is_number = |kind: Kind| kind.is_number() || kind == Kind::Decimal;
            !is_number(a) && !is_number(b) && both_zoned_or_none(left_type, right_type)
        }
        _ => true,
    };
    if fits { Ok(()) } else { Err(not_comparable(left, left_type, right, right_type)) }
}

/// A moment of a time zone is compared with another of one; a date, which is its midnight in UTC, with any.
fn both_zoned_or_none(left: &DataType, right: &DataType) -> bool {
    match (left, right) {
        (DataType::Timestamp(..), DataType::Timestamp(..)) => zoned(left) == zoned(right),
        _ => true,
    }
}

fn not_comparable(left: &Expr, left_type: &DataType, right: &Expr, right_type: &DataType) -> Error {
    let sides = format!(
        "`{}` is {left_type} and `{}` is {right_type}",
        shown(left),
        shown(right),
        left_type = type_name(left_type),
        right_type = type_name(right_type)
    );
    let hint = if zoned(left_type) || zoned(right_type) { "give both a time zone with dt.replace_time_zone" } else { CAST };
    Error::dtype("comparison", format!("{sides}, which cannot be compared")).hint(hint)
}

fn zoned(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(_, Some(_)))
}

fn negated(value: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let own = type_of(&value, schema)?;
    if matches!(own, DataType::Duration(_)) {
        let number = Expr::Negative(Box::new(numbers::cast_to(value, &own, &DataType::Int64)));
        return Ok(Transformed::yes(numbers::cast_to(number, &DataType::Int64, &own)));
    }
    let has_sign = own.is_numeric() && !own.is_unsigned_integer();
    if has_sign || matches!(own, DataType::Null | DataType::Interval(_)) {
        return Ok(Transformed::no(Expr::Negative(Box::new(value))));
    }
    let what = format!("`{}` is {own}, which has no negative values", shown(&value), own = type_name(&own));
    Err(Error::dtype("neg", what).hint("cast it to a signed type"))
}
