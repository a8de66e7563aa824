//! Numbers in bins: `bin_intervals`, `hist`, `search_sorted`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array, Int64Array, StringArray};
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

/// The bin of each row.
struct Bins {
    /// Breaks, each time that they differ from those of the row before: a group has its own.
    breaks: Vec<Vec<f64>>,
    /// Of each row, which breaks are its own, and the number of its bin among them, from 0.
    rows: Vec<(usize, Option<usize>)>,
}

impl Bins {
    fn of(columns: &Columns) -> Result<Self> {
        let values = columns.floats(0)?;
        let edges = (1..columns.values.len()).map(|index| columns.floats(index)).collect::<Result<Vec<_>>>()?;
        let left_closed = columns.flag(0);
        let mut breaks: Vec<Vec<f64>> = vec![];
        let mut rows = Vec::with_capacity(values.len());
        for row in 0..values.len() {
            let own = || edges.iter().filter(|edge| edge.is_valid(row)).map(|edge| edge.value(row));
            if !breaks.last().is_some_and(|last| last.iter().copied().map(f64::to_bits).eq(own().map(f64::to_bits))) {
                breaks.push(own().collect());
            }
            let at = breaks.len() - 1;
            let bin = |x: f64| breaks[at].partition_point(|edge| if left_closed { *edge <= x } else { *edge < x });
            rows.push((
                at,
                Some(row).filter(|row| values.is_valid(*row)).map(|row| values.value(row)).filter(|x| !x.is_nan()).map(bin),
            ));
        }
        Ok(Bins { breaks, rows })
    }

    /// What `value` makes of a row's breaks and bin.
    fn map<T>(&self, value: impl Fn(usize, usize) -> Option<T>) -> impl Iterator<Item = Option<T>> {
        self.rows.iter().map(move |(at, bin)| bin.and_then(|bin| value(*at, bin)))
    }
}

fn require_breaks(columns: &Columns) -> Result<ArrayRef> {
    let bins = Bins::of(columns)?;
    match bins.breaks.iter().find_map(|breaks| breaks.windows(2).find(|pair| pair[0] == pair[1])) {
        None => Ok(Arc::clone(&columns.values[0])),
        Some(pair) => {
            let error = Error::execution("qcut", format!("two quantiles are {}, so that a bin would be empty", pair[0]));
            Err(to_datafusion(error.hint("allow_duplicates=True drops the bin")))
        }
    }
}

fn bin_numbers(columns: &Columns) -> Result<ArrayRef> {
    Ok(Arc::new(Bins::of(columns)?.map(|_, bin| Some(bin as i64)).collect::<Int64Array>()))
}

fn labels_of_rows(columns: &Columns) -> Result<ArrayRef> {
    let bins = Bins::of(columns)?;
    let given: Vec<&str> = (1..columns.constants.len()).map(|index| columns.text(index)).collect();
    let made: Vec<Vec<String>> = bins.breaks.iter().map(|breaks| bin_labels(breaks, columns.flag(0))).collect();
    let label = |at: usize, bin: usize| given.get(bin).copied().or_else(|| made[at].get(bin).map(String::as_str));
    Ok(Arc::new(bins.map(label).collect::<StringArray>()))
}

/// The lower or upper end of each value's bin.
fn bin_edges(columns: &Columns) -> Result<ArrayRef> {
    let bins = Bins::of(columns)?;
    let (upper, infinite) = (columns.flag(1), columns.flag(2));
    let outer = infinite.then_some(if upper { f64::INFINITY } else { f64::NEG_INFINITY });
    let edge = |at: usize, bin: usize| {
        let place = if upper { Some(bin) } else { bin.checked_sub(1) };
        place.and_then(|place| bins.breaks[at].get(place).copied()).or(outer)
    };
    Ok(Arc::new(bins.map(edge).collect::<Float64Array>()))
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
