//! Floats with one zero and one NaN, so that equal values have equal bits.
//!
//! A hash, a sort and a row encoding tell -0.0 from 0.0 by their bits; what tells values apart in frames must not.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, StructArray};
use arrow::datatypes::{ArrowPrimitiveType, DataType, Float16Type, Float32Type, Float64Type};
use datafusion::logical_expr::{Expr, ScalarUDF};

use super::column::per_row;
use super::words::word;

type Half = <Float16Type as ArrowPrimitiveType>::Native;

/// The expression of this type as what tells its values apart: where it has floats, with one zero and one NaN.
pub fn identity(value: Expr, own: &DataType) -> Expr {
    if has_floats(own) { per_row("one_zero", vec![value], vec![]) } else { value }
}

/// Whether a function is that of [`identity`]: it tells apart what its argument tells apart, but for zeros and NaNs.
pub fn is_identity(function: &ScalarUDF) -> bool {
    function.name() == word("one_zero", &[])
}

/// Whether values of the type hold floats.
pub fn has_floats(data_type: &DataType) -> bool {
    match data_type {
        DataType::Struct(fields) => fields.iter().any(|field| has_floats(field.data_type())),
        DataType::List(item) => has_floats(item.data_type()),
        other => other.is_floating(),
    }
}

/// The same values, with one zero and one NaN in floats and in what structs and lists hold. What has no other is given back as it is.
pub fn one_zero(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Float64 => floats::<Float64Type>(array, |x| is_other_f64(x.to_bits()), one_f64),
        DataType::Float32 => floats::<Float32Type>(array, |x| is_other_f32(x.to_bits()), one_f32),
        DataType::Float16 => floats::<Float16Type>(array, |x| x.is_nan() || x == Half::ZERO, one_f16),
        DataType::Struct(_) if has_floats(array.data_type()) => of_struct(array.as_struct()),
        DataType::List(_) if has_floats(array.data_type()) => of_list(array.as_list()),
        _ => Arc::clone(array),
    }
}

fn floats<T: ArrowPrimitiveType>(
    array: &ArrayRef,
    is_other: impl Fn(T::Native) -> bool,
    one: impl Fn(T::Native) -> T::Native,
) -> ArrayRef {
    let floats = array.as_primitive::<T>();
    // Without a way out of the loop, it is one over vectors.
    if !floats.values().iter().fold(false, |found, x| found | is_other(*x)) {
        return Arc::clone(array);
    }
    Arc::new(floats.unary::<_, T>(one))
}

/// -0.0, or a NaN that is not the one of [`f64::NAN`].
fn is_other_f64(bits: u64) -> bool {
    let size = bits & !(1 << 63);
    (bits == 1 << 63) | ((size > f64::INFINITY.to_bits()) & (bits != f64::NAN.to_bits()))
}

fn is_other_f32(bits: u32) -> bool {
    let size = bits & !(1 << 31);
    (bits == 1 << 31) | ((size > f32::INFINITY.to_bits()) & (bits != f32::NAN.to_bits()))
}

fn one_f64(x: f64) -> f64 {
    if x.is_nan() { f64::NAN } else { x + 0.0 }
}

fn one_f32(x: f32) -> f32 {
    if x.is_nan() { f32::NAN } else { x + 0.0 }
}

fn one_f16(x: Half) -> Half {
    match x {
        x if x.is_nan() => Half::NAN,
        x if x == Half::ZERO => Half::ZERO,
        x => x,
    }
}

fn of_struct(structs: &StructArray) -> ArrayRef {
    let columns = structs.columns().iter().map(one_zero).collect();
    match StructArray::try_new(structs.fields().clone(), columns, structs.nulls().cloned()) {
        Ok(structs) => Arc::new(structs),
        Err(_) => Arc::new(structs.clone()),
    }
}

fn of_list(lists: &ListArray) -> ArrayRef {
    let DataType::List(item) = lists.data_type() else { return Arc::new(lists.clone()) };
    let items = one_zero(lists.values());
    match ListArray::try_new(Arc::clone(item), lists.offsets().clone(), items, lists.nulls().cloned()) {
        Ok(lists) => Arc::new(lists),
        Err(_) => Arc::new(lists.clone()),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Float32Array, Float64Array};

    use super::*;

    fn bits(array: &ArrayRef) -> Vec<u64> {
        array.as_primitive::<Float64Type>().values().iter().map(|x| x.to_bits()).collect()
    }

    #[test]
    fn zeros_and_nans_become_one_and_nothing_else_changes() {
        let other_nan = f64::from_bits(f64::NAN.to_bits() | 1);
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![-0.0, 0.0, -f64::NAN, other_nan, f64::NEG_INFINITY, -1.5]));
        let expected: ArrayRef = Arc::new(Float64Array::from(vec![0.0, 0.0, f64::NAN, f64::NAN, f64::NEG_INFINITY, -1.5]));
        assert_eq!(bits(&one_zero(&floats)), bits(&expected));
        let narrow: ArrayRef = Arc::new(Float32Array::from(vec![Some(-0.0), None, Some(-f32::NAN)]));
        let made = one_zero(&narrow);
        assert!(made.as_primitive::<Float32Type>().value(0).is_sign_positive());
        assert!(made.is_null(1) && made.as_primitive::<Float32Type>().value(2).is_sign_positive());
    }

    #[test]
    fn what_has_one_zero_already_is_not_copied() {
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![0.0, f64::NAN, f64::INFINITY, -5e-324]));
        assert!(Arc::ptr_eq(&one_zero(&floats), &floats));
    }

    #[test]
    fn fields_and_items_have_one_zero() {
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![-0.0]));
        let item = Arc::new(arrow::datatypes::Field::new("x", DataType::Float64, true));
        let structs: ArrayRef = Arc::new(StructArray::from(vec![(item, floats)]));
        let one = one_zero(&structs);
        assert_eq!(bits(one.as_struct().column(0)), [0]);
    }
}
