//! From segments to chunks: the points of segments that nobody writes any more, packed by metric into the database.

use gradframe_ml_core::Result;
use gradframe_plan::services::BATCH_LOSS;

use super::super::sql::{Next, Row, Transaction, params};
use super::record::Unread;
use super::segments::{Held, Segments};
use super::summary::Summary;
use super::{Point, Points, chunk, record};

/// Segments whose points are in the database once the transaction is: to be removed then, or kept aside where they are damaged.
#[derive(Debug, Default)]
#[must_use]
pub(in super::super) struct Folded(Vec<(String, Unread)>);

impl Folded {
    /// After the commit.
    pub fn remove_from(self, segments: &Segments) {
        for (name, unread) in &self.0 {
            if unread.is_damaged { segments.set_aside(name, unread.bytes) } else { segments.remove(name) }
        }
    }

    /// Both.
    pub fn and(mut self, other: Folded) -> Self {
        self.0.extend(other.0);
        self
    }
}

/// Folds all segments of a run that has ended and is to go on: whoever still has one of them open is a child of a process that is no
/// more, and no part of what goes on.
pub(in super::super) fn fold_all_of_run(transaction: &Transaction, segments: &Segments, run: &str) -> Result<Folded> {
    fold_those(transaction, segments, run, |_| true)
}

/// Folds the segments of a run that nobody writes. The run's own process closes its segment before.
pub(in super::super) fn fold_run(transaction: &Transaction, segments: &Segments, run: &str) -> Result<Folded> {
    fold_those(transaction, segments, run, |name| !segments.is_open(name))
}

fn fold_those(transaction: &Transaction, segments: &Segments, run: &str, is_meant: impl Fn(&str) -> bool) -> Result<Folded> {
    let of_run = segments.names().into_iter().filter(|(name, of)| of == run && is_meant(name));
    let names: Vec<String> = of_run.map(|(name, _)| name).collect();
    names.iter().try_fold(Folded::default(), |folded, name| Ok(folded.and(fold_segment(transaction, segments, name, run)?)))
}

/// Folds one segment, which nobody writes any more.
pub(in super::super) fn fold_segment(transaction: &Transaction, segments: &Segments, name: &str, run: &str) -> Result<Folded> {
    let is_there = exists(transaction, run)?;
    if !is_there && segments.awaits(run) {
        return Ok(Folded::default());
    }
    let Some(held) = segments.read(name, run)? else { return Ok(Folded::default()) };
    if !is_there {
        return Ok(Folded(vec![(name.to_owned(), Unread::default())]));
    }
    let mut points = Points::new();
    let unread = held.decode_into(&mut points);
    if !is_folded(transaction, name)? {
        insert(transaction, &points)?;
        transaction.execute("INSERT INTO folded_segments (segment) VALUES (?1)", params![name])?;
        if transaction.is_shared() {
            transaction.execute("DELETE FROM pieces WHERE segment = ?1", params![name])?;
        }
    }
    Ok(Folded(vec![(name.to_owned(), unread)]))
}

/// True if there are segments of runs that do not run, which nobody writes: left where a process ended between its run
/// and its segment.
pub(in super::super) fn is_left_over(transaction: &Transaction, segments: &Segments) -> Result<bool> {
    Ok(!left_over(transaction, segments)?.is_empty())
}

/// Folds such segments.
pub(in super::super) fn fold_left_over(transaction: &Transaction, segments: &Segments) -> Result<Folded> {
    let left_over = left_over(transaction, segments)?.into_iter();
    let folded = left_over.map(|(name, run)| fold_segment(transaction, segments, &name, &run));
    folded.into_iter().try_fold(Folded::default(), |all, folded| Ok(all.and(folded?)))
}

fn left_over(transaction: &Transaction, segments: &Segments) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for (name, run) in segments.names() {
        if !is_running(transaction, &run)? && !segments.awaits(&run) && !segments.is_open(&name) {
            found.push((name, run));
        }
    }
    Ok(found)
}

impl Held {
    pub(super) fn decode_into(&self, points: &mut Points) -> Unread {
        let unread = record::decode(&self.run, &self.bytes, points);
        if unread.bytes > 0 {
            tracing::debug!(segment = self.name, ?unread, "a segment has bytes that are no whole record");
        }
        unread
    }
}

/// Whether what is in a file of this name has got into the database.
pub(in super::super) fn is_folded(transaction: &Transaction, segment: &str) -> Result<bool> {
    exists_in(transaction, "SELECT 1 FROM folded_segments WHERE segment = ?1", segment)
}

fn exists(transaction: &Transaction, run: &str) -> Result<bool> {
    exists_in(transaction, "SELECT 1 FROM runs WHERE run = ?1", run)
}

fn is_running(transaction: &Transaction, run: &str) -> Result<bool> {
    exists_in(transaction, "SELECT 1 FROM runs WHERE run = ?1 AND status = 'running'", run)
}

fn exists_in(transaction: &Transaction, sql: &str, value: &str) -> Result<bool> {
    Ok(transaction.first(sql, params![value], |_| Ok(()))?.is_some())
}

/// Adds points after those that the database has.
pub(in super::super) fn insert(transaction: &Transaction, points: &Points) -> Result<()> {
    for ((run, name), points) in points {
        insert_metric(transaction, run, name, points)?;
    }
    Ok(())
}

fn insert_metric(transaction: &Transaction, run: &str, name: &str, points: &[Point]) -> Result<()> {
    let packed: Vec<(usize, Vec<u8>)> =
        points.chunks(chunk::POINTS_MAX).map(|points| (points.len(), chunk::encode(points))).collect();
    let chunks = packed.iter().map(|(points, data)| (*points, data.as_slice()));
    insert_chunks(transaction, (run, name), chunks, Summary::of(points))
}

/// Adds chunks of a run's metric, each with the number of its points, after those that the database has, with the summary of them all.
pub(super) fn insert_chunks<'c>(
    transaction: &Transaction,
    (run, name): (&str, &str),
    chunks: impl Iterator<Item = (usize, &'c [u8])>,
    summary: Option<Summary>,
) -> Result<()> {
    let next = "SELECT coalesce(max(part) + 1, 0) FROM chunks WHERE run = ?1 AND name = ?2";
    let next: i64 = transaction.value(next, params![run, name])?;
    let insert = "INSERT INTO chunks (run, name, part, points, data) VALUES (?1, ?2, ?3, ?4, ?5)";
    for (part, (points, data)) in (next..).zip(chunks) {
        transaction.execute(insert, params![run, name, part, points as i64, data])?;
    }
    let before = Summary::load(transaction, run, name)?;
    match before.into_iter().chain(summary).reduce(Summary::then) {
        Some(summary) => summary.save(transaction, run, name),
        None => Ok(()),
    }
}

/// Forgets the points of epochs after the first `epochs` of a run whose segments are all folded, but for the losses of the first
/// `batches` batches of the next one.
pub(in super::super) fn forget_after(transaction: &Transaction, run: &str, (epochs, batches): (u64, u64)) -> Result<()> {
    let mut points = of_run(transaction, run)?;
    for table in ["chunks", "latest"] {
        transaction.execute(&format!("DELETE FROM {table} WHERE run = ?1"), params![run])?;
    }
    for ((_, name), points) in &mut points {
        let mut left = if name == BATCH_LOSS { batches } else { 0 };
        points.retain(|point| match point.epoch {
            Some(epoch) if epoch > epochs as i64 => {
                let stays = epoch == epochs as i64 + 1 && left > 0;
                left -= u64::from(stays);
                stays
            }
            _ => true,
        });
    }
    insert(transaction, &points)
}

fn of_run(transaction: &Transaction, run: &str) -> Result<Points> {
    let sql = "SELECT name, data FROM chunks WHERE run = ?1 ORDER BY name, part";
    let mut points = Points::new();
    transaction.each(sql, params![run], |row| {
        let decoded = chunk::decode(&row.get::<Vec<u8>>(1)?)?;
        points.entry((run.to_owned(), row.get(0)?)).or_default().extend(decoded);
        Ok(Next::Continue(()))
    })?;
    Ok(points)
}

/// The points of the second layout, one row each, as chunks.
pub(in super::super) fn fold_rows_of_layout_2(transaction: &Transaction) -> Result<()> {
    use super::super::float_order::float_of_order;
    let sql = "SELECT run, name, step, epoch, value_order, time FROM metrics ORDER BY run, name, id";
    let mut points = Points::new();
    let read = |row: &Row| -> Result<((String, String), Point)> {
        let value = float_of_order(row.get(4)?);
        Ok(((row.get(0)?, row.get(1)?), Point { step: row.get(2)?, epoch: row.get(3)?, value, time_us: row.get(5)? }))
    };
    transaction.each(sql, params![], |row| {
        let (key, point) = read(row)?;
        // Rows come by metric: all of the one before are there.
        if !points.contains_key(&key) {
            insert(transaction, &std::mem::take(&mut points))?;
        }
        points.entry(key).or_default().push(point);
        Ok(Next::Continue(()))
    })?;
    insert(transaction, &points)
}
