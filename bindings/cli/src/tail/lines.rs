//! What `gradframe runs tail` prints: a line a step for people, a line a point as JSON.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow::record_batch::RecordBatch;
use gradframe::{Error, Result};

use super::seen::Point;
use crate::output::json_lines;

/// A line for each step of points in the order of time.
pub(super) fn lines(points: Vec<Point>) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line: Vec<Point> = Vec::new();
    for point in points {
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

/// A line of JSON for each point.
pub(super) fn json(run: &str, points: &[Point]) -> Result<Vec<String>> {
    if points.is_empty() {
        return Ok(vec![]);
    }
    let times = TimestampMicrosecondArray::from_iter_values(points.iter().map(|point| point.time_us)).with_timezone("UTC");
    let columns: [(&str, ArrayRef, bool); 6] = [
        ("run", Arc::new(StringArray::from_iter_values(points.iter().map(|_| run))), false),
        ("name", Arc::new(StringArray::from_iter_values(points.iter().map(|point| &point.name))), false),
        ("step", Arc::new(Int64Array::from_iter_values(points.iter().map(|point| point.step))), false),
        ("epoch", Arc::new(Int64Array::from_iter(points.iter().map(|point| point.epoch))), true),
        ("value", Arc::new(Float64Array::from_iter_values(points.iter().map(|point| point.value))), false),
        ("time", Arc::new(times), false),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(columns);
    let batch = batch.map_err(|error| Error::internal("gradframe runs", format!("points are no rows: {error}")))?;
    Ok(json_lines(&batch)?.lines().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(epoch: Option<i64>, name: &str, value: f64) -> Point {
        Point { time_us: 0, step: 12, epoch, name: name.into(), value }
    }

    #[test]
    fn a_point_without_an_epoch_says_its_step() {
        assert_eq!(lines(vec![point(None, "loss", 1.0)]), ["step    12  loss 1.00000"]);
    }

    #[test]
    fn a_point_as_json_is_an_object_a_line() {
        let points = [point(Some(3), "a \"b\"\nc", f64::NAN), point(None, "loss", 0.5)];
        let expected = [
            r#"{"run":"r","name":"a \"b\"\nc","step":12,"epoch":3,"value":"NaN","time":"1970-01-01T00:00:00Z"}"#,
            r#"{"run":"r","name":"loss","step":12,"epoch":null,"value":0.5,"time":"1970-01-01T00:00:00Z"}"#,
        ];
        assert_eq!(json("r", &points).unwrap(), expected);
        assert_eq!(json("r", &[]).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn values_have_six_digits() {
        let values = [0.0, 1.0, 123456.0, 1234567.0, 0.00012345678, 1e-9, -2.5, f64::NAN, f64::INFINITY];
        let expected = ["0.00000", "1.00000", "123456", "1.23457e6", "0.000123457", "1.00000e-9", "-2.50000", "NaN", "inf"];
        assert_eq!(values.map(shown), expected);
    }
}
