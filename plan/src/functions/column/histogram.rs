//! How many values lie in each bin of a column's range.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray, StructArray};
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{Result, ScalarValue};

use super::kernel::{Columns, Kernel};

pub(super) const KERNELS: &[Kernel] = &[
    // [value]; constants: breakpoint, category: whether each stands beside the count; number of bins, or -1; whether edges are
    // given; the edges..
    Kernel { name: "hist", result: hist_type, run: hist },
];

/// Where the edges begin among the constants.
const EDGES: usize = 4;

/// How many bins there are if nothing is said.
const BINS: i64 = 10;

fn is_set(constants: &[ScalarValue], index: usize) -> bool {
    matches!(constants.get(index), Some(ScalarValue::Boolean(Some(true))))
}

fn fields(constants: &[ScalarValue]) -> Fields {
    let mut fields = vec![];
    if is_set(constants, 0) {
        fields.push(Field::new("breakpoint", DataType::Float64, true));
    }
    if is_set(constants, 1) {
        fields.push(Field::new("category", DataType::Utf8, true));
    }
    fields.push(Field::new("count", DataType::Int64, true));
    Fields::from(fields)
}

fn hist_type(_types: &[DataType], constants: &[ScalarValue]) -> Result<DataType> {
    let fields = fields(constants);
    Ok(if fields.len() == 1 { DataType::Int64 } else { DataType::Struct(fields) })
}

fn hist(columns: &Columns) -> Result<ArrayRef> {
    let values: Vec<f64> = columns.floats(0)?.iter().flatten().filter(|x| x.is_finite()).collect();
    let edges = match columns.flag(3) {
        true => (EDGES..columns.constants.len()).map(|index| columns.float(index)).collect::<Result<_>>()?,
        false => edges_of(&values, columns.int(2)?),
    };
    let counts: ArrayRef = Arc::new(Int64Array::from(counts(&values, &edges)));
    let fields = fields(columns.constants);
    if fields.len() == 1 {
        return Ok(counts);
    }
    let mut parts: Vec<ArrayRef> = vec![];
    if columns.flag(0) {
        parts.push(Arc::new(Float64Array::from_iter_values(edges.iter().skip(1).copied())));
    }
    if columns.flag(1) {
        parts.push(Arc::new(StringArray::from_iter_values(categories(&edges))));
    }
    parts.push(counts);
    Ok(Arc::new(StructArray::try_new(fields, parts, None)?))
}

/// The edges of so many bins of one width over the values; of no values, from 0 to 1.
fn edges_of(values: &[f64], bins: i64) -> Vec<f64> {
    let bins = if bins < 0 { BINS } else { bins };
    let (least, greatest) = match (values.iter().copied().reduce(f64::min), values.iter().copied().reduce(f64::max)) {
        (Some(least), Some(greatest)) if least == greatest => (least - 0.5, greatest + 0.5),
        (Some(least), Some(greatest)) => (least, greatest),
        _ => (0.0, 1.0),
    };
    let width = (greatest - least) / bins as f64;
    let inner = (0..bins).map(|bin| least + width * bin as f64);
    if bins == 0 { vec![] } else { inner.chain([greatest]).collect() }
}

/// A bin holds its upper end; the first its lower end, too.
fn counts(values: &[f64], edges: &[f64]) -> Vec<i64> {
    let mut counts = vec![0; edges.len().saturating_sub(1)];
    for x in values {
        let above = edges.partition_point(|edge| edge < x);
        let bin = if edges.first() == Some(x) { Some(0) } else { above.checked_sub(1) };
        if let Some(count) = bin.and_then(|bin| counts.get_mut(bin)) {
            *count += 1;
        }
    }
    counts
}

/// `[1.0, 2.5]`, `(2.5, 4.0]` ...
fn categories(edges: &[f64]) -> Vec<String> {
    let shown = |x: f64| format!("{:?}", (x * 1e9).round() / 1e9);
    let category = |(at, ends): (usize, &[f64])| {
        let open = if at == 0 { '[' } else { '(' };
        format!("{open}{}, {}]", shown(ends[0]), shown(ends[1]))
    };
    edges.windows(2).enumerate().map(category).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bin_holds_both_ends() {
        let edges = edges_of(&[1.0, 3.0, 8.0, 8.0, 2.0], 2);
        assert_eq!(edges, [1.0, 4.5, 8.0]);
        assert_eq!(counts(&[1.0, 4.5, 4.6, 8.0, 9.0, 0.5], &edges), [2, 2]);
        assert_eq!(categories(&edges), ["[1.0, 4.5]", "(4.5, 8.0]"]);
        assert_eq!((edges_of(&[], 2), edges_of(&[2.0], 2)), (vec![0.0, 0.5, 1.0], vec![1.5, 2.0, 2.5]));
        assert_eq!((edges_of(&[1.0], 0).len(), counts(&[1.0], &[]).len()), (0, 0));
    }
}
