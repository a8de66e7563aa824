//! Rows of `metrics` and `latest` as Arrow batches.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Int64Array, RecordBatch, RecordBatchOptions, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Schema, SchemaRef};
use gradframe_ml_core::{Error, Result};
use gradframe_plan::ops::run_log::{LogFilter, LogQuery, LogTable};

use super::super::batches::BATCH_ROWS;
use super::super::float_order::one_nan;
use super::Point;
use super::summary::Summary;

/// Collects rows of `metrics`, of which a query keeps some: only the columns that it looks at are made.
pub(super) struct Rows<'q> {
    query: &'q LogQuery,
    table: SchemaRef,
    /// Columns of the table that are made, by their place in it.
    made: Vec<usize>,
    run: StringBuilder,
    name: StringBuilder,
    points: Vec<Point>,
    /// Rows that wait to become a batch.
    rows: usize,
    /// Rows that are in `batches`.
    kept: usize,
    batches: Vec<RecordBatch>,
}

impl<'q> Rows<'q> {
    /// None yet. Errors: `Plan` for a filter on a column that is not there.
    pub fn new(query: &'q LogQuery) -> Result<Self> {
        let table = LogTable::Metrics.schema();
        let mut made: Vec<usize> = match &query.projection {
            None => (0..table.fields().len()).collect(),
            Some(columns) => columns.clone(),
        };
        for filter in &query.filters {
            push_columns(&table, filter, &mut made)?;
        }
        made.sort_unstable();
        made.dedup();
        let (run, name) = (StringBuilder::new(), StringBuilder::new());
        Ok(Rows { query, table, made, run, name, points: vec![], rows: 0, kept: 0, batches: vec![] })
    }

    /// False if runs and names are enough.
    pub fn needs_points(&self) -> bool {
        self.made.iter().any(|column| *column > 1)
    }

    /// True if the query wants no more.
    pub fn is_full(&self) -> bool {
        self.query.limit.is_some_and(|limit| self.kept >= limit)
    }

    pub fn push(&mut self, run: &str, name: &str, points: &[Point]) -> Result<()> {
        let mut left = points;
        while !left.is_empty() && !self.is_full() {
            let (now, rest) = left.split_at(left.len().min(BATCH_ROWS - self.rows));
            if self.needs_points() {
                self.points.extend_from_slice(now);
            }
            self.push_keys(run, name, now.len())?;
            left = rest;
        }
        Ok(())
    }

    /// So many rows of which the points are not looked at.
    pub fn push_count(&mut self, run: &str, name: &str, points: usize) -> Result<()> {
        let mut left = points;
        while left > 0 && !self.is_full() {
            let now = left.min(BATCH_ROWS - self.rows);
            self.push_keys(run, name, now)?;
            left -= now;
        }
        Ok(())
    }

    /// All batches, none of them empty.
    pub fn finish(mut self) -> Result<Vec<RecordBatch>> {
        if self.rows > 0 && !self.is_full() {
            self.make_batch()?;
        }
        Ok(self.batches)
    }

    fn push_keys(&mut self, run: &str, name: &str, rows: usize) -> Result<()> {
        for (column, builder, text) in [(0, &mut self.run, run), (1, &mut self.name, name)] {
            if self.made.contains(&column) {
                (0..rows).for_each(|_| builder.append_value(text));
            }
        }
        self.rows += rows;
        if self.rows == BATCH_ROWS { self.make_batch() } else { Ok(()) }
    }

    fn make_batch(&mut self) -> Result<()> {
        let points = std::mem::take(&mut self.points);
        let arrays = self.made.clone().into_iter().map(|column| self.column(column, &points)).collect();
        let schema = project(&self.table, &self.made)?;
        let mut batch = batch(schema, arrays, std::mem::take(&mut self.rows))?;
        for filter in &self.query.filters {
            let keep = filter.evaluate(&batch)?;
            batch = filter_record_batch(&batch, &keep).map_err(internal)?;
        }
        if let Some(columns) = &self.query.projection {
            let places: Vec<usize> = columns.iter().filter_map(|column| self.made.binary_search(column).ok()).collect();
            batch = batch.project(&places).map_err(internal)?;
        }
        let left = self.query.limit.map_or(usize::MAX, |limit| limit - self.kept);
        let batch = batch.slice(0, left.min(batch.num_rows()));
        self.kept += batch.num_rows();
        self.batches.extend((batch.num_rows() > 0).then_some(batch));
        Ok(())
    }

    fn column(&mut self, column: usize, points: &[Point]) -> ArrayRef {
        match column {
            0 => Arc::new(self.run.finish()),
            1 => Arc::new(self.name.finish()),
            _ => point_column(column, points.iter()),
        }
    }
}

/// The column of `metrics` and `latest` at this place.
fn point_column<'a>(column: usize, points: impl Iterator<Item = &'a Point>) -> ArrayRef {
    match column {
        2 => Arc::new(Int64Array::from_iter_values(points.map(|point| point.step))),
        3 => Arc::new(points.map(|point| point.epoch).collect::<Int64Array>()),
        4 => Arc::new(Float64Array::from_iter_values(points.map(|point| one_nan(point.value)))),
        _ => {
            let times = TimestampMicrosecondArray::from_iter_values(points.map(|point| point.time_us));
            Arc::new(times.with_timezone("UTC"))
        }
    }
}

/// Rows of `latest`, all columns.
pub(super) fn summaries(rows: &[((String, String), Summary)]) -> Result<RecordBatch> {
    let runs = StringArray::from_iter_values(rows.iter().map(|((run, _), _)| run));
    let names = StringArray::from_iter_values(rows.iter().map(|((_, name), _)| name));
    let mut columns: Vec<ArrayRef> = vec![Arc::new(runs), Arc::new(names)];
    columns.extend((2..6).map(|column| point_column(column, rows.iter().map(|(_, summary)| &summary.latest))));
    columns.push(Arc::new(Int64Array::from_iter_values(rows.iter().map(|(_, summary)| summary.points))));
    columns.push(Arc::new(rows.iter().map(|(_, summary)| summary.least).collect::<Float64Array>()));
    columns.push(Arc::new(rows.iter().map(|(_, summary)| summary.greatest).collect::<Float64Array>()));
    batch(LogTable::Latest.schema(), columns, rows.len())
}

fn push_columns(table: &Schema, filter: &LogFilter, columns: &mut Vec<usize>) -> Result<()> {
    match filter {
        LogFilter::Eq(column, _) | LogFilter::In(column, _) | LogFilter::Compare(column, _, _) => {
            let unknown = |_| Error::plan("run log", format!("unknown column `{column}`"));
            columns.push(table.index_of(column).map_err(unknown)?);
            Ok(())
        }
        LogFilter::And(filters) => filters.iter().try_for_each(|filter| push_columns(table, filter, columns)),
    }
}

fn project(table: &Schema, columns: &[usize]) -> Result<SchemaRef> {
    table.project(columns).map(Arc::new).map_err(internal)
}

fn batch(schema: SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema, columns, &options).map_err(internal)
}

fn internal(error: arrow::error::ArrowError) -> Error {
    Error::internal("store", error.to_string()).because(error)
}
