//! PyTorch's operator samples against our counterparts, compiled: value and gradient, in float64 to 1e-9.
//!
//! The samples lie outside the repository (`GRADFRAME_DATA`, else `../shared/data`); without them the test says so and
//! ends. What came out is kept as `docs/pytorch_operators.md`; `GRADFRAME_OPINFO=update` writes it anew, `all` prints it,
//! and a word prints the operators that have it in their names.

mod archive;
mod arguments;
mod composed;
mod creation;
mod folds;
mod indexing;
mod linalg;
mod losses;
mod masked;
mod networks;
mod pointwise;
mod pools;
mod products;
mod report;
mod sample;
mod special;
mod spectral;
mod statistics;
mod verdict;
mod views;

use std::collections::HashMap;
use std::path::PathBuf;

use gradframe_ml_core::{Graph, NodeId, Result, Tensor};
use serde_json::Value;

use arguments::Arguments;
use sample::Sample;
use verdict::Verdict;

/// As many operators at least must have a counterpart that agrees.
const AGREE_MIN: usize = 350;

/// What our counterpart of an operator gives; None if there is none.
type Built = Option<Result<Vec<NodeId>>>;

#[test]
fn pytorch_operators_agree_in_value_and_gradient() {
    let Some(folder) = samples() else {
        eprintln!("skipped: no samples of PyTorch's operators (GRADFRAME_DATA)");
        return;
    };
    let manifest = std::fs::read_to_string(folder.join("manifest.jsonl")).unwrap();
    let only = std::env::var("GRADFRAME_OPINFO").unwrap_or_default();
    let mut verdicts = Vec::new();
    for line in manifest.lines() {
        let operator: Value = serde_json::from_str(line).unwrap();
        let name = operator["op"].as_str().unwrap().to_owned();
        if !matches!(only.as_str(), "" | "update" | "all") && !name.contains(&only) {
            continue;
        }
        let arrays = archive::read(&folder.join("cases").join(operator["file"].as_str().unwrap()));
        verdicts.push((name.clone(), judged(&name, &operator, &arrays)));
    }
    let text = report::table(&verdicts);
    if !matches!(only.as_str(), "" | "update") {
        eprintln!("{text}");
        return;
    }
    if only == "update" {
        std::fs::write(report::path(), &text).unwrap();
    }
    let differ: Vec<String> = verdicts.iter().filter_map(|(op, v)| v.difference().map(|d| format!("{op}: {d}"))).collect();
    let agree = verdicts.iter().filter(|(_, v)| *v == Verdict::Agrees).count();
    eprintln!("{agree} of {} operators agree", verdicts.len());
    assert!(differ.is_empty(), "{} operators differ:\n{}", differ.len(), differ.join("\n"));
    assert!(agree >= AGREE_MIN, "expected {AGREE_MIN} operators to agree, got {agree}");
    let kept = std::fs::read_to_string(report::path()).unwrap_or_default();
    assert!(kept == text, "docs/pytorch_operators.md is stale: run this test with GRADFRAME_OPINFO=update");
}

/// The folder of samples, if it is there.
fn samples() -> Option<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let data = std::env::var_os("GRADFRAME_DATA").map_or_else(|| root.join("../shared/data"), PathBuf::from);
    Some(data.join("ml/pytorch_opinfo")).filter(|folder| folder.is_dir())
}

/// Agrees if every case does, has no counterpart if one has none, else what is wrong first.
fn judged(name: &str, operator: &Value, arrays: &HashMap<String, Tensor>) -> Verdict {
    if let Some(reason) = report::excluded(name) {
        return Verdict::Excluded(reason);
    }
    let cases = operator["cases"].as_array().cloned().unwrap_or_default();
    let mut verdict = Verdict::NoCounterpart("no sample");
    for (number, case) in cases.iter().enumerate() {
        let Some(sample) = Sample::parse(case, number, arrays) else { return Verdict::NoCounterpart("no such type") };
        verdict = match verdict::compared(name, &sample) {
            None => return Verdict::NoCounterpart("not built"),
            Some(Err(error)) => return Verdict::Differs(format!("case {number}: {error}")),
            Some(Ok(())) => Verdict::Agrees,
        };
    }
    verdict
}

fn counterpart(name: &str, g: &mut Graph, a: &Arguments) -> Built {
    arguments::known(creation::build(name, g, a))
        .or_else(|| pointwise::build(name, g, a))
        .or_else(|| folds::build(name, g, a))
        .or_else(|| views::build(name, g, a))
        .or_else(|| products::build(name, g, a))
        .or_else(|| networks::build(name, g, a))
        .or_else(|| arguments::known(linalg::build(name, g, a)))
        .or_else(|| arguments::known(special::build(name, g, a)))
        .or_else(|| arguments::known(indexing::build(name, g, a)))
        .or_else(|| arguments::known(masked::build(name, g, a)))
        .or_else(|| arguments::known(statistics::build(name, g, a)))
        .or_else(|| arguments::known(pools::build(name, g, a)))
        .or_else(|| arguments::known(losses::build(name, g, a)))
        .or_else(|| arguments::known(spectral::build(name, g, a)))
}
