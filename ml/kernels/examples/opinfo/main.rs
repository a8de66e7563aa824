//! PyTorch's operator samples against our counterparts, value and gradient, in float64 to 1e-9:
//! `python tests/parity/opinfo_cases.py FOLDER > cases.jsonl`, then
//! `cargo run -p gradframe-ml-kernels --example opinfo -- cases.jsonl [--all]`.
//!
//! Prints one line an operator that differs (`--all`: every operator), and how many agree, differ, and have none.

mod arguments;
mod composed;
mod folds;
mod networks;
mod pointwise;
mod products;
mod views;

use std::{env, fs, process};

use gradframe_ml_core::graph::Type;
use gradframe_ml_core::transform::value_and_grad;
use gradframe_ml_core::{DType, Error, Function, Graph, NodeId, Result, Shape, Tensor};
use gradframe_ml_kernels::compile;
use serde_json::Value;

use arguments::{Arguments, Sample};

/// Relative to 1 + the expected size.
const TOLERANCE: f64 = 1e-9;

/// What our counterpart of an operator gives; None if there is none.
type Built = Option<Result<Vec<NodeId>>>;

fn main() {
    let words: Vec<String> = env::args().skip(1).collect();
    let Some(path) = words.iter().find(|w| !w.starts_with('-')) else {
        eprintln!("usage: opinfo cases.jsonl [--all]");
        process::exit(2)
    };
    let text = fs::read_to_string(path).unwrap_or_else(|e| {
        eprintln!("opinfo: {path}: {e}");
        process::exit(1)
    });
    let (mut agree, mut differ, mut none) = (0, 0, 0);
    for line in text.lines() {
        let operator: Value = serde_json::from_str(line).unwrap_or(Value::Null);
        let name = operator["op"].as_str().unwrap_or("?").to_owned();
        let verdict = judged(&name, &operator);
        let shown = words.iter().any(|w| w == "--all") || verdict.starts_with("differs");
        if shown {
            println!("{name} | {verdict}");
        }
        match verdict.as_str() {
            "agrees" => agree += 1,
            "no counterpart" => none += 1,
            _ => differ += 1,
        }
    }
    println!("agree {agree}, differ {differ}, no counterpart {none}");
}

/// `agrees` if every case does, `no counterpart` if none has one, else what is wrong first.
fn judged(name: &str, operator: &Value) -> String {
    let cases = operator["cases"].as_array().cloned().unwrap_or_default();
    let mut seen = 0;
    for (number, case) in cases.iter().enumerate() {
        let Some(sample) = Sample::parse(case) else { return "no counterpart".into() };
        match compared(name, &sample) {
            None => return "no counterpart".into(),
            Some(Err(error)) => return format!("differs in case {number}: {error}"),
            Some(Ok(())) => seen += 1,
        }
    }
    if seen > 0 { "agrees".into() } else { "no counterpart".into() }
}

fn counterpart(name: &str, g: &mut Graph, a: &Arguments) -> Built {
    pointwise::build(name, g, a)
        .or_else(|| folds::build(name, g, a))
        .or_else(|| views::build(name, g, a))
        .or_else(|| products::build(name, g, a))
        .or_else(|| networks::build(name, g, a))
}

fn compared(name: &str, sample: &Sample) -> Option<Result<()>> {
    let mut g = Graph::new();
    let nodes: Vec<NodeId> =
        sample.tensors.iter().map(|(key, t)| g.input(key, Type::new(t.dtype(), Shape::fixed(t.shape())))).collect();
    let arguments = Arguments::bind(sample, &nodes);
    let outputs = match counterpart(name, &mut g, &arguments)? {
        Ok(outputs) => outputs,
        Err(error) => return Some(Err(error)),
    };
    Some(check(g, outputs, &nodes, sample))
}

fn check(g: Graph, outputs: Vec<NodeId>, nodes: &[NodeId], sample: &Sample) -> Result<()> {
    let arguments: Vec<Tensor> = sample.tensors.iter().map(|t| t.1.clone()).collect();
    if outputs.len() != sample.outputs.len() {
        return Err(Error::shape("results", format!("expected {}, got {}", sample.outputs.len(), outputs.len())));
    }
    let f = Function::new(g.clone(), outputs.clone())?;
    for (i, (got, expected)) in compile(&f)?.run(&arguments)?.iter().zip(&sample.outputs).enumerate() {
        close(&format!("result {i}"), got, expected)?;
    }
    if sample.gradients.is_empty() {
        return Ok(());
    }
    let loss = weighted(g, &outputs, sample)?;
    let place = |key: &str| sample.tensors.iter().position(|t| t.0 == key);
    let wrt: Vec<usize> = sample.gradients.iter().filter_map(|(key, _)| place(key)).collect();
    debug_assert!(wrt.iter().all(|&i| i < nodes.len()));
    let results = compile(&value_and_grad(&loss, &wrt)?)?.run(&arguments)?;
    for ((key, expected), got) in sample.gradients.iter().zip(&results[1..]) {
        close(&format!("gradient in {key}"), got, expected)?;
    }
    Ok(())
}

/// The sum of the results times their cotangents.
fn weighted(mut g: Graph, outputs: &[NodeId], sample: &Sample) -> Result<Function> {
    let mut total = None;
    for (&output, weight) in outputs.iter().zip(&sample.cotangents) {
        let Some(weight) = weight else { continue };
        let dtype = g.ty(output).dtype;
        let weight = g.constant(weight.cast(dtype)?);
        let product = g.mul(output, weight)?;
        let part = g.sum_all(product)?;
        let part = g.cast(part, DType::F64)?;
        total = Some(match total {
            Some(total) => g.add(total, part)?,
            None => part,
        });
    }
    let total = total.ok_or_else(|| Error::internal("opinfo", "gradients without cotangents"))?;
    Function::new(g, vec![total])
}

fn close(what: &str, got: &Tensor, expected: &Tensor) -> Result<()> {
    if got.shape() != expected.shape() {
        return Err(Error::shape(what, format!("expected {:?}, got {:?}", expected.shape(), got.shape())));
    }
    for (i, (a, b)) in got.to_f64().into_iter().zip(expected.to_f64()).enumerate() {
        let same = a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= TOLERANCE * (1.0 + b.abs());
        if !same {
            return Err(Error::execution(what, format!("element {i}: expected {b}, got {a}")));
        }
    }
    Ok(())
}
