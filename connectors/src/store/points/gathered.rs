//! Points that the store is told of all at once, packed as they come: millions of them stay small.

use std::collections::BTreeMap;

use gradframe_ml_core::Result;
use gradframe_plan::services::MetricRow;

use super::super::now_us;
use super::super::sql::Transaction;
use super::summary::Summary;
use super::{Point, check_names, chunk, fold};

/// Points of one run, by metric; of each in the order in which they were given.
#[derive(Debug, Default)]
pub(in super::super) struct GatheredPoints(BTreeMap<String, Curve>);

/// The points of a metric.
#[derive(Debug, Default)]
struct Curve {
    /// Chunks that are full.
    packed: Vec<Vec<u8>>,
    rest: Vec<Point>,
    /// Of those that are packed.
    summary: Option<Summary>,
}

impl GatheredPoints {
    /// Errors: `Plan` for a name that no metric has; then none of the row is kept.
    pub fn add(&mut self, row: &MetricRow<'_>) -> Result<()> {
        check_names(row)?;
        let MetricRow { step, epoch, time_us, values } = *row;
        let time_us = time_us.unwrap_or_else(now_us);
        for (name, value) in values {
            let point = Point { step, epoch, time_us, value: *value };
            match self.0.get_mut(*name) {
                Some(curve) => curve.push(point),
                None => self.0.entry((*name).to_owned()).or_default().push(point),
            }
        }
        Ok(())
    }

    /// Adds them to the run after those that the database has.
    pub fn insert(&self, transaction: &Transaction, run: &str) -> Result<()> {
        self.0.iter().try_for_each(|(name, curve)| curve.insert(transaction, run, name))
    }
}

impl Curve {
    fn push(&mut self, point: Point) {
        self.rest.push(point);
        if self.rest.len() == chunk::POINTS_MAX {
            self.packed.push(chunk::encode(&self.rest));
            self.summary = self.summary_of_all();
            self.rest.clear();
        }
    }

    fn summary_of_all(&self) -> Option<Summary> {
        self.summary.into_iter().chain(Summary::of(&self.rest)).reduce(Summary::then)
    }

    fn insert(&self, transaction: &Transaction, run: &str, name: &str) -> Result<()> {
        let rest = Some(chunk::encode(&self.rest)).filter(|_| !self.rest.is_empty());
        let full = self.packed.iter().map(|chunk| (chunk::POINTS_MAX, chunk.as_slice()));
        let chunks = full.chain(rest.iter().map(|chunk| (self.rest.len(), chunk.as_slice())));
        fold::insert_chunks(transaction, (run, name), chunks, self.summary_of_all())
    }
}
