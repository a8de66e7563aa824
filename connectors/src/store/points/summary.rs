//! What is known of a metric without its points: a row of `latest`.

use std::cmp::Ordering;

use gradframe_ml_core::Result;

use super::super::float_order::{float_of_order, float_order};
use super::super::sql::{Row, Transaction, params, put};
use super::Point;

/// A metric of a run in short.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Summary {
    /// The point at the greatest step; of several there that of the latest time, of those the greatest, as MLflow has it.
    pub latest: Point,
    pub points: i64,
    /// Of the values that are no NaN.
    pub least: Option<f64>,
    pub greatest: Option<f64>,
}

impl Summary {
    /// None of no points. `points` are in the order in which they were logged.
    pub fn of(points: &[Point]) -> Option<Self> {
        points.iter().map(|point| Summary::of_one(*point)).reduce(Summary::then)
    }

    fn of_one(point: Point) -> Self {
        let number = Some(point.value).filter(|value| !value.is_nan());
        Summary { latest: point, points: 1, least: number, greatest: number }
    }

    /// The summary of both, of which `later` was logged later.
    pub fn then(self, later: Summary) -> Self {
        let both = |a: Option<f64>, b: Option<f64>, pick: fn(f64, f64) -> f64| match (a, b) {
            (Some(a), Some(b)) => Some(pick(a, b)),
            _ => a.or(b),
        };
        Summary {
            latest: if is_after(&later.latest, &self.latest) { later.latest } else { self.latest },
            points: self.points + later.points,
            least: both(self.least, later.least, f64::min),
            greatest: both(self.greatest, later.greatest, f64::max),
        }
    }

    /// The summary in the store.
    pub fn load(transaction: &Transaction, run: &str, name: &str) -> Result<Option<Self>> {
        let sql = "SELECT step, epoch, value_order, time, points, min_order, max_order FROM latest WHERE run = ?1 AND name = ?2";
        transaction.first(sql, params![run, name], Self::of_row)
    }

    fn of_row(row: &Row) -> Result<Self> {
        let latest = Point { step: row.get(0)?, epoch: row.get(1)?, value: float_of_order(row.get(2)?), time_us: row.get(3)? };
        let float = |i| row.get::<Option<i64>>(i).map(|order| order.map(float_of_order));
        Ok(Summary { latest, points: row.get(4)?, least: float(5)?, greatest: float(6)? })
    }

    /// Keeps it in the store, in place of the one before.
    pub fn save(&self, transaction: &Transaction, run: &str, name: &str) -> Result<()> {
        let others = ["step", "epoch", "value_order", "time", "points", "min_order", "max_order"];
        let (least, greatest) = (self.least.map(float_order), self.greatest.map(float_order));
        let Point { step, epoch, time_us, value } = self.latest;
        let values = params![run, name, step, epoch, float_order(value), time_us, self.points, least, greatest];
        transaction.execute(&put("latest", &["run", "name"], &others), values).map(|_| ())
    }
}

/// Clients that log without waiting, or again after a lost answer, do not log in the order of time.
fn is_after(point: &Point, other: &Point) -> bool {
    match (point.step, point.time_us).cmp(&(other.step, other.time_us)) {
        Ordering::Equal => point.value >= other.value || other.value.is_nan(),
        order => order.is_gt(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_is_at_the_greatest_step_and_a_nan_is_neither_least_nor_greatest() {
        let point = |step, value| Point { step, epoch: None, time_us: 0, value };
        let summary = Summary::of(&[point(1, 5.0), point(3, f64::NAN), point(3, 2.0), point(2, -1.0)]).unwrap();
        assert_eq!(summary.latest, point(3, 2.0));
        assert_eq!((summary.points, summary.least, summary.greatest), (4, Some(-1.0), Some(5.0)));
        let at = |time_us, value| Point { time_us, ..point(5, value) };
        assert_eq!(Summary::of(&[at(10, 1.0), at(5, 3.0)]).unwrap().latest, at(10, 1.0));
        assert_eq!(Summary::of(&[at(5, 2.0), at(5, 1.0), at(5, f64::NAN)]).unwrap().latest, at(5, 2.0));
        assert_eq!(Summary::of(&[point(0, f64::NAN)]).unwrap().least, None);
        assert_eq!(Summary::of(&[]), None);
    }
}
