//! The namespace `str`.

use arrow::datatypes::DataType;
use datafusion::logical_expr::Expr;

use super::super::functions::Aggregates;
use super::{IntoValue, Namespaces, kernel, of_type, simple};
use crate::Result;
use crate::expr::{Call, FunctionRow};

/// Functions of text. Regular expressions are those of the crate `regex`, as in Polars; null gives null.
///
/// ```
/// use gradframe::expr::{col, ns::Namespaces};
///
/// let is_code = col("id").str().contains(r"^[A-Z]{2}\d+$", false, true);
/// let number = col("id").str().extract(r"(\d+)", 1).str().to_integer(10, &arrow::datatypes::DataType::Int64, true);
/// # let _ = (is_code, number);
/// ```
#[derive(Debug, Clone)]
pub struct StrNamespace(pub(super) Expr);

simple!(StrNamespace {
    /// How many bytes UTF-8 takes: UInt32.
    len_bytes => "str.len_bytes" from "str.len_bytes",
    /// How many characters there are: UInt32.
    len_chars => "str.len_chars" from "str.len_chars",
    /// In small letters.
    to_lowercase => "str.to_lowercase" from "str.to_lowercase",
    /// In capitals.
    to_uppercase => "str.to_uppercase" from "str.to_uppercase",
    /// Each word with a capital.
    to_titlecase => "str.to_titlecase" from "str.to_titlecase",
    /// Backwards; an accent stays with its letter.
    reverse => "str.reverse" from "str.reverse",
    /// As a pattern that matches just this text.
    escape_regex => "str.escape_regex" from "str.escape_regex",
});

impl StrNamespace {
    /// Whether a pattern matches somewhere. `strict = false`: null where the pattern is none.
    pub fn contains(self, pattern: impl IntoValue, literal: bool, strict: bool) -> Expr {
        kernel("str.contains", [self.0, pattern.into_value(), literal.into_value(), strict.into_value()])
    }

    /// Whether one of a list of words is in it.
    pub fn contains_any(self, words: impl IntoValue, ascii_case_insensitive: bool) -> Expr {
        kernel("str.contains_any", [self.0, words.into_value(), ascii_case_insensitive.into_value()])
    }

    /// Whether it begins with a text.
    pub fn starts_with(self, prefix: impl IntoValue) -> Expr {
        kernel("str.starts_with", [self.0, prefix.into_value()])
    }

    /// Whether it ends with a text.
    pub fn ends_with(self, suffix: impl IntoValue) -> Expr {
        kernel("str.ends_with", [self.0, suffix.into_value()])
    }

    /// How often a pattern matches: UInt32.
    pub fn count_matches(self, pattern: impl IntoValue, literal: bool) -> Expr {
        kernel("str.count_matches", [self.0, pattern.into_value(), literal.into_value()])
    }

    /// The byte at which a pattern first matches: UInt32, null where it does not.
    pub fn find(self, pattern: impl IntoValue, literal: bool, strict: bool) -> Expr {
        kernel("str.find", [self.0, pattern.into_value(), literal.into_value(), strict.into_value()])
    }

    /// What a group of the first match holds; group 0 is the whole match.
    pub fn extract(self, pattern: impl IntoValue, group: i64) -> Expr {
        kernel("str.extract", [self.0, pattern.into_value(), group.into_value()])
    }

    /// Every match, as a list.
    pub fn extract_all(self, pattern: impl IntoValue) -> Expr {
        kernel("str.extract_all", [self.0, pattern.into_value()])
    }

    /// The groups of the first match, as a struct.
    pub fn extract_groups(self, pattern: &str) -> Expr {
        kernel("str.extract_groups", [self.0, pattern.into_value()])
    }

    /// The words of a list that are in it, as a list. Not both `overlapping` and `leftmost`.
    pub fn extract_many(self, words: impl IntoValue, ascii_case_insensitive: bool, overlapping: bool, leftmost: bool) -> Expr {
        let flags = [ascii_case_insensitive, overlapping, leftmost].map(IntoValue::into_value);
        kernel("str.extract_many", [self.0, words.into_value()].into_iter().chain(flags))
    }

    /// The bytes at which words of a list are in it, as a list.
    pub fn find_many(self, words: impl IntoValue, ascii_case_insensitive: bool, overlapping: bool, leftmost: bool) -> Expr {
        let flags = [ascii_case_insensitive, overlapping, leftmost].map(IntoValue::into_value);
        kernel("str.find_many", [self.0, words.into_value()].into_iter().chain(flags))
    }

    /// Words of a list replaced by those of another, or all by one.
    pub fn replace_many(self, words: impl IntoValue, with: impl IntoValue, ascii_case_insensitive: bool, leftmost: bool) -> Expr {
        let flags = [ascii_case_insensitive, leftmost].map(IntoValue::into_value);
        kernel("str.replace_many", [self.0, words.into_value(), with.into_value()].into_iter().chain(flags))
    }

    /// The first n matches replaced. `$1` in the value stands for a group, unless the pattern is literal.
    pub fn replace(self, pattern: impl IntoValue, value: impl IntoValue, literal: bool, n: i64) -> Expr {
        let arguments = [self.0, pattern.into_value(), value.into_value(), literal.into_value(), n.into_value()];
        kernel("str.replace", arguments)
    }

    /// All matches replaced.
    pub fn replace_all(self, pattern: impl IntoValue, value: impl IntoValue, literal: bool) -> Expr {
        self.replace(pattern, value, literal, -1)
    }

    /// So many characters from an offset, which counts from the end where it is negative; all that follow if null.
    pub fn slice(self, offset: impl IntoValue, length: impl IntoValue) -> Expr {
        kernel("str.slice", [self.0, offset.into_value(), length.into_value()])
    }

    /// The first n characters; all but the last -n where n is negative.
    pub fn head(self, n: impl IntoValue) -> Expr {
        kernel("str.head", [self.0, n.into_value()])
    }

    /// The last n characters; all but the first -n where n is negative.
    pub fn tail(self, n: impl IntoValue) -> Expr {
        kernel("str.tail", [self.0, n.into_value()])
    }

    /// Without characters of a set at both ends; without whitespace if null.
    pub fn strip_chars(self, characters: impl IntoValue) -> Expr {
        kernel("str.strip_chars", [self.0, characters.into_value()])
    }

    /// Without characters of a set at the start.
    pub fn strip_chars_start(self, characters: impl IntoValue) -> Expr {
        kernel("str.strip_chars_start", [self.0, characters.into_value()])
    }

    /// Without characters of a set at the end.
    pub fn strip_chars_end(self, characters: impl IntoValue) -> Expr {
        kernel("str.strip_chars_end", [self.0, characters.into_value()])
    }

    /// Without a text that it begins with.
    pub fn strip_prefix(self, prefix: impl IntoValue) -> Expr {
        kernel("str.strip_prefix", [self.0, prefix.into_value()])
    }

    /// Without a text that it ends with.
    pub fn strip_suffix(self, suffix: impl IntoValue) -> Expr {
        kernel("str.strip_suffix", [self.0, suffix.into_value()])
    }

    /// With a character before it, up to so many characters.
    pub fn pad_start(self, length: impl IntoValue, fill: char) -> Expr {
        kernel("str.pad_start", [self.0, length.into_value(), fill.to_string().into_value()])
    }

    /// With a character behind it, up to so many characters.
    pub fn pad_end(self, length: impl IntoValue, fill: char) -> Expr {
        kernel("str.pad_end", [self.0, length.into_value(), fill.to_string().into_value()])
    }

    /// With zeros before it, behind a sign, up to so many characters.
    pub fn zfill(self, length: impl IntoValue) -> Expr {
        kernel("str.zfill", [self.0, length.into_value()])
    }

    /// The pieces between separators, as a list. `inclusive` keeps the separators at their ends.
    pub fn split(self, by: impl IntoValue, inclusive: bool, literal: bool, strict: bool) -> Expr {
        let flags = [inclusive, literal, strict].map(IntoValue::into_value);
        kernel("str.split", [self.0, by.into_value()].into_iter().chain(flags))
    }

    /// The first n + 1 pieces as the fields `field_0` ... of a struct.
    pub fn split_exact(self, by: impl IntoValue, n: i64, inclusive: bool) -> Expr {
        kernel("str.split_exact", [self.0, by.into_value(), n.into_value(), inclusive.into_value()])
    }

    /// n pieces as the fields of a struct, the last of which is the uncut rest.
    pub fn splitn(self, by: impl IntoValue, n: i64) -> Expr {
        kernel("str.splitn", [self.0, by.into_value(), n.into_value()])
    }

    /// In one of Unicode's normal forms: NFC, NFD, NFKC or NFKD.
    pub fn normalize(self, form: &str) -> Expr {
        kernel("str.normalize", [self.0, form.into_value()])
    }

    /// Its bytes as `hex` or `base64`.
    pub fn encode(self, encoding: &str) -> Expr {
        kernel("str.encode", [self.0, encoding.into_value()])
    }

    /// The bytes that `hex` or `base64` tells.
    pub fn decode(self, encoding: &str, strict: bool) -> Expr {
        kernel("str.decode", [self.0, encoding.into_value(), strict.into_value()])
    }

    /// The integer of a base that it is.
    pub fn to_integer(self, base: impl IntoValue, data_type: &DataType, strict: bool) -> Expr {
        kernel("str.to_integer", [self.0, base.into_value(), of_type(data_type), strict.into_value()])
    }

    /// The decimal number that it is, of 38 digits, `scale` of them behind the point; null if it is none.
    pub fn to_decimal(self, scale: i64) -> Expr {
        kernel("str.to_decimal", [self.0, scale.into_value()])
    }

    /// The JSON that it is, as a type.
    pub fn json_decode(self, data_type: &DataType) -> Expr {
        kernel("str.json_decode", [self.0, of_type(data_type)])
    }

    /// The value at a JSON path, as text.
    pub fn json_path_match(self, path: &str) -> Expr {
        kernel("str.json_path_match", [self.0, path.into_value()])
    }

    /// The date that it is by a format of strftime's, or of the usual forms.
    pub fn to_date(self, format: Option<&str>, strict: bool, exact: bool) -> Expr {
        kernel("str.to_date", [self.0, format.into_value(), strict.into_value(), exact.into_value()])
    }

    /// The datetime that it is by a format of strftime's, or of the usual forms.
    pub fn to_datetime(self, format: Option<&str>, options: DatetimeOptions) -> Expr {
        let DatetimeOptions { time_unit, time_zone, strict, exact, ambiguous } = options;
        let arguments = [self.0, format.into_value(), time_unit.as_deref().into_value(), time_zone.as_deref().into_value()];
        let rest = [strict.into_value(), exact.into_value(), ambiguous.unwrap_or_else(|| "raise".into_value())];
        kernel("str.to_datetime", arguments.into_iter().chain(rest))
    }

    /// The time that it is by a format of strftime's, or as `10:20:30`.
    pub fn to_time(self, format: Option<&str>, strict: bool) -> Expr {
        kernel("str.to_time", [self.0, format.into_value(), strict.into_value()])
    }

    /// All texts of the column or group put together in the order of the rows.
    pub fn join(self, delimiter: &str, ignore_nulls: bool) -> Expr {
        self.0.implode().list().join(delimiter, ignore_nulls)
    }
}

/// How texts are read as datetimes.
#[derive(Debug, Clone)]
pub struct DatetimeOptions {
    /// `ns`, `us` or `ms`; else what the format has digits for, else `us`.
    pub time_unit: Option<String>,
    /// The zone of the result, in whose clock the texts are read.
    pub time_zone: Option<String>,
    /// Whether a text that is none is an error, else null.
    pub strict: bool,
    /// Whether the whole text must be read, or a part of it may.
    pub exact: bool,
    /// What becomes of what the clock shows twice: `raise`, `earliest`, `latest` or `null`, which is the first by default.
    pub ambiguous: Option<Expr>,
}

impl Default for DatetimeOptions {
    fn default() -> Self {
        DatetimeOptions { time_unit: None, time_zone: None, strict: true, exact: true, ambiguous: None }
    }
}

fn text(call: &mut Call) -> Result<StrNamespace> {
    Ok(StrNamespace(call.expr("the text")?))
}

fn character(call: &mut Call) -> Result<char> {
    let fill = call.optional_text("fill_char")?.unwrap_or_else(|| " ".into());
    match fill.chars().next() {
        Some(only) if fill.chars().count() == 1 => Ok(only),
        _ => Err(call.wrong(format!("`fill_char` is '{fill}', expected one character"))),
    }
}

fn to_datetime(call: &mut Call) -> Result<Expr> {
    let (text, ambiguous) = (text(call)?, call.optional_expr());
    let options = DatetimeOptions {
        time_unit: call.optional_text("time_unit")?,
        time_zone: call.optional_text("time_zone")?,
        strict: call.flag("strict", true)?,
        exact: call.flag("exact", true)?,
        ambiguous,
    };
    Ok(text.to_datetime(call.optional_text("format")?.as_deref(), options))
}

fn many(call: &mut Call, of: fn(StrNamespace, Expr, bool, bool, bool) -> Expr) -> Result<Expr> {
    let (text, words) = (text(call)?, call.expr("the words")?);
    let insensitive = call.flag("ascii_case_insensitive", false)?;
    Ok(of(text, words, insensitive, call.flag("overlapping", false)?, call.flag("leftmost", false)?))
}

pub(super) const TABLE: &[FunctionRow] = &[
    FunctionRow::new("str.contains", |call| {
        let (text, pattern) = (text(call)?, call.expr("the pattern")?);
        Ok(text.contains(pattern, call.flag("literal", false)?, call.flag("strict", true)?))
    }),
    FunctionRow::new("str.contains_any", |call| {
        let (text, words) = (text(call)?, call.expr("the words")?);
        Ok(text.contains_any(words, call.flag("ascii_case_insensitive", false)?))
    }),
    FunctionRow::new("str.starts_with", |call| Ok(text(call)?.starts_with(call.expr("the prefix")?))),
    FunctionRow::new("str.ends_with", |call| Ok(text(call)?.ends_with(call.expr("the suffix")?))),
    FunctionRow::new("str.count_matches", |call| {
        let (text, pattern) = (text(call)?, call.expr("the pattern")?);
        Ok(text.count_matches(pattern, call.flag("literal", false)?))
    }),
    FunctionRow::new("str.find", |call| {
        let (text, pattern) = (text(call)?, call.expr("the pattern")?);
        Ok(text.find(pattern, call.flag("literal", false)?, call.flag("strict", true)?))
    }),
    FunctionRow::new("str.extract", |call| Ok(text(call)?.extract(call.expr("the pattern")?, call.int("group_index")?))),
    FunctionRow::new("str.extract_all", |call| Ok(text(call)?.extract_all(call.expr("the pattern")?))),
    FunctionRow::new("str.extract_groups", |call| Ok(text(call)?.extract_groups(&call.text("pattern")?))),
    FunctionRow::new("str.extract_many", |call| many(call, |text, words, i, o, l| text.extract_many(words, i, o, l))),
    FunctionRow::new("str.find_many", |call| many(call, |text, words, i, o, l| text.find_many(words, i, o, l))),
    FunctionRow::new("str.replace_many", |call| {
        let (text, words, with) = (text(call)?, call.expr("the words")?, call.expr("the replacements")?);
        Ok(text.replace_many(words, with, call.flag("ascii_case_insensitive", false)?, call.flag("leftmost", false)?))
    }),
    FunctionRow::new("str.replace", |call| {
        let (text, pattern, value) = (text(call)?, call.expr("the pattern")?, call.expr("the value")?);
        Ok(text.replace(pattern, value, call.flag("literal", false)?, call.optional_int("n")?.unwrap_or(1)))
    }),
    FunctionRow::new("str.slice", |call| Ok(text(call)?.slice(call.expr("the offset")?, call.expr("the length")?))),
    FunctionRow::new("str.head", |call| Ok(text(call)?.head(call.expr("n")?))),
    FunctionRow::new("str.tail", |call| Ok(text(call)?.tail(call.expr("n")?))),
    FunctionRow::new("str.strip_chars", |call| Ok(text(call)?.strip_chars(call.expr("the characters")?))),
    FunctionRow::new("str.strip_chars_start", |call| Ok(text(call)?.strip_chars_start(call.expr("the characters")?))),
    FunctionRow::new("str.strip_chars_end", |call| Ok(text(call)?.strip_chars_end(call.expr("the characters")?))),
    FunctionRow::new("str.strip_prefix", |call| Ok(text(call)?.strip_prefix(call.expr("the prefix")?))),
    FunctionRow::new("str.strip_suffix", |call| Ok(text(call)?.strip_suffix(call.expr("the suffix")?))),
    FunctionRow::new("str.pad_start", |call| Ok(text(call)?.pad_start(call.expr("the length")?, character(call)?))),
    FunctionRow::new("str.pad_end", |call| Ok(text(call)?.pad_end(call.expr("the length")?, character(call)?))),
    FunctionRow::new("str.zfill", |call| Ok(text(call)?.zfill(call.expr("the length")?))),
    FunctionRow::new("str.split", |call| {
        let (text, by, inclusive) = (text(call)?, call.expr("the separator")?, call.flag("inclusive", false)?);
        Ok(text.split(by, inclusive, call.flag("literal", true)?, call.flag("strict", true)?))
    }),
    FunctionRow::new("str.split_exact", |call| {
        let (text, by) = (text(call)?, call.expr("the separator")?);
        Ok(text.split_exact(by, call.int("n")?, call.flag("inclusive", false)?))
    }),
    FunctionRow::new("str.splitn", |call| Ok(text(call)?.splitn(call.expr("the separator")?, call.int("n")?))),
    FunctionRow::new("str.normalize", |call| Ok(text(call)?.normalize(&call.text("form")?))),
    FunctionRow::new("str.encode", |call| Ok(text(call)?.encode(&call.text("encoding")?))),
    FunctionRow::new("str.decode", |call| Ok(text(call)?.decode(&call.text("encoding")?, call.flag("strict", true)?))),
    FunctionRow::new("str.to_integer", |call| {
        let (text, base) = (text(call)?, call.expr("the base")?);
        let data_type = call.optional_data_type("dtype")?.unwrap_or(DataType::Int64);
        Ok(text.to_integer(base, &data_type, call.flag("strict", true)?))
    }),
    FunctionRow::new("str.to_decimal", |call| Ok(text(call)?.to_decimal(call.int("scale")?))),
    FunctionRow::new("str.json_decode", |call| Ok(text(call)?.json_decode(&call.data_type("dtype")?))),
    FunctionRow::new("str.json_path_match", |call| Ok(text(call)?.json_path_match(&call.text("json_path")?))),
    FunctionRow::new("str.to_date", |call| {
        let (text, format) = (text(call)?, call.optional_text("format")?);
        Ok(text.to_date(format.as_deref(), call.flag("strict", true)?, call.flag("exact", true)?))
    }),
    FunctionRow::new("str.to_datetime", to_datetime),
    FunctionRow::new("str.to_time", |call| {
        let (text, format) = (text(call)?, call.optional_text("format")?);
        Ok(text.to_time(format.as_deref(), call.flag("strict", true)?))
    }),
    FunctionRow::typed("str.join", |call| {
        let value = call.expr("the text")?;
        let texts = StrNamespace(crate::expr::functions::as_text(call, value)?);
        Ok(texts.join(&call.optional_text("delimiter")?.unwrap_or_default(), call.flag("ignore_nulls", true)?))
    }),
];
