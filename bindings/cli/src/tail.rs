//! `gradframe runs tail`: a run's metrics, a line an epoch or step, as they are written by whatever process trains.

use std::collections::HashMap;
use std::time::Duration;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use gradframe::{Error, Session};

use crate::exit::Result;
use crate::output::print_line;
use crate::runs::quoted;

/// What is sampled of the machine begins so.
const SAMPLED: &str = "system/";

/// One value that has been logged.
#[derive(Debug, Clone, PartialEq)]
struct Point {
    time_us: i64,
    step: i64,
    /// None where only steps are counted.
    epoch: Option<i64>,
    name: String,
    value: f64,
}

/// Prints the metrics that are there, then those that come, until the run ends; those that are sampled of the machine if `sampled`.
/// Errors: `Execution` with the run's own words if it failed; `Cancelled` if it was cancelled.
pub async fn run(session: &Session, run: &str, interval: Duration, sampled: bool) -> Result<()> {
    let mut seen = Seen::default();
    loop {
        // The state first: what was logged before the run ended is read after it.
        let state = State::of(session, run).await?;
        let mut grown = grown(session, run, &seen).await?;
        grown.retain(|name| sampled || !name.starts_with(SAMPLED));
        if !grown.is_empty() {
            for line in seen.lines(points(session, run, &grown).await?) {
                print_line(&line)?;
            }
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

/// The metrics that have other points than were printed.
async fn grown(session: &Session, run: &str, seen: &Seen) -> gradframe::Result<Vec<String>> {
    let sql = format!("SELECT name, points FROM gradframe.latest WHERE run = {}", quoted(run));
    let batches = session.sql(&sql).await?.collect().await?;
    let of_batch = |batch: &RecordBatch| {
        let counts = batch.column(1).as_primitive::<Int64Type>().clone();
        let names = texts(batch, 0).into_iter().flatten().zip(counts.values().to_vec());
        names.filter(|(name, points)| seen.printed_of(name) != *points).map(|(name, _)| name).collect::<Vec<_>>()
    };
    Ok(batches.iter().flat_map(of_batch).collect())
}

/// All points of these metrics. Where those that are new lie among them nobody knows: several processes may log into one run.
async fn points(session: &Session, run: &str, names: &[String]) -> gradframe::Result<Vec<Point>> {
    let among: Vec<String> = names.iter().map(|name| quoted(name)).collect();
    let sql = format!(
        "SELECT step, epoch, name, value, time FROM gradframe.metrics WHERE run = {} AND name IN ({})",
        quoted(run),
        among.join(", ")
    );
    let batches = session.sql(&sql).await?.collect().await?;
    Ok(batches.iter().flat_map(of_batch).collect())
}

fn of_batch(batch: &RecordBatch) -> Vec<Point> {
    let (steps, epochs) = (batch.column(0).as_primitive::<Int64Type>(), batch.column(1).as_primitive::<Int64Type>());
    let (names, values) = (texts(batch, 2), batch.column(3).as_primitive::<Float64Type>());
    let times = batch.column(4).as_primitive::<TimestampMicrosecondType>();
    let point = |(row, name): (usize, Option<String>)| Point {
        time_us: times.value(row),
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

/// What tells the points of a metric apart: time, step and the value's bits.
type Mark = (i64, i64, u64);

/// What has been printed: of each metric how often each of its points. Steps say nothing: each metric counts its own, and may begin again.
#[derive(Debug, Default)]
struct Seen {
    printed: HashMap<String, HashMap<Mark, usize>>,
}

impl Seen {
    /// How many points of a metric have been printed.
    fn printed_of(&self, name: &str) -> i64 {
        self.printed.get(name).map_or(0, |marks| marks.values().sum::<usize>() as i64)
    }

    /// A line for each step of which something is new. `points` are all of their metrics.
    fn lines(&mut self, points: Vec<Point>) -> Vec<String> {
        let mut lines = Vec::new();
        let mut line: Vec<Point> = Vec::new();
        for point in self.new_of(points) {
            let goes_on = line.first().is_none_or(|first| (first.step, first.epoch) == (point.step, point.epoch));
            if !goes_on || line.iter().any(|before| before.name == point.name) {
                lines.push(shown_line(&line));
                line.clear();
            }
            line.push(point);
        }
        if !line.is_empty() {
            lines.push(shown_line(&line));
        }
        lines
    }

    /// Those that have not been printed, in the order of time; they count as printed now.
    fn new_of(&mut self, points: Vec<Point>) -> Vec<Point> {
        let mut again: HashMap<String, HashMap<Mark, usize>> = HashMap::new();
        let mut new: Vec<Point> = Vec::new();
        for point in points {
            let mark = (point.time_us, point.step, point.value.to_bits());
            let times = again.entry(point.name.clone()).or_default().entry(mark).or_default();
            *times += 1;
            let printed = self.printed.entry(point.name.clone()).or_default().entry(mark).or_default();
            if *times > *printed {
                *printed = *times;
                new.push(point);
            }
        }
        // Points of one metric stay in their order.
        new.sort_by(|a, b| (a.time_us, a.step, a.epoch, &a.name).cmp(&(b.time_us, b.step, b.epoch, &b.name)));
        new
    }
}

/// The values of a step.
fn shown_line(points: &[Point]) -> String {
    let values: Vec<String> = points.iter().map(|point| format!("{} {}", point.name, shown(point.value))).collect();
    let at = points.first().map_or_else(String::new, |first| match first.epoch {
        Some(epoch) => format!("epoch {epoch:>4}"),
        None => format!("step {:>5}", first.step),
    });
    format!("{at}  {}", values.join("  "))
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
        Point { time_us: step, step, epoch: Some(step), name: name.into(), value }
    }

    fn counted(time_us: i64, step: i64, name: &str, value: f64) -> Point {
        Point { time_us, epoch: None, ..point(step, name, value) }
    }

    #[test]
    fn a_point_without_an_epoch_says_its_step() {
        assert_eq!(Seen::default().lines(vec![counted(0, 12, "loss", 1.0)]), ["step    12  loss 1.00000"]);
    }

    #[test]
    fn each_point_is_printed_once() {
        let mut seen = Seen::default();
        let first = seen.lines(vec![point(0, "loss", 1.0), point(0, "seconds", 0.25), point(1, "loss", 0.5)]);
        assert_eq!(first, ["epoch    0  loss 1.00000  seconds 0.250000", "epoch    1  loss 0.500000"]);
        let second = seen.lines(vec![point(1, "loss", 0.5), point(1, "seconds", 0.5), point(2, "loss", 0.25)]);
        assert_eq!(second, ["epoch    1  seconds 0.500000", "epoch    2  loss 0.250000"]);
        assert_eq!(seen.lines(vec![point(2, "loss", 0.25)]), Vec::<String>::new());
        assert_eq!((seen.printed_of("loss"), seen.printed_of("seconds"), seen.printed_of("none")), (3, 2, 0));
    }

    #[test]
    fn metrics_that_count_other_steps_lines_that_go_back_and_second_values_are_printed() {
        let mut seen = Seen::default();
        assert_eq!(seen.lines(vec![counted(1, 500, "batch_loss", 3.0)]), ["step   500  batch_loss 3.00000"]);
        let all = vec![
            counted(3, -2, "loss", 1.0),
            counted(4, 0, "loss", 2.0),
            counted(5, 0, "loss", 2.0),
            counted(5, 0, "loss", f64::NAN),
        ];
        let expected =
            ["step    -2  loss 1.00000", "step     0  loss 2.00000", "step     0  loss 2.00000", "step     0  loss NaN"];
        assert_eq!(seen.lines(all.clone()), expected);
        // As another process's segment puts them.
        let more = [&all[2..], &[counted(9, 0, "loss", 2.0)], &all[..2]].concat();
        assert_eq!(seen.lines(more), ["step     0  loss 2.00000"]);
    }

    #[test]
    fn values_have_six_digits() {
        let values = [0.0, 1.0, 123456.0, 1234567.0, 0.00012345678, 1e-9, -2.5, f64::NAN, f64::INFINITY];
        let expected = ["0.00000", "1.00000", "123456", "1.23457e6", "0.000123457", "1.00000e-9", "-2.50000", "NaN", "inf"];
        assert_eq!(values.map(shown), expected);
    }
}
