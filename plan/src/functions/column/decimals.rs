//! Arithmetic of decimals. Sums, differences and products are exact; quotients and remainders have the decimals of
//! the side that has more of them, halves going to the even neighbour.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array};
use arrow::compute::kernels::arity::try_binary;
use arrow::datatypes::{DataType, Decimal128Type, i256};
use arrow::error::ArrowError;
use datafusion::common::{Result, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::ScalarFunction;
use gradframe_ml_core::Error;

use super::kernel::{Columns, Kernel};
use super::per_row::{kernel_of, per_row};
use crate::error::to_datafusion;

const NAME: &str = "decimal_arithmetic";
pub(super) const DIGITS: u8 = 38;
/// What no decimal of 38 digits reaches.
const MAX: u128 = 10_u128.pow(DIGITS as u32);

pub(super) const KERNELS: &[Kernel] = &[
    // [left, right], decimals; constants: the operation, the expression in the user's words.
    Kernel { name: NAME, result: common_type, run: computed },
    // [decimal]: the whole number that it is stored as.
    Kernel { name: "unscaled", result: |_, _| Ok(DataType::Decimal128(DIGITS, 0)), run: unscaled },
    // [sum, number of values]: the mean as a float, null of none.
    Kernel { name: "mean_of_sum", result: |_, _| Ok(DataType::Float64), run: mean_of_sum },
];

fn mean_of_sum(columns: &Columns) -> Result<ArrayRef> {
    Ok(arrow::compute::kernels::numeric::div(&columns.floats(0)?, &columns.floats(1)?)?)
}

fn unscaled(columns: &Columns) -> Result<ArrayRef> {
    let decimals = columns.values[0].as_primitive::<Decimal128Type>().clone();
    Ok(Arc::new(decimals.with_precision_and_scale(DIGITS, 0)?))
}

/// What is computed of two decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecimalOperation {
    /// The sum.
    Add,
    /// The difference.
    Subtract,
    /// The product.
    Multiply,
    /// The quotient.
    Divide,
    /// The quotient rounded down.
    FloorDivide,
    /// The quotient rounded towards 0.
    TruncatingDivide,
    /// What the quotient rounded down leaves, of the divisor's sign.
    Modulo,
}

const OPERATIONS: [(&str, DecimalOperation); 7] = [
    ("+", DecimalOperation::Add),
    ("-", DecimalOperation::Subtract),
    ("*", DecimalOperation::Multiply),
    ("/", DecimalOperation::Divide),
    ("//", DecimalOperation::FloorDivide),
    ("truncdiv", DecimalOperation::TruncatingDivide),
    ("%", DecimalOperation::Modulo),
];

/// Two decimals computed as a decimal of 38 digits. `words` is the expression as errors show it. When run, `Execution` for a
/// result of more digits and for a division by 0.
pub fn decimal_arithmetic(left: Expr, operation: DecimalOperation, right: Expr, words: &str) -> Expr {
    let name = OPERATIONS.iter().find(|(_, known)| *known == operation).map_or("+", |(name, _)| *name);
    per_row(NAME, vec![left, right], vec![name.into(), words.into()])
}

/// Whether a call is one of [`decimal_arithmetic`].
pub fn is_decimal_arithmetic(function: &ScalarFunction) -> bool {
    kernel_of(function).is_some_and(|(name, _)| name == NAME)
}

/// What is computed, if the kernel of this name with these constants is that of [`decimal_arithmetic`].
pub(super) fn operation_of(kernel: &str, constants: &[ScalarValue]) -> Option<DecimalOperation> {
    let name = constants.first().and_then(|name| name.try_as_str().flatten());
    (kernel == NAME).then(|| operation_named(name.unwrap_or_default()))
}

fn scale_of(data_type: &DataType) -> i8 {
    match data_type {
        DataType::Decimal128(_, scale) => *scale,
        _ => 0,
    }
}

fn common_type(types: &[DataType], constants: &[ScalarValue]) -> Result<DataType> {
    let operation = operation_named(constants.first().and_then(|name| name.try_as_str().flatten()).unwrap_or_default());
    let scales: Vec<i8> = types.iter().map(scale_of).collect();
    Ok(DataType::Decimal128(DIGITS, scale_of_result(operation, scales.first().copied(), scales.get(1).copied())))
}

fn operation_named(name: &str) -> DecimalOperation {
    OPERATIONS.iter().find(|(known, _)| *known == name).map_or(DecimalOperation::Add, |(_, operation)| *operation)
}

/// A product has the decimals of both sides, so far as there is room for them.
fn scale_of_result(operation: DecimalOperation, left: Option<i8>, right: Option<i8>) -> i8 {
    let (left, right) = (left.unwrap_or(0), right.unwrap_or(0));
    match operation {
        DecimalOperation::Multiply => left.saturating_add(right).min(DIGITS as i8),
        _ => left.max(right),
    }
}

fn computed(columns: &Columns) -> Result<ArrayRef> {
    let operation = operation_named(columns.text(0));
    let (left, right) = (side(&columns.values[0])?, side(&columns.values[1])?);
    let scale = scale_of_result(operation, Some(left.scale()), Some(right.scale()));
    let two = Two { left: i64::from(left.scale()), right: i64::from(right.scale()), result: i64::from(scale) };
    let (short, words) = (two.factors(operation), columns.text(1));
    let one = |a: i128, b: i128| match short.and_then(|factors| short_way(operation, factors, a, b)) {
        Some(value) => Ok(value),
        None => two
            .computed(operation, a, b)
            .map_err(|what| ArrowError::from_external_error(wrong(&format!("`{words}` {what}")).into())),
    };
    let values: Decimal128Array = try_binary(&left, &right, one).map_err(own_error)?;
    Ok(Arc::new(values.with_precision_and_scale(DIGITS, scale)?))
}

/// What Arrow's loop was ended by, without Arrow's own words around it.
fn own_error(error: ArrowError) -> DataFusionError {
    match error {
        ArrowError::ExternalError(own) => match own.downcast::<DataFusionError>() {
            Ok(own) => *own,
            Err(other) => DataFusionError::External(other),
        },
        other => other.into(),
    }
}

/// Sums, differences and products of what fits 64 bits, as nearly all decimals do: no step of these can leave 128. None where the
/// long way has to be gone.
#[inline]
fn short_way(operation: DecimalOperation, factors: [i64; 2], a: i128, b: i128) -> Option<i128> {
    let (a, b) = (i64::try_from(a).ok()?, i64::try_from(b).ok()?);
    let like = |side: i64, factor: i64| i128::from(side) * i128::from(factor);
    let value = match operation {
        DecimalOperation::Add => like(a, factors[0]).checked_add(like(b, factors[1]))?,
        DecimalOperation::Subtract => like(a, factors[0]).checked_sub(like(b, factors[1]))?,
        DecimalOperation::Multiply => like(a, b),
        _ => return None,
    };
    (value.unsigned_abs() < MAX).then_some(value)
}

fn side(array: &ArrayRef) -> Result<Decimal128Array> {
    let decimal = match array.data_type() {
        DataType::Decimal128(..) => Arc::clone(array),
        _ => arrow::compute::cast(array, &DataType::Decimal128(DIGITS, 0))?,
    };
    Ok(decimal.as_primitive::<Decimal128Type>().clone())
}

fn wrong(what: &str) -> DataFusionError {
    to_datafusion(Error::execution("arithmetic", what).hint("cast a side to Float64"))
}

const TOO_LONG: &str = "has more than 38 digits";
const BY_ZERO: &str = "divides by 0";

/// The decimals of both sides, and of the result.
struct Two {
    left: i64,
    right: i64,
    result: i64,
}

impl Two {
    /// What each side is multiplied by to be a whole number of the same unit; None if that needs more than 64 bits, or if the result
    /// is rounded.
    fn factors(&self, operation: DecimalOperation) -> Option<[i64; 2]> {
        let scale = self.left.max(self.right);
        let factor = |own: i64| 10_i64.checked_pow(u32::try_from(scale - own).ok()?);
        match operation {
            DecimalOperation::Multiply => (self.result == self.left + self.right).then_some([1, 1]),
            _ => Some([factor(self.left)?, factor(self.right)?]),
        }
    }

    fn computed(&self, operation: DecimalOperation, a: i128, b: i128) -> Result<i128, &'static str> {
        let scale = self.left.max(self.right);
        let divides = !matches!(operation, DecimalOperation::Add | DecimalOperation::Subtract | DecimalOperation::Multiply);
        if divides && b == 0 {
            return Err(BY_ZERO);
        }
        let (wide_a, wide_b) = (i256::from_i128(a), i256::from_i128(b));
        // Both as whole numbers of the same unit.
        let like_a = || wide_a.checked_mul(power(scale - self.left)?);
        let like_b = || wide_b.checked_mul(power(scale - self.right)?);
        let whole = |value: i256| value.checked_mul(power(scale)?);
        let result = match operation {
            DecimalOperation::Add => like_a().zip(like_b()).and_then(|(a, b)| a.checked_add(b)),
            DecimalOperation::Subtract => like_a().zip(like_b()).and_then(|(a, b)| a.checked_sub(b)),
            DecimalOperation::Multiply => {
                let product = wide_a.checked_mul(wide_b);
                product.zip(power(self.left + self.right - self.result)).map(|(product, by)| half_even(product, by))
            }
            DecimalOperation::Divide => {
                let dividend = power(scale - self.left + self.right).and_then(|by| wide_a.checked_mul(by));
                dividend.map(|dividend| half_even(dividend, wide_b))
            }
            DecimalOperation::FloorDivide => like_a().zip(like_b()).and_then(|(a, b)| whole(floor(a, b).0)),
            DecimalOperation::TruncatingDivide => like_a().zip(like_b()).and_then(|(a, b)| whole(a / b)),
            DecimalOperation::Modulo => like_a().zip(like_b()).map(|(a, b)| floor(a, b).1),
        };
        result.and_then(i256::to_i128).filter(|value| value.unsigned_abs() < MAX).ok_or(TOO_LONG)
    }
}

fn power(exponent: i64) -> Option<i256> {
    i256::from_i128(10).checked_pow(u32::try_from(exponent).ok()?)
}

/// The quotient rounded down, and the rest of the divisor's sign.
fn floor(a: i256, b: i256) -> (i256, i256) {
    let (quotient, rest) = (a / b, a % b);
    if rest != i256::ZERO && (rest < i256::ZERO) != (b < i256::ZERO) {
        (quotient - i256::ONE, rest + b)
    } else {
        (quotient, rest)
    }
}

fn half_even(a: i256, b: i256) -> i256 {
    let (quotient, rest) = floor(a, b);
    // The rest has the divisor's sign: it lies between 0 and the divisor.
    let (rest, left) = (rest.wrapping_abs(), (b - rest).wrapping_abs());
    match rest.cmp(&left) {
        Ordering::Less => quotient,
        Ordering::Greater => quotient + i256::ONE,
        Ordering::Equal => quotient + (quotient & i256::ONE),
    }
}

/// The product of decimals of one scale, rounded to it after each factor; None if it has too many digits.
pub(super) fn product(values: impl Iterator<Item = i128>, scale: i8) -> Option<i128> {
    let two = Two { left: i64::from(scale), right: i64::from(scale), result: i64::from(scale) };
    let one = 10_i128.checked_pow(u32::try_from(scale).ok()?)?;
    let mut values = values;
    values.try_fold(one, |product, value| two.computed(DecimalOperation::Multiply, product, value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use DecimalOperation::*;

    #[test]
    fn results_have_the_decimals_of_the_finer_side() {
        let two = Two { left: 2, right: 3, result: 3 };
        for (operation, a, b, expected) in [
            (Add, 125, 3001, Ok(4251)),
            (Multiply, 125, 3001, Ok(3751)),
            (Divide, -125, 500, Ok(-2500)),
            (FloorDivide, -125, 500, Ok(-3000)),
            (TruncatingDivide, -125, 500, Ok(-2000)),
            (Modulo, -125, 500, Ok(250)),
            (Divide, 1, 0, Err(BY_ZERO)),
            (Multiply, 10_i128.pow(37), 10_i128.pow(37), Err(TOO_LONG)),
        ] {
            assert_eq!(two.computed(operation, a, b), expected, "{operation:?} {a} {b}");
        }
    }

    #[test]
    fn the_short_way_ends_where_the_long_one_does() {
        let large = i128::from(i64::MAX);
        for (left, right) in [(2, 3), (0, 0), (18, 0), (19, 0), (0, 38), (-2, 3)] {
            for operation in [Add, Subtract, Multiply] {
                let result = i64::from(scale_of_result(operation, Some(left), Some(right)));
                let two = Two { left: left.into(), right: right.into(), result };
                let numbers = [0, 1, -1, 125, -3001, large, -large - 1, large + 1, 10_i128.pow(37), 1 - 10_i128.pow(38)];
                for (a, b) in numbers.iter().flat_map(|&a| numbers.map(|b| (a, b))) {
                    let short = two.factors(operation).and_then(|factors| short_way(operation, factors, a, b));
                    assert!(short.is_none_or(|short| two.computed(operation, a, b) == Ok(short)), "{operation:?} {a} {b}");
                }
            }
        }
    }
}
