//! How fast: `cargo run --release -p gradframe-ml-models --example speed -- embed f32 MODEL TEXT` embeds 1,024 sentences of a text,
//! `-- generate bf16` continues 128 tokens by 64 with a decoder of 56 million random weights, for one row and for 16. Tasks as in
//! `tests/bench/peers/models.py`, which `cargo xtask bench models --peers` runs beside; prints `task | figure | unit`.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use gradframe_ml_core::{Error, Result};
use gradframe_ml_kernels::Program;
use gradframe_ml_kernels::cpu::OnKernel;
use gradframe_ml_models::{DtypeChoice, EmbedOptions, Embedder, GenerateOptions, Generator, Model, Precision, Work};
use safetensors::Dtype;
use safetensors::tensor::TensorView;

const RUNS: usize = 3;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["embed", dtype, model, text] => embed(dtype.parse()?, model.as_ref(), text.as_ref()),
        ["generate", dtype] => generate(dtype.parse()?),
        _ => Err(Error::plan("speed", "expected `embed DTYPE MODEL TEXT` or `generate DTYPE`")),
    }
}

fn say(task: &str, dtype: DtypeChoice, figure: f64, unit: &str) {
    println!("{task} {} | {figure:.5} | {unit}", dtype.name());
}

/// The median of some runs after one that does not count, in seconds.
fn median(mut run: impl FnMut() -> Result<()>) -> Result<f64> {
    run()?;
    let mut seconds = [0.0; RUNS];
    for one in &mut seconds {
        let start = Instant::now();
        run()?;
        *one = start.elapsed().as_secs_f64();
    }
    seconds.sort_by(f64::total_cmp);
    Ok(seconds[RUNS / 2])
}

fn failed(error: std::io::Error) -> Error {
    Error::external("speed", error.to_string())
}

fn embed(dtype: DtypeChoice, model: &Path, text: &Path) -> Result<()> {
    let start = Instant::now();
    let model = Model::open_in(model, dtype)?;
    say("open", dtype, 1e3 * start.elapsed().as_secs_f64(), "ms");
    let embedder = Embedder::new(&model, &EmbedOptions::default())?;
    say("first use", dtype, 1e3 * start.elapsed().as_secs_f64(), "ms");
    let text = std::fs::read_to_string(text).map_err(failed)?;
    let sentences = sentences(&text);
    let texts: Vec<&str> = sentences.iter().map(String::as_str).collect();
    let mut work = Work::default();
    let seconds = median(|| {
        work = embedder.embed(&texts)?.work;
        Ok(())
    })?;
    say("embed 1024 sentences", dtype, texts.len() as f64 / seconds, "rows/s");
    println!("# {work:?}");
    embedding_kernels(&embedder, &work)
}

/// Where the time of one batch of 1,024 tokens goes.
fn embedding_kernels(embedder: &Embedder, work: &Work) -> Result<()> {
    let length = (work.tokens / work.rows.max(1)).max(1);
    list_kernels("a batch", embedder.program(), |on_kernel| embedder.time_kernels([1024 / length, length], on_kernel))
}

/// Where the time of a run goes, kernel by kernel on one thread, if GRADFRAME_KERNELS is set.
fn list_kernels(what: &str, program: &Program, run: impl Fn(&mut OnKernel) -> Result<()>) -> Result<()> {
    if std::env::var_os("GRADFRAME_KERNELS").is_none() {
        return Ok(());
    }
    let mut fastest: HashMap<usize, Duration> = HashMap::new();
    for _ in 0..10 {
        run(&mut |kernel, time| {
            let before = fastest.entry(kernel).or_insert(Duration::MAX);
            *before = time.min(*before);
        })?;
    }
    let mut ranked: Vec<(usize, f64)> = fastest.into_iter().map(|(kernel, time)| (kernel, 1e3 * time.as_secs_f64())).collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    println!("# {what}: {:.2} ms", ranked.iter().map(|(_, time)| time).sum::<f64>());
    let text = program.to_string();
    let headline = |kernel: usize| text.lines().find(|line| line.starts_with(&format!("{kernel}: "))).unwrap_or_default();
    ranked.iter().take(60).for_each(|&(kernel, time)| println!("# {time:.3} ms {}", headline(kernel)));
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

fn generate(dtype: DtypeChoice) -> Result<()> {
    let is_short = dtype == DtypeChoice::Only(Precision::Bf16);
    let folder = std::env::temp_dir().join(format!("gradframe-speed-llama-{}", dtype.name()));
    if !folder.join("model.safetensors").is_file() {
        write_model(&folder, is_short)?;
    }
    let start = Instant::now();
    let model = Model::open_in(&folder, dtype)?;
    say("open", dtype, 1e3 * start.elapsed().as_secs_f64(), "ms");
    let generator = Generator::of_tokens(&model)?;
    // The table of tokens is looked up, not read.
    let read_bytes = generator.parameter_bytes() as f64 - 32_000.0 * 512.0 * if is_short { 2.0 } else { 4.0 };
    for rows in [1, 16] {
        let prompts: Vec<Vec<u32>> =
            (0..rows).map(|row| (0..128).map(|i| (i * 7919 + row * 104_729 + 1) % 32_000).collect()).collect();
        let options = |tokens: usize| GenerateOptions { max_tokens: tokens, ..GenerateOptions::default() };
        let prefill = median(|| generator.generate(&prompts, &options(1), &mut |_| Ok(())).map(|_| ()))?;
        let whole = median(|| generator.generate(&prompts, &options(64), &mut |_| Ok(())).map(|_| ()))?;
        let step = (whole - prefill) / 63.0;
        say(&format!("generate 64 after 128, batch {rows}"), dtype, rows as f64 * 64.0 / whole, "tokens/s");
        say(&format!("prefill 128, batch {rows}"), dtype, rows as f64 * 128.0 / prefill, "tokens/s");
        println!("# a step {:.2} ms, {:.1} GB/s of weights", 1e3 * step, read_bytes / step / 1e9);
        list_kernels("a step", generator.program(), |on_kernel| generator.time_kernels(rows as usize, 160, on_kernel))?;
    }
    Ok(())
}

/// Llama of 8 layers, width 512, 8 heads, 4 of keys, inner width 1376, 32,000 tokens.
fn write_model(folder: &Path, is_short: bool) -> Result<()> {
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
    let dtype = if is_short { Dtype::BF16 } else { Dtype::F32 };
    let mut element = || {
        let bits = number().to_bits();
        if is_short { (bits >> 16).to_le_bytes()[..2].to_vec() } else { bits.to_le_bytes().to_vec() }
    };
    let bytes: Vec<Vec<u8>> =
        shapes.iter().map(|(_, shape)| (0..shape.iter().product()).flat_map(|_| element()).collect()).collect();
    let views = shapes.iter().zip(&bytes).map(|((name, shape), bytes)| {
        Ok((name.as_str(), TensorView::new(dtype, shape.clone(), bytes).map_err(|e| Error::internal("speed", e.to_string()))?))
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
