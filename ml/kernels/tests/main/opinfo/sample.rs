//! A sample of an operator as it is stored.

use std::collections::HashMap;

use gradframe_ml_core::{DType, Tensor};
use serde_json::Value;

/// One case.
pub struct Sample {
    /// Input tensors by key.
    pub tensors: Vec<(String, Tensor)>,
    /// Expected results.
    pub outputs: Vec<Tensor>,
    /// What weighs each result in the sum that is differentiated.
    pub cotangents: Vec<Option<Tensor>>,
    /// Expected gradients by input key.
    pub gradients: Vec<(String, Tensor)>,
    /// The input, and the arguments by place.
    pub positional: Vec<Value>,
    /// The arguments by name.
    pub named: Value,
}

impl Sample {
    /// None for what we have no types for: complex numbers, and results that are neither tensors nor numbers.
    pub fn parse(case: &Value, number: usize, arrays: &HashMap<String, Tensor>) -> Option<Self> {
        let mut positional = vec![case["input"].clone()];
        positional.extend(case["args"]["list"].as_array().cloned().unwrap_or_default());
        let named = case["kwargs"]["dict"].clone();
        let mut found = Vec::new();
        positional.iter().for_each(|v| collect(v, &mut found));
        named.as_object()?.values().for_each(|v| collect(v, &mut found));
        let array = |key: &str| arrays.get(&format!("s{number}_{key}"));
        let mut tensors: Vec<(String, Tensor)> = Vec::new();
        for node in found {
            let key = node["tensor"].as_str()?.to_owned();
            let tensor = typed(array(&key)?, node)?;
            tensors.push((key, tensor));
        }
        let mut results = Vec::new();
        collect(&case["output"], &mut results);
        let (mut outputs, mut cotangents) = (Vec::new(), Vec::new());
        for node in results {
            let key = node["tensor"].as_str()?;
            outputs.push(typed(array(key)?, node)?);
            cotangents.push(array(&format!("ct_{key}")).cloned());
        }
        outputs.extend(number_of(&case["output"]["py"]));
        cotangents.resize(outputs.len(), None);
        let keys = case["grads"].as_array().cloned().unwrap_or_default();
        let gradient = |key: &Value| Some((key.as_str()?.to_owned(), array(&format!("g_{}", key.as_str()?))?.clone()));
        let gradients = keys.iter().filter_map(gradient).collect();
        (!outputs.is_empty()).then_some(Sample { tensors, outputs, cotangents, gradients, positional, named })
    }
}

fn collect<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
    if value["tensor"].is_string() {
        found.push(value);
    }
    for list in ["list", "tuple"] {
        value[list].as_array().into_iter().flatten().for_each(|v| collect(v, found));
    }
}

/// A result that is a plain number or truth value.
fn number_of(value: &Value) -> Option<Tensor> {
    match value {
        Value::Bool(b) => Tensor::from_bools(&[], &[*b]).ok(),
        Value::Number(n) => Some(Tensor::scalar(n.as_f64()?)),
        _ => None,
    }
}

/// The array, in the type that the sample names for it.
fn typed(array: &Tensor, node: &Value) -> Option<Tensor> {
    let dtype = match node["dtype"].as_str()? {
        "float64" => DType::F64,
        "float32" => DType::F32,
        "float16" => DType::F16,
        "bfloat16" => DType::BF16,
        "int64" => DType::I64,
        "int32" => DType::I32,
        "int16" => DType::I16,
        "int8" => DType::I8,
        "uint8" => DType::U8,
        "uint64" => DType::U64,
        "bool" => DType::Bool,
        _ => return None,
    };
    array.cast(dtype).ok()
}
