//! Directories that are not whole, and files that lie: an error that names the thing, never more.

use std::path::Path;

use bytes::Bytes;
use gradframe_ml_models::files::save;
use gradframe_ml_models::{DtypeChoice, EmbedOptions, Embedder, Generator, Model, Weights};
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::{Named, directory, numbered_tokenizer, numbers, outside, safetensors_of};

fn config() -> Value {
    json!({
        "model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "vocab_size": 8, "n_embd": 4, "n_layer": 1, "n_head": 2, "n_positions": 6,
    })
}

fn tensors() -> Vec<Named> {
    let shapes: &[(&str, &[usize])] = &[
        ("wte.weight", &[8, 4]),
        ("wpe.weight", &[6, 4]),
        ("h.0.ln_1.weight", &[4]),
        ("h.0.ln_1.bias", &[4]),
        ("h.0.attn.c_attn.weight", &[4, 12]),
        ("h.0.attn.c_attn.bias", &[12]),
        ("h.0.attn.c_proj.weight", &[4, 4]),
        ("h.0.attn.c_proj.bias", &[4]),
        ("h.0.ln_2.weight", &[4]),
        ("h.0.ln_2.bias", &[4]),
        ("h.0.mlp.c_fc.weight", &[4, 16]),
        ("h.0.mlp.c_fc.bias", &[16]),
        ("h.0.mlp.c_proj.weight", &[16, 4]),
        ("h.0.mlp.c_proj.bias", &[4]),
        ("ln_f.weight", &[4]),
        ("ln_f.bias", &[4]),
    ];
    shapes.iter().map(|(name, shape)| ((*name).to_owned(), shape.to_vec(), numbers(name, shape))).collect()
}

fn small() -> TempDir {
    let folder = directory(&config(), &tensors());
    std::fs::write(folder.path().join("tokenizer.json"), numbered_tokenizer(8)).unwrap();
    folder
}

/// What the error says, without its hint.
fn says<T>(found: gradframe_ml_core::Result<T>) -> String {
    let error = found.err().expect("an error").to_string();
    error.split("; hint").next().unwrap_or_default().to_owned()
}

fn opened(folder: &TempDir) -> gradframe_ml_core::Result<Generator> {
    Generator::new(&Model::open(folder.path())?)
}

#[test]
fn a_whole_directory_is_read() {
    opened(&small()).unwrap();
}

#[test]
fn what_is_missing_is_named() {
    let folder = small();
    let path = folder.path().display().to_string();
    std::fs::remove_file(folder.path().join("model.safetensors")).unwrap();
    assert_eq!(
        says(opened(&folder)),
        format!("model files: {path} has neither model.safetensors nor model.safetensors.index.json")
    );
    std::fs::remove_file(folder.path().join("config.json")).unwrap();
    assert_eq!(says(opened(&folder)), format!("model files: {path} has no config.json"));
    assert_eq!(says(Model::open(Path::new("/no/such"))), "model files: there is no directory /no/such");
}

#[test]
fn a_file_cut_short_under_an_open_model_is_an_error_that_names_it() {
    let folder = small();
    let path = folder.path().join("model.safetensors");
    let model = Model::open(folder.path()).unwrap();
    let generator = Generator::new(&model).unwrap();
    let length = std::fs::metadata(&path).unwrap().len();
    model.scores(&[vec![1, 2]], None).unwrap();
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_len(16).unwrap();
    let expected = format!("model files: {} has 16 bytes, and had {length} when the model was opened", path.display());
    assert_eq!(says(model.scores(&[vec![1, 2]], None)), expected);
    assert_eq!(says(Generator::new(&model)), expected);
    assert_eq!(says(model.weights().iter().next().unwrap().tensor()), expected);
    assert_eq!(says(save(model.directory(), model.weights(), folder.path(), DtypeChoice::Auto)), expected);
    assert_eq!(says(model.check()), expected);
    drop(generator);
    assert!(says(Model::open(folder.path())).contains("not a whole safetensors file"));
}

#[test]
fn a_file_that_another_takes_the_place_of_stays_as_it_was_for_who_opened_it() {
    let folder = small();
    let model = Model::open(folder.path()).unwrap();
    let before = model.scores(&[vec![1, 2]], None).unwrap();
    model.check().unwrap();
    std::fs::write(folder.path().join("new"), b"short").unwrap();
    std::fs::rename(folder.path().join("new"), folder.path().join("model.safetensors")).unwrap();
    assert_eq!(model.scores(&[vec![1, 2]], None).unwrap(), before);
}

#[cfg(unix)]
#[test]
fn a_pipe_or_a_device_in_a_files_place_is_an_error() {
    for name in ["config.json", "tokenizer.json"] {
        let folder = small();
        let path = folder.path().join(name);
        std::fs::remove_file(&path).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let expected = format!("model files: cannot read {}: it is no regular file", path.display());
        assert_eq!(says(opened(&folder)), expected);
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        assert_eq!(says(opened(&folder)), expected);
    }
}

#[test]
fn weights_in_shards_are_the_same_weights() {
    let folder = small();
    let all = tensors();
    let index: serde_json::Map<String, Value> =
        all.iter().enumerate().map(|(i, t)| (t.0.clone(), format!("part-{}.safetensors", i % 2).into())).collect();
    for part in 0..2 {
        let own: Vec<Named> = all.iter().enumerate().filter(|(i, _)| i % 2 == part).map(|(_, t)| t.clone()).collect();
        std::fs::write(folder.path().join(format!("part-{part}.safetensors")), safetensors_of(&own)).unwrap();
    }
    std::fs::remove_file(folder.path().join("model.safetensors")).unwrap();
    let write = |index: Value| std::fs::write(folder.path().join("model.safetensors.index.json"), index.to_string()).unwrap();
    write(json!({"weight_map": index}));
    opened(&folder).unwrap();

    let mut other = index.clone();
    other.insert("x".into(), "part-2.safetensors".into());
    write(json!({"weight_map": other}));
    assert_eq!(says(opened(&folder)), format!("model files: shard part-2.safetensors of {} is missing", folder.path().display()));
    for wrong in ["../part-0.safetensors", "/etc/passwd", "", "a/b"] {
        let mut other = index.clone();
        other.insert("x".into(), wrong.into());
        write(json!({"weight_map": other}));
        assert!(says(opened(&folder)).contains("expected a plain file name"), "{wrong}");
    }
    std::fs::write(folder.path().join("part-1.safetensors"), &safetensors_of(&all)[..200]).unwrap();
    write(json!({"weight_map": index}));
    assert!(says(opened(&folder)).contains("part-1.safetensors: not a whole safetensors file"));
}

#[test]
fn a_wrong_shape_names_the_tensor_and_both_shapes() {
    let mut wrong = tensors();
    wrong[4].1 = vec![12, 4];
    let folder = directory(&config(), &wrong);
    std::fs::write(folder.path().join("tokenizer.json"), numbered_tokenizer(8)).unwrap();
    assert_eq!(says(opened(&folder)), "model files: tensor `h.0.attn.c_attn.weight`: expected shape [4, 12], got [12, 4]");
    wrong.remove(4);
    std::fs::write(folder.path().join("model.safetensors"), safetensors_of(&wrong)).unwrap();
    let error = opened(&folder).unwrap_err().to_string();
    assert!(error.contains("tensor `h.0.attn.c_attn.weight` of shape [4, 12] is missing among 15 tensors"), "{error}");
    assert!(error.contains("there is `h.0.attn.c_attn.bias` of shape [12]"), "{error}");
}

#[test]
fn an_unknown_architecture_lists_those_known() {
    let folder = directory(&json!({"model_type": "mamba"}), &[]);
    let error = says(Model::open(folder.path()));
    let known = "bert, distilbert, gpt2, llama, mistral, mpnet, qwen2, qwen3, roberta, xlm-roberta";
    assert_eq!(error, format!("model: unknown architecture `mamba`, expected one of {known}"));
}

#[test]
fn a_wrong_field_says_what_was_expected() {
    let check = |field: &str, value: Value, expected: &str| {
        let mut config = config();
        config[field] = value;
        let folder = directory(&config, &tensors());
        std::fs::write(folder.path().join("tokenizer.json"), numbered_tokenizer(8)).unwrap();
        assert_eq!(says(opened(&folder)), expected);
    };
    check("n_embd", json!("4"), "model files: config.json: `n_embd`: expected a size, got \"4\"");
    check("n_embd", json!(-4), "model files: config.json: `n_embd`: expected a size, got -4");
    check("n_layer", json!(1_000_000_000), "model files: config.json: `n_layer`: expected layers, 4096 at most, got 1000000000");
    check("n_head", json!(0), "model files: config.json: `n_head`: expected a positive size, got 0");
    check("n_head", json!(3), "model: config.json: expected heads that divide the width, got 3 of 4");
    check("vocab_size", json!(1u64 << 40), "model files: config.json: `vocab_size`: expected a size, got 1099511627776");
    check(
        "eos_token_id",
        json!("x"),
        "model files: config.json: `eos_token_id`: expected a token or a list of tokens, got \"x\"",
    );
}

#[test]
fn a_model_for_another_task_says_which_takes_it() {
    let bert = json!({"model_type": "bert", "vocab_size": 8, "hidden_size": 4, "num_hidden_layers": 0, "num_attention_heads": 1,
        "intermediate_size": 4, "max_position_embeddings": 6});
    let shapes: &[(&str, &[usize])] = &[
        ("embeddings.word_embeddings.weight", &[8, 4]),
        ("embeddings.position_embeddings.weight", &[6, 4]),
        ("embeddings.token_type_embeddings.weight", &[2, 4]),
        ("embeddings.LayerNorm.gamma", &[4]),
        ("embeddings.LayerNorm.beta", &[4]),
    ];
    let tensors: Vec<Named> = shapes.iter().map(|(n, s)| ((*n).to_owned(), s.to_vec(), numbers(n, s))).collect();
    let folder = directory(&bert, &tensors);
    std::fs::write(folder.path().join("tokenizer.json"), numbered_tokenizer(8)).unwrap();
    assert_eq!(says(opened(&folder)), "generate: expected a model that continues texts, bert sees them as a whole");
    let embedder = Embedder::new(&Model::open(folder.path()).unwrap(), &EmbedOptions::default()).unwrap();
    let found = embedder.embed(&["1 2", "", "1 2 3 4 5 6 7 1 2 3"]).unwrap();
    assert_eq!((found.tokens.as_slice(), found.truncated.as_slice()), (&[2, 0, 6][..], &[false, false, true][..]));
    assert_eq!(found.vectors[4..8], [0.0; 4], "a text of no tokens gives zeros");
    assert!(found.vectors.iter().all(|v| v.is_finite()));
    std::fs::write(folder.path().join("tokenizer.json"), numbered_tokenizer(9)).unwrap();
    let other = Embedder::new(&Model::open(folder.path()).unwrap(), &EmbedOptions::default());
    assert!(says(other).contains("tokenizer.json has token 8, the model has 8 tokens"));
}

#[test]
fn what_is_saved_is_read_again() {
    let (folder, to) = (small(), tempfile::tempdir().unwrap());
    let model = Model::open(folder.path()).unwrap();
    save(model.directory(), model.weights(), to.path(), DtypeChoice::Auto).unwrap();
    let again = Model::open(to.path()).unwrap();
    assert_eq!(model.scores(&[vec![1, 2, 3]], None).unwrap(), again.scores(&[vec![1, 2, 3]], None).unwrap());
}

/// The vectors of safetensors' own tests.
#[test]
fn hostile_headers_are_refused_as_their_library_does() {
    let Some(folder) = outside("models/safetensors_cases/vectors") else { return };
    let manifest: Value = serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    for case in manifest.as_array().unwrap() {
        let path = folder.join(case["file"].as_str().unwrap());
        let bytes = Bytes::from(std::fs::read(&path).unwrap());
        let found = Weights::from_bytes(&path, &bytes);
        assert_eq!(found.is_ok(), case["expect"] == "ok", "{case}: {found:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Bytes changed anywhere, or an end that is missing: an error, or tensors inside the file.
    #[test]
    fn changed_files_are_never_read_beyond_their_end(at in 0usize..900, byte in any::<u8>(), end in 0usize..1200) {
        let mut bytes = safetensors_of(&tensors()[..3]);
        if let Some(place) = bytes.get_mut(at) { *place = byte; }
        bytes.truncate(end.max(8));
        if let Ok(weights) = Weights::from_bytes(Path::new("x"), &Bytes::from(bytes.clone())) {
            for weight in weights.iter() {
                prop_assert!(weight.bytes() <= bytes.len());
                let _ = weight.tensor();
            }
        }
    }
}
