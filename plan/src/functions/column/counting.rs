//! Numbers in bins: `bin_intervals`, `hist`, `search_sorted`.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};

use gradframe_ml_core::Error;

use super::kernel::{Columns, Kernel, as_first, integer};
use crate::error::to_datafusion;

pub(super) const KERNELS: &[Kernel] = &[
    // [value, breaks..]; constant: whether a bin holds its lower end rather than its upper.
    Kernel { name: "bin_number", result: integer, run: bin_numbers },
    // [value, breaks..]; constants: left_closed, labels..: the labels of the bins, made of the breaks if there are none.
    Kernel { name: "bin_label", result: text, run: labels_of_rows },
    // [value, breaks..]: the value, unless two breaks are equal.
    Kernel { name: "require_breaks", result: as_first, run: require_breaks },
    // [value, breaks..]; constants: left_closed, whether the upper end is meant, whether the outer ends are infinite rather than null.
    Kernel { name: "bin_edge", result: edge, run: bin_edges },
];

fn edge(_types: &[DataType], _constants: &[ScalarValue]) -> Result<DataType> {
    Ok(DataType::Float64)
}

fn text(_types: &[DataType], _constants: &[ScalarValue]) -> Result<DataType> {
    Ok(DataType::Utf8)
}

/// The number of the bin of each row, from 0; breaks are the same in every row.
fn bins(columns: &Columns) -> Result<(Vec<Option<usize>>, Vec<f64>)> {
    let values = columns.floats(0)?;
    let mut breaks = vec![];
    for index in 1..columns.values.len() {
        let column = columns.floats(index)?;
        breaks.extend(column.iter().next().flatten());
    }
    let left_closed = columns.flag(0);
    let bin = |x: f64| breaks.partition_point(|edge| if left_closed { *edge <= x } else { *edge < x });
    let bins = values.iter().map(|x| x.filter(|x| !x.is_nan()).map(bin)).collect();
    Ok((bins, breaks))
}

fn require_breaks(columns: &Columns) -> Result<ArrayRef> {
    let (_, breaks) = bins(columns)?;
    match breaks.windows(2).find(|pair| pair[0] == pair[1]) {
        None => Ok(Arc::clone(&columns.values[0])),
        Some(pair) => {
            let error = Error::execution("qcut", format!("two quantiles are {}, so that a bin would be empty", pair[0]));
            Err(to_datafusion(error.hint("allow_duplicates=True drops the bin")))
        }
    }
}

fn bin_numbers(columns: &Columns) -> Result<ArrayRef> {
    let (bins, _) = bins(columns)?;
    Ok(Arc::new(bins.into_iter().map(|bin| bin.map(|bin| bin as i64)).collect::<Int64Array>()))
}

fn labels_of_rows(columns: &Columns) -> Result<ArrayRef> {
    let (bins, breaks) = bins(columns)?;
    let given: Vec<&str> = (1..columns.constants.len()).map(|index| columns.text(index)).collect();
    let made = bin_labels(&breaks, columns.flag(0));
    let labels = bins.into_iter().map(|bin| {
        let bin = bin?;
        given.get(bin).copied().or_else(|| made.get(bin).map(String::as_str))
    });
    Ok(Arc::new(labels.collect::<StringArray>()))
}

/// The lower or upper end of each value's bin.
fn bin_edges(columns: &Columns) -> Result<ArrayRef> {
    let (bins, breaks) = bins(columns)?;
    let (upper, infinite) = (columns.flag(1), columns.flag(2));
    let outer = infinite.then_some(if upper { f64::INFINITY } else { f64::NEG_INFINITY });
    let edge = |bin: usize| {
        let place = if upper { Some(bin) } else { bin.checked_sub(1) };
        place.and_then(|place| breaks.get(place).copied()).or(outer)
    };
    Ok(Arc::new(bins.into_iter().map(|bin| bin.and_then(edge)).collect::<Float64Array>()))
}

/// The labels of the bins between breaks, as they are made where none are given.
pub fn bin_labels(breaks: &[f64], left_closed: bool) -> Vec<String> {
    (0..=breaks.len()).map(|bin| label(breaks, bin, left_closed)).collect()
}

/// `(2, 4]`, or `[2, 4)` if the lower end belongs to the bin.
fn label(breaks: &[f64], bin: usize, left_closed: bool) -> String {
    let edge = |index: Option<usize>, none: &str| {
        index.and_then(|index| breaks.get(index)).map_or_else(|| none.to_owned(), f64::to_string)
    };
    let (low, high) = (edge(bin.checked_sub(1), "-inf"), edge(Some(bin), "inf"));
    if left_closed { format!("[{low}, {high})") } else { format!("({low}, {high}]") }
}
