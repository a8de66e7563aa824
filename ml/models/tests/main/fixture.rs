//! Directories of models that tests make, and data outside the repository.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::Value;
use tempfile::TempDir;

/// A file or folder of `GRADFRAME_DATA`, else of `../shared/data` beside the repository; None, said aloud, where there is none.
pub fn outside(path: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let found = std::env::var_os("GRADFRAME_DATA").map_or_else(beside, PathBuf::from).join(path);
    if !found.exists() {
        eprintln!("skipped: no {} (GRADFRAME_DATA)", found.display());
        return None;
    }
    Some(found)
}

/// A tensor's numbers, made of its name: as `numbers` in references/make.py.
pub fn numbers(name: &str, shape: &[usize]) -> Vec<f32> {
    let key = name.bytes().fold(0, |key, byte| mixed(key ^ u64::from(byte)));
    let value = |i: u64| (mixed(key.wrapping_add(i)) >> 40) as f32 / (1 << 24) as f32 - 0.5;
    let values = (0..shape.iter().product::<usize>() as u64).map(value);
    if shape.len() == 1 && name.ends_with("weight") { values.map(|v| v * 0.5 + 1.0).collect() } else { values.collect() }
}

fn mixed(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A named tensor of f32.
pub type Named = (String, Vec<usize>, Vec<f32>);

/// The bytes of a safetensors file.
pub fn safetensors_of(tensors: &[Named]) -> Vec<u8> {
    let bytes: Vec<Vec<u8>> = tensors.iter().map(|t| t.2.iter().flat_map(|v| v.to_le_bytes()).collect()).collect();
    let views = tensors
        .iter()
        .zip(&bytes)
        .map(|((name, shape, _), bytes)| (name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap()));
    safetensors::serialize(views, Some(HashMap::from([("format".to_owned(), "pt".to_owned())]))).unwrap()
}

/// A model's directory with this configuration and these tensors.
pub fn directory(config: &Value, tensors: &[Named]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    std::fs::write(folder.path().join("model.safetensors"), safetensors_of(tensors)).unwrap();
    folder
}

/// A tokenizer of words "0", "1" ... that are their own numbers.
pub fn numbered_tokenizer(words: usize) -> String {
    let vocabulary: serde_json::Map<String, Value> = (0..words).map(|i| (i.to_string(), i.into())).collect();
    serde_json::json!({
        "version": "1.0",
        "added_tokens": [],
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "0"},
    })
    .to_string()
}

/// The largest distance between two lists of numbers. Panics if they are not of a length.
pub fn distance(a: &[f32], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(&a, &b)| (f64::from(a) - b).abs()).fold(0.0, f64::max)
}
