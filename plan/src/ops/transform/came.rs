//! A column that comes with another type than training had: how an item of a TRANSFORM takes it.
//!
//! The item means what it meant at training, so the column is cast to that type, and a value that this does not hold is an error: 300 of
//! Int8, 25.5 of whole numbers. Only where training had whole numbers or decimals, and the item means the same of any number (`t`, `t / 7.0`,
//! `t * 2 > x`, not `t // 7` or `hash(t)`), is it taken as it came.

use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, ExprSchemable, Operator};

use crate::element_types::digits_of_integer;
use crate::functions::values;
use crate::ops::columns::TypeFamily;

/// How an item takes a column of another type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// Cast to the type of the training.
    Cast,
    /// As it came.
    AsItCame,
    /// Cast to the type of the training, a value that it does not hold being an error.
    Checked,
}

/// How the item, over columns of the training's types, takes the column of this name.
pub(super) fn takes(item: &Expr, name: &str, columns: &DFSchema, trained: &DataType, came: &DataType) -> Takes {
    let (trained, came) = (values(trained), values(came));
    let are_numbers = [trained, came].map(TypeFamily::of) == [Some(TypeFamily::Number); 2];
    // Rounded to fewer digits, a float is the same number.
    if !are_numbers || keeps_all(trained, came) || trained.is_floating() {
        return Takes::Cast;
    }
    // Of a number without a sign, `-t` and `t - u` may be errors.
    let keeps_signs = !came.is_unsigned_integer() || trained.is_unsigned_integer();
    match keeps_signs && reading(item, name, columns).is_some() {
        true => Takes::AsItCame,
        false => Takes::Checked,
    }
}

/// Whether a type of numbers holds every number of another one. To a float any number is itself, but for its last digits.
fn keeps_all(trained: &DataType, came: &DataType) -> bool {
    if trained.is_floating() {
        return !came.is_floating() || trained.primitive_width() >= came.primitive_width();
    }
    if trained.is_integer() && came.is_integer() {
        let signed = trained.is_signed_integer();
        let width = trained.primitive_width().cmp(&came.primitive_width());
        return if signed == came.is_signed_integer() { width.is_ge() } else { signed && width.is_gt() };
    }
    let (Some(whole), Some(whole_came)) = (digits_before_point(trained), digits_before_point(came)) else { return false };
    let fraction = |data_type, whole| digits(data_type).unwrap_or(0) - whole;
    !trained.is_integer() && whole >= whole_came && fraction(trained, whole) >= fraction(came, whole_came)
}

/// How many digits a number of the type has at most; None of a float.
fn digits(data_type: &DataType) -> Option<i16> {
    match data_type {
        DataType::Decimal32(precision, _)
        | DataType::Decimal64(precision, _)
        | DataType::Decimal128(precision, _)
        | DataType::Decimal256(precision, _) => Some(i16::from(*precision)),
        other => digits_of_integer(other).map(i16::from),
    }
}

fn digits_before_point(data_type: &DataType) -> Option<i16> {
    let scale = match data_type {
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => i16::from(*scale),
        _ => 0,
    };
    Some(digits(data_type)? - scale)
}

/// How an expression that means the same of any number reads a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// Its type goes by the column's.
    ByType,
    /// Its type is the same whatever the column's.
    AsNumber,
}

/// None of an expression that may mean something else of another type of number.
fn reading(expr: &Expr, name: &str, columns: &DFSchema) -> Option<Reading> {
    let mut parts = vec![];
    expr.apply_children(|part| {
        parts.push(reading(part, name, columns));
        Ok(TreeNodeRecursion::Continue)
    })
    .ok()?;
    let parts = parts.into_iter().collect::<Option<Vec<_>>>()?;
    let by_type = parts.contains(&Reading::ByType);
    match expr {
        Expr::Column(column) if column.name == name => Some(Reading::ByType),
        Expr::Cast(cast) if cast.field.data_type().is_floating() => Some(Reading::AsNumber),
        Expr::TryCast(cast) if cast.field.data_type().is_floating() => Some(Reading::AsNumber),
        Expr::IsNull(_) | Expr::IsNotNull(_) | Expr::Between(_) | Expr::InList(_) => Some(Reading::AsNumber),
        Expr::BinaryExpr(binary) if is_comparison(binary.op) => Some(Reading::AsNumber),
        Expr::BinaryExpr(binary) if !is_arithmetic(binary.op) && by_type => None,
        Expr::BinaryExpr(_) | Expr::Negative(_) | Expr::Alias(_) | Expr::Case(_) => {
            Some(if by_type { Reading::ByType } else { Reading::AsNumber })
        }
        _ if !by_type => Some(Reading::AsNumber),
        Expr::ScalarFunction(call) => {
            match OF_ANY_NUMBER.iter().find(|(name, _)| Some(*name) == call.func.name().split('[').next()) {
                Some((_, reading)) => Some(*reading),
                // What makes a float of a whole number reads it as one.
                None => expr.get_type(columns).is_ok_and(|made| made.is_floating()).then_some(Reading::AsNumber),
            }
        }
        _ => None,
    }
}

/// Functions that mean the same of any number, by their names without constants.
const OF_ANY_NUMBER: [(&str, Reading); 6] = [
    ("coalesce", Reading::ByType),
    ("greatest", Reading::ByType),
    ("least", Reading::ByType),
    ("bin_label", Reading::AsNumber),
    ("bin_number", Reading::AsNumber),
    ("ml.bucketize", Reading::AsNumber),
];

fn is_comparison(operator: Operator) -> bool {
    use Operator::*;
    matches!(operator, Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom)
}

/// Division is not among them: of whole numbers it gives whole ones.
fn is_arithmetic(operator: Operator) -> bool {
    matches!(operator, Operator::Plus | Operator::Minus | Operator::Multiply)
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::DataType::*;
    use datafusion::logical_expr::{cast, col, lit, when};

    use super::Takes::*;
    use super::*;
    use crate::ops::transform::planner::schema_of;

    fn taken(item: &Expr, trained: &DataType, came: &DataType) -> Takes {
        let columns = schema_of([("t", trained), ("u", trained)].into_iter()).expect("two columns");
        takes(item, "t", &columns, trained, came)
    }

    #[test]
    fn what_holds_every_number_is_cast_to() {
        let text = || cast(col("t"), Utf8);
        for (trained, came) in [
            (Int64, Int32),
            (Int64, UInt32),
            (Float64, Int64),
            (Float64, Decimal128(38, 4)),
            (Decimal128(12, 2), Int32),
            (Decimal128(12, 4), Decimal128(9, 2)),
            (Float32, Float64),
            (Utf8, LargeUtf8),
        ] {
            assert_eq!(taken(&text(), &trained, &came), Cast, "{trained} {came}");
        }
        for (trained, came) in [
            (Int8, Int64),
            (Int64, UInt64),
            (UInt8, Int8),
            (Decimal128(9, 2), Int64),
            (Int64, Float64),
            (Int64, Decimal128(9, 2)),
            (Decimal128(9, 2), Float32),
        ] {
            assert_eq!(taken(&text(), &trained, &came), Checked, "{trained} {came}");
        }
        // No type holds them all, but the items mean the same.
        assert_eq!([taken(&-col("t"), &Int64, &UInt64), taken(&-col("t"), &Int8, &Int64)], [Checked, AsItCame]);
    }

    #[test]
    fn what_means_the_same_of_any_number_takes_it_as_it_came() -> datafusion::common::Result<()> {
        let float = || cast(col("t"), Float64);
        let branches = when(col("t").gt(lit(3_i64)), col("t") * lit(2_i64)).otherwise(lit(0_i64))?;
        let sqrt = || datafusion::functions::expr_fn::sqrt(col("t"));
        let filled = datafusion::functions::expr_fn::coalesce(vec![col("t"), lit(0_i64)]);
        for item in [
            col("t"),
            float() / lit(7.0),
            float() % lit(7.0),
            -(col("t") + lit(1_i64)),
            branches,
            col("t").is_null(),
            sqrt(),
            filled,
        ] {
            assert_eq!(taken(&item, &Int64, &Float64), AsItCame, "{item}");
        }
        for item in [col("t") / lit(7_i64), col("t") % lit(7_i64), cast(col("t"), Utf8), cast(col("t"), Int32)] {
            assert_eq!(taken(&item, &Int64, &Float64), Checked, "{item}");
        }
        assert_eq!(taken(&(col("u") / lit(7_i64) + col("t")), &Int64, &Float64), AsItCame);
        Ok(())
    }
}
