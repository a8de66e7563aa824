//! Binary written as text and back: hexadecimal and base 64.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryViewBuilder, StringViewBuilder};
use arrow::datatypes::DataType;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use datafusion::common::Result;

use crate::functions::frame::arguments::{Batch, Call, Takes};
use crate::functions::frame::function::Row;
use crate::names::suggest;

use Takes::{Binary, Flag, Text, Word};

pub(super) const ROWS: &[Row] = &[
    Row::new("str.encode", &[Text, Word], |call| encoding_then(call, DataType::Utf8View), encode),
    Row::new("str.decode", &[Text, Word, Flag], |call| encoding_then(call, DataType::BinaryView), decode),
    Row::new("bin.encode", &[Binary, Word], |call| encoding_then(call, DataType::Utf8View), encode),
    Row::new("bin.decode", &[Binary, Word, Flag], |call| encoding_then(call, DataType::BinaryView), decode),
];

const ENCODINGS: [&str; 2] = ["hex", "base64"];

fn encoding_then(call: &Call, result: DataType) -> Result<DataType> {
    let encoding = call.word(1).unwrap_or_default();
    match ENCODINGS.contains(&encoding) {
        true => Ok(result),
        false => call.wrong(format!("`{encoding}` is no encoding; {}", suggest(encoding, ENCODINGS))),
    }
}

fn encode(batch: &Batch) -> Result<ArrayRef> {
    let (values, hex) = (batch.binaries(0)?, batch.word(1) == Some("hex"));
    let mut out = StringViewBuilder::with_capacity(batch.rows);
    let mut one = String::new();
    for row in 0..batch.rows {
        one.clear();
        match values.get(row) {
            Some(bytes) if hex => bytes.iter().for_each(|byte| push_hex(*byte, &mut one)),
            Some(bytes) => STANDARD.encode_string(bytes, &mut one),
            None => {
                out.append_null();
                continue;
            }
        }
        out.append_value(&one);
    }
    Ok(Arc::new(out.finish()))
}

fn push_hex(byte: u8, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(char::from(DIGITS[usize::from(byte >> 4)]));
    out.push(char::from(DIGITS[usize::from(byte & 15)]));
}

fn decode(batch: &Batch) -> Result<ArrayRef> {
    let (values, encoding, strict) = (batch.binaries(0)?, batch.word(1).unwrap_or_default(), batch.flag(2));
    let mut out = BinaryViewBuilder::with_capacity(batch.rows);
    let mut one = Vec::new();
    for row in 0..batch.rows {
        let Some(bytes) = values.get(row) else {
            out.append_null();
            continue;
        };
        one.clear();
        let is_well_formed = match encoding {
            "hex" => from_hex(bytes, &mut one),
            _ => STANDARD.decode_vec(bytes, &mut one).is_ok(),
        };
        match is_well_formed {
            true => out.append_value(&one),
            false if strict => {
                let what = format!("`{}` is not {encoding}", String::from_utf8_lossy(bytes));
                return batch.bad_value(what, "strict=False gives null");
            }
            false => out.append_null(),
        }
    }
    Ok(Arc::new(out.finish()))
}

fn from_hex(text: &[u8], out: &mut Vec<u8>) -> bool {
    let digit = |c: u8| char::from(c).to_digit(16).map(|digit| digit as u8);
    let (pairs, rest) = text.as_chunks::<2>();
    let bytes = pairs.iter().map_while(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
    out.extend(bytes);
    rest.is_empty() && out.len() == pairs.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_is_read_whole_or_not_at_all() {
        let read = |text: &str| {
            let mut out = vec![];
            from_hex(text.as_bytes(), &mut out).then_some(out)
        };
        assert_eq!(read("00fFa0"), Some(vec![0, 255, 160]));
        assert_eq!(read(""), Some(vec![]));
        assert_eq!((read("0"), read("0g"), read("zz00")), (None, None, None));
    }
}
