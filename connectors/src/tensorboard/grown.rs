//! A directory that was taken in before and has grown: its run goes on, instead of a second one that has all again.
//!
//! It has grown if what was taken in is the beginning of what is there, record by record. What does not just follow is a run of its own: a
//! restart that takes back what the earlier run has, a hyper-parameter with another value.

use std::collections::HashMap;

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::scalar::ScalarValue;
use gradframe_ml_core::Result;
use gradframe_plan::ops::run_log::{LogFilter, LogQuery, LogTable};
use gradframe_plan::services::RunLog;

use super::import::{CONTENT, NOTE, SOURCE, content_of, gather, state_of};
use super::survey::{Source, Survey};
use crate::store::{RunChanges, RunRecord, Store, TakenMore};

/// The runs of earlier imports of a directory, by what they say that its content was.
pub(super) fn earlier(store: &Store, source: &Source) -> Result<HashMap<String, String>> {
    let equal = |column: &str, value: &str| LogFilter::Eq(column.into(), ScalarValue::from(value));
    let filters = vec![equal("name", SOURCE), equal("value", &source.directory.display().to_string())];
    let found = store.scan(LogTable::Tags, &LogQuery { filters, ..LogQuery::default() })?;
    let mut earlier = HashMap::new();
    for rows in &found {
        let Some(runs) = rows.column_by_name("run").and_then(|runs| cast(runs, &DataType::Utf8).ok()) else { continue };
        for run in runs.as_string::<i32>().iter().flatten() {
            if let Some(content) = content_tag(store, run, source)? {
                earlier.insert(content, run.to_owned());
            }
        }
    }
    Ok(earlier)
}

/// The hash of what a run was made of, if it can go on: it has ended, and is of this name still.
fn content_tag(store: &Store, run: &str, source: &Source) -> Result<Option<String>> {
    let Some(record) = store.run_records(&[run])?.pop() else { return Ok(None) };
    if record.deleted || record.status == "running" || record.title != source.title {
        return Ok(None);
    }
    let tag = record.tags.into_iter().find(|(name, _)| name == CONTENT);
    Ok(tag.and_then(|(_, said)| said.strip_suffix(&format!(" {}", source.title)).map(str::to_owned)))
}

/// The run that the directory's new records continue, and after how many of all its records; None if they do not just follow.
pub(super) fn continued(store: &Store, survey: &Survey) -> Result<Option<(RunRecord, u64)>> {
    let Some((records, run)) = &survey.earlier else { return Ok(None) };
    let Some(record) = store.run_records(&[run])?.pop() else { return Ok(None) };
    let agrees = |(name, value): &(String, String)| survey.params.get(name).is_none_or(|now| now == value);
    let follows = !survey.restarts.is_any_after(*records) && record.params.iter().all(agrees);
    Ok(follows.then_some((record, *records)))
}

/// Adds what has come since, all or nothing. None if another import has done so meanwhile.
pub(super) fn go_on(store: &Store, source: &Source, survey: &Survey, (run, records): (RunRecord, u64)) -> Result<Option<String>> {
    let before = run.tags.iter().find(|(name, _)| name == CONTENT).map(|(_, content)| content.as_str()).unwrap_or_default();
    let mut tags = vec![(CONTENT.to_owned(), content_of(source, survey))];
    if !survey.notes.is_empty() {
        tags.push((NOTE.to_owned(), survey.notes.join("; ")));
    }
    let params: Vec<(String, String)> = survey.params.clone().into_iter().collect();
    let state = RunChanges { started_us: None, ..state_of(survey) };
    let more = TakenMore { params: &params, tags: &tags, without: Some(NOTE), state };
    let gathered = gather(store, source, survey, records)?;
    let is_done = store.take_in_more(&run.run, (CONTENT, before), &more, &gathered)?;
    Ok(is_done.then_some(run.run))
}
