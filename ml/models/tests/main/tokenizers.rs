//! Tokenizers, id for id as Hugging Face's library has them.

use std::io::Read;
use std::path::Path;

use gradframe_ml_models::files::Directory;
use gradframe_ml_models::text::Tokenizer;
use serde_json::Value;

use crate::fixture::outside;

/// The lines of a compressed file of JSON lines: each a text and its tokens.
fn cases(path: &Path) -> Vec<(String, Vec<u32>)> {
    let bytes = std::fs::read(path).unwrap();
    let name = bytes[10..].iter().position(|&b| b == 0).map_or(0, |end| end + 1);
    let start = 10 + if bytes[3] & 8 == 8 { name } else { 0 };
    let text = miniz_oxide::inflate::decompress_to_vec(&bytes[start..]).unwrap();
    let mut lines = String::new();
    text.as_slice().read_to_string(&mut lines).unwrap();
    let line = |line: &str| {
        let case: Value = serde_json::from_str(line).unwrap();
        (case["text"].as_str().unwrap().to_owned(), serde_json::from_value(case["ids"].clone()).unwrap())
    };
    lines.lines().map(line).collect()
}

fn check(tokenizer: &Tokenizer, cases: &[(String, Vec<u32>)]) {
    assert!(cases.len() > 500);
    for (text, ids) in cases {
        assert_eq!(&tokenizer.encode(text).unwrap().ids, ids, "{text:?}");
    }
}

#[test]
fn words_of_minilm_are_id_for_id() {
    let (Some(texts), Some(model)) = (outside("text/ref_tokenizer_minilm.part.jsonl.gz"), outside("models/all-MiniLM-L6-v2"))
    else {
        return;
    };
    let cases = cases(&texts);
    check(&Tokenizer::open(&Directory::open(&model).unwrap()).unwrap(), &cases);

    // The same of the list of words, as older models have it.
    let old = tempfile::tempdir().unwrap();
    for file in ["vocab.txt", "tokenizer_config.json"] {
        std::fs::copy(model.join(file), old.path().join(file)).unwrap();
    }
    check(&Tokenizer::open(&Directory::open(old.path()).unwrap()).unwrap(), &cases);
}

#[test]
fn bytes_of_gpt2_are_id_for_id() {
    let (Some(texts), Some(source)) = (outside("text/ref_tokenizer_gpt2.part.jsonl.gz"), outside("text/gpt2_bpe")) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(source.join("encoder.json"), folder.path().join("vocab.json")).unwrap();
    std::fs::copy(source.join("vocab.bpe"), folder.path().join("merges.txt")).unwrap();
    let tokenizer = Tokenizer::open(&Directory::open(folder.path()).unwrap()).unwrap();
    // The reference knows no special tokens; GPT-2 has this one.
    let cases: Vec<_> = cases(&texts).into_iter().filter(|(text, _)| !text.contains("<|endoftext|>")).collect();
    check(&tokenizer, &cases);
    for (text, ids) in &cases {
        assert_eq!(&tokenizer.decode(ids, true).unwrap(), text);
    }
}

#[test]
fn a_tokenizer_that_is_none_is_an_error() {
    for wrong in [&b""[..], b"{}", b"[1]", b"{\"model\": {\"type\": \"BPE\", \"vocab\": {}, \"merges\": [\"a b\"]}}", b"\xff\xfe"]
    {
        let error = Tokenizer::from_json(wrong).unwrap_err();
        assert!(error.to_string().starts_with("tokenizer: tokenizer.json is not a tokenizer"), "{error}");
    }
}

#[test]
fn a_text_that_is_too_long_loses_its_end_and_says_so() {
    let tokenizer = Tokenizer::from_json(crate::fixture::numbered_tokenizer(10).as_bytes()).unwrap().truncated_to(3).unwrap();
    let found = tokenizer.encode("1 2 3 4 5").unwrap();
    assert_eq!((found.ids.as_slice(), found.is_truncated), (&[1, 2, 3][..], true));
    assert!(!tokenizer.encode("1 2 3").unwrap().is_truncated);
}
