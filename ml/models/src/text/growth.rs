//! How much longer a tokenizer's steps can make a text: each replacement by a longer text multiplies, and a file may hold any number of
//! them. The library has no limit; so that a text of a few letters does not take the machine's memory, the file is read first.

use gradframe_ml_core::{Error, Result};
use serde_json::Value;

/// Times that a text may become longer; tokenizers in use come to about 30.
const GROWTH_MAX: usize = 1024;
/// Bytes that may be put before a text, in all.
const PREFIX_BYTES_MAX: usize = 64 << 10;
/// Characters of the table by which SentencePiece replaces characters; those in use have about 400,000.
const TABLE_CHARACTERS_MAX: usize = 4 << 20;

/// Errors: `Resources` for a tokenizer that could make texts longer without bound. What is not JSON is not looked at.
pub fn check(json: &[u8]) -> Result<()> {
    let Ok(whole) = serde_json::from_slice::<Value>(json) else { return Ok(()) };
    for part in ["normalizer", "pre_tokenizer", "decoder"] {
        let mut found = Found { times: 1, prefix: 0, table: 0 };
        whole.get(part).into_iter().for_each(|step| found.add(step));
        if found.times > GROWTH_MAX || found.prefix > PREFIX_BYTES_MAX || found.table > TABLE_CHARACTERS_MAX {
            let what = format!("the {part} of tokenizer.json can make a text more than {GROWTH_MAX} times as long");
            return Err(Error::resources("tokenizer", what));
        }
    }
    Ok(())
}

/// What the steps looked at so far can do.
struct Found {
    times: usize,
    prefix: usize,
    table: usize,
}

impl Found {
    fn add(&mut self, step: &Value) {
        let length = |field: &str| step.get(field).and_then(Value::as_str).map_or(0, str::len);
        match step.get("type").and_then(Value::as_str) {
            // A pattern may fit each character.
            Some("Replace") => self.times = self.times.saturating_mul(length("content").max(1)),
            Some("Prepend") => self.prefix = self.prefix.saturating_add(length("prepend").saturating_mul(self.times)),
            Some("Precompiled") => self.table = self.table.saturating_add(length("precompiled_charsmap")),
            Some("Sequence") => {
                let steps = ["normalizers", "pretokenizers", "decoders"].iter().filter_map(|name| step.get(name)?.as_array());
                steps.flatten().for_each(|step| self.add(step));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replace(content: &str) -> Value {
        serde_json::json!({"type": "Replace", "pattern": {"String": "a"}, "content": content})
    }

    #[test]
    fn replacements_multiply() {
        let bomb = serde_json::json!({"normalizer": {"type": "Sequence", "normalizers": [replace(&"a".repeat(50)), replace(&"a".repeat(50))]}});
        assert_eq!(check(bomb.to_string().as_bytes()).unwrap_err().kind(), "Resources");
        let usual = serde_json::json!({"normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "\u{2581}"}, replace("\u{2581}"), replace("\""), replace("")]}});
        check(usual.to_string().as_bytes()).unwrap();
        check(b"no JSON").unwrap();
    }
}
