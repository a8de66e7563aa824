//! Floats with one NaN, that without a sign.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float32Type, Float64Type};

/// The bits of the negative infinity: only NaNs with a sign have more.
const DOUBLE: u64 = 0xFFF0_0000_0000_0000;
const SINGLE: u32 = 0xFF80_0000;

/// The same values; a NaN with a sign, as arithmetic makes it, becomes the one that equals NaN and is above all numbers. What
/// holds none, and what are no floats, is given back as it is.
pub fn one_nan(array: ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Float64 => {
            let floats = array.as_primitive::<Float64Type>();
            if !floats.values().iter().fold(false, |found, x| found | (x.to_bits() > DOUBLE)) {
                return array;
            }
            Arc::new(floats.unary::<_, Float64Type>(|x| if x.is_nan() { f64::NAN } else { x }))
        }
        DataType::Float32 => {
            let floats = array.as_primitive::<Float32Type>();
            if !floats.values().iter().fold(false, |found, x| found | (x.to_bits() > SINGLE)) {
                return array;
            }
            Arc::new(floats.unary::<_, Float32Type>(|x| if x.is_nan() { f32::NAN } else { x }))
        }
        _ => array,
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::Float64Array;

    use super::*;

    #[test]
    fn a_sign_is_taken_from_nan_alone() {
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![-f64::NAN, f64::NEG_INFINITY, -0.0, -1.0]));
        let plain = one_nan(Arc::clone(&floats));
        let bits =
            |array: &ArrayRef| array.as_primitive::<Float64Type>().values().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&plain)[1..], bits(&floats)[1..]);
        assert!(f64::from_bits(bits(&plain)[0]).is_sign_positive());
        let without: ArrayRef = Arc::new(Float64Array::from(vec![f64::NEG_INFINITY, f64::NAN]));
        assert!(Arc::ptr_eq(&one_nan(Arc::clone(&without)), &without));
    }
}
