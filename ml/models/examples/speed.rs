//! How fast: `cargo run --release -p gradframe-ml-models --example speed -- embed MODEL [TEXT]` embeds 1,024 sentences of a text,
//! `-- generate` continues 128 tokens by 64 with a decoder of 56 million random weights. Tasks as in `shared/bench/peers_ml.py`.

use std::collections::HashMap;
use std::path::Path;
use std::time::Instant;

use gradframe_ml_core::{Error, Result};
use gradframe_ml_models::{EmbedOptions, Embedder, GenerateOptions, Generator, Model};
use safetensors::Dtype;
use safetensors::tensor::TensorView;

const RUNS: usize = 3;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["embed", model, text] => embed(model.as_ref(), text.as_ref()),
        ["generate"] => generate(),
        _ => Err(Error::plan("speed", "expected `embed MODEL TEXT` or `generate`")),
    }
}

/// The fastest of some runs, in seconds.
fn fastest(mut run: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut seconds = f64::INFINITY;
    for _ in 0..RUNS {
        let start = Instant::now();
        run()?;
        seconds = seconds.min(start.elapsed().as_secs_f64());
    }
    Ok(seconds)
}

fn failed(error: std::io::Error) -> Error {
    Error::external("speed", error.to_string())
}

fn embed(model: &Path, text: &Path) -> Result<()> {
    let start = Instant::now();
    let model = Model::open(model)?;
    println!("open {:.1} ms", 1e3 * start.elapsed().as_secs_f64());
    let embedder = Embedder::new(&model, &EmbedOptions::default())?;
    println!("ready {:.1} ms", 1e3 * start.elapsed().as_secs_f64());
    let text = std::fs::read_to_string(text).map_err(failed)?;
    let sentences = sentences(&text);
    let texts: Vec<&str> = sentences.iter().map(String::as_str).collect();
    let mut work = None;
    let seconds = fastest(|| {
        work = Some(embedder.embed(&texts)?.work);
        Ok(())
    })?;
    println!("embed 1024 sentences {:.1} rows/s, {work:?}", texts.len() as f64 / seconds);
    Ok(())
}

/// 1,024 pieces of 4 to 59 words.
fn sentences(text: &str) -> Vec<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (mut state, mut at) = (1u64, 0);
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let count = 4 + (state >> 33) as usize % 56;
        at = (at + count) % (words.len() - 60);
        words[at..at + count].join(" ")
    };
    (0..1024).map(|_| next()).collect()
}

fn generate() -> Result<()> {
    let folder = std::env::temp_dir().join("gradframe-speed-llama");
    if !folder.join("model.safetensors").is_file() {
        write_model(&folder)?;
    }
    let start = Instant::now();
    let model = Model::open(&folder)?;
    println!("open {:.1} ms", 1e3 * start.elapsed().as_secs_f64());
    let generator = Generator::of_tokens(&model)?;
    let read_bytes = generator.parameter_bytes() as f64 - 32_000.0 * 512.0 * 4.0; // the table of tokens is looked up
    for rows in [1, 16] {
        let prompts: Vec<Vec<u32>> =
            (0..rows).map(|row| (0..128).map(|i| (i * 7919 + row * 104_729 + 1) % 32_000).collect()).collect();
        let options = |tokens: usize| GenerateOptions { max_tokens: tokens, ..GenerateOptions::default() };
        let prefill = fastest(|| generator.generate(&prompts, &options(1), &mut |_| Ok(())).map(|_| ()))?;
        let whole = fastest(|| generator.generate(&prompts, &options(64), &mut |_| Ok(())).map(|_| ()))?;
        let step = (whole - prefill) / 63.0;
        println!(
            "batch {rows}: {:.1} tokens/s with prefill, {:.1} without; prefill {:.1} tokens/s; {:.1} GB/s of weights",
            rows as f64 * 64.0 / whole,
            rows as f64 / step,
            rows as f64 * 128.0 / prefill,
            read_bytes / step / 1e9
        );
    }
    Ok(())
}

/// Llama of 8 layers, width 512, 8 heads, 4 of keys, inner width 1376, 32,000 tokens.
fn write_model(folder: &Path) -> Result<()> {
    let mut shapes: Vec<(String, Vec<usize>)> = vec![
        ("model.embed_tokens.weight".into(), vec![32_000, 512]),
        ("lm_head.weight".into(), vec![32_000, 512]),
        ("model.norm.weight".into(), vec![512]),
    ];
    for layer in 0..8 {
        for (name, shape) in [
            ("input_layernorm", vec![512]),
            ("post_attention_layernorm", vec![512]),
            ("self_attn.q_proj", vec![512, 512]),
            ("self_attn.k_proj", vec![256, 512]),
            ("self_attn.v_proj", vec![256, 512]),
            ("self_attn.o_proj", vec![512, 512]),
            ("mlp.gate_proj", vec![1376, 512]),
            ("mlp.up_proj", vec![1376, 512]),
            ("mlp.down_proj", vec![512, 1376]),
        ] {
            shapes.push((format!("model.layers.{layer}.{name}.weight"), shape));
        }
    }
    let mut state = 1u64;
    let mut number = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        ((state >> 40) as f32 / (1 << 24) as f32 - 0.5) * 0.07
    };
    let bytes: Vec<Vec<u8>> =
        shapes.iter().map(|(_, shape)| (0..shape.iter().product()).flat_map(|_| number().to_le_bytes()).collect()).collect();
    let views = shapes.iter().zip(&bytes).map(|((name, shape), bytes)| {
        Ok((
            name.as_str(),
            TensorView::new(Dtype::F32, shape.clone(), bytes).map_err(|e| Error::internal("speed", e.to_string()))?,
        ))
    });
    let views = views.collect::<Result<Vec<_>>>()?;
    let notes = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let file = safetensors::serialize(views, Some(notes)).map_err(|e| Error::internal("speed", e.to_string()))?;
    std::fs::create_dir_all(folder).map_err(failed)?;
    let config = r#"{"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 512, "intermediate_size": 1376,
        "num_hidden_layers": 8, "num_attention_heads": 8, "num_key_value_heads": 4, "vocab_size": 32000,
        "max_position_embeddings": 1024}"#;
    std::fs::write(folder.join("config.json"), config).map_err(failed)?;
    std::fs::write(folder.join("model.safetensors"), file).map_err(failed)
}
