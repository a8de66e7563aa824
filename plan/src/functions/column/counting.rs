//! Numbers in bins: `bin_intervals`, `hist`, `search_sorted`.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};

use super::kernel::{Columns, Kernel, integer};

pub(super) const KERNELS: &[Kernel] = &[
    // [value, breaks..]; constant: whether a bin holds its lower end rather than its upper.
    Kernel { name: "bin_number", result: integer, run: bin_numbers },
    // [value, breaks..]; constants: left_closed, labels..: the labels of the bins, made of the breaks if there are none.
    Kernel { name: "bin_label", result: text, run: bin_labels },
];

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

fn bin_numbers(columns: &Columns) -> Result<ArrayRef> {
    let (bins, _) = bins(columns)?;
    Ok(Arc::new(bins.into_iter().map(|bin| bin.map(|bin| bin as i64)).collect::<Int64Array>()))
}

fn bin_labels(columns: &Columns) -> Result<ArrayRef> {
    let (bins, breaks) = bins(columns)?;
    let given: Vec<&str> = (1..columns.constants.len()).map(|index| columns.text(index)).collect();
    let made: Vec<String> = (0..=breaks.len()).map(|bin| label(&breaks, bin, columns.flag(0))).collect();
    let labels = bins.into_iter().map(|bin| {
        let bin = bin?;
        given.get(bin).copied().or_else(|| made.get(bin).map(String::as_str))
    });
    Ok(Arc::new(labels.collect::<StringArray>()))
}

/// `(2, 4]`, or `[2, 4)` if the lower end belongs to the bin.
fn label(breaks: &[f64], bin: usize, left_closed: bool) -> String {
    let edge = |index: Option<usize>, none: &str| {
        index.and_then(|index| breaks.get(index)).map_or_else(|| none.to_owned(), f64::to_string)
    };
    let (low, high) = (edge(bin.checked_sub(1), "-inf"), edge(Some(bin), "inf"));
    if left_closed { format!("[{low}, {high})") } else { format!("({low}, {high}]") }
}
