//! Many words looked for at once (Aho and Corasick's automaton): `contains_any`, `extract_many`, `find_many`, `replace_many`.

use std::ops::Range;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};
use arrow::array::{Array, ArrayBuilder, ArrayRef, AsArray, StringViewArray, UInt32Builder};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::common::Result;

use super::views::{Lists, Parts, part_lists, text_list, truths, written};
use crate::functions::frame::arguments::{Batch, Call, Takes, Values, is_list};
use crate::functions::frame::function::Row;
use crate::functions::frame::results::places;

use Takes::{Any, Flag, Text};

pub(super) const ROWS: &[Row] = &[
    Row::new("str.contains_any", &[Text, Any, Flag], |call| words_then(call, DataType::Boolean), contains_any),
    Row::new("str.extract_many", &[Text, Any, Flag, Flag, Flag], |call| words_then(call, text_list()), extract_many),
    Row::new("str.find_many", &[Text, Any, Flag, Flag, Flag], |call| words_then(call, places(call)?), find_many),
    Row::new("str.replace_many", &[Text, Any, Any, Flag, Flag], replace_type, replace_many),
];

fn words_then(call: &Call, result: DataType) -> Result<DataType> {
    check_words(call, 1)?;
    if call.len() == 5 && call.flag(3) && call.flag(4) {
        return call.wrong("overlapping matches have no leftmost one; ask for one of the two");
    }
    Ok(result)
}

fn check_words(call: &Call, at: usize) -> Result<()> {
    let is_text = |t: &DataType| t.is_string() || t.is_null();
    match call.data_type(at) {
        t if is_list(t) && element(t).is_some_and(is_text) => Ok(()),
        _ => Err(call.unfit(at, "a list of texts")),
    }
}

fn element(list: &DataType) -> Option<&DataType> {
    use DataType::{FixedSizeList, LargeList, LargeListView, List, ListView};
    match list {
        List(f) | LargeList(f) | FixedSizeList(f, _) | ListView(f) | LargeListView(f) => Some(f.data_type()),
        _ => None,
    }
}

fn replace_type(call: &Call) -> Result<DataType> {
    check_words(call, 1)?;
    check_words(call, 2)?;
    Ok(DataType::Utf8View)
}

/// The words of each row, and the automaton of the row asked for last.
struct Words {
    lists: Vec<Option<StringViewArray>>,
    constant: bool,
    insensitive: bool,
    kind: MatchKind,
    last: Option<(usize, AhoCorasick)>,
}

impl Words {
    fn of(batch: &Batch, insensitive: bool, leftmost: bool) -> Result<Self> {
        let kind = if leftmost { MatchKind::LeftmostFirst } else { MatchKind::Standard };
        let lists = lists(batch, 1)?;
        Ok(Words { constant: batch.constant(1).is_some(), lists, insensitive, kind, last: None })
    }

    /// The automaton of a row's words; None where the list is null.
    fn at(&mut self, batch: &Batch, row: usize) -> Result<Option<&AhoCorasick>> {
        let row = if self.constant { 0 } else { row };
        if self.last.as_ref().is_none_or(|(last, _)| *last != row) {
            let Some(words) = &self.lists[row] else { return Ok(None) };
            let built = AhoCorasickBuilder::new()
                .ascii_case_insensitive(self.insensitive)
                .match_kind(self.kind)
                .build(words.iter().map(Option::unwrap_or_default));
            let built = match built {
                Ok(built) => built,
                Err(error) => return batch.wrong(format!("the words cannot be looked for at once: {error}")),
            };
            self.last = Some((row, built));
        }
        Ok(self.last.as_ref().map(|(_, words)| words))
    }

    fn is_word(&self, row: usize, word: usize) -> bool {
        let row = if self.constant { 0 } else { row };
        self.lists[row].as_ref().is_some_and(|words| words.is_valid(word))
    }
}

/// The lists of texts of an argument: one for each row, or one if it is constant.
fn lists(batch: &Batch, at: usize) -> Result<Vec<Option<StringViewArray>>> {
    let lists = batch.array_as(at, &text_list())?;
    let lists = lists.as_list::<i32>();
    let rows = if batch.constant(at).is_some() { 1 } else { batch.rows };
    let one = |row| match lists.is_valid(row) {
        true => Ok(Some(cast(&lists.value(row), &DataType::Utf8View)?.as_string_view().clone())),
        false => Ok(None),
    };
    (0..rows.min(lists.len())).map(one).collect()
}

fn contains_any(batch: &Batch) -> Result<ArrayRef> {
    let texts = batch.texts(0)?;
    let mut words = Words::of(batch, batch.flag(2), false)?;
    let null_free = words.lists.iter().flatten().all(|list| list.null_count() == 0);
    truths(&texts, batch.rows, |row, text| {
        let Some(found) = words.at(batch, row)? else { return Ok(None) };
        if null_free {
            return Ok(Some(found.is_match(text)));
        }
        let mut at: Vec<usize> = found.find_overlapping_iter(text).map(|m| m.pattern().as_usize()).collect();
        at.retain(|&word| words.is_word(row, word));
        Ok(Some(!at.is_empty()))
    })
}

/// Each match: which word, and where.
fn each_match(
    batch: &Batch,
    words: &mut Words,
    row: usize,
    text: &str,
    overlapping: bool,
    mut found: impl FnMut(Range<usize>),
) -> Result<bool> {
    let Some(automaton) = words.at(batch, row)? else { return Ok(false) };
    match overlapping {
        true => automaton.find_overlapping_iter(text).for_each(|place| found(place.range())),
        false => automaton.find_iter(text).for_each(|place| found(place.range())),
    }
    Ok(true)
}

/// `words, ascii_case_insensitive, overlapping, leftmost`
fn extract_many(batch: &Batch) -> Result<ArrayRef> {
    let texts = batch.texts(0)?;
    let mut words = Words::of(batch, batch.flag(2), batch.flag(4))?;
    let overlapping = batch.flag(3);
    part_lists(&texts, batch.rows, |row, text, found: &mut Parts| {
        each_match(batch, &mut words, row, text, overlapping, |place| found.push(row, place))
    })
}

fn find_many(batch: &Batch) -> Result<ArrayRef> {
    let texts = batch.texts(0)?;
    let mut words = Words::of(batch, batch.flag(2), batch.flag(4))?;
    let overlapping = batch.flag(3);
    let (mut found, mut lists) = (UInt32Builder::new(), Lists::with_room(batch.rows));
    for row in 0..batch.rows {
        let is_some = match texts.get(row) {
            Some(text) => each_match(batch, &mut words, row, text, overlapping, |place| found.append_value(place.start as u32))?,
            None => false,
        };
        lists.close(found.len(), is_some);
    }
    lists.finish(Arc::new(found.finish()))
}

/// `words, replacements, ascii_case_insensitive, leftmost`; one replacement stands for all words.
fn replace_many(batch: &Batch) -> Result<ArrayRef> {
    let texts: Values<StringViewArray> = batch.texts(0)?;
    let mut words = Words::of(batch, batch.flag(3), batch.flag(4))?;
    let replacements = lists(batch, 2)?;
    let constant = batch.constant(2).is_some();
    written(&texts, batch.rows, |row, text, out| {
        let Some(values) = &replacements[if constant { 0 } else { row }] else { return Ok(false) };
        let Some(automaton) = words.at(batch, row)? else { return Ok(false) };
        if values.len() != 1 && values.len() != automaton.patterns_len() {
            let what = format!("{} words have {} replacements", automaton.patterns_len(), values.len());
            return batch.bad_value(what, "give one for each, or one for all");
        }
        let mut end = 0;
        for found in automaton.find_iter(text) {
            out.push_str(&text[end..found.start()]);
            let at = if values.len() == 1 { 0 } else { found.pattern().as_usize() };
            out.push_str(if values.is_valid(at) { values.value(at) } else { "" });
            end = found.end();
        }
        out.push_str(&text[end..]);
        Ok(true)
    })
}
