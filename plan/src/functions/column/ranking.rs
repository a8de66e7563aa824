//! Ranks: the place of each value among all of them, of one sort of the rows.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array, Int64Array, UInt64Array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::DataType;
use arrow::row::{RowConverter, SortField};
use datafusion::common::{Result, ScalarValue};

use super::super::order_keys::order_keys;
use super::kernel::{Columns, Kernel};

pub(super) const KERNELS: &[Kernel] = &[
    // [value, chance of the row where the method is random]; constants: the method and whether the greatest comes first. -0.0 is not
    // 0.0 here, and NaN is the greatest.
    Kernel { name: "rank_of", result: rank_type, run: rank },
];

/// Below so many rows a sort by comparisons is faster.
const FEW_ROWS: usize = 1 << 11;
/// Bits of a digit, by which rows are dealt out, and of how many digits a key is.
const DIGIT_BITS: usize = 11;
const DIGITS: usize = 64_usize.div_ceil(DIGIT_BITS);

fn rank_type(_types: &[DataType], constants: &[ScalarValue]) -> Result<DataType> {
    let method = constants.first().and_then(|constant| constant.try_as_str().flatten());
    Ok(if method == Some("average") { DataType::Float64 } else { DataType::Int64 })
}

fn rank(columns: &Columns) -> Result<ArrayRef> {
    let (value, descending) = (&columns.values[0], columns.flag(1));
    let nulls = value.logical_nulls().filter(|nulls| nulls.null_count() > 0);
    let chances = match columns.text(0) {
        "random" => Some(columns.numbers(1)?),
        _ => None,
    };
    let ranks = Ranks { method: columns.text(0), rows: columns.rows, nulls: nulls.as_ref(), chances };
    match order_keys(value, descending) {
        Some(keys) => {
            let is_valid = |row: usize| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
            let rows = (0_u32..).zip(keys).filter(|(row, _)| is_valid(*row as usize)).map(|(row, key)| (key, row));
            let sorted = sorted(rows.collect());
            Ok(ranks.of(sorted.len(), |place| sorted[place].1, |a, b| sorted[a].0 == sorted[b].0))
        }
        None => of_any_type(value, descending, &ranks),
    }
}

/// The rows by their keys; rows of equal keys as they were. Digit by digit from the last, passing over those that all keys share.
fn sorted(mut rows: Vec<(u64, u32)>) -> Vec<(u64, u32)> {
    if rows.len() < FEW_ROWS {
        rows.sort_unstable();
        return rows;
    }
    let digit = |key: u64, at: usize| (key >> (at * DIGIT_BITS)) as usize & ((1 << DIGIT_BITS) - 1);
    let mut counts = vec![[0_usize; 1 << DIGIT_BITS]; DIGITS];
    for (key, _) in &rows {
        for (at, counts) in counts.iter_mut().enumerate() {
            counts[digit(*key, at)] += 1;
        }
    }
    let mut dealt = vec![(0, 0); rows.len()];
    for (at, counts) in counts.iter_mut().enumerate() {
        if counts.contains(&rows.len()) {
            continue;
        }
        let mut start = 0;
        for count in counts.iter_mut() {
            (*count, start) = (start, start + *count);
        }
        for row in &rows {
            let place = &mut counts[digit(row.0, at)];
            dealt[*place] = *row;
            *place += 1;
        }
        std::mem::swap(&mut rows, &mut dealt);
    }
    rows
}

/// By the bytes of a row of one column, which are in the order of its values. A null within one is the least, as in sorts.
fn of_any_type(value: &ArrayRef, descending: bool, ranks: &Ranks) -> Result<ArrayRef> {
    let options = arrow::compute::SortOptions { descending, nulls_first: !descending };
    let converter = RowConverter::new(vec![SortField::new_with_options(value.data_type().clone(), options)])?;
    let rows = converter.convert_columns(&[Arc::clone(value)])?;
    let valid = (0..value.len()).filter(|row| ranks.nulls.is_none_or(|nulls| nulls.is_valid(*row)));
    let mut order: Vec<u32> = valid.map(|row| row as u32).collect();
    order.sort_unstable_by(|a, b| rows.row(*a as usize).cmp(&rows.row(*b as usize)).then(a.cmp(b)));
    let is_same = |a: usize, b: usize| rows.row(order[a] as usize) == rows.row(order[b] as usize);
    Ok(ranks.of(order.len(), |place| order[place], is_same))
}

struct Ranks<'a> {
    method: &'a str,
    rows: usize,
    nulls: Option<&'a NullBuffer>,
    /// By which rows of equal values are ordered.
    chances: Option<UInt64Array>,
}

impl Ranks<'_> {
    /// The rank of each row, where `row(place)` is the row at a place of the order, and `is_same` whether the values at two are equal.
    fn of(&self, places: usize, row: impl Fn(usize) -> u32, is_same: impl Fn(usize, usize) -> bool) -> ArrayRef {
        match self.method {
            "average" => {
                let mut ranks = vec![0.0; self.rows];
                runs(places, is_same, |_, start, end| {
                    (start..end).for_each(|place| ranks[row(place) as usize] = (start + 1 + end) as f64 / 2.0);
                });
                Arc::new(Float64Array::new(ranks.into(), self.nulls.cloned()))
            }
            _ => {
                let mut ranks = vec![0; self.rows];
                runs(places, is_same, |run, start, end| self.of_run(&mut ranks, (run, start, end), &row));
                Arc::new(Int64Array::new(ranks.into(), self.nulls.cloned()))
            }
        }
    }

    fn of_run(&self, ranks: &mut [i64], (run, start, end): (usize, usize, usize), row: &impl Fn(usize) -> u32) {
        if let Some(chances) = &self.chances {
            let mut rows: Vec<u32> = (start..end).map(row).collect();
            rows.sort_unstable_by_key(|row| (chances.value(*row as usize), *row));
            (start..end).zip(rows).for_each(|(place, row)| ranks[row as usize] = place as i64 + 1);
            return;
        }
        for place in start..end {
            ranks[row(place) as usize] = match self.method {
                "min" => start as i64 + 1,
                "max" => end as i64,
                "dense" => run as i64 + 1,
                _ => place as i64 + 1,
            };
        }
    }
}

/// Calls `of_run` with the number, the start and the end of each run of equal values.
fn runs(places: usize, is_same: impl Fn(usize, usize) -> bool, mut of_run: impl FnMut(usize, usize, usize)) {
    let (mut run, mut start) = (0, 0);
    for place in 1..=places {
        if place == places || !is_same(place - 1, place) {
            of_run(run, start, place);
            (run, start) = (run + 1, place);
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray, StringArray};

    use super::*;

    fn ranked(value: ArrayRef, method: &str, descending: bool) -> ArrayRef {
        let constants = [ScalarValue::from(method), ScalarValue::from(descending)];
        let rows = value.len();
        rank(&Columns { values: &[value], rows, constants: &constants }).unwrap()
    }

    fn whole(ranks: [Option<i64>; 5]) -> ArrayRef {
        Arc::new(Int64Array::from(ranks.to_vec()))
    }

    #[test]
    fn a_null_within_has_the_least_rank() {
        let field = Arc::new(arrow::datatypes::Field::new("x", DataType::Int64, true));
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(0), Some(7), Some(1)]));
        let nulls = NullBuffer::from(vec![true, true, true, false, true]);
        let structs: ArrayRef = Arc::new(arrow::array::StructArray::new([field].into(), vec![numbers], Some(nulls)));
        let of = |descending| ranked(Arc::clone(&structs), "min", descending);
        assert_eq!(&of(false), &whole([Some(3), Some(1), Some(2), None, Some(3)]));
        assert_eq!(&of(true), &whole([Some(1), Some(4), Some(3), None, Some(1)]));
    }

    #[test]
    fn equal_values_share_a_rank_as_the_method_says() {
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(7), None, Some(-2), Some(7), Some(3)]));
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("c"), None, Some("a"), Some("c"), Some("b")]));
        for value in [numbers, texts] {
            let of = |method, descending| ranked(Arc::clone(&value), method, descending);
            assert_eq!(&of("min", false), &whole([Some(3), None, Some(1), Some(3), Some(2)]));
            assert_eq!(&of("max", false), &whole([Some(4), None, Some(1), Some(4), Some(2)]));
            assert_eq!(&of("dense", true), &whole([Some(1), None, Some(3), Some(1), Some(2)]));
            assert_eq!(&of("ordinal", false), &whole([Some(3), None, Some(1), Some(4), Some(2)]));
            let average = Float64Array::from(vec![Some(3.5), None, Some(1.0), Some(3.5), Some(2.0)]);
            assert_eq!(&of("average", false), &(Arc::new(average) as ArrayRef));
        }
    }

    #[test]
    fn many_rows_are_sorted_as_few_are() {
        let values: Vec<f64> =
            (0..5000_i64).map(|i| ((i * 7919) % 1009) as f64 - 500.0).chain([f64::NAN, f64::INFINITY]).collect();
        let many = ranked(Arc::new(Float64Array::from(values.clone())), "min", false);
        let ranks = many.as_primitive::<arrow::datatypes::Int64Type>();
        for (value, rank) in values.iter().zip(ranks.values()) {
            let below = values.iter().filter(|other| other.total_cmp(value).is_lt()).count();
            assert_eq!(*rank, below as i64 + 1, "{value}");
        }
    }
}
