//! A sample of an operator: its tensors, and its other arguments by place or name.

use gradframe_ml_core::{DType, NodeId, Tensor};
use serde_json::Value;

/// One case as it is stored.
pub struct Sample {
    /// Input tensors by key.
    pub tensors: Vec<(String, Tensor)>,
    /// Expected results.
    pub outputs: Vec<Tensor>,
    /// What weighs each result in the sum that is differentiated.
    pub cotangents: Vec<Option<Tensor>>,
    /// Expected gradients by input key.
    pub gradients: Vec<(String, Tensor)>,
    positional: Vec<Value>,
    named: Value,
}

/// The arguments of a case, tensors as nodes.
pub struct Arguments<'a> {
    sample: &'a Sample,
    nodes: &'a [NodeId],
}

/// One argument.
#[derive(Debug, Clone)]
pub enum Argument {
    /// A tensor.
    Node(NodeId),
    /// A number, a truth value as 0 or 1.
    Number(f64),
    /// A word.
    Text(String),
    /// Several.
    List(Vec<Argument>),
    /// Not given.
    None,
}

impl Sample {
    /// None for what we have no types for: complex numbers, and outputs that are no tensors.
    pub fn parse(case: &Value) -> Option<Self> {
        let mut positional = vec![case["input"].clone()];
        positional.extend(case["args"]["list"].as_array().cloned().unwrap_or_default());
        let named = case["kwargs"]["dict"].clone();
        let mut found = Vec::new();
        positional.iter().for_each(|v| collect(v, &mut found));
        named.as_object()?.values().for_each(|v| collect(v, &mut found));
        let arrays = &case["arrays"];
        let mut tensors = Vec::new();
        for node in found {
            let key = node["tensor"].as_str()?.to_owned();
            let tensor = tensor(&arrays[&key], dtype(node["dtype"].as_str()?)?)?;
            tensors.push((key, tensor));
        }
        let mut results = Vec::new();
        collect(&case["output"], &mut results);
        let mut outputs = Vec::new();
        let mut cotangents = Vec::new();
        for node in results {
            let key = node["tensor"].as_str()?;
            outputs.push(tensor(&arrays[key], dtype(node["dtype"].as_str()?)?)?);
            cotangents.push(tensor(&arrays[format!("ct_{key}")], DType::F64));
        }
        let keys = case["grads"].as_array().cloned().unwrap_or_default();
        let gradient = |key: &Value| {
            let key = key.as_str()?.to_owned();
            let value = tensor(&arrays[format!("g_{key}")], DType::F64)?;
            Some((key, value))
        };
        let gradients = keys.iter().filter_map(gradient).collect();
        (!outputs.is_empty()).then_some(Sample { tensors, outputs, cotangents, gradients, positional, named })
    }
}

fn collect(value: &Value, found: &mut Vec<Value>) {
    if value["tensor"].is_string() {
        found.push(value.clone());
    }
    for list in ["list", "tuple"] {
        value[list].as_array().into_iter().flatten().for_each(|v| collect(v, found));
    }
}

fn dtype(name: &str) -> Option<DType> {
    Some(match name {
        "float64" => DType::F64,
        "float32" => DType::F32,
        "int64" => DType::I64,
        "int32" => DType::I32,
        "int16" => DType::I16,
        "int8" => DType::I8,
        "uint8" => DType::U8,
        "bool" => DType::Bool,
        _ => return None,
    })
}

fn tensor(array: &Value, dtype: DType) -> Option<Tensor> {
    let shape: Vec<usize> = array["shape"].as_array()?.iter().filter_map(|n| Some(n.as_u64()? as usize)).collect();
    let number = |v: &Value| v.as_str()?.parse::<f64>().ok();
    let values: Option<Vec<f64>> = array["data"].as_array()?.iter().map(number).collect();
    Tensor::from_vec(&shape, values?).ok()?.cast(dtype).ok()
}

impl<'a> Arguments<'a> {
    /// The arguments of `sample`, whose tensors are `nodes`.
    pub fn bind(sample: &'a Sample, nodes: &'a [NodeId]) -> Self {
        Arguments { sample, nodes }
    }

    /// The argument at a place, counted from the input, or of a name.
    pub fn get(&self, place: usize, name: &str) -> Argument {
        let value = self.sample.positional.get(place).unwrap_or(&self.sample.named[name]);
        self.argument(value)
    }

    /// The argument of a name.
    pub fn named(&self, name: &str) -> Argument {
        self.argument(&self.sample.named[name])
    }

    /// How many arguments stand by place.
    pub fn places(&self) -> usize {
        self.sample.positional.len()
    }

    /// True if there is nothing by a name that is not among these.
    pub fn names_are(&self, known: &[&str]) -> bool {
        self.sample.named.as_object().is_none_or(|o| o.keys().all(|k| known.contains(&k.as_str())))
    }

    /// The tensor at a place.
    pub fn node(&self, place: usize) -> Option<NodeId> {
        self.get(place, "").node()
    }

    /// All tensors by place, those of lists too.
    pub fn all_nodes(&self) -> Vec<NodeId> {
        fn walk(argument: Argument, found: &mut Vec<NodeId>) {
            match argument {
                Argument::Node(node) => found.push(node),
                Argument::List(list) => list.into_iter().for_each(|a| walk(a, found)),
                _ => {}
            }
        }
        let mut found = Vec::new();
        (0..self.places()).for_each(|i| walk(self.get(i, ""), &mut found));
        found
    }

    fn argument(&self, value: &Value) -> Argument {
        if let Some(key) = value["tensor"].as_str() {
            let place = self.sample.tensors.iter().position(|t| t.0 == key);
            return place.map_or(Argument::None, |i| Argument::Node(self.nodes[i]));
        }
        for list in ["list", "tuple"] {
            if let Some(list) = value[list].as_array() {
                return Argument::List(list.iter().map(|v| self.argument(v)).collect());
            }
        }
        if let Some(name) = value["dtype"].as_str() {
            return Argument::Text(name.to_owned());
        }
        match &value["py"] {
            Value::Number(n) => n.as_f64().map_or(Argument::None, Argument::Number),
            Value::Bool(b) => Argument::Number(f64::from(*b)),
            Value::String(s) => Argument::Text(s.clone()),
            _ => Argument::None,
        }
    }
}

impl Argument {
    /// The tensor.
    pub fn node(&self) -> Option<NodeId> {
        if let Argument::Node(node) = self { Some(*node) } else { None }
    }

    /// The number.
    pub fn number(&self) -> Option<f64> {
        if let Argument::Number(n) = self { Some(*n) } else { None }
    }

    /// The whole number.
    pub fn integer(&self) -> Option<i64> {
        self.number().filter(|n| n.fract() == 0.0).map(|n| n as i64)
    }

    /// True for a number that is not 0.
    pub fn is_true(&self) -> bool {
        self.number().is_some_and(|n| n != 0.0)
    }

    /// True if nothing was given.
    pub fn is_none(&self) -> bool {
        matches!(self, Argument::None)
    }

    /// The whole numbers of a list, or the one.
    pub fn integers(&self) -> Option<Vec<i64>> {
        match self {
            Argument::List(list) => list.iter().map(Argument::integer).collect(),
            other => other.integer().map(|n| vec![n]),
        }
    }
}

/// An axis counted from the end if negative.
pub fn axis(place: i64, rank: usize) -> Option<usize> {
    let place = if place < 0 { place + rank.max(1) as i64 } else { place };
    usize::try_from(place).ok().filter(|&a| a < rank.max(1))
}
