//! `gradframe runs tail`: a run's metrics, a line an epoch or step, as they are written by whatever process trains.

mod lines;
mod seen;

use std::collections::HashMap;
use std::time::Duration;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use gradframe::{Error, Session};

use self::seen::{Point, Seen};
use crate::exit::Result;
use crate::output::print_line;
use crate::runs::quoted;

/// What is sampled of the machine begins so.
const SAMPLED: &str = "system/";

/// How a run is followed.
#[derive(Debug, Clone, Copy)]
pub struct Following {
    /// Between two looks.
    pub interval: Duration,
    /// What is sampled of the machine, too.
    pub sampled: bool,
    /// A line of JSON for each point, instead of one for people for each step, and no word at the end.
    pub as_json: bool,
}

/// Prints the metrics that are there, then those that come, until the run ends.
/// Errors: `Execution` with the run's own words if it failed; `Cancelled` if it was cancelled.
pub async fn run(session: &Session, run: &str, following: Following) -> Result<()> {
    let Following { interval, sampled, as_json } = following;
    let print = |points: Vec<Point>| -> Result<()> {
        let lines = if as_json { lines::json(run, &points)? } else { lines::lines(points) };
        lines.iter().try_for_each(|line| print_line(line))
    };
    let mut seen = Seen::default();
    loop {
        // The state first: what was logged before the run ended is read after it.
        let state = State::of(session, run).await?;
        let mut grown = grown(session, run, &seen).await?;
        grown.retain(|name, _| sampled || !name.starts_with(SAMPLED));
        print(seen.new_among(points(session, run, &grown, &seen).await?))?;
        grown.retain(|name, points| seen.printed_of(name) < *points);
        print(seen.new_among_all(all_points(session, run, &grown).await?))?;
        match state.status.as_str() {
            "running" => tokio::time::sleep(interval).await,
            "finished" if as_json => return Ok(()),
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

/// The metrics that have other points than were printed, and how many they have.
async fn grown(session: &Session, run: &str, seen: &Seen) -> gradframe::Result<HashMap<String, i64>> {
    let sql = format!("SELECT name, points FROM gradframe.latest WHERE run = {}", quoted(run));
    let batches = session.sql(&sql).await?.collect().await?;
    let of_batch = |batch: &RecordBatch| {
        let counts = batch.column(1).as_primitive::<Int64Type>().clone();
        let names = texts(batch, 0).into_iter().flatten().zip(counts.values().to_vec());
        names.filter(|(name, points)| seen.printed_of(name) != *points).collect::<Vec<_>>()
    };
    Ok(batches.iter().flat_map(of_batch).collect())
}

/// The points of these metrics from shortly before the last of each that was printed.
async fn points(session: &Session, run: &str, names: &HashMap<String, i64>, seen: &Seen) -> gradframe::Result<Vec<Point>> {
    let since = |name: &String| match seen.since_us(name) {
        Some(since) => format!("(name = {} AND arrow_cast(time, 'Int64') >= {since})", quoted(name)),
        None => format!("name = {}", quoted(name)),
    };
    those(session, run, names.keys().map(since).collect()).await
}

/// All points of these metrics. Where those that are new lie among them nobody knows: several processes, whose clocks differ, may log
/// into one run, and times may be given.
async fn all_points(session: &Session, run: &str, names: &HashMap<String, i64>) -> gradframe::Result<Vec<Point>> {
    those(session, run, names.keys().map(|name| format!("name = {}", quoted(name))).collect()).await
}

/// The points for which one of the conditions is true; none without a condition.
async fn those(session: &Session, run: &str, conditions: Vec<String>) -> gradframe::Result<Vec<Point>> {
    if conditions.is_empty() {
        return Ok(vec![]);
    }
    let sql = format!(
        "SELECT step, epoch, name, value, time FROM gradframe.metrics WHERE run = {} AND ({})",
        quoted(run),
        conditions.join(" OR ")
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
