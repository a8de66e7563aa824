//! Whole quotients, remainders, signs and nearness, each naming its arguments once: written of operators they would name them up to ten
//! times, and one within another within another would be a plan of thousands of parts.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowNativeTypeOp, AsArray, BooleanArray, PrimitiveArray};
use arrow::compute::kernels::arity::try_binary;
use arrow::compute::nullif;
use arrow::datatypes::{ArrowPrimitiveType, DataType, Float32Type, Float64Type};
use arrow::downcast_primitive_array;
use arrow::error::ArrowError;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use gradframe_ml_core::Error;

use super::kernel::{Columns, Kernel, as_first};
use crate::error::to_datafusion;
use crate::names::type_name;

pub(super) const KERNELS: &[Kernel] = &[
    // [left, right], integers of one type; constant: the expression in the user's words.
    Kernel { name: "floor_quotient", result: as_first, run: |columns| divided(columns, Part::Floor) },
    Kernel { name: "whole_quotient", result: as_first, run: |columns| divided(columns, Part::Whole) },
    // The same, also of floats.
    Kernel { name: "floor_remainder", result: as_first, run: |columns| divided(columns, Part::Remainder) },
    // [value], integers or floats.
    Kernel { name: "sign_of", result: as_first, run: signs },
    // [left, right], numbers; constants: the absolute tolerance, the relative one, whether a NaN is close to another.
    Kernel { name: "close_to", result: |_, _| Ok(DataType::Boolean), run: close },
];

#[derive(Clone, Copy)]
enum Part {
    /// The quotient rounded down.
    Floor,
    /// The quotient rounded towards 0.
    Whole,
    /// What the quotient rounded down leaves, of the divisor's sign.
    Remainder,
}

fn divided(columns: &Columns, part: Part) -> Result<ArrayRef> {
    let left = &columns.values[0];
    downcast_primitive_array!(
        left => divided_as(left, columns, part),
        other => Err(not_taken(other))
    )
}

fn not_taken(other: &DataType) -> DataFusionError {
    to_datafusion(Error::internal("arithmetic", format!("{other} is no type that this kernel takes")))
}

/// A whole number divided by 0 is null.
fn divided_as<T: ArrowPrimitiveType<Native: ArrowNativeTypeOp>>(
    left: &PrimitiveArray<T>,
    columns: &Columns,
    part: Part,
) -> Result<ArrayRef> {
    let right = &columns.values[1];
    let divisors = right.as_primitive_opt::<T>().ok_or_else(|| not_taken(right.data_type()))?;
    let zeros = BooleanArray::from_unary(divisors, |divisor| divisor.is_zero());
    let without_zeros = if T::DATA_TYPE.is_integer() && zeros.has_true() { nullif(right, &zeros)? } else { Arc::clone(right) };
    let parts = try_binary(left, without_zeros.as_primitive::<T>(), |a, b| part_of(part, a, b));
    let parts: PrimitiveArray<T> = parts.map_err(|_| {
        let what = format!("`{}` does not fit in {own} somewhere", columns.text(0), own = type_name(&T::DATA_TYPE));
        to_datafusion(Error::execution("arithmetic", what).hint("cast a side to a wider type first"))
    })?;
    Ok(Arc::new(parts))
}

/// Errors: of the least whole number by -1, whose opposite its type does not have.
fn part_of<N: ArrowNativeTypeOp>(part: Part, a: N, b: N) -> Result<N, ArrowError> {
    let rest = a.mod_wrapping(b);
    let of_other_sign = !rest.is_zero() && rest.is_lt(N::ZERO) != b.is_lt(N::ZERO);
    match part {
        Part::Whole => a.div_checked(b),
        Part::Floor => Ok(if of_other_sign { a.div_checked(b)?.sub_wrapping(N::ONE) } else { a.div_checked(b)? }),
        Part::Remainder => Ok(if of_other_sign { rest.add_wrapping(b) } else { rest }),
    }
}

/// 1, 0 or -1; NaN of NaN.
fn signs(columns: &Columns) -> Result<ArrayRef> {
    let values = &columns.values[0];
    match values.data_type() {
        DataType::Float32 => Ok(Arc::new(
            values.as_primitive::<Float32Type>().unary::<_, Float32Type>(|x| if x == 0.0 { 0.0 } else { x.signum() }),
        )),
        DataType::Float64 => Ok(Arc::new(
            values.as_primitive::<Float64Type>().unary::<_, Float64Type>(|x| if x == 0.0 { 0.0 } else { x.signum() }),
        )),
        _ => downcast_primitive_array!(
            values => Ok(signs_of_integers(values)),
            other => Err(not_taken(other))
        ),
    }
}

fn signs_of_integers<T: ArrowPrimitiveType<Native: ArrowNativeTypeOp>>(values: &PrimitiveArray<T>) -> ArrayRef {
    let (zero, one) = (T::Native::ZERO, T::Native::ONE);
    let sign = |x: T::Native| match x {
        x if x.is_gt(zero) => one,
        x if x.is_lt(zero) => zero.sub_wrapping(one),
        _ => zero,
    };
    Arc::new(values.unary::<_, T>(sign))
}

/// `|a - b| <= max(rel_tol * max(|a|, |b|), abs_tol)`, as Python's `math.isclose`.
fn close(columns: &Columns) -> Result<ArrayRef> {
    let (absolute, relative, nans_equal) = (columns.float(0)?, columns.float(1)?, columns.flag(2));
    let near = |a: f64, b: f64| match (a, b) {
        _ if a.is_nan() || b.is_nan() => nans_equal && a.is_nan() && b.is_nan(),
        _ if a.is_infinite() || b.is_infinite() => a == b,
        _ => (a - b).abs() <= (relative * a.abs().max(b.abs())).max(absolute),
    };
    Ok(Arc::new(BooleanArray::from_binary(&columns.floats(0)?, &columns.floats(1)?, near)))
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int8Array, UInt64Array};
    use datafusion::common::ScalarValue;

    use super::*;

    fn part(left: ArrayRef, right: ArrayRef, part: Part) -> Result<ArrayRef> {
        let constants = [ScalarValue::from("a // b")];
        divided(&Columns { rows: left.len(), values: &[left, right], constants: &constants }, part)
    }

    #[test]
    fn every_small_quotient_is_rounded_and_leaves_what_mathematics_says() {
        let all = || (-20_i8..=20).flat_map(|a| (-7_i8..=7).map(move |b| (a, b)));
        let (left, right): (Vec<_>, Vec<_>) = all().unzip();
        let sides =
            || (Arc::new(Int8Array::from(left.clone())) as ArrayRef, Arc::new(Int8Array::from(right.clone())) as ArrayRef);
        let expected = |of: fn(f64, f64) -> f64| -> ArrayRef {
            Arc::new(all().map(|(a, b)| (b != 0).then(|| of(f64::from(a), f64::from(b)) as i8)).collect::<Int8Array>())
        };
        for (which, of) in [
            (Part::Floor, (|a, b| (a / b).floor()) as fn(f64, f64) -> f64),
            (Part::Whole, |a, b| (a / b).trunc()),
            (Part::Remainder, |a, b| a - b * (a / b).floor()),
        ] {
            let (left, right) = sides();
            assert_eq!(&part(left, right, which).unwrap(), &expected(of));
        }
    }

    #[test]
    fn a_quotient_that_does_not_fit_is_an_error_that_says_so() {
        let sides = || (Arc::new(Int8Array::from(vec![-128])) as ArrayRef, Arc::new(Int8Array::from(vec![-1])) as ArrayRef);
        let (left, right) = sides();
        let error = part(left, right, Part::Floor).unwrap_err().to_string();
        assert!(error.contains("`a // b` does not fit in Int8"), "{error}");
        let (left, right) = sides();
        assert_eq!(part(left, right, Part::Remainder).unwrap().as_ref(), &Int8Array::from(vec![0]) as &dyn Array);
        let greatest = Arc::new(UInt64Array::from(vec![u64::MAX])) as ArrayRef;
        let three = Arc::new(UInt64Array::from(vec![3])) as ArrayRef;
        let third = part(greatest, three, Part::Floor).unwrap();
        assert_eq!(third.as_ref(), &UInt64Array::from(vec![u64::MAX / 3]) as &dyn Array);
    }
}
