//! `gradframe runs tail`: a run's metrics, a line an epoch or step, as they are written by whatever process trains.

use std::collections::BTreeSet;
use std::time::Duration;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use arrow::record_batch::RecordBatch;
use gradframe::{Error, Session};

use crate::exit::Result;
use crate::output::print_line;
use crate::runs::quoted;

/// One value that has been logged.
#[derive(Debug, Clone, PartialEq)]
struct Point {
    step: i64,
    /// None where only steps are counted.
    epoch: Option<i64>,
    name: String,
    value: f64,
}

/// Prints the metrics that are there, then those that come, until the run ends.
/// Errors: `Execution` with the run's own words if it failed; `Cancelled` if it was cancelled.
pub async fn run(session: &Session, run: &str, interval: Duration) -> Result<()> {
    let mut seen = Seen::default();
    loop {
        // The state first: what was logged before the run ended is read after it.
        let state = State::of(session, run).await?;
        for line in seen.lines(points(session, run, seen.step).await?) {
            print_line(&line)?;
        }
        match state.status.as_str() {
            "running" => tokio::time::sleep(interval).await,
            "finished" => return print_line(&format!("run {run} finished")),
            "cancelled" => return Err(Error::cancelled("gradframe runs", format!("run {run} was cancelled")).into()),
            _ => {
                let why = state.error.unwrap_or_default();
                return Err(Error::execution("gradframe runs", format!("run {run} failed: {why}")).into());
            }
        }
    }
}

/// What the runs table says.
struct State {
    status: String,
    error: Option<String>,
}

impl State {
    async fn of(session: &Session, run: &str) -> gradframe::Result<Self> {
        let sql = format!("SELECT status, error FROM gradframe.runs WHERE run = {}", quoted(run));
        let batches = session.sql(&sql).await?.collect().await?;
        let row = batches.iter().find(|batch| batch.num_rows() > 0);
        let gone = || Error::external("gradframe runs", format!("run {run} is no longer in the store"));
        let row = row.ok_or_else(gone)?;
        let text = |column: usize| texts(row, column).into_iter().next().flatten();
        Ok(State { status: text(0).unwrap_or_default(), error: text(1) })
    }
}

/// Points from a step on, in order.
async fn points(session: &Session, run: &str, from_step: i64) -> gradframe::Result<Vec<Point>> {
    let sql = format!(
        "SELECT step, epoch, name, value FROM gradframe.metrics WHERE run = {} AND step >= {from_step} ORDER BY step, name",
        quoted(run)
    );
    let batches = session.sql(&sql).await?.collect().await?;
    Ok(batches.iter().flat_map(of_batch).collect())
}

fn of_batch(batch: &RecordBatch) -> Vec<Point> {
    let (steps, epochs) = (batch.column(0).as_primitive::<Int64Type>(), batch.column(1).as_primitive::<Int64Type>());
    let (names, values) = (texts(batch, 2), batch.column(3).as_primitive::<Float64Type>());
    let point = |(row, name): (usize, Option<String>)| Point {
        step: steps.value(row),
        epoch: epochs.is_valid(row).then(|| epochs.value(row)),
        name: name.unwrap_or_default(),
        value: values.value(row),
    };
    names.into_iter().enumerate().map(point).collect()
}

fn texts(batch: &RecordBatch, column: usize) -> Vec<Option<String>> {
    match arrow::compute::cast(batch.column(column), &DataType::Utf8) {
        Ok(column) => column.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect(),
        Err(_) => vec![],
    }
}

/// What has been printed of the newest step.
#[derive(Debug, Default)]
struct Seen {
    step: i64,
    names: BTreeSet<String>,
}

impl Seen {
    /// A line for each step of which something is new.
    fn lines(&mut self, points: Vec<Point>) -> Vec<String> {
        let mut lines = Vec::new();
        for of_step in points.chunk_by(|a, b| a.step == b.step) {
            if of_step[0].step > self.step {
                *self = Seen { step: of_step[0].step, names: BTreeSet::new() };
            }
            let new: Vec<&Point> = of_step.iter().filter(|point| self.names.insert(point.name.clone())).collect();
            if let Some(first) = new.first() {
                let values: Vec<String> = new.iter().map(|point| format!("{} {}", point.name, shown(point.value))).collect();
                let at = first.epoch.map_or_else(|| format!("step {:>5}", first.step), |epoch| format!("epoch {epoch:>4}"));
                lines.push(format!("{at}  {}", values.join("  ")));
            }
        }
        lines
    }
}

/// Six significant digits.
fn shown(value: f64) -> String {
    let magnitude = if value == 0.0 { 0 } else { value.abs().log10().floor() as i32 };
    if (-4..6).contains(&magnitude) { format!("{value:.*}", (5 - magnitude).max(0) as usize) } else { format!("{value:.5e}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(step: i64, name: &str, value: f64) -> Point {
        Point { step, epoch: Some(step), name: name.into(), value }
    }

    #[test]
    fn a_point_without_an_epoch_says_its_step() {
        let point = Point { epoch: None, ..point(12, "loss", 1.0) };
        assert_eq!(Seen::default().lines(vec![point]), ["step    12  loss 1.00000"]);
    }

    #[test]
    fn each_point_is_printed_once() {
        let mut seen = Seen::default();
        let first = seen.lines(vec![point(0, "loss", 1.0), point(0, "seconds", 0.25), point(1, "loss", 0.5)]);
        assert_eq!(first, ["epoch    0  loss 1.00000  seconds 0.250000", "epoch    1  loss 0.500000"]);
        let second = seen.lines(vec![point(1, "loss", 0.5), point(1, "seconds", 0.5), point(2, "loss", 0.25)]);
        assert_eq!(second, ["epoch    1  seconds 0.500000", "epoch    2  loss 0.250000"]);
        assert_eq!(seen.lines(vec![point(2, "loss", 0.25)]), Vec::<String>::new());
    }

    #[test]
    fn values_have_six_digits() {
        let values = [0.0, 1.0, 123456.0, 1234567.0, 0.00012345678, 1e-9, -2.5, f64::NAN, f64::INFINITY];
        let expected = ["0.00000", "1.00000", "123456", "1.23457e6", "0.000123457", "1.00000e-9", "-2.50000", "NaN", "inf"];
        assert_eq!(values.map(shown), expected);
    }
}
