//! Tokenizers of before there was `tokenizer.json`, written as one.

use gradframe_ml_core::{Error, Result};
use serde_json::{Map, Value, json};

use crate::config::Config;
use crate::files::Directory;

/// Of `vocab.txt` (BERT's words) or of `vocab.json` and `merges.txt` (GPT-2's bytes); None if there is neither.
pub fn read(directory: &Directory) -> Result<Option<Vec<u8>>> {
    if let Some(words) = directory.text("vocab.txt")? {
        return words_of_bert(directory, &text(words, "vocab.txt")?).map(Some);
    }
    let (Some(vocabulary), Some(merges)) = (directory.json("vocab.json")?, directory.text("merges.txt")?) else {
        return Ok(None);
    };
    let json = bytes_of_gpt2(&vocabulary, &text(merges, "merges.txt")?);
    Ok(Some(json.to_string().into_bytes()))
}

fn text(bytes: Vec<u8>, file: &str) -> Result<String> {
    String::from_utf8(bytes).map_err(|e| Error::execution("tokenizer", format!("{file} is not UTF-8: {e}")))
}

fn words_of_bert(directory: &Directory, text: &str) -> Result<Vec<u8>> {
    let config = Config::read_if_there(directory, "tokenizer_config.json")?;
    let config = config.unwrap_or_else(|| Config::new("tokenizer_config.json", Value::Object(Map::new())));
    let vocabulary: Map<String, Value> = text.lines().enumerate().map(|(id, word)| (word.to_owned(), id.into())).collect();
    let special = |name: &str| vocabulary.get(name).cloned().unwrap_or(Value::from(0));
    let added: Vec<Value> = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        .iter()
        .filter_map(|&name| Some(added_token(name, vocabulary.get(name)?.clone())))
        .collect();
    let json = json!({
        "version": "1.0",
        "added_tokens": added,
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": true,
            "handle_chinese_chars": config.flag_or("tokenize_chinese_chars", true)?,
            "strip_accents": config.get("strip_accents"),
            "lowercase": config.flag_or("do_lower_case", true)?,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "BertProcessing", "sep": ["[SEP]", special("[SEP]")], "cls": ["[CLS]", special("[CLS]")],
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
        "model": {
            "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
            "vocab": vocabulary,
        },
    });
    Ok(json.to_string().into_bytes())
}

fn bytes_of_gpt2(vocabulary: &Value, merges: &str) -> Value {
    const END: &str = "<|endoftext|>";
    let merges: Vec<&str> = merges.lines().filter(|line| !line.starts_with("#version") && !line.is_empty()).collect();
    let added: Vec<Value> = vocabulary.get(END).map(|id| added_token(END, id.clone())).into_iter().collect();
    let bytes = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
    json!({
        "version": "1.0",
        "added_tokens": added,
        "pre_tokenizer": bytes,
        "post_processor": bytes,
        "decoder": bytes,
        "model": {"type": "BPE", "vocab": vocabulary, "merges": merges},
    })
}

fn added_token(content: &str, id: Value) -> Value {
    json!({
        "id": id, "content": content, "special": true, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
    })
}
