//! New texts: case, order, padding, Unicode's normal forms.

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

use super::views::written;
use crate::functions::frame::arguments::{Batch, Call, Takes};
use crate::functions::frame::function::Row;
use crate::functions::frame::results::text;
use crate::names::suggest;

use Takes::{Int, Text, Word};

pub(super) const ROWS: &[Row] = &[
    Row::new("str.to_lowercase", &[Text], text, to_lowercase),
    Row::new("str.to_uppercase", &[Text], text, to_uppercase),
    Row::new("str.to_titlecase", &[Text], text, to_titlecase),
    Row::new("str.reverse", &[Text], text, reverse),
    Row::new("str.normalize", &[Text, Word], normalize_type, normalize),
    Row::new("str.pad_start", &[Text, Int, Word], pad_type, |batch| pad(batch, true)),
    Row::new("str.pad_end", &[Text, Int, Word], pad_type, |batch| pad(batch, false)),
    Row::new("str.zfill", &[Text, Int], text, zfill),
];

fn to_lowercase(batch: &Batch) -> Result<ArrayRef> {
    written(&batch.texts(0)?, batch.rows, |_, text, out| {
        match text.is_ascii() {
            true => {
                out.push_str(text);
                out.make_ascii_lowercase();
            }
            // The whole text at once: a final sigma is written otherwise than one inside a word.
            false => out.push_str(&text.to_lowercase()),
        }
        Ok(true)
    })
}

fn to_uppercase(batch: &Batch) -> Result<ArrayRef> {
    written(&batch.texts(0)?, batch.rows, |_, text, out| {
        match text.is_ascii() {
            true => {
                out.push_str(text);
                out.make_ascii_uppercase();
            }
            false => out.extend(text.chars().flat_map(char::to_uppercase)),
        }
        Ok(true)
    })
}

/// A letter behind none is a capital, all others are small.
fn to_titlecase(batch: &Batch) -> Result<ArrayRef> {
    written(&batch.texts(0)?, batch.rows, |_, text, out| {
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let word = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
            let (word, others) = rest.split_at(word.max(first.len_utf8()));
            titled(word, first, out);
            rest = others;
        }
        Ok(true)
    })
}

/// A word with its first letter as a capital. The whole of it is made small, for a final sigma is written otherwise.
fn titled(word: &str, first: char, out: &mut String) {
    let small = word.to_lowercase();
    let of_first: usize = first.to_lowercase().map(char::len_utf8).sum();
    match title_of(first) {
        Some(title) => out.push(title),
        None => {
            let mut capitals = first.to_uppercase();
            let capital = capitals.next().unwrap_or(first);
            out.push(capital);
            // Of one letter that is written as several only the first is a capital: `ß` is `Ss`.
            for c in capitals {
                if capital.is_uppercase() { out.extend(c.to_lowercase()) } else { out.push(c) }
            }
        }
    }
    out.push_str(&small[of_first.min(small.len())..]);
}

/// The letter that begins a word, of those that have one of its own for it (Unicode's mapping to title case).
fn title_of(letter: char) -> Option<char> {
    let code = u32::from(letter);
    Some(match letter {
        'Ǆ'..='ǆ' => 'ǅ',
        'Ǉ'..='ǉ' => 'ǈ',
        'Ǌ'..='ǌ' => 'ǋ',
        'Ǳ'..='ǳ' => 'ǲ',
        '\u{1F80}'..='\u{1F87}' | '\u{1F90}'..='\u{1F97}' | '\u{1FA0}'..='\u{1FA7}' => char::from_u32(code + 8)?,
        '\u{1F88}'..='\u{1F8F}' | '\u{1F98}'..='\u{1F9F}' | '\u{1FA8}'..='\u{1FAF}' => letter,
        '\u{1FB3}' | '\u{1FC3}' | '\u{1FF3}' => char::from_u32(code + 9)?,
        '\u{1FBC}' | '\u{1FCC}' | '\u{1FFC}' => letter,
        _ => return None,
    })
}

/// What a reader takes for one character stays together, an accent with its letter.
fn reverse(batch: &Batch) -> Result<ArrayRef> {
    written(&batch.texts(0)?, batch.rows, |_, text, out| {
        match text.is_ascii() {
            true => out.extend(text.bytes().rev().map(char::from)),
            false => out.extend(text.graphemes(true).rev()),
        }
        Ok(true)
    })
}

const FORMS: [&str; 4] = ["NFC", "NFD", "NFKC", "NFKD"];

fn normalize_type(call: &Call) -> Result<DataType> {
    let form = call.word(1).unwrap_or_default();
    match FORMS.contains(&form) {
        true => Ok(DataType::Utf8View),
        false => call.wrong(format!("`{form}` is no normal form; {}", suggest(form, FORMS))),
    }
}

fn normalize(batch: &Batch) -> Result<ArrayRef> {
    let form = batch.word(1).unwrap_or_default();
    written(&batch.texts(0)?, batch.rows, |_, text, out| {
        match form {
            "NFC" => out.extend(text.nfc()),
            "NFD" => out.extend(text.nfd()),
            "NFKC" => out.extend(text.nfkc()),
            _ => out.extend(text.nfkd()),
        }
        Ok(true)
    })
}

fn pad_type(call: &Call) -> Result<DataType> {
    if call.count(1).is_some_and(|length| length < 0) {
        return call.wrong("the length is negative");
    }
    match call.word(2).map(|fill| fill.chars().count()) {
        Some(1) => Ok(DataType::Utf8View),
        _ => call.wrong(format!("`{}` is not one character", call.word(2).unwrap_or_default())),
    }
}

/// A width beyond this is a mistake, and would fill the memory.
const WIDTH_MAX: i64 = 1 << 24;

/// How many characters are missing to a width. Errors: `Execution` for a negative width, or a huge one.
fn missing(batch: &Batch, text: &str, width: i64) -> Result<usize> {
    if !(0..=WIDTH_MAX).contains(&width) {
        return batch.bad_value(format!("a length is {width}"), "expected 0 to 16777216 characters");
    }
    Ok((width as usize).saturating_sub(text.chars().count()))
}

fn pad(batch: &Batch, start: bool) -> Result<ArrayRef> {
    let (texts, widths) = (batch.texts(0)?, batch.ints(1)?);
    let fill = batch.word(2).and_then(|fill| fill.chars().next()).unwrap_or(' ');
    written(&texts, batch.rows, |row, text, out| {
        let Some(width) = widths.get(row) else { return Ok(false) };
        let fill = std::iter::repeat_n(fill, missing(batch, text, width)?);
        if start {
            out.extend(fill);
            out.push_str(text);
        } else {
            out.push_str(text);
            out.extend(fill);
        }
        Ok(true)
    })
}

/// Zeros go behind a sign.
fn zfill(batch: &Batch) -> Result<ArrayRef> {
    let (texts, widths) = (batch.texts(0)?, batch.ints(1)?);
    written(&texts, batch.rows, |row, text, out| {
        let Some(width) = widths.get(row) else { return Ok(false) };
        let zeros = std::iter::repeat_n('0', missing(batch, text, width)?);
        let sign = usize::from(text.starts_with(['+', '-']));
        out.push_str(&text[..sign]);
        out.extend(zeros);
        out.push_str(&text[sign..]);
        Ok(true)
    })
}
