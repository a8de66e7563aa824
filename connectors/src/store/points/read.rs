//! The tables `metrics` and `latest`: what is in the database, and what is in segments still.

use std::collections::BTreeSet;
use std::iter::Peekable;

use arrow::array::RecordBatch;
use datafusion::scalar::ScalarValue;
use gradframe_ml_core::Result;
use gradframe_plan::ops::run_log::{LogFilter, LogQuery, LogTable};

use super::super::filters::{self, BoundSql};
use super::super::sql::{Next, Row, Transaction, Value, params};
use super::super::{batches, selected};
use super::fold::is_folded;
use super::rows::{Rows, summaries};
use super::segments::{Held, Segments};
use super::summary::Summary;
use super::{Point, Points, chunk};

/// So many chunks at a time: a metric of a run is one, unless it is long.
const PAGE_CHUNKS: usize = 256;

/// What segments held when they were looked at, the database not yet having been.
#[derive(Debug)]
pub(in super::super) struct Unfolded {
    held: Vec<Held>,
    /// The runs that are asked for; None for all.
    runs: Option<BTreeSet<String>>,
}

impl Segments {
    /// What the segments of the runs that the query asks for hold. To be called before the database is read.
    pub(in super::super) fn unfolded(&self, query: &LogQuery) -> Result<Unfolded> {
        let runs = values_of(&query.filters, "run");
        let wanted = |(_, run): &(String, String)| runs.as_ref().is_none_or(|runs| runs.contains(run));
        let held = self.names().into_iter().filter(wanted).map(|(name, run)| self.read(&name, &run));
        let held = held.filter_map(Result::transpose).collect::<Result<_>>()?;
        Ok(Unfolded { held, runs })
    }
}

impl Unfolded {
    /// The points that the database does not have.
    pub(in super::super) fn points(&self, transaction: &Transaction) -> Result<Points> {
        let mut points = Points::new();
        for held in &self.held {
            if !is_folded(transaction, &held.name)? {
                held.decode_into(&mut points);
            }
        }
        if transaction.is_shared() {
            for held in self.of_other_machines(transaction)? {
                held.decode_into(&mut points);
            }
        }
        Ok(points)
    }

    /// What other machines have sent of segments that they write. What is in a file here is not read once more.
    fn of_other_machines(&self, transaction: &Transaction) -> Result<Vec<Held>> {
        let here: BTreeSet<&str> = self.held.iter().map(|held| held.name.as_str()).collect();
        let mut found: Vec<Held> = Vec::new();
        let sql = "SELECT segment, run, at, data FROM pieces ORDER BY segment, at";
        transaction.each(sql, params![], |row| {
            let (name, run): (String, String) = (row.get(0)?, row.get(1)?);
            if here.contains(name.as_str()) || self.runs.as_ref().is_some_and(|runs| !runs.contains(&run)) {
                return Ok(Next::Continue(()));
            }
            if found.last().is_none_or(|held| held.name != name) {
                found.push(Held { name, run, bytes: Vec::new() });
            }
            if let Some(held) = found.last_mut() {
                held.extend_at(row.get::<i64>(2)? as usize, &row.get::<Vec<u8>>(3)?);
            }
            Ok(Next::Continue(()))
        })?;
        Ok(found)
    }
}

/// Rows of `metrics`: by run, by name, as they were logged.
pub(in super::super) fn metrics(transaction: &Transaction, query: &LogQuery, unfolded: Unfolded) -> Result<Vec<RecordBatch>> {
    let mut pages = MetricPages::new(query.clone(), unfolded);
    let mut all = Vec::new();
    while let Some(batches) = pages.next(transaction)? {
        all.extend(batches);
    }
    Ok(all)
}

/// Rows of `metrics`, some chunks at a time, each in a transaction of its own: nobody waits for who reads slowly.
///
/// What is folded meanwhile is not seen twice: chunks that are newer than the first page are passed by, since their points
/// are among those that segments held then.
#[derive(Debug)]
pub(in super::super) struct MetricPages {
    /// Its limit is what is left of it.
    query: LogQuery,
    unfolded: Unfolded,
    started: Option<Started>,
    ended: bool,
}

#[derive(Debug)]
struct Started {
    live: Peekable<std::collections::btree_map::IntoIter<(String, String), Vec<Point>>>,
    newest_chunk: i64,
    /// The last chunk that was read.
    last: Option<(String, String, i64)>,
}

impl MetricPages {
    pub fn new(query: LogQuery, unfolded: Unfolded) -> Self {
        MetricPages { query, unfolded, started: None, ended: false }
    }

    /// The next rows, which may be none; None at the end.
    pub fn next(&mut self, transaction: &Transaction) -> Result<Option<Vec<RecordBatch>>> {
        if self.ended {
            return Ok(None);
        }
        let started = match &mut self.started {
            Some(started) => started,
            started => started.insert(Started::now(transaction, &self.unfolded)?),
        };
        let query = self.query.clone();
        let mut rows = Rows::new(&query)?;
        self.ended = started.read_page(transaction, &query, &mut rows)? || rows.is_full();
        let batches = rows.finish()?;
        if let Some(limit) = &mut self.query.limit {
            *limit -= batches.iter().map(RecordBatch::num_rows).sum::<usize>().min(*limit);
        }
        Ok(Some(batches))
    }
}

impl Started {
    fn now(transaction: &Transaction, unfolded: &Unfolded) -> Result<Self> {
        let newest = "SELECT coalesce(max(rowid), 0) FROM chunks";
        let newest_chunk = transaction.value(newest, params![])?;
        Ok(Started { live: unfolded.points(transaction)?.into_iter().peekable(), newest_chunk, last: None })
    }

    /// True if there is nothing after this page.
    fn read_page(&mut self, transaction: &Transaction, query: &LogQuery, rows: &mut Rows<'_>) -> Result<bool> {
        let columns = if rows.needs_points() { "run, name, points, data, part" } else { "run, name, points, NULL, part" };
        let sql = chunks_sql(columns, query, self.newest_chunk, self.last.as_ref())?;
        let mut read = 0;
        transaction.each(&sql.text, &sql.values(), |row| {
            let Chunk { key, points, data } = Chunk::of_row(row)?;
            while let Some(((run, name), points)) = self.live.next_if(|(of, _)| *of < key) {
                rows.push(&run, &name, &points)?;
            }
            match data {
                Some(data) => rows.push(&key.0, &key.1, &chunk::decode(&data)?)?,
                None => rows.push_count(&key.0, &key.1, points)?,
            }
            self.last = Some((key.0, key.1, row.get(4)?));
            read += 1;
            Ok(if rows.is_full() { Next::Break(()) } else { Next::Continue(()) })
        })?;
        if rows.is_full() {
            return Ok(true);
        }
        if read == PAGE_CHUNKS {
            return Ok(false);
        }
        self.live.by_ref().try_for_each(|((run, name), points)| rows.push(&run, &name, &points))?;
        Ok(true)
    }
}

struct Chunk {
    key: (String, String),
    points: usize,
    data: Option<Vec<u8>>,
}

impl Chunk {
    fn of_row(row: &Row) -> Result<Self> {
        Ok(Chunk { key: (row.get(0)?, row.get(1)?), points: row.get::<i64>(2)? as usize, data: row.get(3)? })
    }
}

/// The next chunks in which the query's points are: conditions on run and name choose chunks, the others are for their points.
fn chunks_sql(columns: &str, query: &LogQuery, newest: i64, last: Option<&(String, String, i64)>) -> Result<BoundSql> {
    let by_key = query.filters.iter().filter(|filter| names_only(filter, &["run", "name"])).cloned().collect();
    let chosen = LogQuery { filters: by_key, ..LogQuery::default() };
    let mut sql = filters::select_from("chunks", columns, LogTable::Metrics, &chosen, "")?;
    sql.and("rowid <= ?", [Value::Integer(newest)]);
    if let Some((run, name, part)) = last {
        let values = [Value::Text(run.clone()), Value::Text(name.clone()), Value::Integer(*part)];
        sql.and("(run, name, part) > (?, ?, ?)", values);
    }
    sql.text.push_str(&format!(" ORDER BY run, name, part LIMIT {PAGE_CHUNKS}"));
    Ok(sql)
}

/// Rows of `latest`: those of runs that have no segment, then the others.
pub(in super::super) fn latest(transaction: &Transaction, query: &LogQuery, unfolded: Unfolded) -> Result<Vec<RecordBatch>> {
    let live = unfolded.points(transaction)?;
    let runs: BTreeSet<&str> = live.keys().map(|(run, _)| run.as_str()).collect();
    let schema = selected(LogTable::Latest, query)?;
    let sql = filters::select_but(LogTable::Latest, query, &schema, &runs, transaction.is_shared())?;
    let mut found = batches::collect(transaction, &sql, &schema)?;
    let rows_found: usize = found.iter().map(RecordBatch::num_rows).sum();
    if live.is_empty() || query.limit.is_some_and(|limit| rows_found >= limit) {
        return Ok(found);
    }
    let rest = LogQuery { limit: query.limit.map(|limit| limit - rows_found), ..query.clone() };
    let rows = rest.apply(&summaries(&summaries_of(transaction, &runs, &live)?)?)?;
    found.extend((rows.num_rows() > 0).then_some(rows));
    Ok(found)
}

type Named = ((String, String), Summary);

/// The summaries of these runs, those of the database and of `live` together.
fn summaries_of(transaction: &Transaction, runs: &BTreeSet<&str>, live: &Points) -> Result<Vec<Named>> {
    let mut names: BTreeSet<(String, String)> = live.keys().cloned().collect();
    for run in runs {
        let stored = "SELECT name FROM latest WHERE run = ?1";
        names.extend(transaction.rows(stored, params![run], |row| Ok(((*run).to_owned(), row.get(0)?)))?);
    }
    let summary = |(run, name): (String, String)| {
        let stored = Summary::load(transaction, &run, &name)?;
        let key = (run, name);
        let live = live.get(&key).and_then(|points| Summary::of(points));
        Ok(stored.into_iter().chain(live).reduce(Summary::then).map(|summary| (key, summary)))
    };
    names.into_iter().map(summary).filter_map(Result::transpose).collect()
}

/// The values that a column has in all rows that pass; None if it may have any.
fn values_of(filters: &[LogFilter], column: &str) -> Option<BTreeSet<String>> {
    let text = |value: &ScalarValue| value.try_as_str().flatten().map(str::to_owned);
    filters.iter().find_map(|filter| match filter {
        LogFilter::Eq(of, value) if of == column => Some(text(value).into_iter().collect()),
        LogFilter::In(of, values) if of == column => Some(values.iter().filter_map(text).collect()),
        LogFilter::And(filters) => values_of(filters, column),
        _ => None,
    })
}

fn names_only(filter: &LogFilter, columns: &[&str]) -> bool {
    match filter {
        LogFilter::Eq(of, _) | LogFilter::In(of, _) | LogFilter::Compare(of, _, _) => columns.contains(&of.as_str()),
        LogFilter::And(filters) => filters.iter().all(|filter| names_only(filter, columns)),
    }
}
