//! PyTorch's numbers, as `references/make.py` has stored them, and the formulas that both sides have.

use std::sync::LazyLock;

use gradframe_ml_array::{Array, Element};
use gradframe_ml_core::DType;
use serde_json::Value;

pub const DOUBLE: Element = Element::Real(DType::F64);

/// All that is stored.
pub fn stored() -> &'static Value {
    static STORED: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(include_str!("../references/torch.json")).unwrap());
    &STORED
}

/// Numbers from -1 to 1, float64.
pub fn numbers(shape: &[usize], phase: usize) -> Array {
    let count: usize = shape.iter().product();
    let number = |i: usize| (0.7 * i as f64 + 1.3 * phase as f64 + 0.1).sin();
    Array::from_vec(shape, (0..count).map(number).collect()).unwrap()
}

/// Numbers whose gradient is wanted.
pub fn x(shape: &[usize], phase: usize) -> Array {
    numbers(shape, phase).watched().unwrap()
}

/// Fails unless an array has the shape and the two sums that are stored, to a part of 1e-9, or of 1e-6 for float32.
pub fn assert_told(what: &str, array: &Array, told: &Value) {
    assert_near(what, array, told, if array.element() == DOUBLE { 1e-9 } else { 1e-6 });
}

/// Fails unless an array has the shape and the two sums that are stored, to this part of the sum of its sizes.
pub fn assert_near(what: &str, array: &Array, told: &Value, most: f64) {
    let shape: Vec<usize> = told[0].as_array().unwrap().iter().map(|size| size.as_u64().unwrap() as usize).collect();
    assert_eq!(array.shape(), shape, "{what}");
    let values = array.tensor().unwrap().to_f64();
    let sums = [values.iter().sum(), values.iter().enumerate().map(|(i, value)| value * (0.3 * i as f64).cos()).sum::<f64>()];
    let size = 1.0 + values.iter().map(|value| value.abs()).sum::<f64>();
    for (sum, expected) in sums.iter().zip(told[1].as_array().unwrap()) {
        let expected = expected.as_f64().unwrap();
        assert!((sum - expected).abs() <= most * size, "{what}: {sum}, expected {expected}");
    }
}
