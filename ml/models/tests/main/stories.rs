//! A real checkpoint: `stories260K`, a small decoder that tells stories, against logits and text that others computed with it.

use std::path::Path;

use bytes::Bytes;
use gradframe_ml_models::{GenerateOptions, Generator, Model, Weights};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::{Named, directory, outside};

const WIDTH: usize = 64;

/// The checkpoint in the layout of the hub: names of `llama`, pairs of rotary positions one half beside the other, a tokenizer.
fn stories() -> Option<(TempDir, std::path::PathBuf)> {
    let source = outside("models/stories260K")?;
    let bytes = Bytes::from(std::fs::read(source.join("stories260K.safetensors")).unwrap());
    let weights = Weights::from_bytes(Path::new("stories260K.safetensors"), &bytes).unwrap();
    let tensors: Vec<Named> =
        weights.iter().map(|weight| renamed(&weight.name, &weight.shape, weight.tensor().unwrap().values().unwrap())).collect();
    let config = json!({
        "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": WIDTH, "intermediate_size": 172,
        "num_hidden_layers": 5, "num_attention_heads": 8, "num_key_value_heads": 4, "vocab_size": 512,
        "max_position_embeddings": 512, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": true, "eos_token_id": 1,
    });
    let folder = directory(&config, &tensors);
    std::fs::write(folder.path().join("tokenizer.json"), tokenizer(&source)).unwrap();
    Some((folder, source))
}

fn renamed(name: &str, shape: &[usize], values: &[f32]) -> Named {
    let parts = [
        ("attention.wq", "self_attn.q_proj"),
        ("attention.wk", "self_attn.k_proj"),
        ("attention.wv", "self_attn.v_proj"),
        ("attention.wo", "self_attn.o_proj"),
        ("feed_forward.w1", "mlp.gate_proj"),
        ("feed_forward.w2", "mlp.down_proj"),
        ("feed_forward.w3", "mlp.up_proj"),
        ("attention_norm", "input_layernorm"),
        ("ffn_norm", "post_attention_layernorm"),
        ("tok_embeddings", "embed_tokens"),
    ];
    let new = parts.iter().fold(name.to_owned(), |name, (old, new)| name.replace(old, new));
    let turns = name.contains("attention.wq") || name.contains("attention.wk");
    let values = if turns { halves(values, shape) } else { values.to_vec() };
    (format!("model.{new}"), shape.to_vec(), values)
}

/// Rows of each head: even ones first, then odd ones.
fn halves(values: &[f32], shape: &[usize]) -> Vec<f32> {
    const HEAD: usize = 8;
    let row = |i: usize| &values[i * shape[1]..(i + 1) * shape[1]];
    let order =
        (0..shape[0] / HEAD).flat_map(|head| (0..2).flat_map(move |odd| (0..HEAD / 2).map(move |i| head * HEAD + 2 * i + odd)));
    order.flat_map(row).copied().collect()
}

/// Pieces with scores as a byte-pair tokenizer: any two pieces that make a third are merged, those of higher score first.
fn tokenizer(source: &Path) -> String {
    let text = std::fs::read_to_string(source.join("tok512.json")).unwrap();
    let pieces: Vec<(String, f64)> = serde_json::from_str(&text).unwrap();
    let name = |i: usize| match i {
        1 => "<s>".to_owned(),
        2 => "</s>".to_owned(),
        _ => pieces[i].0.replace(' ', "▁"),
    };
    let vocabulary: serde_json::Map<String, Value> = (0..pieces.len()).map(|i| (name(i), i.into())).collect();
    let mut merges: Vec<(f64, String)> = Vec::new();
    for (i, (_, score)) in pieces.iter().enumerate().skip(3) {
        let whole = name(i);
        for (at, _) in whole.char_indices().skip(1) {
            let (left, right) = whole.split_at(at);
            if vocabulary.contains_key(left) && vocabulary.contains_key(right) {
                merges.push((*score, format!("{left} {right}")));
            }
        }
    }
    merges.sort_by(|a, b| b.0.total_cmp(&a.0));
    let merges: Vec<String> = merges.into_iter().map(|m| m.1).collect();
    let special = |id: usize| {
        json!({"id": id, "content": name(id), "special": true, "single_word": false, "lstrip": false,
        "rstrip": false, "normalized": false})
    };
    json!({
        "version": "1.0",
        "added_tokens": [special(0), special(1), special(2)],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
        "post_processor": {"type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}},
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "model": {"type": "BPE", "vocab": vocabulary, "merges": merges, "byte_fallback": true, "unk_token": "<unk>", "fuse_unk": true},
    })
    .to_string()
}

/// The numbers of an array in NumPy's format, of f32.
fn npy(path: &Path) -> Vec<f32> {
    let bytes = std::fs::read(path).unwrap();
    let header = u16::from_le_bytes([bytes[8], bytes[9]]) as usize;
    bytes[10 + header..].as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

#[test]
fn the_story_and_its_logits_are_those_of_others() {
    let Some((folder, source)) = stories() else { return };
    let model = Model::open(folder.path()).unwrap();
    let text = std::fs::read_to_string(source.join("ref_greedy_ids.json")).unwrap();
    let greedy: Vec<u32> = serde_json::from_str(&text).unwrap();

    let expected = npy(&source.join("ref_logits_first64_f64.npy"));
    let tokens = expected.len() / 512;
    let found = model.scores(&[greedy[..tokens].to_vec()], None).unwrap();
    let off = found[0].iter().zip(&expected).map(|(&a, &b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(off < 1e-4, "{off}");

    let generator = Generator::new(&model).unwrap();
    let options = GenerateOptions { max_tokens: greedy.len() - 1, ..GenerateOptions::default() };
    let (told, _) = generator.generate(&[vec![greedy[0]]], &options, &mut |_| Ok(())).unwrap();
    assert_eq!(told[0].ids, greedy[1..]);
    let doc = std::fs::read_to_string(source.join("DOC.md")).unwrap();
    assert!(doc.contains(&told[0].text[..300]), "{}", told[0].text);
}

#[test]
fn a_prompt_is_told_on_and_stops_where_it_should() {
    let Some((folder, _)) = stories() else { return };
    let generator = Generator::new(&Model::open(folder.path()).unwrap()).unwrap();
    let prompt = generator.encode("Once upon a time, there was a little girl named Lily.").unwrap();
    assert_eq!(&prompt[..6], [1, 403, 407, 261, 378, 432], "as the reference has it");
    let options = GenerateOptions { stop: vec!["One day".to_owned()], ..GenerateOptions::default() };
    let (told, steps) = generator.generate(&[prompt.clone(), prompt], &options, &mut |_| Ok(())).unwrap();
    assert_eq!(told[0].text.trim(), "She loved to play outside in the park.");
    assert_eq!(told[0], told[1]);
    assert!(steps.tokens < 40, "equal prompts are continued once: {steps:?}");
}
